import sys

import numpy as np
import pytest

import models
from models import Dense, Frozen, Network, Sequential
from models.checkpoints import read_arrays, write_arrays
from thermolinalg.backend import like
from thermolinalg.errors import DataError, InvalidInput, OutputError

safetensors = pytest.importorskip("safetensors.numpy")

NET = Network(Sequential([Frozen(Dense(4, 3)), models.LoRA(Dense(3, 2)), Dense(2, 1)]))


def filled(dtype=np.float32):
    net = NET.with_constants(rng=0, dtype=dtype)
    return net, np.random.default_rng(1).standard_normal(net.size).astype(dtype)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_was_saved_comes_back(path, dtype):
    net, params = filled(dtype)
    models.save_parameters(path, net, params)
    again, theta = models.load_parameters(path, NET)
    assert theta.dtype == dtype
    assert np.array_equal(theta, params)
    assert list(again.constants) == list(net.constants)
    for name, value in net.constants.items():
        assert again.constants[name].dtype == dtype
        assert np.array_equal(again.constants[name], value)


def test_it_is_converted_to_the_dtype_asked_for(path):
    net, params = filled()
    models.save_parameters(path, net, params)
    again, theta = models.load_parameters(path, NET, dtype=np.float64)
    assert theta.dtype == again.constants["0.W"].dtype == np.float64
    assert np.array_equal(theta, params)
    assert again.apply(theta, np.zeros((1, 4))).dtype == np.float64


def test_dtypes_in_one_file_become_the_widest(path):
    write_arrays(path, {"a": np.zeros(2, np.float32), "b": np.zeros(2), "c": np.zeros(1, int)})
    read = read_arrays(path, {"a": (2,)}, surplus=("b", "c"))
    assert read["a"].dtype == np.float32
    read = read_arrays(path, {"a": (2,), "b": (2,)}, surplus=("c",))
    assert read["a"].dtype == read["b"].dtype == np.float64


@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
def test_parameters_of_any_library_are_saved(path, library):
    xp = pytest.importorskip(library)
    net, params = filled()
    moved = like(params, xp.zeros(1, dtype=xp.float32))
    models.save_parameters(path, net.like(moved), moved)
    assert np.array_equal(models.load_parameters(path, NET)[1], params)


def test_arrays_with_gaps_are_written_as_what_they_show(path):
    a = np.arange(12.0).reshape(3, 4)
    arrays = {"transposed": a.T, "part": a[:, ::2], "backwards": a[::-1], "scalar": np.asarray(2.0)}
    write_arrays(path, arrays)
    again = read_arrays(path, {name: array.shape for name, array in arrays.items()})
    assert all(np.array_equal(again[name], array) for name, array in arrays.items())


def test_an_old_file_stays_where_the_new_one_cannot_be_made(path, monkeypatch):
    net, params = filled()
    models.save_parameters(path, net, params)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        models.save_parameters(path, net, params + 1)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def arrays():
    net, params = filled()
    return {**net.constants, **net.parameters(params)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"1.A": None}, "lacks 1.A; it holds 0.W, 0.c, 1.B, 1.W, 1.c and 2 more"),
        ({"3.W": np.zeros(1, np.float32)}, "also holds 3.W"),
        ({"1.A": np.zeros((2, 3), np.float32)}, r"1.A in .* has shape \(2, 3\), .* needs \(3, 2\)"),
        ({"1.A": np.zeros((3, 2), np.int64)}, "1.A in .* numbers of type I64"),
        ({"0.c": np.zeros(3, bool)}, "0.c in .* numbers of type BOOL"),
    ],
    ids=["missing", "surplus", "shape", "integers", "booleans"],
)
def test_a_file_of_another_network_is_named(path, change, says):
    kept = {name: a for name, a in {**arrays(), **change}.items() if a is not None}
    write_arrays(path, kept)
    with pytest.raises(DataError, match=says):
        models.load_parameters(path, NET)


def test_numbers_that_numpy_does_not_have_are_named(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    tensors = {name: torch.tensor(a) for name, a in arrays().items()}
    save_file(tensors | {"1.A": tensors["1.A"].to(torch.bfloat16)}, path)
    with pytest.raises(DataError, match=r"1.A in .* type BF16; .* F16, F32, F64"):
        models.load_parameters(path, NET)


@pytest.mark.parametrize("keep", [0, 4, 30, -1], ids=["empty", "start", "header", "all-but-one"])
def test_a_file_that_was_cut_is_named(path, keep):
    models.save_parameters(path, *filled())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="damaged or no safetensors file"):
        models.load_parameters(path, NET)


@pytest.mark.parametrize("name", ["no such file", "."])
def test_what_is_no_file_is_named(tmp_path, name):
    with pytest.raises(DataError, match="is not a file"):
        models.load_parameters(tmp_path / name, NET)


def test_the_package_that_is_missing_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(DataError, match=r"pip install 'thermolinalg\[text\]'"):
        models.save_parameters(path, *filled())


@pytest.mark.parametrize("dtype", [int, bool, complex, "bfloat16"])
def test_a_dtype_that_parameters_cannot_have_is_refused(path, dtype):
    net, params = filled()
    models.save_parameters(path, net, params)
    with pytest.raises(InvalidInput, match="real floating NumPy dtype"):
        models.load_parameters(path, NET, dtype=dtype)


def test_numbers_that_are_not_written_are_named(path):
    torch = pytest.importorskip("torch")
    net, params = filled()
    with pytest.raises(DataError, match="bfloat16"):
        models.save_parameters(path, net, torch.from_numpy(params).to(torch.bfloat16))
    assert not path.exists()


def test_a_network_without_its_constants_is_not_saved(path):
    _, params = filled()
    with pytest.raises(InvalidInput, match="lacks the constants"):
        models.save_parameters(path, NET, params)
    assert not path.exists()
