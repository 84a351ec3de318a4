"""Two coordinates: ellipses of the exact law, which enclose their share."""

import numpy as np
from matplotlib.path import Path

import thermolinalg as tla
from tests.thermolinalg.plots.drawn import SHEAR, WELL, law_at, legend_of, lines, lyapunov, run_of
from thermolinalg import testing


def test_ellipses_enclose_their_share_of_the_law():
    start, times = np.array([0.0, -2.0]), [0.3, 1.0]
    ax = tla.plot_ellipses(SHEAR, times=times, x0=start)
    laws = [law_at(SHEAR, start, np.zeros((2, 2)), t) for t in times]
    laws.append((np.linalg.solve(SHEAR.A, SHEAR.b), lyapunov(SHEAR)))
    rng = np.random.default_rng(0)
    curves = [lines(ax, linewidth=1.6, linestyle=style) for style in ("--", "-")]
    for k, (mean, cov) in enumerate(laws):
        draws = rng.multivariate_normal(mean, cov, 20_000)
        hits = [Path(curves[s][k]).contains_points(draws).sum() for s in (0, 1)]
        for s, sigmas in enumerate((1, 2)):
            share = 1 - np.exp(-(sigmas**2) / 2)
            testing.assert_frequency(hits[s], len(draws), share, false_alarm=1e-6 / 6)
    assert "39 % inside" in legend_of(ax)
    assert "86 % inside" in legend_of(ax)
    mean_path = lines(ax, linestyle=":")[0]
    np.testing.assert_allclose(mean_path[0], start)
    np.testing.assert_allclose(mean_path[-1], laws[1][0], atol=1e-9)


def test_points_are_the_states_at_the_times_named():
    run = run_of(SHEAR, m=11, chains=20)
    ax = tla.plot_ellipses(SHEAR, run, coordinates=(1, 0), times=[0.2, 1.0])
    first, second, rest = (np.asarray(dots.get_offsets()) for dots in ax.collections)
    np.testing.assert_allclose(first, run.states[:, 2, ::-1])
    np.testing.assert_allclose(second, run.states[:, 10, ::-1])
    assert len(rest) == 0
    assert "points: 40 states" in legend_of(ax)
    everything = tla.plot_ellipses(SHEAR, run_of(SHEAR, m=1000)).collections[0]
    assert len(everything.get_offsets()) == 2000


def test_ellipses_of_a_process_without_a_law_have_the_moments_of_its_states():
    run = run_of(WELL, chains=50)
    ax = tla.plot_ellipses(WELL, run, times=[1.0])
    states = run.states[:, 10]
    curve = lines(ax, linestyle="-")[0]
    white = np.linalg.solve(np.linalg.cholesky(np.cov(states.T)), (curve - states.mean(axis=0)).T)
    np.testing.assert_allclose((white**2).sum(axis=0), 4.0, rtol=1e-9)
    assert "measured 2σ" in legend_of(ax)
    assert "inside" not in legend_of(ax)


def test_one_time_needs_no_brackets():
    alone = tla.plot_ellipses(SHEAR, times=1.0, x0=[0.0, 0.0])
    listed = tla.plot_ellipses(SHEAR, times=[1.0], x0=[0.0, 0.0])
    assert len(alone.lines) == len(listed.lines)
    for one, other in zip(alone.lines, listed.lines, strict=True):
        np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())


def test_narrow_laws_keep_their_own_scale():
    assert tla.plot_ellipses(SHEAR).get_aspect() == 1.0
    sliver = tla.OU(np.eye(2), np.zeros(2), np.diag([1.0, 1e6]))
    assert tla.plot_ellipses(sliver).get_aspect() == "auto"
