"""Trees hold data and nothing else, bit for bit; what is no such data is refused both ways."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import State
from tngd.training.encoding import decode, encode
from tngd.training.fingerprint import differences, fingerprint

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**80), 2**80),
    st.floats(),
    st.text(),
    st.floats(width=32).map(np.float32),
    st.integers(0, 255).map(np.uint8),
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    ),
)
memories = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)


def there_and_back(value):
    arrays = []
    return decode(json.loads(json.dumps(encode(value, arrays))), arrays, np.zeros(1))


def assert_alike(one, other):
    assert type(one) is type(other)
    if isinstance(one, State):
        one, other = (tuple(getattr(s, name) for name in State.__slots__) for s in (one, other))
    if isinstance(one, tuple):
        assert len(one) == len(other)
        for ours, theirs in zip(one, other, strict=True):
            assert_alike(ours, theirs)
    elif isinstance(one, np.ndarray | np.generic):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    else:
        assert one == other or math.isnan(one)
        assert repr(one) == repr(other), "zero has a sign"


@given(st.builds(State, st.integers(0), memories, memories, st.lists(memories).map(tuple)))
def test_there_and_back(state):
    assert_alike(there_and_back(state), state)


A = np.arange(24.0).reshape(4, 6)
LAYOUTS = {
    "rows": A,
    "columns": A.T,
    "reversed": A[:, ::-1],
    "all reversed": A[::-1, ::-1],
    "part": A[1:3, 1:5],
    "every other": A[::2, ::-3],
    "repeated": np.broadcast_to(A[0], (3, 6)),
    "axes": A.reshape(2, 3, 4).transpose(2, 0, 1),
    "none": A[:0, ::2],
}


@pytest.mark.parametrize("array", LAYOUTS.values(), ids=LAYOUTS)
def test_arrays_lie_in_memory_as_before(array, tmp_path):
    """BLAS gets them in the same way, and rounds in the same way."""
    arrays = []
    tree = encode((array,), arrays)
    np.savez(tmp_path / "a.npz", *arrays)
    with np.load(tmp_path / "a.npz") as kept:
        (again,) = decode(tree, [kept["arr_0"]], np.zeros(1))
    assert np.array_equal(again, array)
    assert again.strides == array.strides or not array.size


def test_an_array_is_kept_once():
    arrays, a = [], np.ones(3)
    encode((a, State(1, a)), arrays)
    assert len(arrays) == 1


@dataclass(frozen=True)
class Foreign:
    a: int = 1


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, [1], {1}, 1j, print, Foreign(), State, np.array([None]), object()],
    ids=lambda v: type(v).__name__,
)
def test_what_trees_do_not_hold(value):
    with pytest.raises(InvalidInput, match="cannot hold"):
        encode((value,), [])


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.print",
        "subprocess.Popen",
        "pathlib.Path",
        "tests.tngd.training.test_encoding.Foreign",
        "tngd.training.encoding.encode",
        "tngd.training.encoding.sys",
        "tngd.training.fit.Optimizer",
        "tngd.optimizers.contract.Taken.value",
        "tngd.optimizers.contract.Rule",
        "tngd.nowhere.State",
        "antigravity.State",
        "State",
        "",
    ],
)
def test_reading_makes_no_other_objects(name):
    with pytest.raises(ValueError, match="no record of this project"):
        decode({"record": [name, {}]}, [], np.zeros(1))


@pytest.mark.parametrize(
    "tree", [{}, {"array": 3}, {"odd": 1}, {"record": 1}, {"a": 1, "b": 2}, {"numpy": "x"}], ids=str
)
def test_trees_that_are_none(tree):
    with pytest.raises((ValueError, LookupError, TypeError)):
        decode(tree, [], np.zeros(1))


class Custom:
    def __init__(self, a):
        self.a, self.f = a, np.tanh


def test_fingerprints_see_every_number():
    one = fingerprint(x=(1, {"k": Custom(2.0)}), f=print, g=State(1), h={2, 1})
    assert (
        differences(one, fingerprint(x=(1, {"k": Custom(2.0)}), f=print, g=State(1), h={1, 2}))
        == []
    )
    other = fingerprint(x=(1, {"k": Custom(2.5)}), f=repr, g=State(2, np.ones(2)))
    assert differences(one, other) == [
        ("x[1]['k'].a", "2.0", "2.5"),
        ("f", "builtins.print", "builtins.repr"),
        ("g.step", "1", "2"),
        ("g.direction", "None", dict(other)["g.direction"]),
        ("h", "[1, 2]", "absent"),
    ]


@pytest.mark.parametrize(
    "other",
    [np.arange(6.0) + 1e-15, np.arange(6), np.arange(6.0).reshape(2, 3), np.arange(5.0), None],
    ids=["number", "dtype", "shape", "length", "none"],
)
def test_fingerprints_see_every_entry(other):
    assert differences(fingerprint(a=np.arange(6.0)), fingerprint(a=other))
    assert not differences(fingerprint(a=np.arange(6.0)), fingerprint(a=np.arange(12.0)[:6]))
