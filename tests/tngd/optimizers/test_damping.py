"""Damping that follows how well the quadratic model did."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tngd
from tests.tngd.optimizers.test_search import linear
from tests.tngd.oracles import Dense
from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import Point, State, Taken
from tngd.optimizers.damping import LevenbergMarquardt, TrustRegion

EPS = np.finfo(float).eps


def taken(at, change, **knobs):
    return Taken(Point(at, **knobs), change, at.params + change)


def test_on_a_quadratic_the_ratio_is_one():
    at = linear()
    change = -0.3 * at.gradient
    assert taken(at, change).ratio == pytest.approx(1, rel=1e4 * EPS)
    C = tngd.GGN().at(at)
    assert taken(at, change, curvature=C, damping=5.0).ratio == taken(at, change).ratio, "undamped"


def test_the_ratio_written_out():
    problem = Dense([3, 4, 3])
    at, change = problem.objective, -2.0 * problem.gradient
    model = problem.gradient @ change + 0.5 * change @ problem.G @ change
    truth = (problem.value(problem.params + change) - problem.value(problem.params)) / model
    for curvature in (None, tngd.Kronecker().at(at), tngd.BlockDiagonal().at(at)):
        assert taken(at, change, curvature=curvature).ratio == pytest.approx(truth, rel=1e-10)
    assert np.isnan(taken(at, 0 * change).ratio)


@pytest.mark.parametrize(
    ("ratio", "factor"), [(1.0, 2 / 3), (0.76, 2 / 3), (0.5, 1.0), (0.2, 1.5), (-3.0, 1.5)]
)
def test_levenberg_and_marquardt(ratio, factor, monkeypatch):
    monkeypatch.setattr(Taken, "ratio", ratio)
    at = linear()
    step = taken(at, -at.gradient)
    assert LevenbergMarquardt(2.0).learn(None, step) == pytest.approx(2.0 * factor)
    assert LevenbergMarquardt(2.0).learn(0.3, step) == pytest.approx(0.3 * factor)
    bounded = LevenbergMarquardt(2.0, least=1.9, most=2.1).learn(None, step)
    assert bounded == pytest.approx(np.clip(2.0 * factor, 1.9, 2.1))
    seldom = LevenbergMarquardt(2.0, every=5)
    assert seldom.learn(0.3, step) == 0.3
    assert seldom.learn(0.3, taken(at, -at.gradient, step=5)) == pytest.approx(0.3 * factor)


def test_gentle_factors():
    made = LevenbergMarquardt.gentle(3.0)
    assert (made.start, made.up, made.down, made.low, made.high) == (3.0, 1.01, 0.99, 0.25, 0.75)


def test_a_loss_that_is_no_number_raises_the_damping():
    at = linear()
    broken = Taken(Point(at), -at.gradient, np.full_like(at.params, np.nan))
    with np.errstate(all="ignore"):
        assert LevenbergMarquardt(2.0).learn(None, broken) == 3.0
        assert TrustRegion(2.0).learn(None, broken) == 0.5


@given(
    seed=st.integers(0, 50),
    part=st.floats(0.01, 0.99),
    loss=st.sampled_from(["softmax", "squared"]),
)
def test_the_solution_lies_on_the_border_of_the_region(seed, part, loss):
    """Against a dense solve."""
    problem = Dense([3, 3], loss, seed=seed)
    whole = np.linalg.norm(np.linalg.solve(problem.G + 1e-6 * np.eye(problem.p), problem.gradient))
    C = tngd.GGN().at(problem.objective)
    damping = TrustRegion(part * whole).value(C, problem.objective.gradient, None)
    found = np.linalg.solve(problem.G + damping * np.eye(problem.p), problem.gradient)
    assert np.linalg.norm(found) == pytest.approx(part * whole, rel=1e-4)
    assert TrustRegion(2 * whole).value(C, problem.objective.gradient, None) == 1e-6


@pytest.mark.parametrize(
    ("ratio", "damping", "factor"),
    [(1.0, 0.1, 2.0), (1.0, 1e-6, 1.0), (0.5, 0.1, 1.0), (0.1, 0.1, 0.25)],
)
def test_the_radius_follows(ratio, damping, factor, monkeypatch):
    monkeypatch.setattr(Taken, "ratio", ratio)
    at = linear()
    step = taken(at, -at.gradient, damping=damping)
    assert TrustRegion(3.0).learn(None, step) == 3.0 * factor
    assert TrustRegion(3.0).learn(0.5, step) == 0.5 * factor


@pytest.mark.parametrize(
    ("make", "damping"),
    [
        (tngd.NGD, LevenbergMarquardt(1.0)),
        (tngd.NGD, TrustRegion(0.5)),
        (tngd.NGDCG, LevenbergMarquardt(1.0)),
        (tngd.TNGD, LevenbergMarquardt(1.0)),
        (partial(tngd.TNGD, start="carried"), TrustRegion(0.5)),
    ],
    ids=["ngd", "ngd-region", "cg", "tngd", "tngd-region"],
)
def test_it_is_a_slot_of_every_natural_gradient(make, damping):
    """What was learnt in a step is used in the next."""
    at = Dense([4, 8, 3], b=12).objective
    optimizer, state, here, seen = make(1.0, damping=damping), State(), at, []
    for step in range(6):
        move = optimizer.step(here, state, np.random.default_rng(step))
        here, state = here.moved(move.params), move.state
        seen.append(move.damping)
    assert here.value < at.value
    assert len(set(seen)) > 1


@pytest.mark.parametrize(
    ("kind", "knobs"),
    [
        (LevenbergMarquardt, {"start": 0.0}),
        (LevenbergMarquardt, {"low": 0.9}),
        (LevenbergMarquardt, {"up": 0.5}),
        (LevenbergMarquardt, {"every": 0}),
        (TrustRegion, {"radius": 0.0}),
        (TrustRegion, {"least": -1.0}),
    ],
    ids=str,
)
def test_knobs_that_cannot_be(kind, knobs):
    with pytest.raises(InvalidInput, match=list(knobs)[-1]):
        kind(**knobs)
