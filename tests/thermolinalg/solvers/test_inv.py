"""inv: the covariance of the noise is the inverse, with an honest error bar."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import SEEDS, SIZES
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.solvers.budget import BIAS

A = wishart(3)
RUNS = 200
PAIRS = [(0, 1), (2, 2), (1, 0), (-1, 0)]
PARTS = {
    "diagonal": ("diagonal", np.diagonal),
    "trace": ("trace", np.trace),
    "entries": (PAIRS, lambda X: np.array([X[i, j] for i, j in PAIRS])),
}
each_part = pytest.mark.parametrize("name", PARTS)


@settings(max_examples=20)
@given(data=st.data(), n=SIZES, seed=SEEDS)
def test_the_answer(data, n, seed):
    S = data.draw(testing.spd_matrices(n, condition=10))
    X = tla.inv(S, rtol=0.2, rng=seed)
    assert X.value.shape == X.stderr.shape == (n, n)
    np.testing.assert_allclose(X.value, X.value.T, rtol=1e-12)
    testing.assert_agrees(X, np.linalg.inv(S))


def test_coverage_bias_and_wanted_error():
    truth = np.linalg.inv(A)
    runs = [tla.inv(A, rtol=0.1, rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (X.interval(0.95) for X in runs)]
    testing.assert_frequency(np.sum(covered, axis=0)[np.tril_indices(3)], RUNS, 0.95)
    for i, j in zip(*np.tril_indices(3), strict=True):
        testing.assert_average([X.value[i, j] for X in runs], truth[i, j])
    met = [np.linalg.norm(X.value - truth) <= 0.1 * np.linalg.norm(truth) for X in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)


@each_part
@settings(max_examples=15)
@given(data=st.data(), n=st.integers(3, 5), seed=SEEDS)
def test_a_part_of_the_answer(name, data, n, seed):
    S = (
        data.draw(testing.spd_matrices(n, condition=3.98)) + 0.2
    )  # no entry is near zero, as the diagonal is not
    only, part = PARTS[name]
    truth = part(np.linalg.inv(S))
    X = tla.inv(S, only=only, rtol=0.3, rng=seed)
    assert X.value.shape == X.stderr.shape == truth.shape
    testing.assert_agrees(X, truth)


@each_part
def test_coverage_bias_and_wanted_error_of_a_part(name):
    only, part = PARTS[name]
    truth = part(np.linalg.inv(A))
    runs = [tla.inv(A, only=only, rtol=0.2, rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (X.interval(0.95) for X in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)
    for values, right in zip(np.stack(runs).reshape(RUNS, -1).T, np.ravel(truth), strict=True):
        testing.assert_average(values, right)
    met = [np.linalg.norm(X.value - truth) <= 0.2 * np.linalg.norm(truth) for X in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)


@each_part
def test_a_part_is_read_off_the_same_run(name):
    """The same seed and time give that part of what all of the matrix gives, to rounding."""
    _, part = PARTS[name]
    start, window = np.zeros((1, 3)), 50.0
    process = tla.overdamped(A, start)
    narrow = {
        "diagonal": tla.MomentEntries(np.array([(i, i) for i in range(3)])),
        "trace": tla.MomentTrace(),
        "entries": tla.MomentEntries(np.array(PAIRS) % 3),
    }[name]
    values, last = narrow.windows(process, start, window, 4, np.random.default_rng(0))
    whole, end = tla.SecondMoment().windows(process, start, window, 4, np.random.default_rng(0))
    np.testing.assert_allclose(values, [part(M) for M in whole], rtol=1e-10, atol=1e-13)
    np.testing.assert_array_equal(last, end)


def test_the_trace_in_coordinates_that_are_not_at_right_angles():
    process, start = tla.OU([[1.0, 5.0], [0.0, 2.0]], np.zeros(2), np.eye(2)), np.zeros((1, 2))
    values, _ = tla.MomentTrace().windows(process, start, 500.0, 2, np.random.default_rng(0))
    whole, _ = tla.SecondMoment().windows(process, start, 500.0, 2, np.random.default_rng(0))
    np.testing.assert_allclose(values, np.trace(whole, axis1=1, axis2=2), rtol=1e-10)


@each_part
def test_no_matrix_is_summed_up_for_a_part(name, monkeypatch):
    def forbidden(*_args):
        raise AssertionError("a matrix of moments was formed")

    for formed in ("squares", "congruent"):
        monkeypatch.setattr(f"thermolinalg.measurement.moment.{formed}", forbidden)
    tla.inv(A, only=PARTS[name][0], rng=0)
    with pytest.raises(AssertionError, match="matrix of moments"):
        tla.inv(A, rng=0)


@each_part
def test_a_part_in_single_precision_and_its_report(name):
    only, part = PARTS[name]
    X = tla.inv(A.astype(np.float32), only=only, rng=0)
    assert X.value.dtype == X.stderr.dtype == np.float32
    testing.assert_agrees(X, part(np.linalg.inv(A)))
    assert name in str(X)
    assert "Cholesky" in str(X)


@each_part
def test_a_part_in_another_library(name):
    only, _ = PARTS[name]
    X = tla.inv(array_api_strict.asarray(A), only=only, rng=0)
    assert isinstance(X.value, type(array_api_strict.asarray(A)))
    np.testing.assert_allclose(X, tla.inv(A, only=only, rng=0).value, rtol=1e-10, atol=1e-12)


def test_only_the_coordinates_that_are_named_are_read():
    """The link carries one number a sample for one entry of the diagonal, n for all of them."""
    one, all_of_them = (tla.MomentEntries(np.array(p)) for p in ([(2, 2)], [(0, 1), (2, 2)]))
    process = tla.overdamped(A, np.zeros(3))
    assert all_of_them.numbers(process, 50.0) == 3 * one.numbers(process, 50.0)


def test_a_coupling_that_is_zero_is_measured_to_an_absolute_error():
    X = tla.inv(np.diag([1.0, 2.0]), only=[(0, 1)], atol=0.1, rtol=0.0, rng=0)
    assert X.outcome is tla.Outcome.CONVERGED
    testing.assert_agrees(X, 0.0)


BAD = {
    "a word": ("corner", InvalidInput, "only = 'corner'"),
    "one pair": ((0, 1), ShapeMismatch, "only has shape"),
    "no pair": ([], ShapeMismatch, "only has shape"),
    "triples": ([(0, 1, 2)], ShapeMismatch, "only has shape"),
    "fractions": ([(0.5, 1.0)], InvalidInput, "only has dtype"),
    "a mask": (np.ones((3, 2), bool), InvalidInput, "only has dtype"),
    "beyond": ([(0, 3)], InvalidInput, "beyond those of a 3 x 3"),
    "uncoupled": ([(0, 2), (1, 2)], InvalidInput, "all zero"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_parts_are_named(name):
    only, error, message = BAD[name]
    with pytest.raises(error, match=message):
        tla.inv(np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]), only=only, rng=0)


def test_no_digital_solver_is_called(monkeypatch):
    truth = np.linalg.inv(A)
    forbid_digital_solvers(monkeypatch)
    X = tla.inv(A, rng=0)
    testing.assert_agrees(X, truth)
    with pytest.raises(AssertionError, match="digital solver"):
        str(X)


@settings(max_examples=10)
@given(seed=SEEDS, power=st.integers(-40, 40))
def test_units_do_not_matter(seed, power):
    c = 2.0**power
    np.testing.assert_array_equal(tla.inv(c * A, rng=seed).value * c, tla.inv(A, rng=seed).value)


def test_a_spent_budget_is_told():
    plan = tla.inv(A, rng=0).plan
    X = tla.inv(A, max_time=plan.burn_in + 4 * plan.pilot, rtol=1e-3, rng=0)
    assert X.outcome is tla.Outcome.BUDGET_SPENT
    testing.assert_agrees(X, np.linalg.inv(A))


def test_seeds():
    np.testing.assert_array_equal(tla.inv(A, rng=1).value, tla.inv(A, rng=1).value)
    fresh, other = tla.inv(A), tla.inv(A)
    assert (fresh.value != other.value).all()


@pytest.mark.parametrize("chains", [1, 32])
def test_prethermalised_chains_burn_in_as_the_next_mode_does(chains):
    """Each chain draws a start of its own, or 32 of them would share their soft modes."""
    S = np.diag([0.01, 0.3, 0.5, 1.0])
    count = RUNS if chains == 1 else RUNS // 2
    truth, knobs = np.linalg.inv(S), {"prethermalize": 1, "rtol": 0.5, "chains": chains}
    runs = [tla.inv(S, rng=seed, **knobs) for seed in range(count)]
    burn_in = chains * np.log(1 / (BIAS * 0.5)) / (2 * 0.3)
    assert runs[0].plan.burn_in == pytest.approx(burn_in)
    covered = [(low <= truth) & (truth <= high) for low, high in (X.interval(0.95) for X in runs)]
    testing.assert_frequency(np.sum(covered, axis=0)[np.tril_indices(4)], count, 0.95)
    testing.assert_average([X.value[0, 0] for X in runs], 100.0)


@pytest.mark.parametrize("count", [-1, 4, 1.5])
def test_a_bad_number_of_soft_modes_is_named(count):
    with pytest.raises(InvalidInput, match="prethermalize"):
        tla.inv(A, prethermalize=count)
