"""A problem asked of devices: its truth, its program, and what it refuses."""

import numpy as np
import pytest

from tests.thermolinalg.analysis.imperfect import matrix
from thermolinalg import errors, testing
from thermolinalg.analysis.problem import Problem
from thermolinalg.analysis.schedule import Schedule
from thermolinalg.device.coefficients import Mismatch
from thermolinalg.device.machine import Device

A, B = matrix(4), np.array([1.0, -2.0, 0.5, 3.0])


@pytest.mark.parametrize(
    "problem",
    [
        Problem("solve", (A, B), rtol=1e-2),
        Problem("solve", (A, np.stack([B, 2 * B, -B], axis=1)), rtol=1e-2),
        Problem("solve", (A * np.outer([1, 2, 3, 4], [1, 2, 3, 4]), B), precondition="diagonal"),
        Problem("inv", A, rtol=0.05),
        Problem("inv", 1e6 * A, rtol=0.05, chains=4),
    ],
    ids=["solve", "many sides", "preconditioned", "inv", "inv in chains"],
)
def test_an_ideal_device_gives_the_truth_and_mismatch_what_is_predicted(problem):
    ideal = problem.run(rng=0)
    testing.assert_agrees(ideal, problem.truth)
    known = problem.predict(schedule=ideal)
    assert known.bias.shape == problem.truth.shape
    assert np.linalg.norm(known.bias) <= 1e-9 * np.linalg.norm(problem.truth)

    device = Device(mismatch=Mismatch(0.03))
    estimate = problem.run(device, rng=0)
    assert problem.predict(device, schedule=estimate).verdict(estimate).held


def test_a_device_asks_the_problem():
    problem = Problem("inv", A)
    device = Device(mismatch=Mismatch(0.03))
    assert str(device.error_budget(problem)) == str(problem.error_budget(device))


def test_a_schedule_can_be_given():
    problem = Problem("solve", (A, B))
    soon, late = (problem.predict(schedule=Schedule(100.0, t)) for t in (1e3, 4e3))
    np.testing.assert_allclose(soon.std, 2 * late.std)
    capped = Problem("solve", (A, B), rtol=1e-6, max_time=1e5).predict().schedule
    assert capped.start + capped.time == pytest.approx(1e5) or capped.time < 1e5


def test_what_is_no_problem_here_is_refused():
    with pytest.raises(errors.InvalidInput, match="must be one of solve, inv"):
        Problem("logdet", A)
    for solver, arguments, options in (
        ("inv", A, {"only": "diagonal"}),
        ("inv", A, {"dynamics": "underdamped"}),
        ("solve", (A + np.triu(A, 1), B), {}),
    ):
        with pytest.raises(errors.InvalidInput, match="overdamped network"):
            Problem(solver, arguments, **options)
