"""What the pictures draw, read back from their axes, against exact numbers of other mathematics."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.linalg
import scipy.signal
from matplotlib.path import Path

import thermolinalg as tla
from tests import oracles, statistics
from thermolinalg import errors
from thermolinalg.plots.canvas import FEW, POINTS
from thermolinalg.plots.memory import autocovariances, centred
from thermolinalg.plots.spectrum import _chi_square_share, degrees_of_freedom, periodogram
from thermolinalg.theory.readings import (
    autocovariance_variances,
    read_autocovariances,
)

SHEAR = tla.OU([[1.0, 5.0], [0.0, 2.0]], [1.0, -1.0], np.eye(2))
OSCILLATOR = tla.underdamped([[4.0]], [1.0], friction=0.8)
ONE = tla.OU([[0.5]], [1.0], [[2.0]])
MANY = tla.OU(np.diag(np.linspace(1, 3, 50)) + 0.2 * np.eye(50, k=1), np.zeros(50), np.eye(50))
STILL = tla.OU(np.eye(2), np.zeros(2), np.zeros((2, 2)))
WELL = tla.Nonlinear(lambda x: x - x**3, 0.5 * np.eye(2))
SWING = tla.Langevin(lambda x: -np.sin(x), [1.0])
TIMES = np.linspace(0.0, 4.0, 41)
REST = tla.stationary(SHEAR)

PICTURES = [
    tla.plot_trajectories,
    tla.plot_ellipses,
    tla.plot_autocovariance,
    tla.plot_spectrum,
]
each_picture = pytest.mark.parametrize("plot", PICTURES, ids=lambda plot: plot.__name__)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def run_of(process, m=400, chains=3, x0=None, dt=0.1, rng=0):
    return tla.simulate(process, dt * np.arange(m), x0=x0, chains=chains, rng=rng)


def lines(ax, **style):
    """The data (p, 2) of all lines that look like this."""
    wanted = style.items()
    return [
        line.get_xydata()
        for line in ax.lines
        if all(plt.getp(line, key) == value for key, value in wanted)
    ]


def bands(ax):
    """Lower and upper edges, as functions of where, of each band."""
    for band in ax.collections:
        vertices = band.get_paths()[0].vertices
        x, count = np.unique(vertices[:, 0]), len(vertices) // 2
        low, high = vertices[1:count], vertices[count + 1 : -1][::-1]
        assert np.allclose(low[:, 0], x)
        assert np.allclose(high[:, 0], x)
        yield x, low[:, 1], high[:, 1]


def legend_of(ax):
    legend = ax.get_legend()
    entries = [text.get_text() for text in legend.get_texts()]
    return "\n".join([legend.get_title().get_text(), *entries])


def law_at(process, start, cov, t):
    E, shift, C = oracles.law_by_ode(process.A, process.b, process.D, t)
    return E @ start + shift, E @ cov @ E.T + C


def lyapunov(process):
    A, D = np.asarray(process.A), np.asarray(process.D)
    return scipy.linalg.solve_continuous_lyapunov(A, D)


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
            statistics.assert_frequency(hits[s], len(draws), share, false_alarm=1e-6 / 6)
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
    statistics.assert_frequency(hits, chains, 0.9545)


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
    statistics.assert_frequency(hits, chains, 0.95)


def test_the_curve_of_a_measurement_is_its_mean():
    chains, at = 1000, [0, 1, 19, 20, 21, 22, 126]
    run = run_of(BELL, m=2048, chains=chains, x0=tla.stationary(BELL), rng=4)
    curve = lines(tla.plot_spectrum(BELL, run.states[:1], dt=0.1), linestyle="--")[0]
    x = centred(BELL, run.states)[:, :, :1]
    omega = periodogram(x, 0.1, 256)[0]
    measured = np.array([periodogram(chain[None], 0.1, 256)[1][:, 0] for chain in x])
    for k in at:
        value = np.interp(omega[k], *curve.T)
        statistics.assert_average(measured[:, k], value, false_alarm=1e-6 / len(at))


@each_picture
@pytest.mark.parametrize("process", [SHEAR, OSCILLATOR, MANY, STILL, WELL, SWING])
def test_every_picture_says_what_it_shows_and_leaves_the_rest_alone(plot, process):
    if process is STILL and plot is tla.plot_spectrum:
        return  # refused below
    run = run_of(process)
    before, figure = dict(matplotlib.rcParams), plt.figure()
    given = figure.add_subplot()
    ax = plot(process, run, ax=given)
    assert ax is given
    assert plt.get_fignums() == [figure.number]
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    assert box.x0 >= ax.get_window_extent().x1, "the legend lies beside the data"
    assert dict(matplotlib.rcParams) == before
    if process is MANY and plot is not tla.plot_ellipses:
        assert f"{FEW} of 50 coordinates" in legend_of(ax)


@each_picture
def test_one_chain_of_any_library_will_do(plot):
    torch = pytest.importorskip("torch")
    process = tla.OU(*(torch.tensor(np.asarray(M)) for M in (SHEAR.A, SHEAR.b, SHEAR.D)))
    for some in (process, WELL):
        plot(some, run_of(some, chains=1))


def test_a_single_precision_run_is_evenly_spaced_all_the_same():
    process = tla.OU(*(np.asarray(M, np.float32) for M in (SHEAR.A, SHEAR.b, SHEAR.D)))
    run = run_of(process, m=5000, dt=0.01)
    assert run.times.dtype == np.float32
    tla.plot_autocovariance(process, run)
    tla.plot_spectrum(process, run)


def test_one_coordinate_has_all_pictures_but_ellipses():
    run = run_of(ONE)
    for plot in PICTURES:
        if plot is not tla.plot_ellipses:
            plot(ONE, run)
    with pytest.raises(errors.InvalidInput, match="coordinates"):
        tla.plot_ellipses(ONE, run)


RUN = run_of(SHEAR)
SHORT = RUN.states[:1, :30]
OTHER = tla.stationary(ONE)
AT_REST = run_of(SHEAR, x0=REST)
UNEVEN = tla.simulate(SHEAR, [0.0, 1.0, 3.0], rng=0)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: tla.plot_trajectories(SHEAR, RUN.states), errors.InvalidInput, "a Trajectory is"),
        (lambda: tla.plot_trajectories(REST, RUN), errors.InvalidInput, "process is a Gaussian"),
        (lambda: tla.plot_trajectories(ONE, RUN), errors.ShapeMismatch, "states have shape"),
        (lambda: tla.plot_trajectories(SHEAR, AT_REST), errors.InvalidInput, "pass x0="),
        (lambda: tla.plot_trajectories(SHEAR, RUN, x0=[1, 1]), errors.InvalidInput, "not begin"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, x0=[1]), errors.ShapeMismatch, "x0 has shape"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, x0=OTHER), errors.ShapeMismatch, "x0"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, paths=-1), errors.InvalidInput, "paths"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, ax=[1]), errors.InvalidInput, "ax is a list"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, coordinates=2), errors.InvalidInput, "0 to 1"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, coordinates=[]), errors.InvalidInput, "0 to 1"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, coordinates="x"), errors.InvalidInput, "0 to 1"),
        (lambda: tla.plot_trajectories(SHEAR, RUN, coordinates=[0, 0]), errors.InvalidInput, "0 "),
        (lambda: tla.plot_ellipses(SHEAR, RUN, coordinates=[0]), errors.InvalidInput, "two"),
        (lambda: tla.plot_ellipses(SHEAR, RUN, coordinates=1), errors.InvalidInput, "two"),
        (lambda: tla.plot_ellipses(SHEAR, RUN, times="a"), errors.InvalidInput, "times"),
        (lambda: tla.plot_ellipses(SHEAR, RUN, times=None), errors.InvalidInput, "times"),
        (lambda: tla.plot_ellipses(SHEAR, RUN, times=[0.123]), errors.InvalidInput, "not read at"),
        (lambda: tla.plot_ellipses(SHEAR, RUN, times=["a"]), errors.InvalidInput, "times"),
        (lambda: tla.plot_ellipses(SHEAR, times=[1.0]), errors.InvalidInput, "pass x0="),
        (lambda: tla.plot_ellipses(SHEAR, times=[-1.0], x0=[0, 0]), errors.InvalidInput, ">= 0"),
        (lambda: tla.plot_ellipses(SHEAR, times=[1.0], x0=[0]), errors.ShapeMismatch, "start"),
        (lambda: tla.plot_ellipses(WELL), errors.InvalidInput, "pass a run"),
        (lambda: tla.plot_autocovariance(SHEAR, UNEVEN), errors.InvalidInput, "evenly"),
        (lambda: tla.plot_autocovariance(SHEAR, RUN.states), errors.InvalidInput, "pass dt="),
        (lambda: tla.plot_autocovariance(SHEAR, RUN.states, dt=0), errors.InvalidInput, "dt = 0"),
        (lambda: tla.plot_autocovariance(SHEAR, RUN, dt=0.1), errors.InvalidInput, "leave dt out"),
        (lambda: tla.plot_autocovariance(SHEAR, RUN, longest=99), errors.InvalidInput, "longest"),
        (lambda: tla.plot_autocovariance(SHEAR, [[np.nan, 0]], dt=1), errors.NotFinite, "states"),
        (lambda: tla.plot_autocovariance(SHEAR, [[1, 0]], dt=1), errors.InvalidInput, "one time"),
        (lambda: tla.plot_spectrum(SHEAR, UNEVEN), errors.InvalidInput, "evenly"),
        (lambda: tla.plot_spectrum(SHEAR, SHORT, dt=1), errors.InvalidInput, "too few"),
        (lambda: tla.plot_spectrum(SHEAR, RUN, segment=999), errors.InvalidInput, "longer than"),
        (lambda: tla.plot_spectrum(STILL, run_of(STILL)), errors.Degenerate, "stay at their mean"),
        (lambda: tla.plot_spectrum(SHEAR, RUN, segment=2), errors.InvalidInput, "segment"),
    ],
)  # fmt: skip
def test_bad_input_has_one_clear_error_and_opens_no_figure(call, error, says):
    with pytest.raises(error, match=says):
        call()
    assert plt.get_fignums() == []
