"""The statistical assertions pass what is right, fail what is wrong, and alarm as often as stated.

They are tested with a false-alarm rate large enough to count the alarms.
"""

from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from tests import oracles
from tests.thermolinalg.cases import PUBLISHED
from thermolinalg import testing

COV = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 1.0]])
MEAN = np.array([1.0, -2.0, 0.0])


def draws(m, cov=COV, mean=MEAN, seed=0):
    return np.random.default_rng(seed).multivariate_normal(mean, cov, m, method="eigh")


def alarms(check, trials=400):
    """How often a check that should pass does not."""

    def fails(seed):
        try:
            check(seed)
        except AssertionError:
            return True
        return False

    return sum(fails(seed) for seed in range(trials)), trials


def test_right_samples_pass():
    testing.assert_mean_matches(draws(10_000), MEAN, COV)
    testing.assert_covariance_matches(draws(10_000), COV, mean=MEAN)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_covariance_of_the_symmetric_part_fails(name):
    A, D = (np.asarray(x, float) for x in PUBLISHED[name])
    right = oracles.law_by_ode(A, A[0], D, 1.0).C
    samples = draws(500_000, right, np.zeros(len(A)))
    testing.assert_covariance_matches(samples, right)
    with pytest.raises(AssertionError, match="variance ratio"):
        testing.assert_covariance_matches(samples, oracles.symmetric_part_covariance(A, D, 1.0))


def test_a_wrong_mean_fails():
    with pytest.raises(AssertionError, match="mean"):
        testing.assert_mean_matches(draws(10_000), MEAN + 0.1, COV)


@pytest.mark.parametrize("i", range(3))
@pytest.mark.parametrize("j", range(3))
def test_a_wrong_entry_of_the_covariance_fails(i, j):
    wrong = COV.copy()
    wrong[i, j] = wrong[j, i] = wrong[i, j] + 0.1
    with pytest.raises(AssertionError, match="variance ratio"):
        testing.assert_covariance_matches(draws(50_000), wrong, mean=MEAN)


def test_a_singular_covariance_allows_no_width_of_its_own():
    flat = np.outer([1.0, 2.0, -1.0], [1.0, 2.0, -1.0])
    testing.assert_covariance_matches(draws(1000, flat), flat, mean=MEAN)
    testing.assert_covariance_matches(np.zeros((9, 3)), np.zeros((3, 3)))
    with pytest.raises(AssertionError, match="no width"):
        testing.assert_covariance_matches(draws(1000, flat + 1e-4 * np.eye(3)), flat, mean=MEAN)


def test_false_alarms_come_as_often_as_stated():
    rate = 0.05
    checks = [
        lambda s: testing.assert_mean_matches(
            draws(50, np.eye(3), MEAN, s), MEAN, np.eye(3), false_alarm=rate
        ),
        lambda s: testing.assert_covariance_matches(
            draws(50, COV[:1, :1], MEAN[:1], s), COV[:1, :1], mean=MEAN[:1], false_alarm=rate
        ),
        lambda s: testing.assert_average(draws(50, seed=s)[:, 0], MEAN[0], false_alarm=rate),
    ]
    for check in checks:
        testing.assert_frequency(*alarms(check), rate)


class Measured(NamedTuple):
    """As much of an Estimate as an assertion looks at."""

    value: float
    stderr: float
    dof: float

    def __array__(self, dtype=None, copy=None):
        return np.full(4, self.value)


def test_an_estimate_is_judged_by_its_own_error_bar():
    limit = 0.1 * stats.t.isf(1e-6 / (2 * 4), 31)
    testing.assert_agrees(Measured(0.99 * limit, 0.1, 31), 0.0)
    with pytest.raises(AssertionError, match="entry"):
        testing.assert_agrees(Measured(1.01 * limit, 0.1, 31), 0.0)


def test_counts_are_judged_by_the_binomial_law():
    testing.assert_frequency([950, 940], 1000, 0.95)
    testing.assert_at_least(950, 1000, 0.95)
    testing.assert_at_least(1000, 1000, 0.95)
    with pytest.raises(AssertionError, match="hits"):
        testing.assert_frequency([950, 900], 1000, 0.95)
    with pytest.raises(AssertionError, match="hits"):
        testing.assert_frequency(1000, 1000, 0.95)
    with pytest.raises(AssertionError, match="hits"):
        testing.assert_at_least(900, 1000, 0.95)
