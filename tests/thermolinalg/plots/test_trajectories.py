"""Sample paths: the states, inside the exact band of the moment equations."""

import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.plots.drawn import (
    REST,
    SHEAR,
    SWING,
    TIMES,
    WELL,
    bands,
    law_at,
    legend_of,
    lines,
    lyapunov,
    run_of,
)
from thermolinalg.plots.canvas import POINTS


@pytest.mark.parametrize("start", ["point", "law", "rest", "points"])
def test_mean_and_band_are_those_of_the_moment_equations(start):
    point, cov = np.array([0.0, -2.0]), np.zeros((2, 2))
    x0 = None
    if start == "law":
        cov = np.array([[2.0, 0.5], [0.5, 1.0]])
        x0 = tla.Gaussian(point, cov)
    elif start == "rest":
        x0, point, cov = REST, np.linalg.solve(SHEAR.A, SHEAR.b), lyapunov(SHEAR)
    elif start == "points":
        x0 = np.array([[0.0, -2.0], [1.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
        point, cov = x0.mean(axis=0), np.cov(x0.T, ddof=0)
    began = point if x0 is None else x0
    run = tla.simulate(SHEAR, 2.0 + TIMES, x0=began, chains=4, rng=0)
    ax = tla.plot_trajectories(SHEAR, run, x0=x0)
    means, edges = lines(ax, linewidth=2.0), list(bands(ax))
    assert len(means) == len(edges) == 2
    for at in (0, 1, 77, POINTS - 1):
        mean, C = law_at(SHEAR, point, cov, means[0][at, 0] - 2.0)
        for i in range(2):
            x, low, high = edges[i]
            where = np.abs(x - means[i][at, 0]).argmin()
            spread = 2 * np.sqrt(C[i, i])
            np.testing.assert_allclose(means[i][at, 1], mean[i], atol=1e-9)
            np.testing.assert_allclose(low[where], mean[i] - spread, atol=1e-9)
            np.testing.assert_allclose(high[where], mean[i] + spread, atol=1e-9)


def test_paths_are_the_states_and_no_more_than_asked_for():
    run = run_of(SHEAR, chains=9)
    ax = tla.plot_trajectories(SHEAR, run, coordinates=1, paths=2)
    paths = lines(ax, linewidth=0.7)
    assert len(paths) == 2
    np.testing.assert_allclose(paths[0][:, 1], run.states[0, :, 1])
    np.testing.assert_allclose(paths[1][:, 1], run.states[-1, :, 1])
    assert "2 of 9 chains" in legend_of(ax)
    assert "1 of 2 coordinates" in legend_of(ax)


def test_uneven_times_and_paths_of_one_time_are_drawn():
    run = tla.simulate(SHEAR, [0.0, 0.01, 0.1, 1.0], rng=0)
    mean = lines(tla.plot_trajectories(SHEAR, run), linewidth=2.0)[0]
    expected, _ = law_at(SHEAR, np.zeros(2), np.zeros((2, 2)), 1.0)
    np.testing.assert_allclose(mean[-1, 1], expected[0], atol=1e-9)
    tla.plot_trajectories(SHEAR, tla.simulate(SHEAR, [0.0], rng=0))


@pytest.mark.parametrize("process", [WELL, SWING], ids=["Nonlinear", "Langevin"])
def test_without_a_law_the_band_is_that_of_the_chains(process):
    run = run_of(process, chains=80)
    ax = tla.plot_trajectories(process, run)
    mean, (_, low, high) = lines(ax, linewidth=2.0)[0], next(bands(ax))
    np.testing.assert_allclose(mean[:, 1], run.states[:, :, 0].mean(axis=0))
    inside = (run.states[:, :, 0] >= low) & (run.states[:, :, 0] <= high)
    assert 74 / 80 <= inside[:, 1:].mean() <= 78 / 80
    text = legend_of(ax)
    assert f"{type(process).__name__}: no exact law drawn" in text
    assert "middle 95 %\nof 80 chains" in text
    assert "exact mean" not in text
