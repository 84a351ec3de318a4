"""solve_lyapunov: the covariance at rest, for symmetric and non-symmetric drifts alike."""

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
from thermolinalg.errors import InvalidInput, NotSymmetric, ShapeMismatch, Unstable

PROBLEMS = {
    "symmetric": (wishart(3), np.diag([1.0, 2.0, 0.5])),
    "shear": (np.array([[1.0, 5.0], [0.0, 2.0]]), np.eye(2)),
    "strong shear": (np.array([[1.0, 30.0], [0.0, 1.2]]), np.eye(2)),
    "whirl, one noise": (np.array([[1.0, -10.0], [10.0, 1.0]]), np.diag([1.0, 0.0])),
    "indefinite": (np.array([[1.0, 2.0], [-1.0, 1.5]]), np.array([[0.0, 1.0], [1.0, 0.0]])),
    "nearly all negative": (wishart(3), np.diag([-1.0, -2.0, 0.1])),
    "negative": (np.array([[1.0, 3.0], [0.0, 2.0]]), -np.eye(2)),
    "coupled noise": (np.array([[2.0, 1.0], [0.0, 0.3]]), np.array([[1.0, 0.5], [0.5, 1.0]])),
}
RUNS = 80


@pytest.mark.parametrize("name", PROBLEMS)
def test_coverage_and_wanted_error(name):
    A, Q = PROBLEMS[name]
    truth = scipy.linalg.solve_continuous_lyapunov(A, Q)
    runs = [tla.solve_lyapunov(A, Q, rtol=0.25, rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval(0.95) for x in runs)]
    lower = np.tril_indices(len(A))
    testing.assert_frequency(np.sum(covered, axis=0)[lower], RUNS, 0.95)
    for i, j in zip(*lower, strict=True):
        testing.assert_average([x.value[i, j] for x in runs], truth[i, j])
    met = [np.linalg.norm(x.value - truth) <= 0.25 * np.linalg.norm(truth) for x in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)


def test_an_absolute_error_waits_for_an_answer_far_beyond_its_noise():
    """Of a shear |S| is far more than |Q|/2, and so is what a start at zero has to forget."""
    A, Q = PROBLEMS["strong shear"]
    truth = scipy.linalg.solve_continuous_lyapunov(A, Q)
    size, met = np.linalg.norm(truth), 0
    for seed in range(20):
        S = tla.solve_lyapunov(A, Q, rtol=0.0, atol=0.3 * size, chains=32, rng=seed)
        met += np.linalg.norm(S.value - truth) <= 0.3 * size
    testing.assert_at_least(met, 20, 0.95)


@pytest.mark.parametrize("power", [-300, 300])
def test_units_do_not_matter(power):
    A, Q = PROBLEMS["shear"]
    one = tla.solve_lyapunov(A, Q, rng=0).value
    np.testing.assert_allclose(
        tla.solve_lyapunov(A * 2.0**power, Q * 2.0**power, rng=0).value, one, rtol=1e-12
    )


@settings(max_examples=15)
@given(data=st.data(), n=SIZES, seed=SEEDS)
def test_the_answer(data, n, seed):
    A, G = data.draw(testing.spd_matrices(n, condition=3.98)), data.draw(testing.matrices(n, n))
    Q = G + G.T + np.diag((-1.0) ** np.arange(n))
    S = tla.solve_lyapunov(A, Q, rtol=0.3, max_time=1e7, rng=seed)
    np.testing.assert_allclose(S.value, S.value.T, atol=1e-12 * np.abs(S.value).max())
    testing.assert_agrees(S, scipy.linalg.solve_continuous_lyapunov(A, Q))


def test_a_definite_right_side_costs_what_it_did():
    """One process of n coordinates, and the same numbers whatever its sign."""
    A, Q = PROBLEMS["shear"]
    one, other = tla.solve_lyapunov(A, Q, rng=0), tla.solve_lyapunov(A, -Q, rng=0)
    np.testing.assert_array_equal(one.value, -other.value)
    assert one.ledger == other.ledger


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_of_an_indefinite_problem(dtype):
    A, Q = PROBLEMS["indefinite"]
    S = tla.solve_lyapunov(A.astype(dtype), Q, rng=0)
    assert S.value.dtype == S.stderr.dtype == dtype
    testing.assert_agrees(S, scipy.linalg.solve_continuous_lyapunov(A, Q))
    again = tla.solve_lyapunov(A.astype(dtype), Q, rng=0)
    np.testing.assert_array_equal(S.value, again.value)


def test_arrays_of_another_library():
    A, Q = (array_api_strict.asarray(M) for M in PROBLEMS["indefinite"])
    S = tla.solve_lyapunov(A, Q, rng=0)
    assert isinstance(S.value, type(A))
    here = tla.solve_lyapunov(*PROBLEMS["indefinite"], rng=0)
    np.testing.assert_allclose(S, here.value, rtol=1e-10, atol=1e-12)


def test_a_spent_budget_is_told():
    A, Q = PROBLEMS["indefinite"]
    plan = tla.solve_lyapunov(A, Q, rng=0).plan
    S = tla.solve_lyapunov(A, Q, max_time=plan.time, rtol=1e-3, rng=0)
    assert S.outcome is tla.Outcome.BUDGET_SPENT
    testing.assert_agrees(S, scipy.linalg.solve_continuous_lyapunov(A, Q))


@pytest.mark.parametrize("name", ["shear", "indefinite"])
def test_no_digital_solver_is_called(name, monkeypatch):
    A, Q = PROBLEMS[name]
    truth = scipy.linalg.solve_continuous_lyapunov(A, Q)
    forbid_digital_solvers(monkeypatch)
    x = tla.solve_lyapunov(A, Q, rng=0)
    testing.assert_agrees(x, truth)
    with pytest.raises(AssertionError, match="digital solver"):
        str(x)


def test_the_report_has_the_digital_baseline():
    assert "Bartels-Stewart" in str(tla.solve_lyapunov(*PROBLEMS["shear"], rng=0))


BAD = {
    "unstable": (-np.eye(2), np.eye(2), Unstable, "A has an eigenvalue"),
    "not symmetric": (np.eye(2), np.array([[1.0, 1.0], [0.0, 1.0]]), NotSymmetric, "Q is not symm"),
    "sizes": (np.eye(2), np.eye(3), ShapeMismatch, "Q has shape"),
    "zero": (np.eye(2), np.zeros((2, 2)), InvalidInput, "Q is zero"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    A, Q, error, message = BAD[name]
    with pytest.raises(error, match=message):
        tla.solve_lyapunov(A, Q, rng=0)
