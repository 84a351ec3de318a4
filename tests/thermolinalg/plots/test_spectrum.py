"""Frequencies: the periodogram, its exact mean, and the band that holds it."""

import numpy as np
import pytest
import scipy.linalg
import scipy.signal

import thermolinalg as tla
from tests.thermolinalg.plots.drawn import ONE, OSCILLATOR, bands, lines, lyapunov, run_of
from thermolinalg import testing
from thermolinalg.plots.memory import centred
from thermolinalg.plots.spectrum import _chi_square_share, degrees_of_freedom, periodogram


def test_spectrum_draws_the_process_and_what_is_read_of_it():
    run = run_of(OSCILLATOR, m=4000, x0=tla.stationary(OSCILLATOR), dt=0.2)
    ax = tla.plot_spectrum(OSCILLATOR, run, coordinates=[1])
    itself, read = lines(ax, linestyle=":")[0], lines(ax, linestyle="--")[0]
    A, D = np.asarray(OSCILLATOR.A), np.asarray(OSCILLATOR.D)
    for omega, value in itself[[0, 150, -1]]:
        R = np.linalg.inv(A + 1j * omega * np.eye(2))
        assert value == pytest.approx((R @ D @ R.conj().T)[1, 1].real, rel=1e-9)
    length = 625  # 50/0.4/0.2 states
    C = [(scipy.linalg.expm(-A * 0.2 * j) @ lyapunov(OSCILLATOR))[1, 1] for j in range(length)]
    window = scipy.signal.get_window("hann", length)
    blur = np.correlate(window, window, "full")[length - 1 :] / (window @ window)
    for omega, value in read[[0, 150, -1]]:
        waves = 2 * np.cos(omega * 0.2 * np.arange(length))
        assert value == pytest.approx(0.2 * (waves @ (C * blur) - C[0]), rel=1e-6)
    _, low, high = next(bands(ax))
    share = _chi_square_share(degrees_of_freedom(3, 4000, length))  # segments remember little
    np.testing.assert_allclose(low, share[0] * read[:, 1], rtol=0.1)
    np.testing.assert_allclose(high, share[1] * read[:, 1], rtol=0.1)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_xlim()[1] == pytest.approx(np.pi / 0.2)
    marks = sorted(path.vertices[0, 0] for mark in ax.collections[1:] for path in mark.get_paths())
    np.testing.assert_allclose(marks, [0.4, np.sqrt(4 - 0.4**2)])


def test_the_periodogram_integrates_to_the_variance():
    x = np.random.default_rng(0).standard_normal((4, 4096, 1))
    omega, density = periodogram(x, 0.3, 256)
    integral = 2 * density[:, 0].sum() * (omega[1] - omega[0]) / (2 * np.pi)
    assert integral == pytest.approx(1.0, abs=0.05)
    assert omega[-1] < np.pi / 0.3


SPRINGS = tla.overdamped([[2.0, 0.5], [0.5, 1.0]], [0.0, 0.0])
BELL = tla.underdamped([[25.0]], [0.0], friction=0.1)
"""Its peak is narrower than what 256 readings, 0.1 apart, resolve: bins 19 to 23 are around it."""


@pytest.mark.parametrize(
    ("process", "dt", "m", "length", "at"),
    [
        (ONE, 0.5, 1500, 250, [0, 3, 20, 110]),
        (SPRINGS, 0.05, 512, 64, [0, 1, 2, 30]),
        (BELL, 0.1, 2048, 256, [0, 1, *range(17, 24), 126]),
    ],
    ids=["one", "springs", "bell"],
)
def test_the_band_holds_95_of_100_measured_densities(process, dt, m, length, at):
    chains = 1000
    run = run_of(process, m=m, chains=chains, x0=tla.stationary(process), dt=dt, rng=3)
    ax = tla.plot_spectrum(process, run.states[:1], dt=dt, coordinates=0, segment=length)
    drawn, *edges = next(bands(ax))
    x = centred(process, run.states)[:, :, :1]
    omega = periodogram(x, dt, length)[0][at]
    measured = np.array([periodogram(chain[None], dt, length)[1][at, 0] for chain in x])
    low, high = (np.interp(omega, drawn, edge) for edge in edges)
    hits = ((measured >= low) & (measured <= high)).sum(axis=0)
    testing.assert_frequency(hits, chains, 0.95)


def test_the_curve_of_a_measurement_is_its_mean():
    chains, at = 1000, [0, 1, 19, 20, 21, 22, 126]
    run = run_of(BELL, m=2048, chains=chains, x0=tla.stationary(BELL), rng=4)
    curve = lines(tla.plot_spectrum(BELL, run.states[:1], dt=0.1), linestyle="--")[0]
    x = centred(BELL, run.states)[:, :, :1]
    omega = periodogram(x, 0.1, 256)[0]
    measured = np.array([periodogram(chain[None], 0.1, 256)[1][:, 0] for chain in x])
    for k in at:
        value = np.interp(omega[k], *curve.T)
        testing.assert_average(measured[:, k], value, false_alarm=1e-6 / len(at))
