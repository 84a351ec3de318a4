"""Norms against PyTorch, at drawn shapes, and calibrated by data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from models import BatchNorm, Dense, Dropout, GroupNorm, LayerNorm, Network, RMSNorm, Sequential
from models.setting import EVALUATION, Setting
from tests.models.battery import everything_holds
from tests.models.cases import Case
from tests.models.oracles import assert_close
from thermolinalg.errors import CoupledSamples, InvalidInput, ShapeMismatch

lengths = st.integers(1, 4)
positions = st.lists(lengths, max_size=2).map(tuple)
TRAINING = Setting(True)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(positions=positions, groups=lengths, of_a_group=st.integers(2, 3))
def test_the_contract_holds_at_any_shape(positions, groups, of_a_group):
    channels = groups * of_a_group
    layers = [
        (LayerNorm(channels, 0.1), EVALUATION),
        (RMSNorm(channels, 0.1), EVALUATION),
        (GroupNorm(groups, channels, 0.1), EVALUATION),
        (BatchNorm(channels, 0.1), TRAINING),
        (BatchNorm(channels, 0.1), EVALUATION),
    ]
    for layer, setting in layers:
        everything_holds(Case(f"{layer}", layer, (*positions, channels), setting=setting))


def functional(torch, layer, setting):
    """The same function as PyTorch has it, for channels last: of x and the named parameters."""
    f = torch.nn.functional

    def channels_second(norm):
        return lambda x: norm(x.movedim(-1, 1)).movedim(1, -1)

    width, epsilon = layer.width, layer.epsilon
    return {
        LayerNorm: lambda x, p: f.layer_norm(x, (width,), p["scale"], p["shift"], epsilon),
        RMSNorm: lambda x, p: f.rms_norm(x, (width,), p["scale"], epsilon),
        GroupNorm: lambda x, p: channels_second(
            lambda z: f.group_norm(z, layer.groups, p["scale"], p["shift"], epsilon)
        )(x),
        BatchNorm: lambda x, p: channels_second(
            lambda z: f.batch_norm(
                z, p["mean"], p["var"], p["scale"], p["shift"], setting.training, 0.0, epsilon
            )
        )(x),
    }[type(layer)]


@pytest.mark.parametrize(
    ("layer", "setting"),
    [
        (LayerNorm(6), EVALUATION),
        (RMSNorm(6), EVALUATION),
        (GroupNorm(2, 6), EVALUATION),
        (GroupNorm(6, 6), EVALUATION),
        (BatchNorm(6), TRAINING),
        (BatchNorm(6), EVALUATION),
    ],
    ids=["layer", "rms", "group", "instance", "batch-in-training", "batch"],
)
@pytest.mark.parametrize("sample", [(6,), (5, 6), (2, 3, 6)], ids=str)
def test_first_and_second_derivatives_are_those_of_torch(layer, setting, sample):
    if layer == GroupNorm(6, 6) and sample == (6,):
        pytest.skip("one number cannot be normalised")
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    shapes = {**layer.shapes(), **layer.constants()}
    p = {name: rng.uniform(0.5, 2.0, shape) for name, shape in shapes.items()}
    x, dx, u = (rng.standard_normal((4, *sample)) for _ in range(3))
    dp = {name: rng.standard_normal(shape) for name, shape in layer.shapes().items()}

    f, trained = functional(torch, layer, setting), list(layer.shapes())
    at = {name: torch.asarray(part, requires_grad=name in dp) for name, part in p.items()}
    X = torch.asarray(x, requires_grad=True)
    Y = f(X, at)
    first = torch.autograd.grad(
        Y, [X, *(at[n] for n in trained)], torch.asarray(u), create_graph=True
    )
    along = [torch.asarray(dx), *(torch.asarray(dp[n]) for n in trained)]
    inner = sum((g * t).sum() for g, t in zip(first, along, strict=True))
    second = torch.autograd.grad(inner, [X, *(at[n] for n in trained)], materialize_grads=True)

    y, saved = layer.forward(p, x, setting)
    dy, dsaved = layer.jvp(p, saved, dx, dp)
    du = np.zeros_like(u)
    back = [layer.backward(p, saved, u), *layer.gradient(p, saved, u).values()]
    moved = [
        layer.backward_jvp(p, saved, u, dp, dsaved, du),
        *layer.gradient_jvp(p, saved, u, dp, dsaved, du).values(),
    ]
    terms = 40 * x.size
    assert_close(y, Y.detach().numpy(), terms=terms)
    size = sum(np.linalg.norm(a) * np.linalg.norm(b) for a, b in zip(back, along, strict=True))
    assert_close(np.vdot(u, dy), inner.item(), terms=terms, scale=size)
    for mine, theirs in [*zip(back, first, strict=True), *zip(moved, second, strict=True)]:
        theirs = theirs.detach().numpy()
        assert_close(mine, theirs, terms=terms, scale=np.linalg.norm(theirs) + np.linalg.norm(u))


def test_a_constant_signal_stays_finite():
    for layer in (LayerNorm(4), RMSNorm(4), GroupNorm(2, 4)):
        p = layer.init(None)
        y, saved = layer.forward(p, np.zeros((2, 3, 4)))
        assert not y.any()
        assert np.isfinite(layer.backward(p, saved, np.ones((2, 3, 4)))).all()


NET = Network(
    Sequential(
        {
            "in": Dense(4, 6),
            "first": BatchNorm(6),
            "bend": models.Tanh(),
            "drop": Dropout(0.5),
            "more": models.Residual(Sequential([Dense(6, 6), BatchNorm(6)])),
            "out": Dense(6, 3),
        }
    )
)
PARAMS = NET.init(rng=0, dtype=np.float64)
X = 3.0 + np.random.default_rng(0).standard_normal((20, 4))


def test_calibrated_evaluation_is_what_each_norm_saw_in_training():
    """All norms at once: with constants from x, x is evaluated as a batch normalises it."""
    net = models.calibrated(NET, PARAMS, X)
    assert set(net.constants) == {"first.mean", "first.var", "more.1.mean", "more.1.var"}
    bare = Sequential({name: part for name, part in NET.layer.parts().items() if name != "drop"})
    constants = Network(bare).with_constants(dtype=np.float64)
    truth = constants.apply(PARAMS, X, training=True)
    assert_close(net.apply(PARAMS, X), truth, terms=100 * PARAMS.size)
    named = NET.parameters(PARAMS)
    z = X @ named["in.W"] + named["in.c"]
    assert_close(net.constants["first.mean"], z.mean(axis=0), terms=10 * z.size)
    assert_close(net.constants["first.var"], z.var(axis=0), terms=10 * z.size)


def test_calibration_repeats_and_takes_the_dtype_of_params():
    single = models.calibrated(NET, PARAMS.astype(np.float32), X)
    assert {a.dtype for a in single.constants.values()} == {np.dtype(np.float32)}
    once = models.calibrated(NET, PARAMS, X)
    again = models.calibrated(once, PARAMS, X)
    for name, value in once.constants.items():
        assert np.array_equal(again.constants[name], value)


def test_samples_of_a_batch_have_no_gradient_of_their_own():
    net = models.calibrated(NET, PARAMS, X)
    with pytest.raises(CoupledSamples, match="LayerNorm"):
        net.linearize(PARAMS, X, training=True).per_sample(np.zeros((20, 3)))
    rows = net.linearize(PARAMS, X).per_sample(np.ones((20, 3)))
    truth = net.linearize(PARAMS, X).vjp(np.ones((20, 3)))
    assert_close(rows.sum(axis=0), truth, terms=100 * PARAMS.size)


def test_a_norm_without_statistics_can_be_frozen_and_trained_through():
    net, theta = NET.freeze(PARAMS, ["in", "first"])
    lin = net.linearize(theta, X, training=True, rng=0)
    truth = NET.linearize(PARAMS, X, training=True, rng=0)
    assert np.array_equal(lin.output, truth.output)
    with pytest.raises(InvalidInput, match="calibrated"):
        net.apply(theta, X)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: LayerNorm(0), InvalidInput, "features = 0"),
        (lambda: LayerNorm(4, 0.0), InvalidInput, "epsilon = 0.0"),
        (lambda: RMSNorm(2.0), InvalidInput, "features = 2.0"),
        (lambda: RMSNorm(2, float("nan")), InvalidInput, "epsilon = nan"),
        (lambda: GroupNorm(3, 4), InvalidInput, "groups = 3"),
        (lambda: GroupNorm(0, 4), InvalidInput, "groups = 0"),
        (lambda: BatchNorm(-1), InvalidInput, "channels = -1"),
        (lambda: LayerNorm(4).output_shape((4, 3)), ShapeMismatch, "last axis has length 4"),
        (lambda: BatchNorm(4).output_shape(()), ShapeMismatch, "last axis has length 4"),
        (lambda: models.calibrated(models.mlp([2, 1]), np.zeros(3), [[1.0, 2.0]]), InvalidInput,
         "no BatchNorm"),
        (lambda: NET.apply(PARAMS, X), InvalidInput, "lacks the constants first.mean"),
    ],
)  # fmt: skip
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
