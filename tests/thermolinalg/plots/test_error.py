"""The error of an answer against time: lines where theory puts them, and a band that holds."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.lines import Line2D
from scipy import stats

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import wishart
from thermolinalg import errors, testing
from thermolinalg.plots.error import noise_of

A, B = wishart(6), np.arange(1.0, 7.0)
TRUTH = np.linalg.solve(A, B)
X = tla.solve(A, B, rng=1)
FEW = 0, 1, 7, 31  # windows at which coverage is judged, the last being the end
RUNS = 250


def drawn(ax):
    """The lines by what the legend calls them, and the edges of the band at the same times."""
    named = {handle.get_label(): handle for handle in ax.get_legend().legend_handles}
    found = {
        label: line.get_xydata()
        for label, handle in named.items()
        for line in ax.lines
        if isinstance(handle, Line2D)
        and (line.get_color(), line.get_marker()) == (handle.get_color(), handle.get_marker())
    }
    (band,) = ax.collections
    return found, *edges(band)


def edges(band):
    vertices = band.get_paths()[0].vertices
    count = len(vertices) // 2
    return vertices[1:count], vertices[count + 1 : -1][::-1]


def test_the_lines_are_the_error_the_bar_the_wish_and_the_promise():
    lines, low, high = drawn(tla.plot_error(X, TRUTH))
    error = np.linalg.norm(X.history.values - TRUTH, axis=1)
    np.testing.assert_allclose(lines["error"], np.stack([X.history.times, error], axis=1))
    assert lines["error"][-1, 1] == pytest.approx(np.linalg.norm(X.value - TRUTH))
    bar = lines["error bar so far"]
    assert np.isnan(bar[0, 1])
    assert bar[-1, 1] == pytest.approx(X.error)
    np.testing.assert_allclose(lines["wanted"][:, 1], 0.01 * np.linalg.norm(TRUTH))
    promise = [[X.plan.averaging, X.plan.expected_error]]
    np.testing.assert_allclose(lines["planned, promised"], promise)
    np.testing.assert_allclose(low[:, 1] ** 2 * low[:, 0], low[0, 1] ** 2 * low[0, 0])
    np.testing.assert_allclose(high[:, 1] ** 2 * high[:, 0], high[0, 1] ** 2 * high[0, 0])
    assert np.all(low[:, 1] < X.error * np.sqrt(X.plan.averaging / low[:, 0]))


def test_the_bar_is_what_the_windows_until_then_say():
    """By their sample variance, window by window, where `noise_of` uses running sums."""
    times, values = X.history
    noise = noise_of(times, values, X.error, X.dof)
    window = times[0]
    windows = np.diff(times[:, None] * values, axis=0, prepend=0.0) / window
    spread = [windows[: k + 1].var(axis=0, ddof=1).sum() / (k + 1) for k in range(1, 32)]
    ratio = X.error**2 / spread[-1]  # for the correlation between windows
    np.testing.assert_allclose(noise.so_far[1:] ** 2, np.multiply(ratio, spread), rtol=1e-6)


def test_edges_of_the_band_are_quantiles_of_f():
    times, values = X.history
    _, low, high = drawn(tla.plot_error(X, confidence=0.8))
    noise = noise_of(times, values, X.error, X.dof)
    law = stats.f(noise.directions, noise.directions * 31)
    for edge, probability in ((low, 0.1), (high, 0.9)):
        assert edge[-1, 1] ** 2 == pytest.approx(X.error**2 * law.ppf(probability))


def test_windows_of_different_lengths_count_by_their_lengths():
    """As those of a refined answer do; within five standard deviations, a false alarm of 1e-6."""
    rng, half = np.random.default_rng(0), 1000
    lengths = np.repeat([0.5, 8.0], half)
    spread = np.sqrt([4.0, 1.0, 1.0])
    windows = 5.0 + rng.standard_normal((2 * half, 3)) * spread / np.sqrt(lengths)[:, None]
    times = np.cumsum(lengths)
    values = np.cumsum(lengths[:, None] * windows, axis=0) / times[:, None]
    noise = noise_of(times, values, np.sqrt(6.0 / times[-1]), 2 * half - 1)
    assert noise.size == pytest.approx(6.0)
    # ν = (tr C)²/tr C² = 36/18. To first order δν/ν = tr((1/3 - C/9) δC), of variance 48/81/K.
    assert noise.directions == pytest.approx(2.0, rel=5 * np.sqrt(48 / 81 / (2 * half)))
    # The spread of K windows tells tr C with the relative variance 2 tr C²/(tr C)²/K = 1/K.
    told = noise.so_far[half - 1] / noise.error(times[half - 1])
    assert told == pytest.approx(1.0, rel=5 / 2 / np.sqrt(half))


def shares(n, trials=100_000):
    """P(error inside its band of 95 %) after each of FEW of 32 normal windows in n directions.

    With the number of directions known, by simulation of the windows alone.
    """
    rng = np.random.default_rng(1)
    low, high = stats.f.ppf([0.025, 0.975], n, 31 * n)
    hits = np.zeros(len(FEW))
    for _ in range(20):
        e = rng.standard_normal((trials // 20, 32, n))
        size = e.var(axis=1, ddof=1).sum(axis=1)
        for i, k in enumerate(FEW):
            ratio = (k + 1) * np.sum(e[:, : k + 1].mean(axis=1) ** 2, axis=1) / size
            hits[i] += np.sum((low <= ratio) & (ratio <= high))
    return hits / trials


def hits_of(runs, truth):
    """How many runs had their error inside the band, after each of FEW windows."""
    hits = np.zeros(len(FEW), int)
    for x in runs:
        times, values = x.history
        flat = values.reshape(len(times), -1)
        noise, at = noise_of(times, flat, x.error, x.dof), list(FEW)
        error = np.linalg.norm(flat - np.ravel(truth), axis=1)[at]
        low, high = (noise.quantile(times[at], q) for q in (0.025, 0.975))
        hits += (low <= error) & (error <= high)
    return hits


def test_shares_are_those_wanted_at_the_end_and_slightly_more_before():
    """Of the law itself, before any run is judged by it."""
    for n in (1, 4):
        share = shares(n)
        testing.assert_frequency(round(100_000 * share[-1]), 100_000, 0.95)
        assert np.all(share > 0.949)
        assert np.all(share < 0.965)


@pytest.mark.parametrize("n", [1, 4])
def test_the_band_holds_its_share_where_directions_are_equal(n):
    """One direction is known to be one; of four the number is measured."""
    runs = [tla.solve(2 * np.eye(n), np.ones(n), rng=seed) for seed in range(RUNS)]
    for hits, share in zip(hits_of(runs, np.full(n, 0.5)), shares(n), strict=True):
        testing.assert_frequency(hits, RUNS, share, false_alarm=1e-6 / len(FEW))


def test_the_band_holds_its_share_or_more_of_unequal_directions():
    runs = [tla.solve(A, B, rng=seed) for seed in range(RUNS)]
    for hits in hits_of(runs, TRUTH):
        testing.assert_at_least(hits, RUNS, 0.95, false_alarm=1e-6 / len(FEW))


def test_a_stopped_run_is_drawn_up_to_where_it_would_have_gone():
    asked = iter(range(9))
    x = tla.solve(A, B, rng=1, callback=lambda _: next(asked) == 2)
    assert x.outcome is tla.Outcome.STOPPED
    lines, low, _ = drawn(tla.plot_error(x, TRUTH))
    assert len(lines["error"]) == 16
    assert low[-1, 0] == lines["planned, promised"][0, 0] == X.plan.averaging


@pytest.mark.parametrize(
    "estimate",
    [
        tla.inv(A, rng=0),
        tla.inv(A, only="trace", rng=0),
        tla.expm(-A, rng=0),
        tla.solve(A, B, chains=32, rng=0),
        X.refine(rtol=3e-3),
    ],
    ids=lambda x: x.problem,
)
def test_any_shape_will_do_on_axes_that_were_given(estimate):
    figure = plt.figure()
    given = figure.add_subplot()
    ax = tla.plot_error(estimate, np.zeros(estimate.value.shape), ax=given)
    assert ax is given
    assert plt.get_fignums() == [figure.number]
    lines, _, _ = drawn(ax)
    assert lines["error"][-1, 1] == pytest.approx(np.linalg.norm(estimate.value))
    assert lines["error bar so far"][-1, 1] == pytest.approx(estimate.error)


def test_answers_of_another_library_are_drawn_and_shown():
    torch = pytest.importorskip("torch")
    x = tla.solve(torch.tensor(A), torch.tensor(B), rng=1)
    lines, _, _ = drawn(tla.plot_error(x, torch.tensor(TRUTH)))
    np.testing.assert_allclose(lines["error"], drawn(tla.plot_error(X, TRUTH))[0]["error"])
    tla.plot_answer(x, torch.tensor(TRUTH))
    assert "CONVERGED" in x._repr_html_()


def stopped_at_once():
    return tla.solve(A, B, rng=1, callback=lambda _: True)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: tla.plot_error(B), errors.InvalidInput, "estimate is a ndarray"),
        (lambda: tla.plot_error(X, B[:5]), errors.ShapeMismatch, r"truth has shape \(5,\)"),
        (lambda: tla.plot_error(X, B * np.nan), errors.NotFinite, "truth"),
        (lambda: tla.plot_error(X, confidence=95), errors.InvalidInput, "confidence"),
        (lambda: tla.plot_error(X, ax=[1]), errors.InvalidInput, "ax is a list"),
        (lambda: tla.plot_error(stopped_at_once()), errors.InvalidInput, "before it read"),
    ],
)  # fmt: skip
def test_bad_input_has_one_clear_error_and_opens_no_figure(call, error, says):
    with pytest.raises(error, match=says):
        call()
    assert plt.get_fignums() == []


def test_windows_that_are_the_same_have_no_error():
    with pytest.raises(errors.Degenerate, match="all windows"):
        noise_of(np.arange(1.0, 5.0), np.ones((4, 2)), 0.0, 3)
