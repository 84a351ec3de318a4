"""What does not train: the same function, of fewer parameters, at no cost."""

import numpy as np
import pytest

import models
from models import Dense, Network, Parallel, Residual, Sequential, Tanh
from tests.models.oracles import assert_close
from thermolinalg.errors import InvalidInput

WHOLE = Network(
    Sequential(
        {
            "in": Dense(4, 5),
            "body": Residual(Sequential([Tanh(), Dense(5, 5)])),
            "out": Parallel({"a": Dense(5, 2), "b": Dense(5, 1)}, "concat"),
        }
    )
)
RNG = np.random.default_rng(0)
PARAMS, X = RNG.standard_normal(WHOLE.size), RNG.standard_normal((3, 4))
ROUNDINGS = 40 * (WHOLE.size + X.size)


@pytest.mark.parametrize("names", [["in"], ["body"], ["body.1", "out.a"], ["in", "body", "out.b"]])
def test_a_frozen_network_is_the_same_function_of_fewer_parameters(names):
    net, params = WHOLE.freeze(PARAMS, names)
    left = [i for i, name in enumerate(_names()) if not name.startswith(tuple(names))]
    assert net.size == len(left)
    assert np.array_equal(params, PARAMS[left])
    ours, whole = net.linearize(params, X), WHOLE.linearize(PARAMS, X)
    assert_close(ours.output, whole.output, terms=ROUNDINGS)
    assert_close(ours.jacobian(), whole.jacobian()[..., left], terms=ROUNDINGS)
    roots, v = RNG.standard_normal((3, 3, 2)), RNG.standard_normal(len(left))
    loss, y = models.SoftmaxCrossEntropy(), np.arange(3)
    S = ours.rows(roots).reshape(2, 3, -1).swapaxes(0, 1).reshape(6, -1)
    assert_close(ours.gram(roots), S @ S.T, terms=ROUNDINGS, scale=np.linalg.norm(S) ** 2)
    whole_v = np.zeros(WHOLE.size)
    whole_v[left] = v
    scale = np.linalg.norm(whole.jacobian()) ** 2 * np.linalg.norm(v)
    assert_close(
        ours.hvp(loss, y, v), whole.hvp(loss, y, whole_v)[left], terms=ROUNDINGS, scale=scale
    )


@pytest.mark.parametrize("names", [["norm"], ["in", "drop"], ["in", "norm", "drop"]])
def test_what_is_frozen_behaves_in_training_as_before(names):
    layers = {"in": Dense(4, 3), "norm": models.BatchNorm(3), "drop": models.Dropout(0.5)}
    whole = Network(Sequential({**layers, "out": Dense(3, 2)}))
    params = RNG.standard_normal(whole.size)
    whole = whole.with_constants(0, dtype=np.float64)
    net, few = whole.freeze(params, names)
    a, b = (n.linearize(p, X, training=True, rng=1) for n, p in ((whole, params), (net, few)))
    assert b.coupled
    assert np.array_equal(a.output, b.output)
    u = RNG.standard_normal((3, 2))
    left = net.layout.flatten(whole.parameters(a.vjp(u)))
    assert_close(b.vjp(u), left, terms=ROUNDINGS)


def test_what_lacks_its_constants_freezes_and_gets_them_later():
    whole = Network(Sequential([Dense(4, 3), models.BatchNorm(3), Dense(3, 2)]))
    params = whole.init(0)
    net, few = whole.freeze(params, ["0"])
    assert np.array_equal(net.with_constants(0).constants["0.W"], whole.parameters(params)["0.W"])
    with pytest.raises(InvalidInput, match=r"lacks the constants 1.mean, 1.var"):
        net.apply(few, X)


def test_one_layer_twice_has_parameters_and_masks_of_its_own():
    twice, drop = Dense(4, 4), models.Dropout(0.5)
    net = Network(Sequential([twice, drop, twice, drop]))
    assert list(net.layout.shapes) == ["0.W", "0.c", "2.W", "2.c"]
    params = net.parameters(net.init(0))
    assert not np.array_equal(params["0.W"], params["2.W"])
    lin = net.linearize(net.init(0), np.ones((9, 4)), training=True, rng=0)
    masks = lin.saved[1], lin.saved[3]
    assert not np.array_equal(*masks)


def test_what_is_frozen_is_neither_visited_nor_pushed(monkeypatch):
    net, params = WHOLE.freeze(PARAMS, ["in", "body"])
    before = Dense.backward
    seen = []
    monkeypatch.setattr(Dense, "backward", lambda *a: seen.append(a[0]) or before(*a))
    lin = net.linearize(params, X)
    lin.vjp(np.ones((3, 3)))
    lin.gram(np.ones((3, 3, 1)))
    assert seen == []  # nothing that trains lies before the last layer
    pushed = Dense.jvp
    monkeypatch.setattr(Dense, "jvp", lambda *a: seen.append(a[0]) or pushed(*a))
    lin.jvp(params)
    assert {layer.outputs for layer in seen} == {1, 2}


def test_constants_are_drawn_kept_and_moved():
    layer = Sequential([models.Frozen(Dense(4, 3)), Tanh(), Dense(3, 2)])
    net = Network(layer).with_constants(0)
    assert set(net.constants) == {"0.W", "0.c"}
    assert net.constants["0.W"].dtype == np.float32
    again = Network(layer).with_constants(0, **{"0.c": np.ones(3, np.float32)})
    assert np.array_equal(again.constants["0.W"], net.constants["0.W"])
    assert np.array_equal(again.constants["0.c"], np.ones(3))
    params = net.init(1, dtype=np.float64)
    assert net.like(params).apply(params, X).dtype == np.float64
    assert repr(net).splitlines()[0] == "Network, 8 parameters and 15 constants"


@pytest.mark.parametrize(
    ("name", "call", "says"),
    [
        ("no such layer", lambda: WHOLE.freeze(PARAMS, ["middle"]), "'middle', but no layer"),
        ("everything", lambda: WHOLE.freeze(PARAMS, ["in", "body", "out"]), "nothing can train"),
        (
            "constants missing",
            lambda: Network(Sequential([models.Frozen(Dense(4, 3)), Dense(3, 2)])).apply(
                np.zeros(8), X
            ),
            r"lacks the constants 0.W, 0.c",
        ),
        (
            "constants in another precision",
            lambda: (
                Network(Sequential([models.Frozen(Dense(4, 3)), Dense(3, 2)]))
                .with_constants(0)
                .apply(np.zeros(8), X)
            ),
            r"net.like\(params\)",
        ),
        (
            "constants of integers",
            lambda: Network(Sequential([models.BatchNorm(1)]), {"0.mean": [0]}),
            r"constants\['0.mean'\] holds integers",
        ),
        ("unknown constant", lambda: Network(Dense(2, 2), {"V": np.ones(2)}), "'V'"),
        (
            "constant of another shape",
            lambda: Network(
                Sequential([models.Frozen(Dense(4, 3)), Dense(3, 2)]), {"0.c": np.ones(2)}
            ),
            r"constants\['0.c'\] has shape \(2,\)",
        ),
        ("branches that differ", lambda: _out([Dense(4, 2), Dense(4, 3)], "sum"), "be added"),
        ("no such join", lambda: Parallel([Dense(4, 2)], "stack"), "join"),
        ("residual that narrows", lambda: Residual(Dense(4, 2)).output_shape((4,)), "Residual"),
        ("one name twice", lambda: Sequential({0: Tanh(), "0": Tanh()}), "is there once"),
        ("frozen nothing", lambda: models.Frozen(None), "layer = None"),
        ("name with a full stop", lambda: Sequential({"a.b": Dense(4, 2)}), "full stop"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_misuse_is_named(name, call, says):  # noqa: ARG001
    with pytest.raises(InvalidInput, match=says):
        call()


def _out(branches, join):
    return Parallel(branches, join).output_shape((4,))


def _names():
    """The parameter that each place of the flat array belongs to."""
    return [name for name, place in WHOLE.layout.places() for _ in range(place.stop - place.start)]
