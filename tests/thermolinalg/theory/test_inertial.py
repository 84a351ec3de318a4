"""Networks with inertia: the law of a mode at every damping, and how fast it forgets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from thermolinalg.errors import InvalidInput
from thermolinalg.theory.inertial import SETTLED, forgetting
from thermolinalg.theory.oscillation import oscillation

DAMPINGS = {  # friction over that of critical damping
    "free": 0.05,
    "swinging": 0.7,
    "nearly critical": 1 - 1e-9,
    "critical": 1.0,
    "barely overdamped": 1 + 1e-7,
    "creeping": 15.0,
}
each_damping = pytest.mark.parametrize("name", DAMPINGS)
springs = tla.overdamped([[2.0, 1.0], [1.0, 3.0]], [1.0, -1.0])


def pair(a, friction):
    """A, b and D of (x, v) for a force of one, in noise of variance `friction` per time."""
    return [[0.0, -1.0], [a, friction]], [0.0, 1.0], np.diag([0.0, friction])


def sizes(C):
    return np.sqrt(np.diag(C))


@each_damping
@pytest.mark.parametrize("u", [1e-5, 0.3, 1.0, 8.0, 60.0])
@pytest.mark.parametrize("a", [1e-6, 0.37, 1.0])
def test_position_and_velocity_in_many_digits(name, u, a):
    """At critical damping, where A has one eigenvector only, and however near to it."""
    friction, t = 2 * a**0.5 * DAMPINGS[name], u / a**0.5
    truth = oracles.law_in_many_digits(*pair(a, friction), t)
    found = oscillation(np.array([a]), friction, t)
    root = found.root[:2, :2, 0]
    widths = sizes(truth.C)
    np.testing.assert_allclose(
        root @ root.T / np.outer(widths, widths),
        truth.C / np.outer(widths, widths),
        atol=1e-12,
    )
    scale = np.array([[1.0, a**-0.5], [a**0.5, 1.0]])  # of a mode that swings freely
    np.testing.assert_allclose(found.flow[:2, :, 0] / scale, truth.E / scale, atol=1e-12)
    # A force moves a mode by half its t² at first, and by 1/a in the end.
    reach = np.array([min(t**2 / 2, 1 / a), min(t, a**-0.5)])
    np.testing.assert_allclose(found.response[:2, 0] / reach, truth.shift / reach, atol=1e-12)


@each_damping
@pytest.mark.parametrize("t", [0.01, 1.0, 30.0])
def test_the_integral_by_the_moment_equations(name, t):
    a = 0.37
    friction = 2 * a**0.5 * DAMPINGS[name]
    A, b, D = oracles.averaged(*pair(a, friction), t)
    A, b, D = A[:3, :3], b[:3], D[:3, :3]  # x, v and the average of x
    truth = oracles.law_by_ode(A, b, D, t)
    found, unit = oscillation(np.array([a]), friction, t), np.array([1.0, 1.0, t])
    root = found.root[:, :, 0] / unit[:, None]
    widths = np.outer(sizes(truth.C), sizes(truth.C))
    np.testing.assert_allclose(root @ root.T / widths, truth.C / widths, atol=1e-10)
    np.testing.assert_allclose(found.flow[:, :, 0] / unit[:, None], truth.E[:, :2], atol=1e-10)
    np.testing.assert_allclose(found.response[:, 0] / unit, truth.shift, rtol=1e-9, atol=1e-13)


def test_standing_still():
    still = oscillation(np.array([1e-6, 1.0]), 0.5, 0.0)
    np.testing.assert_array_equal(still.flow[:2, :, 0], np.eye(2))
    for part in (still.flow[2], still.response, still.root):
        assert not part.any()


@given(damping=st.floats(-2, 2), exponent=st.floats(-8, 2), later=st.floats(1, 30))
def test_what_is_left_of_the_start(damping, exponent, later):
    """In units of the equilibrium, position and velocity together, from SETTLED/rate on."""
    a, ratio = 10.0**exponent, 10.0**damping
    friction = 2 * a**0.5 * ratio
    rate = forgetting(np.array([a]), friction)[0]
    t = later * SETTLED / rate
    (xx, xv), _, _ = oscillation(np.array([a]), friction, t).flow[:, :, 0]
    assert np.hypot(xx, a**0.5 * xv) <= np.exp(-rate * t) * (1 + 1e-9) + 1e-13
    # and no more than half of what the slowest root could claim is given away
    assert rate >= 0.5 * np.abs(np.roots([1.0, friction, a]).real).min()


def test_the_same_equilibrium_and_drift_as_the_general_process():
    process = tla.Inertial(springs, 0.8)
    general = tla.underdamped([[2.0, 1.0], [1.0, 3.0]], [1.0, -1.0], friction=0.8)
    states = np.random.default_rng(0).standard_normal((5, 4))
    np.testing.assert_allclose(process.drift(states), general.b - states @ general.A.T)
    np.testing.assert_allclose(process.D, general.D)
    rest, x = tla.stationary(general), tla.stationary(springs)
    np.testing.assert_allclose(rest.mean[:2], x.mean)
    np.testing.assert_allclose(rest.cov[:2, :2], x.cov)
    sizes_of_modes = np.abs(np.linalg.eigvals(general.A))
    assert process.fastest == pytest.approx(sizes_of_modes.max())
    assert process.n == 2 * process.positions == 4


def test_high_friction_creeps_like_the_network():
    """In time slowed down by the friction."""
    process = tla.Inertial(springs, 1e4)
    # e^{-rt} bounds from rt = 3 on what swings back, (1 + O(1/friction²)) here
    assert process.slowest * 1e4 == pytest.approx(springs.slowest, rel=1e-6)


def test_bad_networks_are_named():
    with pytest.raises(InvalidInput, match="network needs detailed balance"):
        tla.Inertial(tla.OU([[1.0, 1.5], [0.0, 1.2]], np.zeros(2), np.eye(2)), 1.0)
    with pytest.raises(InvalidInput, match="network has the type ndarray"):
        tla.Inertial(np.eye(2), 1.0)
    with pytest.raises(InvalidInput, match="friction"):
        tla.Inertial(springs, 0.0)
    with pytest.raises(InvalidInput, match=r"type Inertial.*underdamped\(S, f\)"):
        tla.stationary(tla.Inertial(springs, 1.0))
