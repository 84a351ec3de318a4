"""Conjugate gradients: iterates, where they start and where they stop."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tngd.linsolve.test_digital import Counted, dampings, problem, shapes, solve
from tests.tngd.oracles import assert_within, solve_error, solved
from thermolinalg.errors import InvalidInput
from tngd.linsolve.cg import CG


def slow(p=200, smallest=1e-5, seed=0):
    """A spectrum over many decades: conjugate gradients take hundreds of iterations."""
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.standard_normal((p, p)))
    return Counted(np.sqrt(np.logspace(np.log10(smallest), 0, p))[:, None] * Q.T), rng.normal(
        size=p
    )


def model(curvature, damping, g, iterates):
    """φ of each, from the dense matrix."""
    A = curvature.S.T @ curvature.S + damping * np.eye(len(g))
    return [0.5 * x @ A @ x - g @ x for x in iterates]


@given(shape=shapes, damping=dampings, seed=st.integers(0, 99))
def test_all_iterations_are_a_dense_solve(shape, damping, seed):
    """A stop at a residual of eps |g| leaves an error of eps |g|/λ besides rounding."""
    curvature, g = problem(shape, seed)
    C, eps = curvature.S.T @ curvature.S, np.finfo(float).eps
    x = solve(CG(eps, 20 * len(g)), curvature, damping, g).value
    rounding = solve_error(C, damping, g, terms=20 * sum(shape))
    assert_within(x, solved(C, damping, g), eps * np.linalg.norm(g) / damping + rounding)


@pytest.mark.parametrize("progress", [5e-3, 5e-4, 5e-5, 5e-6, 5e-7])
@pytest.mark.parametrize("warm", [0.0, 0.95])
def test_the_stop_of_martens_written_out(progress, warm):
    curvature, g = slow()
    start = np.linalg.solve(curvature.S.T @ curvature.S + 1e-2 * np.eye(len(g)), g)
    every = list(CG(0.0, 900, warm).iterates(curvature, 1e-5, g, start))
    phi = model(curvature, 1e-5, g, every)
    for i in range(len(every)):
        k = max(10, int(i / 10))
        if i > k and phi[i] < 0 and (phi[i] - phi[i - k]) / phi[i] < k * progress:
            break
    assert i < len(every) - 1, "not the limit of iterations"
    stopped = list(CG(0.0, 900, warm, progress).iterates(curvature, 1e-5, g, start))
    assert len(stopped) == i + 1
    assert np.array_equal(stopped[-1], every[i])
    if progress < 5e-6 and not warm:
        assert i > 110, "k grew"


@given(shape=shapes, damping=dampings, seed=st.integers(0, 99))
def test_every_iterate_is_lower_in_the_quadratic_model(shape, damping, seed):
    curvature, g = problem(shape, seed)
    phi = model(curvature, damping, g, CG(1e-3).iterates(curvature, damping, g))
    rounding = 40 * sum(shape) * np.finfo(float).eps * (1 + 4 / damping) * (g @ g) / damping
    assert all(b <= a + rounding for a, b in pairwise(phi))


def test_a_start_is_part_of_the_last_solution():
    curvature, g = problem((12, 20, 12))
    last = np.ones(20)
    x = next(CG(warm=0.5).iterates(curvature, 0.1, g, last))
    assert np.array_equal(x, 0.5 * last)
    assert curvature.products == 1
    assert np.array_equal(last, np.ones(20)), "what was remembered stays"


@pytest.mark.parametrize(("solver", "memory"), [(CG(), np.ones(20)), (CG(warm=0.5), None)])
def test_a_start_from_zero_costs_no_product(solver, memory):
    curvature, g = problem((12, 20, 12))
    assert not next(solver.iterates(curvature, 0.1, g, memory)).any()
    assert curvature.products == 0


def test_warm_is_a_number_or_yes_or_no():
    assert (CG(warm=True), CG(1e-5, 200, False)) == (CG(warm=1.0), CG())
    curvature, g = problem((12, 20, 12))
    first = solve(CG(), curvature, 0.1, g).memory
    values = [
        solve(CG(warm=warm), curvature, 0.1, g, first).value for warm in (True, np.float32(1))
    ]
    assert np.array_equal(*values)


@pytest.mark.parametrize("warm", [0.5, 0.95, 1.0])
def test_a_warm_start_costs_fewer_products(warm):
    """Near the last solution, the residual starts at about 1 - warm of the gradient."""
    curvature, g = slow(60, 1e-3)
    last = solve(CG(1e-6), curvature, 1e-2, g).memory
    counts = []
    for solver in (CG(1e-3), CG(1e-3, warm=warm)):
        before = curvature.products
        solve(solver, curvature, 1e-2, g, last)
        counts.append(curvature.products - before)
    assert counts[1] < counts[0]


def test_single_precision_stays():
    curvature, g = problem((12, 20, 12))
    curvature.S, g = curvature.S.astype(np.float32), g.astype(np.float32)
    solver = CG(np.float64(1e-3), warm=np.float64(0.5), progress=np.float64(1e-3))
    first = solve(solver, curvature, 0.1, g)
    assert solve(solver, curvature, 0.1, g, first.memory).value.dtype == np.float32


@pytest.mark.parametrize(
    "knobs",
    [{"warm": -0.1}, {"warm": 1.1}, {"warm": math.nan}, {"warm": "yes"}, {"progress": -1.0}],
    ids=str,
)
def test_knobs_that_cannot_be(knobs):
    with pytest.raises(InvalidInput, match=next(iter(knobs))):
        CG(**knobs)
