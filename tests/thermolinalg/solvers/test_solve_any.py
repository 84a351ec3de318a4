"""solve: matrices that are no springs; and symmetric ones in units of their own."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import SEEDS
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, NotSymmetric

RUNS = 300
KINDS = {
    "shear": np.array([[1.0, 5.0], [0.0, 2.0]]),
    "whirl": np.array([[1.0, 3.0, 0.0], [-3.0, 1.0, 1.0], [0.0, -1.0, 0.5]]),
    "Jordan block": 0.5 * np.eye(3) + np.diag([1.0, 1.0], 1),
    "unstable": np.array([[-1.0, 2.0], [0.5, 1.0]]),
    "rotation": np.array([[0.0, -1.0], [1.0, 0.0]]),
    "indefinite": np.array([[1.0, 2.0], [2.0, 1.0]]),
    "negative definite": -np.diag([1.0, 2.0, 3.0]),
}


@settings(max_examples=30)
@given(seed=SEEDS, n=st.integers(1, 8), shift=st.floats(-1, 4))
def test_the_answer_for_any_matrix(seed, n, shift):
    rng = np.random.default_rng(seed)
    A, b = rng.standard_normal((n, n)) + shift * np.eye(n), rng.standard_normal(n)
    assume(np.linalg.cond(A) < 100)
    testing.assert_agrees(tla.solve(A, b, rng=seed), np.linalg.solve(A, b))


@pytest.mark.parametrize("name", KINDS)
def test_coverage_and_wanted_error(name):
    A = KINDS[name]
    b = np.arange(1.0, len(A) + 1)
    truth = np.linalg.solve(A, b)
    runs = [tla.solve(A, b, rtol=0.02, rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)
    met = [np.linalg.norm(x.value - truth) <= 0.02 * np.linalg.norm(truth) for x in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)


@pytest.mark.parametrize("name", KINDS)
def test_what_would_not_settle_says_that_least_squares_solved_it(name):
    A = KINDS[name]
    settles = (np.linalg.eigvals(A).real > 0).all()
    x = tla.solve(A, np.ones(len(A)), rng=0)
    assert ("least squares" in repr(x)) is not settles


@pytest.mark.parametrize("name", KINDS)
def test_no_digital_solver_is_called(monkeypatch, name):
    A, sides = KINDS[name], np.ones((len(KINDS[name]), 2))
    truth = np.linalg.solve(A, sides)
    forbid_digital_solvers(monkeypatch)
    testing.assert_agrees(tla.solve(A, sides, rng=0), truth)


@pytest.mark.parametrize("name", ["shear", "unstable"])
def test_the_report(name):
    x = tla.solve(KINDS[name], np.ones(2), rng=0)
    assert "LU" in str(x)


def test_units_of_the_unknowns_do_not_matter_to_a_diagonal_preconditioner():
    A, b, units = wishart(6), np.arange(1.0, 7.0), 2.0 ** np.array([0, 20, -20, 3, -7, 12])
    x = tla.solve(A, b, precondition="diagonal", rng=0)
    scaled = tla.solve(A * units[:, None] * units, b * units, precondition="diagonal", rtol=1e-6,
                       rng=0)  # fmt: skip
    testing.assert_agrees(x, np.linalg.solve(A, b))
    testing.assert_agrees(scaled, np.linalg.solve(A, b) / units)


def test_coverage_in_units_of_the_diagonal():
    A, b = wishart(6), np.arange(1.0, 7.0)
    units = 10.0 ** np.linspace(-2, 2, 6)
    A, b = A * units[:, None] * units, b * units
    truth = np.linalg.solve(A, b)
    runs = [tla.solve(A, b, precondition="diagonal", rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)
    met = [np.linalg.norm(x.value - truth) <= 0.01 * np.linalg.norm(truth) for x in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)


B = np.arange(1.0, 7.0)
BAD = {
    "singular and not symmetric": (
        (np.outer(B, B**2), B),
        {},
        NotPositiveDefinite,
        "condition number of.*ridge=",
    ),
    "indefinite in other units": (
        (np.diag([1.0, -1.0, 2.0, 3.0, 4.0, 5.0]), B),
        {"precondition": "diagonal"},
        NotPositiveDefinite,
        "diagonal holds -1",
    ),
    "not symmetric in other units": (
        (np.triu(wishart(6)), B),
        {"precondition": "diagonal"},
        NotSymmetric,
        "Leave precondition out",
    ),
    "precondition": (
        (wishart(6), B),
        {"precondition": "ilu"},
        InvalidInput,
        "precondition = 'ilu'",
    ),
    "bounds of an array": ((wishart(6), B), {"bounds": (1, 2)}, InvalidInput, "only multiplied"),
    "zero side": ((KINDS["rotation"], [0.0, 0.0]), {}, InvalidInput, "b is zero"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    arguments, knobs, error, message = BAD[name]
    with pytest.raises(error, match=message):
        tla.solve(*arguments, **knobs)
