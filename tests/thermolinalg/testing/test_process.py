"""Random laws and processes, and what they are for: a wrong formula found, and made small."""

import numpy as np
import pytest
from hypothesis import given

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.testing.shrinking import found
from thermolinalg import testing
from thermolinalg.errors import InvalidInput

BAR = 100
"""Examples within which a planted error must be found."""


def symmetric_part_is_wrong(process):
    """The published shortcut, against the moments integrated in time."""
    with np.errstate(all="ignore"):
        claimed = oracles.symmetric_part_covariance(process.A, process.D, 1.0)
    right = tla.transition(process, 1.0).C
    return not np.abs(claimed - right).max() <= 1e-6 * np.abs(right).max()


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_wrong_covariance_is_found_and_shrinks_to_two_coordinates(seed):
    processes = testing.ou_processes(definite=True)
    example = found(processes, symmetric_part_is_wrong, seed=seed, examples=BAR)
    np.testing.assert_array_equal(example.A, [[1.0, 1.0], [0.0, 1.0]])
    np.testing.assert_array_equal(example.D, np.eye(2))
    np.testing.assert_array_equal(example.b, [0.0, 0.0])
    right = oracles.law_by_ode(example.A, example.b, example.D, 1.0).C
    assert np.abs(oracles.symmetric_part_covariance(example.A, example.D, 1.0) - right).max() > 0.01


def test_it_is_found_by_a_property_as_a_user_writes_it():
    seen = []

    @given(process=testing.ou_processes(definite=True))
    def property_of_the_shortcut(process):
        seen.append(process)
        assert not symmetric_part_is_wrong(process)

    with pytest.raises(AssertionError):
        property_of_the_shortcut()
    assert seen[-1].n == 2  # hypothesis ends with the example that it reports


@given(process=testing.ou_processes(reversible=True))
def test_reversible_processes_are_in_detailed_balance(process):
    AD = process.A @ process.D
    np.testing.assert_allclose(AD, AD.T, atol=1e-13 * np.abs(AD).max())
    assert np.linalg.eigvalsh(process.D)[0] > 0
    claimed = oracles.symmetric_part_covariance(process.A, process.D, 1.0)  # right for these
    right = tla.transition(process, 1.0).C
    np.testing.assert_allclose(claimed, right, atol=1e-8 * np.abs(right).max())


def test_reversible_drifts_need_not_be_symmetric():
    A = found(testing.ou_processes(2, reversible=True), lambda p: np.abs(p.A - p.A.T).max() > 0.1).A
    assert np.abs(A - A.T).max() < 5  # of numbers up to 100: it shrank


def test_processes_without_noise_or_with_little_come_too():
    still = found(testing.ou_processes(2), lambda p: not p.D.any())
    np.testing.assert_array_equal(still.A, np.eye(2))
    one = found(testing.ou_processes(2), lambda p: np.linalg.matrix_rank(p.D) == 1)
    np.testing.assert_array_equal(one.D, np.diag([1.0, 0.0]))


@given(law=testing.gaussians(definite=True, condition=10.0, largest=2.0))
def test_laws_with_a_density(law):
    assert np.isfinite(law.log_prob(law.mean))
    assert np.linalg.cond(law.cov) <= 10 * (1 + 1e-12)
    assert np.abs(law.mean).max() <= 2


def test_least_laws_and_processes():
    law = found(testing.gaussians(), lambda _: True)
    assert (law.mean.tolist(), law.cov.tolist()) == ([0.0], [[1.0]])
    least = found(testing.ou_processes(2), lambda _: True)
    np.testing.assert_array_equal([least.A, least.D], [np.eye(2), np.eye(2)])


@pytest.mark.parametrize(
    "call",
    [
        lambda: testing.ou_processes(0),
        lambda: testing.ou_processes(condition=0.1),
        lambda: testing.ou_processes(reversible=True, condition=0.1),
        lambda: testing.ou_processes(rates=(0, 1)),
        lambda: testing.ou_processes(shear=-1),
        lambda: testing.ou_processes(reversible=True, condition=1e10),
        lambda: testing.gaussians(largest=0),
        lambda: testing.gaussians(condition=0.1),
    ],
)
def test_a_wrong_argument_is_refused_before_any_example(call):
    with pytest.raises(InvalidInput, match="must be"):
        call()
