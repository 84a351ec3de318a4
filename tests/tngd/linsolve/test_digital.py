"""Woodbury and conjugate gradients against a dense solve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tngd.oracles import (
    LOSSES,
    Dense,
    Rows,
    assert_within,
    random_rows,
    solve_error,
    solved,
)
from thermolinalg.errors import InvalidInput
from tngd.curvature.ggn import GGN
from tngd.linsolve.cg import CG
from tngd.linsolve.contract import Cost
from tngd.linsolve.woodbury import Woodbury

RNG = np.random.default_rng(0)
EPS = np.finfo(float).eps

dampings = st.floats(-4, 2).map(lambda power: 10.0**power)
shapes = st.tuples(st.integers(1, 12), st.integers(1, 20), st.integers(0, 12))


class Counted(Rows):
    """Counts its products."""

    products = 0

    def matvec(self, v):
        self.products += 1
        return super().matvec(v)


def problem(shape, seed=0):
    q, p, rank = shape
    curvature = Counted(random_rows(q, p, rank=min(q, p, rank), seed=seed))
    return curvature, np.random.default_rng([seed, 7]).standard_normal(p)


def solve(solver, curvature, damping, g, memory=None):
    return solver.solve(curvature, damping, g, memory, RNG)


@given(shape=shapes, damping=dampings, seed=st.integers(0, 99))
def test_woodbury(shape, damping, seed):
    curvature, g = problem(shape, seed)
    C = curvature.S.T @ curvature.S
    x = solve(Woodbury(), curvature, damping, g)
    bound = solve_error(C, damping, g, terms=20 * sum(shape))
    assert_within(x.value, solved(C, damping, g), bound)
    assert (x.memory, x.cost) == (None, Cost())


@given(shape=shapes, damping=dampings, seed=st.integers(0, 99), rtol=st.sampled_from([1e-3, 1e-9]))
def test_conjugate_gradients(shape, damping, seed, rtol):
    """A residual of rtol |g| leaves an error of at most rtol |g|/λ."""
    curvature, g = problem(shape, seed)
    C = curvature.S.T @ curvature.S
    x = solve(CG(rtol=rtol, iterations=2000), curvature, damping, g).value
    rounding = solve_error(C, damping, g, terms=20 * sum(shape))
    assert_within(x, solved(C, damping, g), rtol * np.linalg.norm(g) / damping + rounding)


@given(
    widths=st.lists(st.integers(2, 4), min_size=2, max_size=3),
    loss=st.sampled_from(sorted(LOSSES)),
    damping=dampings,
)
def test_on_a_network(widths, loss, damping):
    at = Dense(widths, loss)
    curvature, g = GGN().at(at.objective), at.objective.gradient
    truth, norm = solved(at.G, damping, at.gradient), np.linalg.norm(at.gradient) / damping
    bound = solve_error(at.size**2 * np.eye(1), damping, at.gradient, terms=at.terms)
    assert_within(solve(Woodbury(), curvature, damping, g).value, truth, bound)
    x = solve(CG(rtol=1e-8, iterations=2000), curvature, damping, g).value
    assert_within(x, truth, 1e-8 * norm + bound)


def test_conjugate_gradients_are_optimal_in_the_krylov_space():
    """After k products the error is the smallest possible, in the norm of A = C + λI."""
    curvature, g = problem((12, 20, 12))
    A = curvature.S.T @ curvature.S + 0.1 * np.eye(20)
    x = solve(CG(rtol=0.0, iterations=3), curvature, 0.1, g).value
    V, _ = np.linalg.qr(np.stack([g, A @ g, A @ A @ g], axis=1))
    best = V @ np.linalg.solve(V.T @ A @ V, V.T @ g)
    # the three powers of A that make the oracle's basis lose cond(A)² in its directions
    assert_within(x, best, 20 * 20 * EPS * np.linalg.cond(A) ** 2 * np.linalg.norm(best))


def test_conjugate_gradients_stop_at_the_number_of_distinct_eigenvalues():
    curvature, g = problem((4, 20, 2))
    solve(CG(rtol=1e-8), curvature, 0.1, g)
    assert curvature.products == 3


def test_a_warm_start_goes_on_from_the_last_solution():
    curvature, g = problem((12, 20, 12))
    warm = CG(rtol=1e-6, warm=True)
    first = solve(warm, curvature, 0.1, g)
    cold = curvature.products
    again = solve(warm, curvature, 0.1, g, first.memory)
    assert curvature.products == cold + 1, "its residual, and no iteration"
    assert np.array_equal(again.value, first.value)
    nearby = solve(warm, curvature, 0.1, 1.001 * g, first.memory)
    C = curvature.S.T @ curvature.S
    bound = 1e-6 * np.linalg.norm(1.001 * g) / 0.1
    assert_within(nearby.value, solved(C, 0.1, 1.001 * g), bound)
    assert curvature.products - (cold + 1) < cold


def test_a_cold_start_ignores_the_last_solution():
    curvature, g = problem((12, 20, 12))
    first = solve(CG(), curvature, 0.1, g)
    again = solve(CG(), curvature, 0.1, g, 1e6 * first.memory)
    assert np.array_equal(again.value, first.value)


@pytest.mark.parametrize("solver", [Woodbury(), CG()], ids=repr)
def test_no_gradient_no_step(solver):
    curvature, g = problem((4, 6, 4))
    assert not solve(solver, curvature, 0.1, 0 * g).value.any()


@pytest.mark.parametrize("solver", [Woodbury(), CG(rtol=0.0)], ids=repr)
@pytest.mark.parametrize("size", [1e-18, 1e-22, 1e-30, 1e-44])
def test_gradients_too_small_to_square_are_no_trouble(solver, size):
    S, g = random_rows(4, 6, dtype=np.float32), np.full(6, size, np.float32)
    assert np.isfinite(solve(solver, Rows(S), 0.1, g).value).all()


def test_a_gram_matrix_made_indefinite_by_rounding_is_cut_at_zero():
    curvature, g = problem((4, 6, 2))
    values, V = np.linalg.eigh(curvature.gram)
    curvature.gram = V @ np.diag([-1e-3, -1e-3, *values[2:]]) @ V.T
    x = solve(Woodbury(), curvature, 1e-4, g).value
    C = curvature.S.T @ curvature.S
    assert_within(x, solved(C, 1e-4, g), solve_error(C, 1e-4, g, terms=20 * 10))


def test_a_gram_matrix_that_overflowed_gives_no_number():
    curvature, g = problem((4, 6, 4))
    curvature.gram = np.full((4, 4), np.inf)
    assert np.isnan(solve(Woodbury(), curvature, 0.1, g).value).all()


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("warm", [True, False])
def test_a_gradient_that_overflows_when_squared_gives_no_number(warm):
    curvature = Rows(random_rows(4, 6, dtype=np.float32))
    g = np.full(6, 1e30, np.float32)
    assert np.isnan(solve(CG(warm=warm), curvature, 0.1, g).value).all()


@pytest.mark.parametrize("knobs", [{"rtol": -1.0}, {"rtol": np.nan}, {"iterations": 0}], ids=str)
def test_knobs_that_cannot_be(knobs):
    with pytest.raises(InvalidInput, match=next(iter(knobs))):
        CG(**knobs)
