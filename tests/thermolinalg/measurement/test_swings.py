"""What is read of networks with inertia: time averages and second moments of their positions."""

import numpy as np
import pytest

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.measurement.test_integral import NoKicks, UnitKicks
from thermolinalg import testing

S, f = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1.0, -1.0])
FRICTION = {"swinging": 0.9, "critical": 2 * np.linalg.eigvalsh(S)[0] ** 0.5, "creeping": 9.0}
KEEP = slice(6)  # (x, v) at the end, and of the averages those of x


def law_of(process, window):
    """E, shift and C of one window, as a map from (x, v) at the start to KEEP."""

    def reading(start, rng):
        averages, last = tla.TimeAverage().windows(process, start, window, 1, rng)
        return np.concatenate([last, averages[0]], axis=-1)

    shift = reading(np.zeros((1, 4)), NoKicks())[0]
    E = reading(np.eye(4), NoKicks()) - shift
    F = reading(np.zeros((6, 4)), UnitKicks()) - shift  # three kicks of two modes
    return E.T, shift, F.T @ F


@pytest.mark.parametrize("window", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("name", FRICTION)
def test_the_joint_law_of_state_and_average(name, window):
    """Against the moment equations of the general process over (x, v, averages)."""
    friction = FRICTION[name]
    general = tla.underdamped(S, f, friction=friction)
    E, shift, C = oracles.law_by_ode(
        *oracles.averaged(general.A, general.b, general.D, window), window
    )
    C = C[KEEP, KEEP]
    found = law_of(tla.Inertial(tla.overdamped(S, f), friction), window)
    widths = np.sqrt(np.diag(C))
    scale = np.outer(widths, widths)
    np.testing.assert_allclose(found[0], E[KEEP, :4], atol=1e-10)
    np.testing.assert_allclose(found[1], shift[KEEP], rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(found[2] / scale, C / scale, atol=1e-9)


def test_windows_in_a_row_and_fine_sampling_agree_in_law():
    chains, window, fine = 4000, 2.0, 100
    process = tla.Inertial(tla.overdamped(S, f), 0.9)
    start = np.zeros((chains, 4))
    averages, last = tla.TimeAverage().windows(process, start, window, 2, np.random.default_rng(0))
    both = np.concatenate([*averages, last], axis=-1)
    states = tla.simulate(
        process, np.linspace(0.0, 2 * window, 2 * fine + 1), chains=chains, rng=1
    ).states
    middles = (states[:, 1:, :2] + states[:, :-1, :2]) / 2  # the trapezoid rule: O(dt²)
    sampled = middles.reshape(chains, 2, fine, 2).mean(axis=2).reshape(chains, -1)
    sampled = np.concatenate([sampled, states[:, -1]], axis=-1)
    mean, cov = law_of_two_windows(tla.underdamped(S, f, friction=0.9), window)
    for read in (both, sampled):
        testing.assert_mean_matches(read, mean, cov)
        testing.assert_covariance_matches(read, cov, mean=mean)


def law_of_two_windows(process, window):
    """Mean and covariance of (first average, second average, last state), from the start zero."""
    E, shift, C = oracles.law_by_ode(
        *oracles.averaged(process.A, process.b, process.D, window), window
    )
    to_x, to_z = E[:4, :4], E[4:6, :4]
    values, V = np.linalg.eigh(C)
    root = V * np.sqrt(np.maximum(values, 0.0))
    kick_x, kick_z = root[:4], root[4:6]
    F = np.block(
        [[kick_z, 0 * kick_z], [to_z @ kick_x, kick_z], [to_x @ kick_x, kick_x]],
    )
    x1, z1 = shift[:4], shift[4:6]
    return np.concatenate([z1, to_z @ x1 + z1, to_x @ x1 + x1]), F @ F.T


@pytest.mark.parametrize("name", FRICTION)
def test_second_moments_tend_to_the_covariance(name):
    """Many short runs from rest: the expected value of xx' is the covariance of positions."""
    process = tla.Inertial(tla.overdamped(S, np.zeros(2)), FRICTION[name])
    rest = tla.stationary(tla.underdamped(S, np.zeros(2), friction=FRICTION[name]))
    readout, starts = tla.SecondMoment(), rest.sample(1000, rng=8)
    each = [
        readout.windows(process, x[None, :], 3.0, 1, np.random.default_rng(k))[0][0]
        for k, x in enumerate(starts)
    ]
    for i, j in ((0, 0), (0, 1), (1, 1)):
        testing.assert_average([value[i, j] for value in each], rest.cov[i, j])
    assert readout.numbers(process, 3.0) == 2 * np.ceil(6 * process.slowest)


def test_parts_of_the_second_moment_are_read_off_the_same_run():
    process, start = tla.Inertial(tla.overdamped(S, np.zeros(2)), 0.9), np.zeros((1, 4))

    def values(readout):
        return readout.windows(process, start, 50.0, 4, np.random.default_rng(0))[0]

    whole = values(tla.SecondMoment())
    np.testing.assert_allclose(values(tla.MomentTrace()), np.trace(whole, axis1=1, axis2=2))
    np.testing.assert_allclose(values(tla.MomentEntries(np.array([[0, 1]])))[:, 0], whole[:, 0, 1])
