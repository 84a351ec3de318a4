"""ln Z by Bennett's ratios along a path: against quadrature and closed forms, and its honesty."""

import math

import numpy as np
import pytest
from scipy import stats

from tests.thermolinalg.programs.hills import (
    chain_of_quartics,
    double_well,
    integral,
    log_partition_of_chain,
    quadratic,
    quartic,
)
from tests.thermolinalg.solvers.problems import forbid_digital_solvers
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.programs.integration import integrate_log_partition
from thermolinalg.solvers.estimate import Outcome
from thermolinalg.theory.gaussian import Gaussian

QUARTIC = math.log(2 * math.gamma(1.25))
"""ln ∫ exp(-x⁴) dx."""


def assert_covers(found, truth, tests=1):
    reach = stats.t.isf(testing.FALSE_ALARM / 2 / tests, found.chains - 1)
    assert abs(float(found) - truth) <= reach * found.stderr


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_the_quartic_within_one_percent(scale):
    truth = QUARTIC - math.log(scale) / 4
    found = integrate_log_partition(quartic(1, scale), atol=0.0025 * abs(truth), rng=0)
    assert found.outcome is Outcome.CONVERGED
    assert float(found) == pytest.approx(truth, rel=0.01)
    assert_covers(found, truth)


@pytest.mark.parametrize("n", [2, 5])
def test_coupled_quartics(n):
    found = integrate_log_partition(chain_of_quartics(n), atol=0.01, rng=0)
    assert found.outcome is Outcome.CONVERGED
    assert_covers(found, log_partition_of_chain(n))


def test_a_double_well_with_a_low_barrier():
    landscape = double_well(1.0, 0.3, 0.7)
    found = integrate_log_partition(landscape, atol=0.03, rng=0)
    truth = math.log(integral(landscape))
    assert found.outcome is Outcome.CONVERGED
    assert_covers(found, truth)
    assert abs(found.integral - truth) <= found.quadrature + 5 * found.stderr


def test_a_quadratic_landscape_has_a_closed_form():
    P, mean, T = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([3.0, -1.0]), 0.4
    found = integrate_log_partition(quadratic(P, mean, T), atol=0.01, rng=0)
    assert_covers(found, 0.5 * math.log((2 * math.pi * T) ** 2 / np.linalg.det(P)))


def test_its_own_law_as_reference_leaves_no_error():
    P, mean = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([3.0, -1.0])
    law = Gaussian.from_precision(P, P @ mean)
    found = integrate_log_partition(quadratic(P, mean), law, rng=0)
    assert found.value == pytest.approx(0.5 * math.log((2 * math.pi) ** 2 / np.linalg.det(P)))
    assert found.stderr < 1e-12


@pytest.mark.parametrize("width", [0.3, 3.0])
def test_the_reference_does_not_matter(width):
    law = Gaussian(np.zeros(1), width**2 * np.eye(1))
    found = integrate_log_partition(quartic(), law, atol=0.03, rng=0)
    assert_covers(found, QUARTIC, tests=2)
    assert len(found.nodes) > 2


def test_the_error_bar_covers():
    """Over many seeds half of them miss by less than Student's t says, and half by more."""
    law, runs, chains = Gaussian(np.zeros(1), 0.5 * np.eye(1)), 24, 32
    found = [
        integrate_log_partition(quartic(), law, atol=1.0, chains=chains, rng=seed)
        for seed in range(runs)
    ]
    z = np.array([(float(each) - QUARTIC) / each.stderr for each in found])
    testing.assert_average(z, 0.0, false_alarm=5e-7)
    hits = int((np.abs(z) <= stats.t.ppf(0.75, chains - 1)).sum())
    testing.assert_frequency(hits, runs, 0.5, false_alarm=5e-7)


@pytest.mark.parametrize("seed", range(2))
def test_wells_too_deep_are_not_settled(seed):
    landscape = double_well(1.0, 0.1, temperature=0.02)
    law = Gaussian(np.zeros(1), np.eye(1))
    found = integrate_log_partition(landscape, law, longest=128, chains=32, rng=seed)
    assert found.outcome is Outcome.NOT_SETTLED
    assert "NOT_SETTLED" in str(found).splitlines()[0]


def test_too_little_time_says_so():
    found = integrate_log_partition(quartic(), atol=1e-6, longest=128, rng=0)
    assert found.outcome is Outcome.BUDGET_SPENT
    assert_covers(found, QUARTIC)


def test_nothing_is_solved_digitally_and_a_seed_repeats(monkeypatch):
    one = integrate_log_partition(quartic(2), atol=0.1, rng=5)
    forbid_digital_solvers(monkeypatch)
    other = integrate_log_partition(quartic(2), atol=0.1, rng=one.seed)
    assert one.value == other.value


def test_wrong_arguments_are_named():
    with pytest.raises(ShapeMismatch, match="reference has 2"):
        integrate_log_partition(quartic(), Gaussian(np.zeros(2), np.eye(2)))
    with pytest.raises(InvalidInput, match="reference is a float"):
        integrate_log_partition(quartic(), 1.0)
    with pytest.raises(InvalidInput, match="atol and rtol"):
        integrate_log_partition(quartic(), atol=0.0)
    for wrong in ({"atol": -1.0}, {"confidence": 2}, {"chains": 1}, {"longest": 3}):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            integrate_log_partition(quartic(), **wrong)
