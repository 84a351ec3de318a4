"""Transforms and rates against torch.optim, which knows nothing of ours, and their recursions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tngd.oracles import Dense
from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import Optimizer, Point, State
from tngd.optimizers.directions import Gradient
from tngd.optimizers.rules import Rate
from tngd.optimizers.schedule import Cosine, Exponential, Warmup
from tngd.optimizers.transforms import (
    Adaptive,
    Average,
    Clip,
    Descending,
    KLClip,
    Momentum,
    WeightDecay,
)

EPS = np.finfo(float).eps
STEPS = 30
AT = Point(Dense([3, 4, 3]).objective)


def gradients(seed=0, p=7):
    return np.random.default_rng(seed).standard_normal((STEPS, p))


def walked(directions, rate, *transforms):
    """Where a constant rate goes from zero, after each step."""
    memories = [None] * len(transforms)
    place, path = np.zeros(directions.shape[1], directions.dtype), []
    for step, d in enumerate(directions, 1):
        for i, transform in enumerate(transforms):
            d, memories[i] = transform.apply(d, memories[i], AT)
        change, _ = rate.step(d, None, Point(AT.objective, step, rate.rate_at(step)))
        place = place + change
        path.append(place)
    return np.array(path)


def walked_by_torch(make, directions):
    torch = pytest.importorskip("torch")
    place = torch.zeros(directions.shape[1], dtype=torch.float64, requires_grad=True)
    theirs, path = make(torch.optim, [place]), []
    for d in directions:
        place.grad = torch.from_numpy(d.copy())
        theirs.step()
        path.append(place.detach().numpy().copy())
    return np.array(path)


@pytest.mark.parametrize(
    ("transforms", "make"),
    [
        pytest.param((), lambda o, p: o.SGD(p, lr=0.3), id="sgd"),
        pytest.param((Momentum(),), lambda o, p: o.SGD(p, lr=0.3, momentum=0.9), id="momentum"),
        pytest.param(
            (Momentum(nesterov=True),),
            lambda o, p: o.SGD(p, lr=0.3, momentum=0.9, nesterov=True),
            id="nesterov",
        ),
        pytest.param((Adaptive(),), lambda o, p: o.Adam(p, lr=0.3), id="adam"),
        pytest.param(
            (Adaptive(0.5, 0.6, 1e-3),),
            lambda o, p: o.Adam(p, lr=0.3, betas=(0.5, 0.6), eps=1e-3),
            id="adam with other knobs",
        ),
    ],
)
def test_as_torch_does_it(transforms, make):
    """A few roundings a step; Adam's bias correction 1 - β^k magnifies them, by up to 1/(1 - β)."""
    ours = walked(gradients(), Rate(0.3), *transforms)
    theirs = walked_by_torch(make, gradients())
    rounding = 20 * STEPS * EPS * np.abs(theirs).max()
    lost = max((1 / (1 - t.beta2) for t in transforms if isinstance(t, Adaptive)), default=1.0)
    assert np.abs(ours - theirs).max() <= rounding * lost


def test_decoupled_decay_as_torch_does_it():
    torch = pytest.importorskip("torch")
    at, optimizer, state = (
        AT.objective,
        Optimizer("adamw", Gradient(), Rate(0.01), after=(Adaptive(), WeightDecay(0.3))),
        State(),
    )
    place = torch.tensor(at.params, requires_grad=True)
    theirs = torch.optim.AdamW([place], lr=0.01, weight_decay=0.3)
    for _ in range(STEPS):
        place.grad = torch.tensor(at.gradient)
        theirs.step()
        move = optimizer.step(at, state, np.random.default_rng(0))
        at, state = at.moved(move.params), move.state
    difference = np.abs(at.params - place.detach().numpy()).max()
    assert difference <= 1e3 * 20 * STEPS * EPS * np.abs(at.params).max(), "1e3 = 1/(1 - beta2)"


@given(rate=st.floats(1e-3, 10), momentum=st.floats(0, 0.99), seed=st.integers(0, 9))
def test_heavy_ball_written_out(rate, momentum, seed):
    """m_k = sum over j <= k of momentum^{k-j} d_j."""
    d = gradients(seed)
    powers = np.tril(momentum ** np.maximum(np.subtract.outer(range(STEPS), range(STEPS)), 0))
    truth = -rate * np.cumsum(powers @ d, axis=0)
    bound = 10 * STEPS**2 * EPS * rate * np.abs(d).max() / (1 - momentum)
    assert np.abs(walked(d, Rate(rate), Momentum(momentum)) - truth).max() <= bound


@given(decay=st.floats(0, 0.99), seed=st.integers(0, 9))
def test_an_average_is_a_mean_of_all_so_far(decay, seed):
    d, memory = gradients(seed), None
    for k in range(STEPS):
        mean, memory = Average(decay).apply(d[k], memory, AT)
        weights = decay ** np.arange(k, -1, -1)
        truth = weights @ d[: k + 1] / weights.sum()
        assert np.abs(mean - truth).max() <= 10 * STEPS * EPS * np.abs(d).max() / (1 - decay)


def test_without_averages_adam_is_sign_descent():
    """-rate d/(|d| + epsilon), as the TNGD paper runs it."""
    d = gradients()
    steps = np.diff(walked(d, Rate(0.25), Adaptive(0.0, 0.0)), axis=0, prepend=0)
    np.testing.assert_allclose(steps, -0.25 * d / (np.abs(d) + 1e-8), rtol=0, atol=100 * EPS)
    assert not Adaptive(0.0, 0.0).apply(np.zeros(3), None, AT)[0].any(), "no direction, no step"


def test_an_average_that_points_uphill_gives_way():
    g = AT.objective.gradient
    memory = Momentum(0.9).apply(-5 * g, None, AT)[1]
    v, kept = Descending(Momentum(0.9)).apply(g, memory, AT)
    assert v is g
    assert np.array_equal(kept, 0.9 * (-5 * g) + g), "and is remembered all the same"
    along, _ = Descending(Momentum(0.9)).apply(g, g, AT)
    assert np.array_equal(along, 0.9 * g + g)


@given(norm=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_a_clipped_vector_keeps_its_way(norm, seed):
    v = np.random.default_rng(seed).standard_normal(5) * 10.0 ** (seed % 7 - 3)
    clipped, _ = Clip(norm).apply(v, None, AT)
    length = np.linalg.norm(v)
    assert np.linalg.norm(clipped - v * min(1, norm / length)) <= 10 * EPS * min(length, norm)
    entries, _ = Clip(entry=norm).apply(v, None, AT)
    assert np.array_equal(entries, np.where(np.abs(v) > norm, np.sign(v) * norm, v))


def test_a_divergence_is_bounded():
    g = AT.objective.gradient
    limit = 0.01 * float(g @ g)
    v, _ = KLClip(limit).apply(g, None, Point(AT.objective, rate=0.5))
    assert 0.25 * float(v @ v) == pytest.approx(limit, rel=100 * EPS)
    same, _ = KLClip(1e6).apply(g, None, AT)
    assert same is g


def test_schedules():
    assert [Exponential(2, 0.01)(k) for k in (1, 2, 3, 9)] == pytest.approx([1, 0.1, 0.01, 0.01])
    assert [Cosine(4, 0.5)(k) for k in (1, 3, 5, 9)] == pytest.approx([1, 0.75, 0.5, 0.5])
    warm = Warmup(2, Exponential(2, 0.01))
    assert [warm(k) for k in (1, 2, 3, 4, 5)] == pytest.approx([0.5, 1, 1, 0.1, 0.01])
    assert Rate(2.0, warm).rate_at(4) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "transforms", [(), (Momentum(np.float64(0.5)),), (Adaptive(np.float64(0.9)),)], ids=repr
)
def test_a_numpy_scalar_does_not_widen_float32(transforms):
    path = walked(gradients().astype(np.float32), Rate(np.float64(0.1)), *transforms)
    assert path.dtype == np.float32


@pytest.mark.parametrize(
    ("slot", "knobs"),
    [
        (Rate, {"rate": 0.0}),
        (Rate, {"rate": -1.0}),
        (Rate, {"rate": np.nan}),
        (Rate, {"rate": "fast"}),
        (Momentum, {"momentum": 1.0}),
        (Momentum, {"momentum": -0.1}),
        (Average, {"decay": 1.0}),
        (Adaptive, {"beta1": 1.0}),
        (Adaptive, {"beta2": -0.1}),
        (Adaptive, {"epsilon": 0.0}),
        (WeightDecay, {"decay": -1.0}),
        (Clip, {"norm": 0.0}),
        (Clip, {"entry": -1.0}),
        (KLClip, {"limit": 0.0}),
        (Warmup, {"steps": 0}),
        (Cosine, {"steps": 5, "last": -1.0}),
        (Exponential, {"steps": 5, "last": 0.0}),
    ],
    ids=str,
)
def test_knobs_that_cannot_be(slot, knobs):
    with pytest.raises(InvalidInput, match=list(knobs)[-1]):
        slot(**knobs)
