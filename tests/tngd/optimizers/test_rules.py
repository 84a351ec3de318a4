"""Step rules against torch.optim, which knows nothing of ours, and against their recursions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.errors import InvalidInput
from tngd.optimizers.rules import Adaptive, Momentum

EPS = np.finfo(float).eps
STEPS = 30


def gradients(seed=0, p=7):
    return np.random.default_rng(seed).standard_normal((STEPS, p))


def walked(rule, directions):
    """Where the rule goes from zero, after each step."""
    place, memory, path = np.zeros(directions.shape[1], directions.dtype), None, []
    for d in directions:
        change, memory = rule.step(d, memory)
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
    ("rule", "make"),
    [
        pytest.param(Momentum(0.3), lambda o, p: o.SGD(p, lr=0.3), id="sgd"),
        pytest.param(
            Momentum(0.3, 0.9), lambda o, p: o.SGD(p, lr=0.3, momentum=0.9), id="momentum"
        ),
        pytest.param(
            Momentum(0.3, 0.9, nesterov=True),
            lambda o, p: o.SGD(p, lr=0.3, momentum=0.9, nesterov=True),
            id="nesterov",
        ),
        pytest.param(Adaptive(0.3), lambda o, p: o.Adam(p, lr=0.3), id="adam"),
        pytest.param(
            Adaptive(0.3, 0.5, 0.6, 1e-3),
            lambda o, p: o.Adam(p, lr=0.3, betas=(0.5, 0.6), eps=1e-3),
            id="adam with other knobs",
        ),
    ],
)
def test_as_torch_does_it(rule, make):
    """A few roundings a step; Adam's bias correction 1 - β^k magnifies them, by up to 1/(1 - β)."""
    ours, theirs = walked(rule, gradients()), walked_by_torch(make, gradients())
    rounding = 20 * STEPS * EPS * np.abs(theirs).max()
    lost = 1 / (1 - rule.beta2) if isinstance(rule, Adaptive) else 1.0
    assert np.abs(ours - theirs).max() <= rounding * lost


@given(rate=st.floats(1e-3, 10), momentum=st.floats(0, 0.99), seed=st.integers(0, 9))
def test_heavy_ball_written_out(rate, momentum, seed):
    """m_k = sum over j <= k of momentum^{k-j} d_j."""
    d = gradients(seed)
    powers = np.tril(momentum ** np.maximum(np.subtract.outer(range(STEPS), range(STEPS)), 0))
    truth = -rate * np.cumsum(powers @ d, axis=0)
    bound = 10 * STEPS**2 * EPS * rate * np.abs(d).max() / (1 - momentum)
    assert np.abs(walked(Momentum(rate, momentum), d) - truth).max() <= bound


def test_without_averages_adam_is_sign_descent():
    """-rate d/(|d| + epsilon), as the TNGD paper runs it."""
    d = gradients()
    steps = np.diff(walked(Adaptive(0.25, 0.0, 0.0), d), axis=0, prepend=0)
    np.testing.assert_allclose(steps, -0.25 * d / (np.abs(d) + 1e-8), rtol=0, atol=100 * EPS)
    assert not Adaptive(0.25, 0.0, 0.0).step(np.zeros(3), None)[0].any(), "no direction, no step"


@pytest.mark.parametrize(
    "rule", [Momentum(np.float64(0.1)), Adaptive(np.float64(0.1), np.float64(0.9))], ids=repr
)
def test_a_numpy_scalar_does_not_widen_float32(rule):
    assert walked(rule, gradients().astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("rule", "knobs"),
    [
        (Momentum, {"rate": 0.0}),
        (Momentum, {"rate": -1.0}),
        (Momentum, {"rate": np.nan}),
        (Momentum, {"rate": "fast"}),
        (Momentum, {"rate": 0.1, "momentum": 1.0}),
        (Momentum, {"rate": 0.1, "momentum": -0.1}),
        (Momentum, {"rate": 0.1, "nesterov": True}),
        (Adaptive, {"rate": 0.0}),
        (Adaptive, {"rate": 0.1, "beta1": 1.0}),
        (Adaptive, {"rate": 0.1, "beta2": -0.1}),
        (Adaptive, {"rate": 0.1, "epsilon": 0.0}),
    ],
    ids=str,
)
def test_knobs_that_cannot_be(rule, knobs):
    with pytest.raises(InvalidInput, match=list(knobs)[-1]):
        rule(**knobs)
