"""Hessian-free optimization: what is kept, what is taken, and what a step does to the loss."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tngd
from tests.tngd.optimizers.going_on import (
    assert_goes_on_from_a_pickle,
    assert_keeps_float32,
    assert_on_torch_as_on_numpy,
    walked,
)
from tests.tngd.optimizers.test_search import linear
from tests.tngd.oracles import LOSSES, Dense, Rows, random_rows
from thermolinalg.errors import InvalidInput
from tngd.linsolve.cg import CG
from tngd.linsolve.woodbury import Woodbury
from tngd.optimizers.contract import Point, State
from tngd.optimizers.damping import LevenbergMarquardt
from tngd.optimizers.hessian_free import Backtracked, HessianFree

EPS = np.finfo(float).eps
RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Given:
    """A curvature that is the same everywhere; its products are counted."""

    matrix: object

    def at(self, *_):
        return self.matrix


class Counted(Rows):
    products = 0

    def matvec(self, v):
        self.products += 1
        return super().matvec(v)


@dataclass(frozen=True)
class Loss:
    """Any function for an objective."""

    function: object
    params: np.ndarray

    @property
    def value(self):
        return self.function(self.params)

    def moved(self, params):
        return replace(self, params=params)


def found(function, seed=0, p=30, memory=None, **knobs):
    """A direction of `Backtracked` for a loss of our own, and all iterates."""
    C, g = Counted(random_rows(p, p, seed=seed)), np.random.default_rng(seed).normal(size=p)
    direction = Backtracked(Given(C), CG(0.0, 25), 1e-3, **knobs)
    at = Point(Loss(function, np.zeros(p)), transformed=g)
    iterates = list(direction.solver.iterates(C, 1e-3, g, None))
    return direction.find(at, memory, RNG), iterates


@given(best=st.integers(1, 40), spacing=st.sampled_from([1.1, 1.3, 2.0]))
def test_iterates_are_looked_at_from_the_last_one_back(best, spacing):
    """The loss is the distance from iterate `best`, and of those kept it takes the one where the
    loss stops to fall."""
    _, iterates = found(lambda _: 0.0)
    target = iterates[min(best, 25)]
    move, _ = found(lambda params: float(np.linalg.norm(params + target)), spacing=spacing)
    numbers = sorted({math.ceil(spacing**j) for j in range(200)} | {25})
    numbers = [n for n in numbers if n <= 25]
    distances = [np.linalg.norm(iterates[n] - target) for n in numbers]
    place = len(numbers) - 1
    while place and distances[place - 1] < distances[place]:
        place -= 1
    assert np.array_equal(move.direction, iterates[numbers[place]])


def test_the_next_start_is_not_backtracked():
    move, iterates = found(lambda params: float(params @ params))  # the first is the lowest
    assert np.array_equal(move.direction, iterates[1])
    assert np.array_equal(move.memory[0], iterates[-1])


@pytest.mark.parametrize("wall", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_high(wall):
    _, iterates = found(lambda _: 0.0)
    radius = np.linalg.norm(iterates[7])
    move, _ = found(lambda at: wall if np.linalg.norm(at) > radius else -float(np.linalg.norm(at)))
    assert np.array_equal(move.direction, iterates[7])


def test_where_nothing_is_to_solve_the_start_is_taken():
    direction = Backtracked(Given(Rows(random_rows(4, 6))), CG(), 0.1)
    move = direction.find(
        Point(Loss(lambda _: 0.0, np.zeros(6)), transformed=np.zeros(6)), None, RNG
    )
    assert not move.direction.any()


@given(seed=st.integers(0, 200))
@settings(max_examples=40)
def test_one_step_reaches_the_minimum_of_a_quadratic(seed):
    """The damping λ leaves an error of at most λ/μ of the way, and the residual one of rtol |g|/μ,
    where μ and M are the extreme eigenvalues; the loss is off by at most M/2 of the square. An
    earlier iterate is only taken where its loss is as low up to rounding."""
    at, damping, rtol = linear(seed, b=20), 1e-9, 1e-10
    G = tngd.GGN().at(at).to_dense()
    values = np.linalg.eigvalsh(G)
    least, most = float(values[0]), float(values[-1])
    optimizer = HessianFree(damping=damping, rtol=rtol, iterations=100)
    after, _ = walked(optimizer, at, steps=1)
    best = at.moved(at.params - np.linalg.solve(G, at.gradient))
    way = np.linalg.norm(best.params - at.params)
    error = damping / least * way + rtol * np.linalg.norm(at.gradient) / least
    rounding = 100 * at.params.size * EPS * (at.value + most * way**2) * most / least
    assert after.value - best.value <= most / 2 * error**2 + rounding


@given(
    loss=st.sampled_from(sorted(LOSSES)),
    seed=st.integers(0, 1000),
    damping=st.sampled_from([1e-6, 1e-2, LevenbergMarquardt(1.0)]),
)
@settings(max_examples=12)
def test_the_loss_never_rises(loss, seed, damping):
    """More than by the rounding that the line search allows."""
    at, state = Dense([3, 4, 2], loss, b=6, seed=seed).objective, State()
    optimizer = HessianFree(damping=damping, iterations=20)
    for _ in range(4):
        move = optimizer.step(at, state, RNG)
        after, state = at.moved(move.params), move.state
        assert after.value <= at.value + EPS * abs(at.value)
        at = after


def test_a_warm_start_costs_fewer_products():
    C, g = Counted(random_rows(40, 40)), np.random.default_rng(0).normal(size=40)
    at, counts = (
        Point(Loss(lambda params: -float(np.linalg.norm(params)), np.zeros(40)), transformed=g),
        [],
    )
    for warm in (0.0, 0.95):
        direction = Backtracked(Given(C), CG(1e-3, 250, warm), 1e-2)
        memory = direction.find(at, None, RNG).memory
        before = C.products
        direction.find(at, memory, RNG)
        counts.append(C.products - before)
    assert counts[1] < counts[0]


def test_the_damping_learns_and_a_number_does_not():
    """On a quadratic the model is right, so that Martens' damping falls by 2/3."""
    at = linear(b=20)
    optimizer = HessianFree()
    first = optimizer.step(at, State(), RNG)
    second = optimizer.step(at.moved(first.params), first.state, RNG)
    assert (first.damping, second.damping) == (1.0, 2 / 3)
    assert walked(HessianFree(damping=0.3), at)[1].direction[1] is None


def test_defaults_of_the_paper():
    made = HessianFree()
    assert made.direction == Backtracked()
    assert made.direction.solver == CG(1e-5, 250, warm=0.95, progress=5e-4)
    assert made.direction.damping == LevenbergMarquardt(1.0, 0.25, 0.75, 3 / 2, 2 / 3)
    assert made.rule == tngd.LineSearch(1.0, slope=1e-2, decrease=0.8, restart="reset", tries=20)


def test_its_state_is_data():
    assert_goes_on_from_a_pickle(HessianFree())
    assert_keeps_float32(HessianFree(np.float64(1.0), damping=np.float64(0.1)))


def test_on_torch():
    # rounding of the gradient is enlarged by at most the condition of G + λ, which is below 1e6
    assert_on_torch_as_on_numpy(HessianFree(damping=0.1), 1e6 * EPS)


@pytest.mark.parametrize(
    "knobs", [{"solver": Woodbury()}, {"damping": 0.0}, {"spacing": 1.0}, {"spacing": "x"}], ids=str
)
def test_knobs_that_cannot_be(knobs):
    with pytest.raises(InvalidInput, match=next(iter(knobs))):
        Backtracked(**knobs)
