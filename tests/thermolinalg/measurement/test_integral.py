"""The analog integrator: the joint law of (x(T), time average), without chance and with it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.measurement.integral import _general_windows, integral_variance

REVERSIBLE = [name for name, process in PROCESSES.items() if process.modes is not None]


class UnitKicks:
    """In place of a random stream: chain j has the j-th unit vector for its kicks, the rest none.

    A window is linear in its kicks, so the spread of the chains is the exact covariance.
    """

    def standard_normal(self, shape, dtype=float):
        *before, chains, n = shape
        kicks = np.zeros((chains, int(np.prod(before)) * n), dtype)
        np.fill_diagonal(kicks, 1.0)
        return np.moveaxis(kicks.reshape(chains, *before, n), 0, -2)


class NoKicks:
    def standard_normal(self, shape, dtype=float):
        return np.zeros(shape, dtype)


def pairs(process, windows, x, window, rng):
    averages, last = windows(process, x, window, 1, rng)
    return np.concatenate([last, averages[0]], axis=-1)


def law_of(process, windows, window):
    """E, shift and C of one window as a map from x(0) to (x(T), average)."""
    n = process.n
    origin = np.zeros((2 * n + 1, n))
    shift = pairs(process, windows, origin[:1], window, NoKicks())[0]
    E = pairs(process, windows, np.eye(n), window, NoKicks()) - shift
    F = pairs(process, windows, origin, window, UnitKicks()) - shift
    return E.T, shift, F.T @ F


def assert_window_law(process, windows, window, *, rtol=1e-10):
    n = process.n
    oracle = oracles.averaged(process.A, process.b, process.D, window)
    E, shift, C = oracles.law_by_ode(*oracle, window)
    found = law_of(process, windows, window)
    mean = tla.stationary(process).mean  # what a short window is driven by, less what it forgets
    for part, truth, whole in zip(found, (E[:, :n], shift, C), (1, mean, 0), strict=True):
        atol = rtol * np.abs(truth).max() + 4 * np.finfo(float).eps * np.abs(whole).max()
        np.testing.assert_allclose(part, truth, rtol=0, atol=atol)


@pytest.mark.parametrize("window", [1e-6, 0.01, 1.0, 30.0])
@pytest.mark.parametrize("name", [p for p in PROCESSES if p != "stiff"])
def test_the_joint_law_of_state_and_average(name, window):
    assert_window_law(PROCESSES[name], tla.TimeAverage().windows, window)


@pytest.mark.parametrize("window", [1e-6, 0.01, 1.0, 30.0])
@pytest.mark.parametrize("name", REVERSIBLE)
def test_the_general_window_needs_no_modes(name, window):
    assert_window_law(PROCESSES[name], _general_windows, window)


@given(process=testing.ou_processes(reversible=True), exponent=st.floats(-3, 0.5))
def test_both_windows_have_one_law(process, exponent):
    window = 10.0**exponent
    by_modes, general = (
        law_of(process, windows, window)
        for windows in (tla.TimeAverage().windows, _general_windows)
    )
    for found, truth in zip(by_modes, general, strict=True):
        np.testing.assert_allclose(found, truth, atol=1e-9 * np.abs(truth).max())


@given(rate=st.floats(-12, 3), u=st.floats(-12, 4))
def test_variance_of_the_integral(rate, u):
    a, t = 10.0**rate, 10.0 ** (u - rate)
    truth = oracles.integral_variance_by_quadrature(a, t) if u < 2 else None
    found = float(integral_variance(np.array([a]), t)[0])
    if truth is None:  # many relaxations: T - 3/2 of them, exactly
        truth = (t - 1.5 / a) / a**2
    assert found == pytest.approx(truth, rel=1e-12)


@pytest.mark.parametrize("name", ["shear", "reversible", "whirl"])
def test_windows_in_a_row_and_fine_sampling_agree_in_law(name):
    """The average of each of two neighbouring windows, read by the integrator and by sampling."""
    process, chains, window, fine = PROCESSES[name], 4000, 2.0, 200
    x0 = np.zeros((chains, process.n))
    rng = np.random.default_rng(6)
    averages, last = tla.TimeAverage().windows(process, x0, window, 2, rng)
    both = np.concatenate([*averages, last], axis=-1)
    cov, mean = covariance_of_two_windows(process, window)
    testing.assert_mean_matches(both, mean, cov)
    testing.assert_covariance_matches(both, cov, mean=mean)

    times = np.linspace(0.0, 2 * window, 2 * fine + 1)
    states = tla.simulate(process, times, chains=chains, rng=7).states
    middles = (states[:, 1:] + states[:, :-1]) / 2  # the trapezoid rule: error of order dt²
    sampled = middles.reshape(chains, 2, fine, process.n).mean(axis=2).reshape(chains, -1)
    sampled = np.concatenate([sampled, states[:, -1]], axis=-1)
    testing.assert_mean_matches(sampled, mean, cov)
    testing.assert_covariance_matches(sampled, cov, mean=mean)


def covariance_of_two_windows(process, window):
    """Of (first average, second average, last state), by two steps of the moment equations."""
    n = process.n
    E, shift, C = oracles.law_by_ode(
        *oracles.averaged(process.A, process.b, process.D, window), window
    )
    to_x, to_z = E[:n, :n], E[n:, :n]
    root = np.linalg.cholesky(C)
    kick_x, kick_z, none = root[:n], root[n:], np.zeros((n, 2 * n))
    rows = [
        np.hstack([kick_z, none]),
        np.hstack([to_z @ kick_x, kick_z]),
        np.hstack([to_x @ kick_x, kick_x]),
    ]
    F = np.vstack(rows)
    x1, z1 = shift[:n], shift[n:]
    mean = np.concatenate([z1, to_z @ x1 + z1, to_x @ x1 + x1])
    return F @ F.T, mean


def test_drives_of_several_chains():
    A, D = np.array([[1.0, 1.5], [0.0, 1.2]]), np.eye(2)
    drives = np.array([[1.0, 0.0], [0.0, -3.0], [2.0, 2.0]])
    for drift in (A, A + A.T):
        averages, _ = tla.TimeAverage().windows(
            tla.OU(drift, drives, D), np.zeros((3, 2)), 1.5, 1, NoKicks()
        )
        for average, drive in zip(averages[0], drives, strict=True):
            oracle = oracles.averaged(drift, drive, D, 1.5)
            shift = oracles.law_by_ode(*oracle, 1.5).shift[2:]
            np.testing.assert_allclose(average, shift, rtol=1e-11)


def test_second_moments_tend_to_the_covariance():
    """Many short runs from rest: the expected value of xx' is the covariance."""
    process = tla.overdamped([[3.0, 2.0], [2.0, 4.0]], [0.0, 0.0])
    rest = tla.stationary(process)
    readout = tla.SecondMoment()
    start = rest.sample(2000, rng=8)
    each = [
        readout.windows(process, x[None, :], 3.0, 1, np.random.default_rng(k))[0][0]
        for k, x in enumerate(start)
    ]
    for i, j in ((0, 0), (0, 1), (1, 1)):
        testing.assert_average([value[i, j] for value in each], rest.cov[i, j])
    assert readout.numbers(process, 3.0) == 2 * np.ceil(6 * process.slowest)


@pytest.mark.parametrize("name", REVERSIBLE)
def test_readouts_know_how_fast_they_forget(name):
    """The slowest mode decays as e^{-at}; its square, in xx', as e^{-2at}."""
    process = PROCESSES[name]
    t = 30 / process.slowest
    left = np.log(np.linalg.norm(tla.transition(process, 2 * t).E))
    left -= np.log(np.linalg.norm(tla.transition(process, t).E))
    assert left == pytest.approx(-t * tla.TimeAverage().correlation_rate(process))
    assert 2 * left == pytest.approx(-t * tla.SecondMoment().correlation_rate(process))


@pytest.mark.parametrize("name", ["symmetric", "matrix"])
def test_chains_that_share_their_noise_differ_by_their_drives(name):
    """Each is what it would be alone: the noise is that of one chain, and drawn once."""
    A = {"symmetric": [[2.0, 1.0], [1.0, 3.0]], "matrix": [[1.0, 5.0], [0.0, 2.0]]}[name]
    drives, x = np.array([[1.0, 0.0], [-3.0, 2.0]]), np.array([[0.0, 1.0], [4.0, 0.0]])
    readout = tla.TimeAverage(one_noise=True)

    def windows(b, x):
        process = tla.OU(A, b, np.eye(2))
        return readout.windows(process, x, 0.7, 5, np.random.default_rng(0))

    together, last = windows(drives, x)
    for k in range(2):
        alone, end = windows(drives[k : k + 1], x[k : k + 1])
        # Some tens of sums of numbers as large as the largest, each of which rounds once.
        tolerance = 64 * np.finfo(float).eps * max(np.abs(alone).max(), np.abs(end).max())
        assert np.abs(together[:, k] - alone[:, 0]).max() <= tolerance
        assert np.abs(last[k] - end[0]).max() <= tolerance
