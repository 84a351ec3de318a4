"""What readings of a process show, against powers of expm, direct sums and quadratic forms."""

import numpy as np
import pytest
import scipy.linalg

import thermolinalg as tla
from tests import statistics
from tests.thermolinalg.cases import PROCESSES
from thermolinalg.plots.memory import autocovariances, centred
from thermolinalg.theory.readings import (
    autocovariance_variances,
    read_autocovariances,
    read_density,
)

MILD = [name for name in PROCESSES if name not in {"stiff", "noiseless"}]
each_process = pytest.mark.parametrize("name", MILD)
OSCILLATOR = tla.underdamped([[4.0]], [0.0], friction=1.0)


def remembered(process, dt, count):
    """Every lag on its own: no doubling, no power of another."""
    A, D = np.asarray(process.A, float), np.asarray(process.D, float)
    S = scipy.linalg.solve_continuous_lyapunov(A, D)
    return np.array([np.diag(scipy.linalg.expm(-A * dt * j) @ S) for j in range(count)])


@each_process
def test_autocovariances_are_powers_of_the_transition(name):
    process = PROCESSES[name]
    exact = remembered(process, 0.3, 60)
    found = read_autocovariances(process, range(process.n), 0.3, 60)
    np.testing.assert_allclose(found, exact, rtol=1e-10, atol=1e-10 * np.abs(exact).max())


def test_autocovariances_end_in_zeros_and_cover_long_transients():
    found = read_autocovariances(PROCESSES["strong shear"], [1, 0], 0.5, 10_000)
    assert found.shape == (10_000, 2)
    assert not np.any(found[5_000:])
    assert found[40, 1] > 0


@each_process
def test_density_is_the_fourier_sum_of_autocovariances(name):
    process, dt = PROCESSES[name], 0.3
    lags = int(np.ceil(40 / (process.slowest * dt)))
    C, omega = remembered(process, dt, lags), np.array([0.0, 0.4, 3.0, np.pi / dt])
    waves = 2 * np.cos(omega[:, None] * dt * np.arange(lags))
    waves[:, 0] = 1
    exact = dt * waves @ C
    found = read_density(process, range(process.n), dt, omega)
    np.testing.assert_allclose(found, exact, rtol=1e-8, atol=1e-8 * exact.max())


def test_frequent_readings_show_the_spectrum_of_the_process():
    omega = np.array([0.1, 1.0, 2.0])
    itself = np.real(tla.spectral_density(OSCILLATOR, omega))[:, [0, 1], [0, 1]]
    np.testing.assert_allclose(read_density(OSCILLATOR, [0, 1], 1e-4, omega), itself, rtol=1e-3)


@pytest.mark.parametrize("name", ["strong shear", "underdamped", "one coordinate", "noiseless"])
def test_variances_are_those_of_quadratic_forms(name):
    """Var(x'Mx) = 2 tr(MΣMΣ), with the whole covariance Σ of a run of 20 readings."""
    m, process = 20, PROCESSES[name]
    exact = read_autocovariances(process, range(process.n), 0.2, m)
    found = autocovariance_variances(exact, range(m))
    for i in range(process.n):
        sigma = scipy.linalg.toeplitz(exact[:, i])
        for j in range(m):
            M = (np.eye(m, k=j) + np.eye(m, k=-j)) / (2 * (m - j))
            expected = 2 * np.trace(M @ sigma @ M @ sigma)
            np.testing.assert_allclose(found[j, i], expected, rtol=1e-10, atol=1e-300)


def test_runs_measure_with_the_mean_and_the_variance_that_are_said():
    chains, m, dt, lags = 4000, 40, 0.3, [0, 3, 10, 39]
    run = tla.simulate(
        OSCILLATOR, dt * np.arange(m), x0=tla.stationary(OSCILLATOR), chains=chains, rng=1
    )
    measured = autocovariances(centred(OSCILLATOR, run.states))[:, lags, 0]
    exact = read_autocovariances(OSCILLATOR, [0], dt, m)
    variances = autocovariance_variances(exact, lags)[:, 0]
    for k in range(len(lags)):
        gap = measured[:, k] - exact[lags[k], 0]
        statistics.assert_average(gap, 0.0, false_alarm=1e-6 / 8)
        statistics.assert_average(gap**2, variances[k], false_alarm=1e-6 / 8)
