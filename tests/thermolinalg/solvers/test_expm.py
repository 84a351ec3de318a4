"""expm: the memory of the noise is the matrix exponential, of any square matrix."""

import array_api_strict
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import SEEDS, SIZES
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, NotReal, ShapeMismatch

WHIRL = np.array([[0.0, 3.0, 0.0], [-3.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
PROBLEMS = {
    "zero": np.zeros((2, 2)),
    "nilpotent": np.eye(3, k=1),
    "defective": np.eye(3) + np.eye(3, k=1),
    "skew": WHIRL,
    "fast whirl": 10 * WHIRL,
    "not normal": np.array([[-1.0, 2.0], [0.0, -2.0]]),
    "unstable": wishart(3),
    "symmetric, stable": -wishart(3),
    "indefinite": np.array([[1.0, 2.0], [2.0, -1.0]]),
}
A = PROBLEMS["skew"]
RUNS = 200


@settings(max_examples=30)
@given(data=st.data(), n=SIZES, t=st.floats(-1.0, 1.0).filter(lambda t: t != 0), seed=SEEDS)
def test_the_answer(data, n, t, seed):
    G = data.draw(testing.matrices(n, n))
    X = tla.expm(G, t, rtol=0.3, rng=seed)
    assert X.value.shape == X.stderr.shape == (n, n)
    testing.assert_agrees(X, scipy.linalg.expm(G * t))


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_answer_of_special_matrices(name):
    X = tla.expm(PROBLEMS[name], rng=0)
    assert X.outcome in {tla.Outcome.CONVERGED, tla.Outcome.MISSED}
    testing.assert_agrees(X, scipy.linalg.expm(PROBLEMS[name]))


@pytest.mark.parametrize("name", ["skew", "nilpotent", "symmetric, stable"])
def test_coverage_bias_and_wanted_error(name):
    truth = scipy.linalg.expm(PROBLEMS[name])
    runs = [tla.expm(PROBLEMS[name], rtol=0.2, rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (X.interval(0.95) for X in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)
    for i, j in np.ndindex(truth.shape):
        testing.assert_average([X.value[i, j] for X in runs], truth[i, j])
    met = [np.linalg.norm(X.value - truth) <= 0.2 * np.linalg.norm(truth) for X in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)


def test_backwards_in_time():
    testing.assert_agrees(tla.expm(A, -0.7, rng=0), scipy.linalg.expm(-0.7 * A))
    np.testing.assert_array_equal(tla.expm(A, -2.0, rng=0).value, tla.expm(-A, 2.0, rng=0).value)


@pytest.mark.parametrize("power", [-900, 900])
def test_only_the_product_matters(power):
    """Of a time and a matrix whose sizes are no squares of numbers."""
    one = tla.expm(A, rng=0).value
    np.testing.assert_array_equal(tla.expm(A * 2.0**power, 2.0**-power, rng=0).value, one)


@pytest.mark.parametrize("shift", [-300.0, 300.0])
def test_large_and_small_exponentials(shift):
    """A multiple of the identity is a scale, and costs nothing."""
    one = tla.expm(A, rng=0)
    other = tla.expm(A + shift * np.eye(3), rng=0)
    assert other.outcome is tla.Outcome.CONVERGED
    assert np.isfinite(other.error)
    testing.assert_agrees(other, np.exp(shift) * scipy.linalg.expm(A))
    assert other.plan.time == pytest.approx(one.plan.time, rel=1e-6)


def test_it_starts_at_rest():
    plan = tla.expm(A, rng=0).plan
    assert plan.burn_in == 0
    assert plan.time == plan.pilot + plan.averaging


def test_a_spent_budget_is_told():
    plan = tla.expm(A, rng=0).plan
    X = tla.expm(A, max_time=2 * plan.pilot, rtol=1e-3, rng=0)
    assert X.outcome is tla.Outcome.BUDGET_SPENT
    assert X.plan.time <= 2 * plan.pilot
    testing.assert_agrees(X, scipy.linalg.expm(A))


def test_an_answer_below_the_noise_is_told():
    """Far from normal: e^α is a million times the answer."""
    shear = np.array([[-20.0, 40.0], [0.0, -22.0]])
    X = tla.expm(shear, max_time=1e5, rng=0)
    assert X.outcome is tla.Outcome.BUDGET_SPENT
    testing.assert_agrees(X, scipy.linalg.expm(shear))


def test_single_precision():
    X = tla.expm(A.astype(np.float32), rng=0)
    assert X.value.dtype == X.stderr.dtype == np.float32
    testing.assert_agrees(X, scipy.linalg.expm(A))


def test_arrays_of_another_library():
    X = tla.expm(array_api_strict.asarray(A), 0.5, rng=0)
    assert isinstance(X.value, type(array_api_strict.asarray(A)))
    np.testing.assert_allclose(X, tla.expm(A, 0.5, rng=0).value, rtol=1e-10, atol=1e-12)


def test_no_digital_solver_is_called(monkeypatch):
    truth = scipy.linalg.expm(A)
    forbid_digital_solvers(monkeypatch)
    testing.assert_agrees(tla.expm(A, rng=0), truth)


def test_the_users_exponential_is_not_formed(monkeypatch):
    """The simulator may integrate its process, e^{-Ms}, but nobody asks for e^{At}."""
    asked = []
    expm = scipy.linalg.expm
    monkeypatch.setattr(scipy.linalg, "expm", lambda M: asked.append(M) or expm(M))
    tla.expm(A, rng=0)
    assert all(len(M) > len(A) for M in asked)


def test_the_report_has_the_digital_baseline():
    assert "scaling and squaring" in str(tla.expm(A, rng=0))


def test_seeds():
    np.testing.assert_array_equal(tla.expm(A, rng=1).value, tla.expm(A, rng=1).value)
    fresh, other = tla.expm(A), tla.expm(A)
    assert (fresh.value != other.value).all()
    np.testing.assert_array_equal(tla.expm(A, rng=fresh.seed).value, fresh.value)


BAD = {
    "not square": (np.ones((2, 3)), 1.0, ShapeMismatch, "A has shape"),
    "not finite": (np.full((2, 2), np.nan), 1.0, NotFinite, "A holds"),
    "complex": (1j * np.eye(2), 1.0, NotReal, "A has dtype"),
    "no time": (np.eye(2), 0.0, InvalidInput, "t = 0"),
    "time for ever": (np.eye(2), np.inf, InvalidInput, "t = inf"),
    "overflow": (np.eye(2), 1000.0, InvalidInput, "too large"),
    "overflow of the product": (1e200 * np.eye(2), 1e200, InvalidInput, "too large"),
    "overflow of single precision": (np.eye(2, dtype=np.float32), 100.0, InvalidInput, "too large"),
    "underflow": (-np.eye(2), 1000.0, InvalidInput, "too small"),
    "no digits": (WHIRL, 1e15, InvalidInput, "no digits left"),
    "no digits, overflow": (WHIRL * 1e200, 1e200, InvalidInput, "no digits left"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    M, t, error, message = BAD[name]
    with pytest.raises(error, match=message):
        tla.expm(M, t, rng=0)
