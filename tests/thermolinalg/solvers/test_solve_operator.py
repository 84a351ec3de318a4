"""solve: matrices that are only multiplied."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import aslinearoperator

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, ring, wishart
from thermolinalg import testing
from thermolinalg.errors import (
    InvalidInput,
    NotPositiveDefinite,
    NotSymmetric,
    ShapeMismatch,
    Unstable,
)
from thermolinalg.solvers.budget import BIAS

N = 30
A = ring(N, 0.5)
B = np.random.default_rng(0).standard_normal(N)
BOUNDS = (0.5, 4.5)
WIDE = wishart(N)
LOW_RANK = tla.LowRank(0.7 * np.ones(N), np.random.default_rng(1).standard_normal((N, 2)))
RUNS = 200
OPERATORS = {
    "sparse": (sp.csr_array(A), A, {}),
    "sparse matrix": (sp.csc_matrix(A), A, {"bounds": BOUNDS}),
    "operator": (aslinearoperator(A), A, {"bounds": BOUNDS}),
    "operator of unknown bounds": (aslinearoperator(A), A, {}),
    "wide discs": (sp.csr_array(WIDE), WIDE, {}),
    "low rank": (LOW_RANK, np.asarray(LOW_RANK @ np.eye(N)), {}),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_the_answer(monkeypatch, name):
    operator, dense, knobs = OPERATORS[name]
    truth = np.linalg.solve(dense, B)
    if name != "low rank":  # simulated in the singular vectors of its thin factor
        forbid_digital_solvers(monkeypatch)
    x = tla.solve(operator, B, rng=0, **knobs)
    assert x.outcome in {tla.Outcome.CONVERGED, tla.Outcome.MISSED}  # by chance, now and then
    testing.assert_agrees(x, truth)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("chains", [1, 4])
def test_sides_share_one_noise(name, chains):
    """Answers (n, k), right within their error bars, whose errors are alike but for the start."""
    operator, dense, knobs = OPERATORS[name]
    sides = np.random.default_rng(2).standard_normal((N, 3)) * [1.0, 0.1, 10.0]
    truth = np.linalg.solve(dense, sides)
    x = tla.solve(operator, sides, rng=0, chains=chains, **knobs)
    assert x.value.shape == x.stderr.shape == sides.shape
    testing.assert_agrees(x, truth)
    errors = x.value - truth
    allowed = 2 * BIAS * x.plan.target.rtol * np.linalg.norm(truth)  # of two unfinished burn-ins
    assert np.abs(errors - errors[:, :1]).max() <= allowed


def test_one_side_in_a_matrix_is_that_side():
    x = tla.solve(sp.csr_array(A), B[:, None], rng=0)
    assert x.value.shape == (N, 1)
    testing.assert_agrees(x, np.linalg.solve(A, B)[:, None])


def test_coverage_and_wanted_error_of_sides():
    sides = np.random.default_rng(3).standard_normal((N, 2))
    truth = np.linalg.solve(A, sides)
    runs = [tla.solve(sp.csr_array(A), sides, rtol=0.05, rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)
    met = [np.linalg.norm(x.value - truth) <= 0.05 * np.linalg.norm(truth) for x in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)


def test_coverage_and_wanted_error():
    truth = np.linalg.solve(A, B)
    runs = [tla.solve(sp.csr_array(A), B, rtol=0.05, rng=seed) for seed in range(RUNS)]
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)
    met = [np.linalg.norm(x.value - truth) <= 0.05 * np.linalg.norm(truth) for x in runs]
    testing.assert_at_least(sum(met), RUNS, 0.95)


def test_units_do_not_matter():
    """Powers of two, so that not even the rounding changes."""
    x = tla.solve(sp.csr_array(A), B, rng=0)
    scaled = tla.solve(sp.csr_array(4 * A), 8 * B, rng=0)
    np.testing.assert_array_equal(scaled.value, 2 * x.value)
    assert scaled.plan.time == x.plan.time


def test_time_is_counted_for_every_replica():
    x = tla.solve(sp.csr_array(A), B, rng=0)
    device = tla.Device.ideal()
    clock = sum(line.seconds for line in x.ledger.lines if line.activity in {"settle", "measure"})
    assert clock == pytest.approx(x.plan.time * device.time_constant)


def test_a_spent_budget_is_honest():
    full = tla.solve(sp.csr_array(A), B, rtol=1e-3, rng=0).plan
    limit = full.burn_in + 3 * full.pilot
    x = tla.solve(sp.csr_array(A), B, rtol=1e-3, max_time=limit, rng=0)
    assert x.outcome is tla.Outcome.BUDGET_SPENT
    assert x.plan.time <= limit * (1 + 1e-12)
    testing.assert_agrees(x, np.linalg.solve(A, B))


def test_the_report():
    text = str(tla.solve(sp.csr_array(A), B, rng=0))
    assert "conjugate gradients" in text
    assert "only multiplied" in text


BAD = {
    "sides in rows": ((sp.csr_array(A), np.stack([B, B])), {}, ShapeMismatch, "b has shape"),
    "short side": ((sp.csr_array(A), B[1:]), {}, ShapeMismatch, "b has shape"),
    "zero side": ((sp.csr_array(A), 0 * B), {}, InvalidInput, "b is zero"),
    "not symmetric": ((sp.csr_array(np.triu(A)), B), {}, NotSymmetric, "not symmetric"),
    "singular": ((sp.csr_array(ring(N, 0)), B), {}, NotPositiveDefinite, "nothing draws x back"),
    "indefinite": ((aslinearoperator(A - 2 * np.eye(N)), B), {}, NotPositiveDefinite, "about -1.5"),
    "negative bounds": ((sp.csr_array(A), B), {"bounds": (-1.0, 5.0)}, Unstable, "Pass bounds"),
    "in other units": (
        (sp.csr_array(A), B),
        {"precondition": "diagonal"},
        InvalidInput,
        "that is an array",
    ),
    "wrong bounds": ((sp.csr_array(A), B), {"bounds": (1.0, 2.0)}, InvalidInput, "do not hold"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    arguments, knobs, error, message = BAD[name]
    with pytest.raises(error, match=message):
        tla.solve(*arguments, **knobs)
