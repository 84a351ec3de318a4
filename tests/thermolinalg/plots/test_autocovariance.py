"""Memory: measured and exact autocovariances, and the band that holds the former."""

import numpy as np
import pytest
import scipy.linalg
import scipy.signal

import thermolinalg as tla
from tests.thermolinalg.plots.drawn import (
    ONE,
    OSCILLATOR,
    WELL,
    bands,
    legend_of,
    lines,
    lyapunov,
    run_of,
)
from thermolinalg import testing
from thermolinalg.plots.memory import autocovariances, centred
from thermolinalg.theory.readings import autocovariance_variances, read_autocovariances


def test_autocovariance_draws_what_was_measured_and_what_is_exact():
    run = run_of(OSCILLATOR, m=2000, chains=2, x0=tla.stationary(OSCILLATOR))
    ax = tla.plot_autocovariance(OSCILLATOR, run, coordinates=0, longest=3.0)
    measured, exact = lines(ax, linewidth=1.0)[0], lines(ax, linestyle="--")[0]
    assert measured[-1, 0] == pytest.approx(3.0)
    x = run.states[:, :, 0] - 0.25
    for j in (0, 7, 30):
        by_hand = np.mean(x[:, : 2000 - j] * x[:, j:])
        assert measured[j, 1] == pytest.approx(by_hand, abs=1e-12)
    A, S = np.asarray(OSCILLATOR.A), lyapunov(OSCILLATOR)
    for lag, value in exact[[0, 100, -1]]:
        assert value == pytest.approx((scipy.linalg.expm(-A * lag) @ S)[0, 0], abs=1e-12)
    x, low, high = next(bands(ax))
    curve = read_autocovariances(OSCILLATOR, [0], 0.1, 2000)
    spread = np.sqrt(autocovariance_variances(curve, range(31))[:, 0] / 2)
    np.testing.assert_allclose((low + high) / 2, curve[:31, 0], atol=1e-12)
    np.testing.assert_allclose((high - low) / 4, spread, rtol=1e-9)


def test_the_band_holds_95_of_100_measured_autocovariances():
    chains, m = 600, 3000
    run = run_of(ONE, m=m, chains=chains, x0=tla.stationary(ONE), dt=0.5, rng=2)
    ax = tla.plot_autocovariance(ONE, run.states[:1], dt=0.5, longest=6.0)
    _, low, high = next(bands(ax))
    measured = autocovariances(centred(ONE, run.states))[:, : len(low), 0]
    hits = ((measured >= low) & (measured <= high)).sum(axis=0)
    testing.assert_frequency(hits, chains, 0.9545)


def test_errors_without_a_law_come_from_the_chains():
    run = run_of(WELL, chains=6)
    ax = tla.plot_autocovariance(WELL, run, coordinates=1)
    each = autocovariances(centred(WELL, run.states))[:, :, 1]
    x, low, high = next(bands(ax))
    lags = (x / 0.1).round().astype(int)
    np.testing.assert_allclose((low + high) / 2, each[:, lags].mean(axis=0), atol=1e-12)
    spread = each[:, lags].std(axis=0, ddof=1) / np.sqrt(6)
    np.testing.assert_allclose((high - low) / 4, spread, rtol=1e-9)
    assert "from 6 chains" in legend_of(ax)
