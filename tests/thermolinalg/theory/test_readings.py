"""What readings of a process show, against powers of expm, direct sums and quadratic forms."""

import numpy as np
import pytest
import scipy.linalg
import scipy.signal

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.plots.memory import autocovariances, centred
from thermolinalg.theory.readings import (
    autocovariance_variances,
    read_autocovariances,
    welch_moments,
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


def density_forms(window, step, segments, dt):
    """Welch's density of x as quadratic forms x'Mx, one M for each frequency."""
    L, m = len(window), (segments - 1) * step + len(window)
    for f in range(L // 2 + 1):
        wave = window * np.exp(-2j * np.pi * f * np.arange(L) / L)
        rows = np.zeros((segments, m), complex)
        for s in range(segments):
            rows[s, s * step : s * step + L] = wave
        yield dt / (window @ window) / segments * (rows.T @ rows.conj()).real


@pytest.mark.parametrize(
    ("length", "segments", "rtol"), [(8, 1, 1e-9), (15, 4, 1e-9), (40, 2, 0.02)]
)
@pytest.mark.parametrize("name", ["strong shear", "underdamped", "one coordinate"])
def test_moments_of_welch_are_those_of_quadratic_forms(name, length, segments, rtol):
    """Of x'Mx: tr(MΣ) and 2 tr(MΣMΣ). Short windows leave nothing out of the variance."""
    process, dt, step = PROCESSES[name], 0.2, length - length // 2
    window, m = scipy.signal.get_window("hann", length), (segments - 1) * step + length
    coordinates = list(range(process.n))
    mean, variance = welch_moments(process, coordinates, dt, window, step, segments)
    exact = remembered(process, dt, m)
    for i in coordinates:
        sigma = scipy.linalg.toeplitz(exact[:, i])
        for f, M in enumerate(density_forms(window, step, segments, dt)):
            np.testing.assert_allclose(mean[f, i], np.trace(M @ sigma), rtol=1e-9)
            np.testing.assert_allclose(
                variance[f, i], 2 * np.trace(M @ sigma @ M @ sigma), rtol=rtol
            )


def test_long_windows_of_frequent_readings_show_the_spectrum_of_the_process():
    L, dt = 40_000, 0.01
    mean, variance = welch_moments(
        OSCILLATOR, [0, 1], dt, scipy.signal.get_window("hann", L), L // 2, 1
    )
    bins = np.array([50, 100, 200])
    itself = tla.spectral_density(OSCILLATOR, 2 * np.pi * bins / (L * dt))
    itself = np.real(itself)[:, [0, 1], [0, 1]]
    np.testing.assert_allclose(mean[bins], itself, rtol=3e-3)
    np.testing.assert_allclose(variance[bins], mean[bins] ** 2, rtol=1e-9)


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
        testing.assert_average(gap, 0.0, false_alarm=1e-6 / 8)
        testing.assert_average(gap**2, variances[k], false_alarm=1e-6 / 8)
