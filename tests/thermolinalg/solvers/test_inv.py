"""inv: the covariance of the noise is the inverse, with an honest error bar."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests import statistics
from tests.thermolinalg.cases import SEEDS, SIZES, definite
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, wishart

A = wishart(3)
RUNS = 200


@settings(max_examples=20)
@given(data=st.data(), n=SIZES, seed=SEEDS)
def test_the_answer(data, n, seed):
    S = data.draw(definite(n, decades=0.5))
    X = tla.inv(S, rtol=0.2, rng=seed)
    assert X.value.shape == X.stderr.shape == (n, n)
    np.testing.assert_allclose(X.value, X.value.T, rtol=1e-12)
    statistics.assert_agrees(X, np.linalg.inv(S))


def test_coverage_bias_and_wanted_error():
    truth = np.linalg.inv(A)
    runs = [tla.inv(A, rtol=0.1, rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (X.interval(0.95) for X in runs)]
    statistics.assert_frequency(np.sum(covered, axis=0)[np.tril_indices(3)], RUNS, 0.95)
    for i, j in zip(*np.tril_indices(3), strict=True):
        statistics.assert_average([X.value[i, j] for X in runs], truth[i, j])
    met = [np.linalg.norm(X.value - truth) <= 0.1 * np.linalg.norm(truth) for X in runs]
    statistics.assert_at_least(sum(met), RUNS, 0.95)


def test_no_digital_solver_is_called(monkeypatch):
    truth = np.linalg.inv(A)
    forbid_digital_solvers(monkeypatch)
    X = tla.inv(A, rng=0)
    statistics.assert_agrees(X, truth)
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
    statistics.assert_agrees(X, np.linalg.inv(A))


def test_seeds():
    np.testing.assert_array_equal(tla.inv(A, rng=1).value, tla.inv(A, rng=1).value)
    fresh, other = tla.inv(A), tla.inv(A)
    assert (fresh.value != other.value).all()
