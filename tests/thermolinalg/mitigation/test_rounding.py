from dataclasses import dataclass, replace

import numpy as np
import pytest

from tests.thermolinalg.mitigation.asked import (
    assert_adds_up,
    cold,
    inverse,
    linear,
    off,
    orders,
)
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, wishart
from thermolinalg.analysis.problem import Problem
from thermolinalg.device.circuit import RLC, MassSpring
from thermolinalg.device.coefficients import Quantisation
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.mitigation.rounding import rounding_ensemble
from thermolinalg.solvers.linear import solve
from thermolinalg.testing import assert_agrees, assert_at_least

BITS = (5, 6, 7)


def rounded(bits):
    return Device().vary("bits", bits)


def test_the_error_falls_with_the_step_and_mitigated_with_its_square():
    """With 32 roundings the order of what is left is 2 to the nearest whole number, not 1."""
    problems = [cold(8, seed) for seed in range(3)]
    plain = [[off(p.run(rounded(b), rng=1), p.truth) for b in BITS] for p in problems]
    mended = [
        [off(rounding_ensemble(p, rounded(b), members=32, rng=1), p.truth) for b in BITS]
        for p in problems
    ]
    assert round(orders(plain)) == 1
    assert round(orders(mended)) == 2
    assert np.mean(mended) < np.mean(plain)


@pytest.mark.parametrize("question", [cold, inverse])
@pytest.mark.parametrize("seed", range(3))
def test_the_error_bar_covers(question, seed):
    problem = question(7, seed)
    assert_agrees(rounding_ensemble(problem, rounded(6), rng=seed), problem.truth)


def test_intervals_cover_as_often_as_they_say():
    """One entry of each problem, for entries of one share their roundings."""
    inside = 0
    for seed in range(30):
        problem = cold(5, seed)
        low, high = rounding_ensemble(problem, rounded(7), members=6, rng=seed).interval(0.95)
        inside += bool(low[0] <= problem.truth[0] <= high[0])
    assert_at_least(inside, 30, 0.95)


def test_the_plain_error_bar_does_not_cover():
    """So that the tests above can fail."""
    problem = cold(7, 0)
    with pytest.raises(AssertionError):
        assert_agrees(problem.run(rounded(6), rng=0), problem.truth)


def test_events_that_share_their_numbers_err_together_by_a_step_over_their_number():
    network, M = linear(9, 0).network, 16
    part = [Quantisation(6, "stochastic", event=k, events=M) for k in range(M)]
    device = Device(quantisation=part[0])
    A = [p.distort(network, device.specimen(p)).A for p in part]
    step = 2 * np.abs(network.A).max() / 2**6
    rounding = np.finfo(float).eps * M
    assert np.abs(np.mean(A, axis=0) - network.A).max() <= step / M * (1 + rounding)
    each = [np.abs(a - network.A).max() for a in A]
    assert min(each) > step / M
    assert max(each) <= step * (1 + rounding)
    again = Quantisation(6, "stochastic", event=M, events=M)
    assert not np.array_equal(again.distort(network, device.specimen(again)).A, A[0])


def test_it_refuses_where_rounding_is_as_large_as_the_slowest_rate():
    """At five bits of the matrices of the paper's kind, where averaging no longer gains."""
    A = wishart(30, samples=2) + 0.2 * np.eye(30)
    problem = Problem("solve", (A, np.ones(30)), rtol=0.05)
    mitigated = rounding_ensemble(problem, rounded(5), rng=0)
    assert "slowest rate" in mitigated.refused
    assert mitigated.programmings == 2
    plain = problem.run(rounded(5), rng=mitigated.members[-1].seed)
    assert np.array_equal(mitigated.value, plain.value)
    assert_adds_up(mitigated)


def test_it_refuses_what_cannot_be_held():
    """At two bits a rounding of this matrix no longer settles; to the nearest it does."""
    A = np.array([[1.0, 0.74], [0.74, 1.0]])
    mitigated = rounding_ensemble(Problem("solve", (A, np.ones(2)), rtol=0.1), rounded(2), rng=0)
    assert "cannot hold" in mitigated.refused
    assert mitigated.programmings <= 2


def test_nothing_is_solved_digitally_and_the_bill_adds_up(monkeypatch):
    problem = linear(6, 0)
    forbid_digital_solvers(monkeypatch)
    mitigated = rounding_ensemble(problem, rounded(8), members=5, rng=3)
    assert mitigated.programmings == 5
    assert mitigated.refused is None
    assert_adds_up(mitigated)
    assert "4 more programmings" in str(mitigated)
    assert np.array_equal(np.asarray(mitigated), mitigated.value)
    assert repr(mitigated).startswith("Mitigated(a rounding ensemble, done")
    again = rounding_ensemble(problem, rounded(8), members=5, rng=mitigated.seed)
    assert np.array_equal(again.value, mitigated.value)


@dataclass(frozen=True)
class Asked:
    """A question that is no `Problem`: any A, several sides."""

    A: np.ndarray
    b: np.ndarray

    def run(self, device=None, /, *, rng=None):
        return solve(self.A, self.b, temperature=1e-8, rtol=1e-5, device=device, rng=rng)


def test_a_matrix_that_is_not_symmetric_and_several_sides():
    rng = np.random.default_rng(4)
    A = wishart(6) + np.eye(6) + 0.2 * rng.standard_normal((6, 6))
    question = Asked(A, rng.standard_normal((6, 3)))
    mitigated = rounding_ensemble(question, rounded(7), rng=0)
    assert mitigated.refused is None
    truth = np.linalg.solve(A, question.b)
    assert_agrees(mitigated, truth)
    assert off(mitigated, truth) < off(question.run(rounded(7), rng=0), truth)


@pytest.mark.parametrize("circuit", [RLC(), MassSpring()], ids=["rlc", "mass-spring"])
def test_circuits_with_dynamics_of_their_own(circuit):
    problem, device = inverse(5, 2, rtol=0.03), replace(rounded(5), circuit=circuit)
    mitigated = rounding_ensemble(problem, device, members=8, rng=0)
    assert mitigated.refused is None
    assert_agrees(mitigated, problem.truth)


def test_a_network_that_nobody_knows_is_an_error():
    """Of resonators the program has the dynamics alone, out of which A would have to be solved."""
    device = replace(rounded(6), circuit=RLC())
    with pytest.raises(InvalidInput, match="ask a `Problem`"):
        rounding_ensemble(OnlyRuns(inverse(4, 0)), device, rng=0)


@dataclass(frozen=True)
class OnlyRuns:
    """A question that does not know its own network."""

    problem: Problem

    def run(self, device=None, /, *, rng=None):
        return self.problem.run(device, rng=rng)


def test_what_makes_no_sense_is_an_error():
    with pytest.raises(InvalidInput, match="nothing to round"):
        rounding_ensemble(linear(4, 0), Device())
    with pytest.raises(InvalidInput, match="a whole answer"):
        rounding_ensemble(inverse(4, 0, only="trace"), rounded(8), rng=0)
    with pytest.raises(InvalidInput, match="members"):
        rounding_ensemble(linear(4, 0), rounded(8), members=1)


def test_two_members_do_not_forget_how_well_each_is_known():
    """Where chance is all there is, two answers know it as well as their windows, not by 1."""
    for seed in range(4):
        mended = rounding_ensemble(linear(5, seed), rounded(24), members=2, rng=seed)
        assert mended.dof > mended.members[0].dof
        assert mended.error < min(member.error for member in mended.members)
    few = rounding_ensemble(cold(5, 0), rounded(7), members=2, rng=0)
    assert few.dof < 1.5
