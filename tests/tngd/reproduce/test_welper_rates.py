"""The one-dimensional model of Gentile and Welper, against sums, eigenvalues and the limit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.errors import InvalidInput
from tngd.reproduce.contract import Done
from tngd.reproduce.published import find_published
from tngd.reproduce.welper_fits import Rate, time_rates, width_rate
from tngd.reproduce.welper_model import Grid, draw, kernel_distance
from tngd.reproduce.welper_protocol import Protocol
from tngd.reproduce.welper_targets import TARGETS, find_target, linear_errors
from tngd.reproduce.welper_training import Adam, Descent, evaluate, train

EPS = np.finfo(float).eps
seeds, sizes = st.integers(0, 10**6), st.integers(2, 40)


def by_neurons(ridges, theta, x):
    """f (s, n), a neuron at a time."""
    m = theta.shape[1]
    relu = np.maximum(x - theta[:, :, None], 0.0)
    return np.einsum("sm,smn->sn", ridges.signs, relu) / np.sqrt(m)


def features(ridges, theta, x):
    """∂f/∂θ (s, m, n)."""
    return -ridges.signs[:, :, None] * (x > theta[:, :, None]) / np.sqrt(theta.shape[1])


@given(seed=seeds, m=sizes, n=sizes, ends=st.booleans(), spread=st.floats(0.5, 1.5))
def test_output_and_gradient_are_sums_over_neurons_and_points(seed, m, n, ends, spread):
    rng, grid = np.random.default_rng(seed), Grid(n, ends)
    ridges = draw(rng, 2, m, paired=False)
    theta, y = spread * ridges.start, rng.standard_normal(n)
    f, right = ridges.output(theta, grid)
    size = 4 * EPS * m * n * (1 + np.abs(theta).max())
    np.testing.assert_allclose(f, by_neurons(ridges, theta, grid.x), atol=size)
    wanted = np.einsum("smn,sn->sm", features(ridges, theta, grid.x), f - y) * 2 / n
    found = ridges.gradient(f - y, right)
    np.testing.assert_allclose(found, wanted, atol=size * np.abs(f - y).max())


def test_the_gradient_is_the_slope_of_half_the_square():
    """Where no bias passes a point the error is a parabola: differences have no error of their own,
    but for rounding of the two squares, over the distance."""
    rng, grid, h = np.random.default_rng(0), Grid(60), 1e-5
    ridges, y = draw(rng, 1, 9, paired=False), np.cos(grid.x)
    f, right = ridges.output(ridges.start, grid)
    g = ridges.gradient(f - y, right)
    for r in range(9):
        move = h * np.eye(9)[[r]]
        up, down = (
            float(grid.norm(by_neurons(ridges, ridges.start + d, grid.x) - y)[0]) ** 2 / 2
            for d in (move, -move)
        )
        assert abs((up - down) / (2 * h) - g[0, r]) <= 60 * EPS * (up + down) / h


def test_a_pair_starts_from_nothing_and_needs_two():
    ridges = draw(np.random.default_rng(0), 3, 8, paired=True)
    f, _ = ridges.output(ridges.start, Grid(50))
    assert np.abs(f).max() <= 8 * 50 * EPS
    with pytest.raises(InvalidInput, match="width = 7 must be even"):
        draw(np.random.default_rng(0), 3, 7, paired=True)


@given(seed=seeds, m=st.integers(1, 12), spread=st.floats(0.3, 1.3))
def test_the_kernel_distance_is_that_of_matrices(seed, m, spread):
    """On n x n middles of cells the kernels are off where they jump or bend, in O(m/n) of all."""
    n = 400
    theta = spread * np.random.default_rng(seed).uniform(-1, 1, (1, m))
    x = Grid(n).x
    ahead = (x > theta.T).astype(float)
    limit = (1 + np.minimum.outer(x, x)) / 2
    wanted = np.linalg.norm(ahead.T @ ahead / m - limit) / np.linalg.norm(limit)
    assert abs(kernel_distance(theta)[0] ** 2 - wanted**2) <= 4 * (m + 1) / n


def test_the_mean_square_of_the_kernel_distance_is_one_over_the_width():
    """False alarm: 1e-6, by the normal law of a mean of 4000."""
    squares = 25 * kernel_distance(np.random.default_rng(5).uniform(-1, 1, (4000, 25))) ** 2
    assert abs(squares.mean() - 1) <= 4.9 * squares.std() / np.sqrt(4000)


def test_infinite_width_is_the_limit_of_its_kernel_on_points():
    """The kernel of the points has eigenvalues of its own: 1/(2 sin²) for 2/(angle²) (type IV)."""
    n, times = 200, np.array([0.5, 5.0, 50.0])
    grid = Grid(n)
    H = (1 + np.minimum.outer(grid.x, grid.x)) / n
    a, V = np.linalg.eigh(H)
    for target in TARGETS.values():
        y = target.value(grid.x)
        exact = [grid.norm(V @ (np.exp(-a * t) * (V.T @ y))) for t in times]
        found = linear_errors(target, times, n)
        angle = (np.arange(n) + 0.5) * np.pi / (2 * n)
        gap = np.abs(1 / (2 * (n * np.sin(angle)) ** 2) - 1 / (2 * (n * angle) ** 2)).max()
        corner = 2 / n  # the point kernel starts half a cell late
        rises = times * (gap + corner) * grid.norm(y)
        assert np.all(np.abs(found - exact) <= rises)


@pytest.mark.parametrize("name", ["cusp", "step"])
def test_infinite_width_learns_at_the_rate_of_the_theory_late(name):
    times = np.geomspace(1e3, 1e5, 20)
    errors = linear_errors(TARGETS[name], times, 2**14)[:, None]
    found = time_rates(times, errors, (1e3, 1e5))[0]
    assert abs(found - TARGETS[name].time_rate) < 0.05
    smooth = linear_errors(TARGETS["gaussian"], times, 2**14)
    assert time_rates(times, smooth[:, None], (1e3, 1e5))[0] > 1


def test_small_steps_of_a_wide_network_follow_infinite_width():
    """The residual is off by about t |H_θ - H_∞| |y| at most, drift counted by its own distance."""
    ridges = draw(np.random.default_rng(1), 3, 2000, paired=True)
    target, grid = TARGETS["cusp"], Grid(256)
    trained = train(ridges, target, grid, Descent(0.25, 40), 5)
    line = linear_errors(target, trained.times, 256)
    size = grid.norm(target.value(grid.x))
    furthest = 0.82 * np.maximum(trained.distances.max(), kernel_distance(ridges.start).max())
    limit = trained.times[:, None] * (furthest + 0.25 / 2 + 2 / 256) * size
    assert np.all(np.abs(trained.errors - line[:, None]) <= limit)
    assert np.all(np.diff(trained.errors, axis=0) < 0)


def test_adam_moves_each_bias_by_its_rate_at_first_and_less_later():
    method, g = Adam(0.1, 8, 0.5), np.array([[2.0, -3.0]])
    carried = method.start(g)
    moves = [method.move(g, step, carried) for step in range(1, 9)]
    rates = [0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125]
    for move, rate in zip(moves, rates, strict=True):
        np.testing.assert_allclose(move, rate * np.sign(g), rtol=1e-7)


def test_evaluation_is_a_finer_norm():
    ridges = draw(np.random.default_rng(2), 2, 6, paired=True)
    size = np.sqrt(1.0)  # of the step: 1 on half of [-1, 1]
    found = evaluate(ridges, ridges.start, TARGETS["step"])
    np.testing.assert_allclose(found, size, rtol=600 * 6 * EPS)


def test_rates_are_those_of_powers():
    widths, rng = [10, 30, 90], np.random.default_rng(0)
    exact = width_rate(widths, [[3 * w**-0.5] * 4 for w in widths], rng)
    np.testing.assert_allclose(exact, 0.5, rtol=1e-12)
    noisy = [3 * w**-0.5 * np.exp(0.1 * rng.standard_normal(50)) for w in widths]
    found = width_rate(widths, noisy, rng)
    assert found.low < 0.5 < found.high
    assert (found.against(0.0), found.against(0.5), found.against(9.0)) == (
        "holds",
        "is not settled",
        "does not hold",
    )
    assert str(Rate(0.5, 0.25, 1.0)) == "0.5 [0.25, 1]"


def test_what_cannot_be_asked():
    with pytest.raises(InvalidInput, match="target = 'tent' is unknown"):
        find_target("tent")
    with pytest.raises(InvalidInput, match='"adam" or "descent"'):
        Protocol("newton", 1.0, (10,), 2, {"step": 1})
    with pytest.raises(InvalidInput, match="n = 1 must be at least 2"):
        Grid(1)


@pytest.fixture(scope="module")
def quick():
    experiment = find_published("welper-rates", quick=True).experiment
    return experiment, [Done(case, experiment.measure(case)) for case in experiment.cases([])]


def test_it_runs_and_repeats(quick):
    experiment, done = quick
    assert experiment.measure(done[0].case) == done[0].numbers
    assert len(experiment.figure(done).axes) == 3


def with_errors(done, rates):
    """The same, with errors that fall at these rates."""
    made = []
    for each in done:
        factor = each.case["width"] ** -rates[each.case["target"]]
        errors = [factor * (1 + k / 1000) for k in range(len(each.numbers["error"]))]
        made.append(Done(each.case, {**each.numbers, "error": errors}))
    return made


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ((2.0, 0.5, 0.1), "gaussian, cusp, step - published: holds; fixed grid: holds"),
        ((0.1, 0.5, 2.0), "gaussian, cusp, step - published: does not hold"),
        ((0.5, 0.5, 0.5), "gaussian, cusp, step - published: is not settled"),
    ],
)
def test_sentences_follow_the_numbers(quick, rates, said):
    experiment, done = quick
    text = experiment.findings(with_errors(done, dict(zip(TARGETS, rates, strict=True))))
    assert said in text
    for target, rate in zip(TARGETS, rates, strict=True):
        proven, bounded = ("holds" if rate > r else "does not hold" for r in (1 / 24, 1 / 4))
        told = f"published: at least 1/24 {proven}, at least 1/4 {bounded}"
        assert f"Error by width, {target}. {told}" in text


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ([0.4, 0.6, 0.4, 0.6], "the late 0.5 of the theory inside this interval"),
        ([0.1, 0.11, 0.1, 0.11], "the late 0.5 of the theory above it"),
        ([0.9, 0.91, 0.9, 0.91], "the late 0.5 of the theory below it"),
    ],
)
def test_rates_by_time_are_compared_with_the_theory(quick, rates, said):
    experiment, done = quick
    made = [Done(each.case, {**each.numbers, "time_rate": rates}) for each in done]
    (line,) = [s for s in experiment.findings(made).splitlines() if s.startswith("- By time, cusp")]
    assert said in line
