"""solve: the answer, its error bar, the wanted error, and no digital solver behind it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import SEEDS, SIZES
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, ring, wishart
from thermolinalg import testing
from thermolinalg.errors import (
    InvalidInput,
    NotFinite,
    NotPositiveDefinite,
    NotReal,
    NotSymmetric,
    ShapeMismatch,
    ThermoError,
)

N = 6
A = wishart(N)
B = np.arange(1.0, N + 1)
SIDES = np.stack([B, np.ones(N), B[::-1]], axis=1)
RUNS = 300


@settings(max_examples=30)
@given(data=st.data(), n=SIZES, seed=SEEDS)
def test_the_answer(data, n, seed):
    S = data.draw(testing.spd_matrices(n, condition=100))
    b = data.draw(testing.matrices(1, n))[0] + 0.1
    x = tla.solve(S, b, rng=seed)
    assert x.value.shape == (n,)
    assert x.outcome is tla.Outcome.CONVERGED
    testing.assert_agrees(x, np.linalg.solve(S, b))


@pytest.mark.parametrize("b", [B, SIDES], ids=["one side", "three sides"])
def test_coverage_bias_and_wanted_error(b):
    truth = np.linalg.solve(A, b)
    runs = [tla.solve(A, b, rtol=0.02, rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)
    for entries, right in zip(np.reshape(runs, (RUNS, -1)).T, truth.ravel(), strict=True):
        testing.assert_average(entries, right)
    met = [np.linalg.norm(x.value - truth) <= 0.02 * np.linalg.norm(truth) for x in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)
    assert all(x.outcome is tla.Outcome.CONVERGED for x in runs)


@pytest.mark.parametrize("confidence", [0.5, 0.8])
def test_other_confidences_are_met_without_waste(confidence):
    """The error is planned by its law: met about as often as asked for, not always."""
    truth = np.linalg.solve(A, B)
    runs = [
        tla.solve(A, B, rtol=1e-3, confidence=confidence, rng=seed).value for seed in range(RUNS)
    ]
    met = sum(np.linalg.norm(x - truth) <= 1e-3 * np.linalg.norm(truth) for x in runs)
    testing.assert_at_least(met, RUNS, confidence)
    testing.assert_at_least(RUNS - met, RUNS, (1 - confidence) / 3)


def test_an_absolute_tolerance():
    truth = np.linalg.solve(A, B)
    met = [
        np.linalg.norm(tla.solve(A, B, rtol=0, atol=0.3, rng=seed).value - truth) <= 0.3
        for seed in range(RUNS)
    ]
    testing.assert_at_least(sum(met), RUNS, 0.95)


def test_the_start_is_forgotten_whichever_tolerance_is_given():
    """From x = 0 the bias is at most e^{-slowest t} |answer|: a small share of the wanted error."""
    norm = np.linalg.norm(np.linalg.solve(A, B))
    for goal in ({"rtol": 1e-2}, {"rtol": 0, "atol": 1e-2 * norm}):
        plan = tla.solve(A, B, rng=0, **goal).plan
        assert np.exp(-plan.slowest * plan.burn_in) <= 0.02 * 1e-2 * (1 + 1e-9)


def test_each_side_is_its_own_problem():
    X = tla.solve(A, SIDES, rtol=1e-3, rng=0)
    assert X.value.shape == X.stderr.shape == SIDES.shape
    testing.assert_agrees(X, np.linalg.solve(A, SIDES))
    assert "3 right-hand sides" in repr(X)


def test_no_digital_solver_is_called(monkeypatch):
    truth = np.linalg.solve(A, B)
    forbid_digital_solvers(monkeypatch)
    x = tla.solve(A, B, rng=0)
    testing.assert_agrees(x, truth)
    repr(x)
    with pytest.raises(AssertionError, match="digital solver"):
        str(x)


@given(seed=SEEDS, power=st.integers(-40, 40))
def test_units_do_not_matter(seed, power):
    """Powers of two, so that not even the rounding changes."""
    c = 2.0**power
    x = tla.solve(A, B, rng=seed)
    stiffer, stronger = tla.solve(c * A, B, rng=seed), tla.solve(A, c * B, rng=seed)
    np.testing.assert_array_equal(stiffer.value * c, x.value)
    np.testing.assert_array_equal(stronger.value, c * x.value)
    np.testing.assert_array_equal(stronger.stderr, c * x.stderr)
    assert stiffer.plan.time == stronger.plan.time == x.plan.time


def test_temperature_costs_time_not_accuracy():
    warm, cold = (tla.solve(A, B, temperature=T, rtol=1e-3, rng=0) for T in (1.0, 0.25))
    assert cold.plan.averaging == pytest.approx(warm.plan.averaging / 4, rel=0.1)
    testing.assert_agrees(cold, np.linalg.solve(A, B))


@pytest.mark.parametrize("matrix", [ring(4), ring(100), wishart(30), np.eye(3), np.ones((1, 1))])
def test_a_device_is_programmed_to_its_largest_conductance(matrix):
    """The fastest mode relaxes in about one RC whatever the pattern of A."""
    plan = tla.solve(matrix, np.arange(1.0, len(matrix) + 1), rng=0).plan
    assert 1 - 1e-12 <= plan.fastest <= 1.1


def test_seeds():
    one, same = tla.solve(A, B, rng=5), tla.solve(A, B, rng=5)
    np.testing.assert_array_equal(one.value, same.value)
    fresh, other = tla.solve(A, B), tla.solve(A, B)
    assert (fresh.value != other.value).all()
    np.testing.assert_array_equal(tla.solve(A, B, rng=fresh.seed).value, fresh.value)
    generator = np.random.default_rng(0)
    assert (tla.solve(A, B, rng=generator).value != tla.solve(A, B, rng=generator).value).all()


def test_a_spent_budget_is_told_and_honest():
    plan = tla.solve(A, B, rtol=1e-3, rng=0).plan
    limit = plan.burn_in + 2.5 * plan.pilot
    truth = np.linalg.solve(A, B)
    runs = [tla.solve(A, B, rtol=1e-3, max_time=limit, rng=seed) for seed in range(RUNS)]
    assert all(x.outcome is tla.Outcome.BUDGET_SPENT for x in runs)
    assert all(x.plan.time <= limit * (1 + 1e-12) for x in runs)
    within = [np.linalg.norm(x.value - truth) <= x.plan.expected_error for x in runs]
    testing.assert_at_least(sum(within), RUNS, 0.95)
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval() for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)


@pytest.mark.parametrize("limit", [0.0, 1.0, -5.0])
def test_no_time_at_all_is_refused(limit):
    with pytest.raises(InvalidInput, match=r"max_time = .* is too short"):
        tla.solve(A, B, max_time=limit)


def test_a_zero_side_can_be_measured_absolutely():
    x = tla.solve(A, np.zeros(N), atol=0.1, rng=0)
    assert x.plan.burn_in == 0
    testing.assert_agrees(x, np.zeros(N))
    met = [
        np.linalg.norm(tla.solve(A, np.zeros(N), rtol=0, atol=0.1, rng=seed).value) <= 0.1
        for seed in range(RUNS)
    ]
    testing.assert_at_least(sum(met), RUNS, 0.95)


INDEFINITE = np.diag([1.0, -1.0, 2.0, 3.0, 4.0, 5.0])

BAD = {
    "singular": (
        (np.ones((N, N)), B),
        {},
        NotPositiveDefinite,
        "A is singular.*add a ridge.*r = 0.006",
    ),
    "singular on purpose": ((ring(N, 0), B), {}, NotPositiveDefinite, "A is singular"),
    "zero": ((0 * A, B), {}, NotPositiveDefinite, "A is zero"),
    "not a number": ((A * np.nan, B), {}, NotFinite, "A holds 36 NaN"),
    "infinite side": ((A, B * np.inf), {}, NotFinite, "b holds 6 NaN"),
    "not square": ((A[:3], B), {}, ShapeMismatch, "A has shape"),
    "empty": ((A[:0, :0], B[:0]), {}, ShapeMismatch, "A has shape"),
    "a vector": ((B, B), {}, ShapeMismatch, "A has shape"),
    "complex": ((A + 0j, B), {}, NotReal, "A has dtype complex128.*real one of twice"),
    "complex side": ((A, B * 1j), {}, NotReal, "b has dtype complex"),
    "words": ((A, ["a"] * N), {}, NotReal, "b has dtype"),
    "long side": ((A, np.ones(N + 1)), {}, ShapeMismatch, r"b has shape \(7,\)"),
    "row side": ((A, np.ones((1, N))), {}, ShapeMismatch, "b has shape"),
    "no side": ((A, np.ones((N, 0))), {}, ShapeMismatch, "b has shape"),
    "number side": ((A, 1.0), {}, ShapeMismatch, "b has shape"),
    "zero side": ((A, 0 * B), {}, InvalidInput, "b is zero.*atol > 0"),
    "rtol": ((A, B), {"rtol": -1}, InvalidInput, "rtol = -1 must be >= 0"),
    "rtol word": ((A, B), {"rtol": "fine"}, InvalidInput, "rtol = 'fine' must be a number"),
    "rtol NaN": ((A, B), {"rtol": np.nan}, InvalidInput, "rtol = nan must be finite"),
    "atol": ((A, B), {"atol": -1}, InvalidInput, "atol = -1"),
    "no tolerance": ((A, B), {"rtol": 0}, InvalidInput, "rtol and atol are both 0"),
    "confidence 0": ((A, B), {"confidence": 0}, InvalidInput, "confidence = 0 must lie"),
    "confidence 1": ((A, B), {"confidence": 1}, InvalidInput, "confidence = 1 must lie"),
    "cold": ((A, B), {"temperature": 0}, InvalidInput, "temperature = 0 must be > 0"),
    "rng": ((A, B), {"rng": "lucky"}, InvalidInput, "rng = 'lucky'.*non-negative int"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    arguments, knobs, error, message = BAD[name]
    with pytest.raises(error, match=message) as caught:
        tla.solve(*arguments, **knobs)
    assert isinstance(caught.value, ThermoError)
    assert isinstance(caught.value, ValueError)


BAD_TO_INVERT = {n: case for n, case in BAD.items() if np.array_equal(case[0][-1], B)} | {
    "indefinite": ((INDEFINITE, B), {}, NotPositiveDefinite, "A is indefinite.*-1.*r = 2"),
    "negative": ((-A, B), {}, NotPositiveDefinite, "A is indefinite"),
    "asymmetric": ((np.triu(A), B), {}, NotSymmetric, r"A is not symmetric.*solve\(A, I\)"),
}


@pytest.mark.parametrize("name", BAD_TO_INVERT)
def test_bad_input_of_inv_is_named(name):
    (matrix, _), knobs, error, message = BAD_TO_INVERT[name]
    if "temperature" in knobs:
        return
    with pytest.raises(error, match=message):
        tla.inv(matrix, **knobs)


@pytest.mark.parametrize(("size", "drive"), [(1e200, 1e-200), (1e-200, 1e200)])
def test_an_answer_beyond_all_numbers_is_refused(size, drive):
    with pytest.raises(InvalidInput, match="no number of float64"):
        tla.solve(size * np.eye(2), drive * np.ones(2))
