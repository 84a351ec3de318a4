"""The statistical assertions pass what is right, fail what is wrong, and alarm as often as stated.

They are tested with a false-alarm rate large enough to count the alarms.
"""

import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PUBLISHED
from thermolinalg import testing
from thermolinalg.errors import InvalidInput

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
    with pytest.raises(AssertionError, match="the variance along"):
        testing.assert_covariance_matches(samples, oracles.symmetric_part_covariance(A, D, 1.0))


def test_a_wrong_mean_fails():
    with pytest.raises(AssertionError, match="mean"):
        testing.assert_mean_matches(draws(10_000), MEAN + 0.1, COV)


@pytest.mark.parametrize("i", range(3))
@pytest.mark.parametrize("j", range(3))
def test_a_wrong_entry_of_the_covariance_fails(i, j):
    wrong = COV.copy()
    wrong[i, j] = wrong[j, i] = wrong[i, j] + 0.1
    with pytest.raises(AssertionError, match="the variance along"):
        testing.assert_covariance_matches(draws(50_000), wrong, mean=MEAN)


def test_a_singular_covariance_allows_no_width_of_its_own():
    flat = np.outer([1.0, 2.0, -1.0], [1.0, 2.0, -1.0])
    testing.assert_covariance_matches(draws(1000, flat), flat, mean=MEAN)
    testing.assert_covariance_matches(np.zeros((9, 3)), np.zeros((3, 3)))
    with pytest.raises(AssertionError, match="no width"):
        testing.assert_covariance_matches(draws(1000, flat + 1e-4 * np.eye(3)), flat, mean=MEAN)


RATE = 0.05
"""At which alarms are counted: those of 400 trials are binomial, or fewer where Bonferroni's
inequality leaves some of the rate unused."""


@pytest.mark.parametrize(
    "check",
    [
        lambda s: testing.assert_mean_matches(
            draws(50, np.eye(3), MEAN, s), MEAN, np.eye(3), false_alarm=RATE
        ),
        lambda s: testing.assert_covariance_matches(
            draws(50, COV[:1, :1], MEAN[:1], s), COV[:1, :1], mean=MEAN[:1], false_alarm=RATE
        ),
        lambda s: testing.assert_average(draws(50, seed=s)[:, 0], MEAN[0], false_alarm=RATE),
        lambda s: testing.assert_samples_match(
            np.random.default_rng(s).exponential(size=60), stats.expon(), false_alarm=RATE
        ),
        lambda s: testing.assert_agrees(
            normal_estimate(np.random.default_rng(s).normal(1.0, 2.0, (5, 1))),
            [1.0],
            false_alarm=RATE,
        ),
    ],
    ids=["mean", "covariance", "average", "distribution", "estimate"],
)
def test_false_alarms_come_as_often_as_stated(check):
    testing.assert_frequency(*alarms(check), RATE)


@pytest.mark.parametrize("cov", [COV, np.outer([1.0, 2.0, -1.0], [1.0, 2.0, -1.0])])
def test_a_law_that_is_right_alarms_no_more_than_stated_and_not_never(cov):
    """Three tests share the rate, each again by its comparisons, which are not independent."""
    law = tla.Gaussian(MEAN, cov)
    check = lambda s: testing.assert_samples_match(draws(60, cov, MEAN, s), law, false_alarm=RATE)  # noqa: E731
    count, trials = alarms(check)
    testing.assert_at_least(trials - count, trials, 1 - RATE)
    testing.assert_at_least(count, trials, RATE / 10)


def normal_estimate(x):
    """The mean of independent rows, with its error bar."""
    m = len(x)
    return Measured(x.mean(axis=0), x.std(axis=0, ddof=1) / m**0.5, m - 1)


class Measured(NamedTuple):
    """As much of an Estimate as an assertion looks at."""

    value: np.ndarray
    stderr: np.ndarray
    dof: float


def test_an_estimate_is_judged_by_its_own_error_bar():
    limit, zero, bar = 0.1 * stats.t.isf(1e-6 / (2 * 4), 31), np.zeros(4), np.full(4, 0.1)
    testing.assert_agrees(Measured(zero + 0.99 * limit, bar, 31), zero)
    wrong = zero.copy()
    wrong[2] = 1.01 * limit
    with pytest.raises(
        AssertionError, match=r"entry\[2\] = .* 6.63 standard errors from 0, 6.56 al"
    ):
        testing.assert_agrees(Measured(wrong, bar, 31), zero)


def test_pairs_and_averages_are_estimates_too():
    x = np.random.default_rng(0).standard_normal(1000)
    testing.assert_agrees((x.mean(), 1000**-0.5), 0.0)
    with pytest.raises(AssertionError, match=r"standard errors from 0\.2"):
        testing.assert_agrees((x.mean(), 1000**-0.5), 0.2)
    average = tla.Average(np.array([0.1]), np.array([0.05]), np.array([9.0]), 100, 10, 10)
    testing.assert_agrees(average, [0.0])


def test_an_estimate_without_an_error_bar_is_not_passed():
    with pytest.raises(AssertionError, match="0 degrees of freedom, and so no error bar"):
        testing.assert_agrees(Measured(np.ones(1), np.ones(1), 0), [1.0])
    with pytest.raises(AssertionError, match=r"entry\[1\] has no error bar"):
        testing.assert_agrees(([1.0, 2.0], [0.1, np.nan]), [1.0, 2.0])
    with pytest.raises(AssertionError, match="no error bar: its standard error is infinite"):
        testing.assert_agrees((1.0, np.inf), 5.0)
    with pytest.raises(InvalidInput, match="no entry to compare"):
        testing.assert_agrees((np.zeros(0), np.zeros(0)), np.zeros(0))


def test_laws_with_atoms_are_judged_before_them_too():
    rng = np.random.default_rng(0)
    coins = rng.integers(0, 2, 1000)
    testing.assert_samples_match(coins, stats.bernoulli(0.5))
    testing.assert_samples_match(rng.poisson(3.0, 1000), stats.poisson(3.0))
    clipped = np.maximum(rng.standard_normal(1000), 0)
    testing.assert_samples_match(clipped, lambda t: stats.norm.cdf(t) * (t >= 0))
    with pytest.raises(AssertionError, match="another distribution"):
        testing.assert_samples_match(coins, stats.bernoulli(0.7))
    right = lambda s: testing.assert_samples_match(  # noqa: E731
        np.random.default_rng(s).binomial(4, 0.3, 30), stats.binom(4, 0.3), false_alarm=RATE
    )
    count, trials = alarms(right)
    testing.assert_at_least(trials - count, trials, 1 - RATE)


def test_a_covariance_wrong_by_a_tenth_is_found():
    """From 20,000 samples: a tenth is then ten standard errors of a variance."""
    for k in range(3):
        scale = np.ones(3)
        scale[k] = 1.1**0.5
        with pytest.raises(AssertionError, match=r"standard errors, of which .* are allowed"):
            testing.assert_samples_match(
                draws(20_000), tla.Gaussian(MEAN, COV * np.outer(scale, scale))
            )


def test_another_shape_of_the_same_moments_is_found():
    x = np.random.default_rng(0).uniform(-(3**0.5), 3**0.5, (20_000, 2))
    with pytest.raises(AssertionError, match=r"coordinate [01] has another distribution"):
        testing.assert_samples_match(x, tla.Gaussian(np.zeros(2), np.eye(2)))


def test_each_coordinate_may_have_a_law_of_its_own():
    rng = np.random.default_rng(0)
    x = np.stack([rng.exponential(size=5000), rng.uniform(size=5000)], axis=1)
    laws = [lambda t: -np.expm1(-t), stats.uniform()]
    testing.assert_samples_match(x, laws)
    with pytest.raises(AssertionError, match="coordinate 0 has another distribution: of 5000"):
        testing.assert_samples_match(x, [stats.expon(scale=1.2), stats.uniform()])
    with pytest.raises(AssertionError, match="coordinate 0"):
        testing.assert_samples_match(x[:, ::-1], [laws[0], laws[0]])


def test_metres_and_nanometres_are_judged_alike():
    unit = np.array([1.0, 1e-9, 1e9])
    cov = COV * np.outer(unit, unit)
    testing.assert_covariance_matches(draws(10_000) * unit, cov, mean=MEAN * unit)
    wrong = cov.copy()
    wrong[1, 1] *= 1.2
    with pytest.raises(AssertionError, match="the variance along"):
        testing.assert_covariance_matches(draws(10_000) * unit, wrong, mean=MEAN * unit)


def test_samples_in_a_row_are_recognised():
    process = tla.OU([[1.0]], [0.0], [[2.0]])
    run = tla.simulate(process, 0.02 * np.arange(2000), chains=1, rng=0)
    with pytest.raises(AssertionError, match=r"Samples in a row have the correlation 0\.9"):
        testing.assert_samples_match(run.states[0] + 3, tla.stationary(process))
    many = tla.simulate(process, [8.0], chains=4000, rng=0, x0=tla.stationary(process))
    testing.assert_samples_match(many.states[:, -1], tla.stationary(process))
    with pytest.raises(InvalidInput, match=r"Trajectory.*\.states\[:, -1\]"):
        testing.assert_samples_match(many, tla.stationary(process))
    with pytest.raises(InvalidInput, match="a record of chains"):
        testing.assert_samples_match(many.states, tla.stationary(process))


LAW = tla.Gaussian(MEAN, COV)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: testing.assert_samples_match(draws(9), LAW, false_alarm=0), "false_alarm = 0"),
        (lambda: testing.assert_samples_match(draws(9)[:, :2], LAW), "2 coordinates, but the law"),
        (lambda: testing.assert_samples_match(draws(9) * np.nan, LAW), "27 NaN"),
        (lambda: testing.assert_samples_match(np.ones((0, 3)), LAW), r"\(0, 3\)"),
        (lambda: testing.assert_samples_match(draws(9), "normal"), "law = 'normal' is no law"),
        (lambda: testing.assert_samples_match(draws(9), [np.exp]), "1 distributions"),
        (lambda: testing.assert_samples_match(draws(9), stats.norm.pdf), "not the density"),
        (lambda: testing.assert_samples_match(draws(9), lambda _: 0.5), "vectorise it"),
        (lambda: testing.assert_mean_matches(draws(9), MEAN[:2], COV), r"mean has shape \(2,\)"),
        (lambda: testing.assert_covariance_matches(draws(9), COV[:2, :2]), r"cov has shape"),
        (lambda: testing.assert_covariance_matches(draws(9), -COV), "cov has the eigenvalue"),
        (lambda: testing.assert_agrees(3.0, 3.0), r"a pair \(value, stderr\)"),
        (lambda: testing.assert_agrees((3.0, 0.1), [3.0]), r"truth has shape \(1,\)"),
        (lambda: testing.assert_agrees((3.0, -0.1), 3.0), "a number >= 0"),
        (lambda: testing.assert_average([1.0], 1.0), "at least two numbers"),
        (lambda: testing.assert_average(np.ones((3, 3)), 1.0), "at least two numbers"),
        (lambda: testing.assert_frequency(5, 4, 0.5), "integers from 0 to trials = 4"),
        (lambda: testing.assert_frequency(0.5, 4, 0.5), "integers"),
        (lambda: testing.assert_at_least(1, 4, 1.5), "strictly between 0 and 1"),
    ],
)
def test_a_wrong_argument_is_named(call, match):
    with pytest.raises(InvalidInput, match=match):
        call()


def test_without_hypothesis_there_are_the_assertions_and_a_remedy():
    script = """
import sys
sys.modules["hypothesis"] = None
from thermolinalg import testing
testing.assert_average([1.0, 2.0, 3.0], 2.0)
for name in testing.__all__:
    try:
        getattr(testing, name)
    except ImportError as error:
        assert "pip install 'thermolinalg[testing]'" in str(error)
        print(name)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    strategies = [n for n in testing.__all__ if not n.startswith("assert") and n != "FALSE_ALARM"]
    assert run.stdout.split() == strategies


def test_every_public_name_is_there():
    assert set(testing.__all__) <= set(dir(testing))
    assert all(getattr(testing, name) is not None for name in testing.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = testing.nothing


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
