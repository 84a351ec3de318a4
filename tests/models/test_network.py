import array_api_strict
import numpy as np
import pytest
from scipy import stats

import models
from models import Dense, Network, ReLU, Sequential, Tanh
from tests.models.oracles import assert_close
from thermolinalg.errors import InvalidInput, NotFinite, NotReal, ShapeMismatch

NET = models.mlp([4, 5, 3])
PARAMS = NET.init(rng=0)
X = np.zeros((2, 4), dtype=np.float32)


def test_parameters_are_named_views_of_one_array():
    params = NET.init(rng=0)
    named = NET.parameters(params)
    assert {name: part.shape for name, part in named.items()} == {
        "0.W": (4, 5),
        "0.c": (5,),
        "2.W": (5, 3),
        "2.c": (3,),
    }
    assert params.shape == (NET.size,) == (43,)
    named["2.c"][:] = 7.0
    assert params[-3:].tolist() == [7, 7, 7]


def test_repr_lists_the_layers():
    assert repr(NET) == (
        "Network, 43 parameters\n"
        "  0  Dense(inputs=4, outputs=5, bias=True)  25\n"
        "  1  ReLU()\n"
        "  2  Dense(inputs=5, outputs=3, bias=True)  18"
    )


def test_apply_is_the_output_of_linearize():
    x = np.random.default_rng(0).standard_normal((6, 4))
    assert np.array_equal(NET.apply(PARAMS, x), NET.linearize(PARAMS, x).output)


def test_params_set_the_dtype():
    assert NET.apply(PARAMS, X.astype(np.float64)).dtype == np.float32
    assert NET.apply(PARAMS.astype(np.float64), X).dtype == np.float64


def test_a_single_layer_is_a_network():
    net = Network(Dense(2, 1))
    assert net.apply(np.array([1.0, 2.0, 3.0]), np.array([[10.0, 100.0]])).tolist() == [[213.0]]


def test_init_repeats_with_its_seed():
    assert PARAMS.dtype == np.float32
    assert np.array_equal(NET.init(rng=0), PARAMS)
    assert not np.array_equal(NET.init(rng=1), PARAMS)
    assert not np.array_equal(NET.init(), NET.init())
    assert np.array_equal(NET.init(rng=0, dtype=np.float64).astype(np.float32), PARAMS)


def test_init_of_a_layer_does_not_depend_on_the_others():
    other = models.mlp([4, 5, 30, 7])
    first, same = NET.parameters(PARAMS)["0.W"], other.parameters(other.init(rng=0))["0.W"]
    assert np.array_equal(first, same)


@pytest.mark.parametrize(
    ("activation", "variance"), [(ReLU(), 2.0), (models.GELU(), 2.0), (Tanh(), 1.0)], ids=repr
)
def test_init_has_the_variance_that_suits_the_activation(activation, variance):
    net = models.mlp([100, 80, 60], activation=activation)
    named = net.parameters(net.init(rng=0, dtype=np.float64))
    assert not named["0.c"].any()
    for W, gain in [(named["0.W"], variance), (named["2.W"], 1.0)]:
        chi2 = np.sum(W**2) * W.shape[0] / gain
        low, high = stats.chi2(W.size).interval(1 - 1e-6)
        assert low <= chi2 <= high


def test_nested_chains_compute_what_a_flat_one_does():
    flat = Network(Sequential([Dense(4, 5), Tanh(), Dense(5, 3)]))
    nested = Network(Sequential([Sequential([Dense(4, 5), Tanh()]), Dense(5, 3)]))
    params = flat.init(rng=0, dtype=np.float64)
    x = np.random.default_rng(0).standard_normal((6, 4))
    a, b = flat.linearize(params, x), nested.linearize(params, x)
    terms, roots = 10 * params.size, np.eye(3)[None].repeat(6, axis=0)
    assert_close(b.vjp(a.output), a.vjp(a.output), terms=terms)
    assert_close(b.gram(roots), a.gram(roots), terms=terms)


def lin():
    return NET.linearize(PARAMS, X)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: NET.apply(PARAMS[1:], X), ShapeMismatch, r"\(43,\)"),
        (lambda: NET.apply(PARAMS, X[:, 1:]), ShapeMismatch, "last axis has length 4"),
        (lambda: NET.apply(PARAMS, X[0]), ShapeMismatch, r"x\[None\]"),
        (lambda: NET.apply(PARAMS, X[:0]), ShapeMismatch, "at least one sample"),
        (lambda: NET.apply(PARAMS, X[:, :0]), ShapeMismatch, "at least one entry"),
        (lambda: NET.apply(PARAMS, X.astype(np.uint8)), InvalidInput, "uint8"),
        (lambda: NET.apply(PARAMS, X + 1j), NotReal, "complex64"),
        (lambda: NET.apply(PARAMS, X + np.inf), NotFinite, "NaN or infinity"),
        (lambda: NET.apply(PARAMS, [["a"] * 4]), NotReal, "<U1"),
        (lambda: NET.apply(array_api_strict.asarray(PARAMS), X), InvalidInput, "same library"),
        (lambda: NET.parameters(PARAMS.astype(int)), InvalidInput, "integers"),
        (lambda: NET.init(rng=-1), InvalidInput, "rng"),
        (lambda: NET.init(rng=0, dtype=int), InvalidInput, "dtype"),
        (lambda: NET.init(rng=0, dtype="no such"), InvalidInput, "dtype"),
        (lambda: lin().jvp(PARAMS[1:]), ShapeMismatch, "v has shape"),
        (lambda: lin().vjp(np.zeros((3, 3))), ShapeMismatch, "u has shape"),
        (lambda: lin().per_sample(np.zeros(3)), ShapeMismatch, "one row for each sample"),
        (lambda: lin().gram(np.zeros((2, 3))), ShapeMismatch, r"\(2, 3, any\)"),
        (lambda: lin().gram(np.zeros((2, 4, 4))), ShapeMismatch, "roots"),
        (lambda: lin().gram(np.zeros((2, 3, 0))), ShapeMismatch, "at least one column"),
        (lambda: lin().squares(np.zeros((2, 3, 0))), ShapeMismatch, "at least one column"),
        (lambda: models.Conv1D(1, 1, 1).output_shape(()), ShapeMismatch, "channels"),
        (lambda: lin().vjp_jvp(PARAMS, X, X), ShapeMismatch, "u has shape"),
        (lambda: NET.apply(PARAMS, X, mask=np.ones((2, 4))), InvalidInput, "mask != 0"),
        (lambda: NET.apply(PARAMS, X, mask=np.ones((2, 1), bool)), ShapeMismatch, "mask has shape"),
        (lambda: models.mlp([4]), InvalidInput, "at least"),
        (lambda: models.mlp([4, 0]), InvalidInput, "outputs = 0"),
        (lambda: models.mlp([4.0, 2]), InvalidInput, "inputs = 4.0"),
        (lambda: models.mlp([4, 2], activation=np.tanh), InvalidInput, "activation"),
        (lambda: models.mlp([4, 3, 2], activation=ReLU), InvalidInput, "activation"),
        (lambda: Network(ReLU()), InvalidInput, "no parameters"),
        (lambda: Dense(True, 2), InvalidInput, "inputs = True"),
        (lambda: Dense(2, 2, gain=0.0), InvalidInput, "gain"),
        (lambda: Sequential([]), InvalidInput, "one or more"),
        (lambda: Sequential([Dense(2, 2), np.tanh]), InvalidInput, "one or more"),
        (lambda: Network([Dense(2, 2)]), InvalidInput, "Sequential"),
    ],
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_layers_that_do_not_fit_are_named():
    net = Network(Sequential([Dense(4, 5), Dense(6, 3)]))
    with pytest.raises(ShapeMismatch, match=r"Dense\(inputs=6, outputs=3, bias=True\)"):
        net.apply(net.init(rng=0), X)


def test_front_door_opens():
    assert all(hasattr(models, name) for name in models.__all__)


def test_repr_names_the_layers_within_layers_as_freeze_does():
    inner = Sequential([Dense(3, 3), ReLU()])
    net = Network(
        Sequential({"in": Dense(2, 3), "more": models.Residual(inner), "out": Dense(3, 1)})
    )
    assert [" ".join(line.split()) for line in repr(net).splitlines()] == [
        "Network, 25 parameters",
        "in Dense(inputs=2, outputs=3, bias=True) 9",
        "more Residual of Sequential",
        "more.0 Dense(inputs=3, outputs=3, bias=True) 12",
        "more.1 ReLU()",
        "out Dense(inputs=3, outputs=1, bias=True) 4",
    ]
    frozen, _ = net.freeze(net.init(rng=0), ["more.0"])
    assert frozen.size == 13
    whole, _ = net.freeze(net.init(rng=0), ["more"])
    assert "more.0  Dense(inputs=3, outputs=3, bias=True)\n" in repr(whole)  # nothing trains there


def test_a_list_of_unequal_rows_is_refused_with_advice():
    with pytest.raises(ShapeMismatch, match=r"rows of a list have different lengths.*padded"):
        NET.apply(PARAMS, [[1.0, 2.0], [3.0]])
