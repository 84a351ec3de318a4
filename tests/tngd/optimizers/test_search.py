"""Rates that are searched for, and rates that the quadratic model gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
import tngd
from tests.tngd.oracles import Dense
from thermolinalg.errors import InvalidInput
from tngd.objective import Objective
from tngd.optimizers.contract import Point, State
from tngd.optimizers.rules import LineSearch, QuadraticModel

EPS = np.finfo(float).eps


def linear(seed=0, b=8):
    """A linear model under squared error: its loss is its quadratic model."""
    rng, net = np.random.default_rng(seed), models.mlp([3, 2])
    x, y, params = rng.normal(size=(b, 3)), rng.normal(size=(b, 2)), rng.normal(size=net.size)
    return Objective(net, models.SquaredError(), params, x, y)


def length(change, direction):
    return -float(change @ direction) / float(direction @ direction)


@given(seed=st.integers(0, 50), scale=st.floats(-4, 4), slope=st.floats(0.05, 0.9))
def test_the_largest_rate_tried_that_falls_enough(seed, scale, slope):
    """Every larger one tried before falls too little."""
    at = Dense([3, 4, 3], seed=seed).objective
    v, rule = 10.0**scale * at.gradient, LineSearch(1.0, slope=slope, decrease=0.5, tries=60)
    change, rate = rule.step(v, None, Point(at))
    assert np.array_equal(change, -rate * v)
    tries = round(-np.log2(rate))
    assert rate == 0.5**tries

    def enough(rate):
        lost = at.value - at.moved(at.params - rate * v).value
        return lost >= slope * rate * float(v @ at.gradient) - EPS * abs(at.value)

    assert enough(rate)
    assert not any(enough(0.5**k) for k in range(tries))


@pytest.mark.parametrize(("restart", "first"), [("increase", 0.5), ("keep", 0.25), ("reset", 8.0)])
def test_where_a_search_starts(restart, first):
    at = linear()
    rule = LineSearch(8.0, slope=0.01, decrease=0.5, increase=2.0, restart=restart)
    size = float(np.linalg.eigvalsh(tngd.GGN().at(at).to_dense())[-1])
    gentle = 1e-3 / size * at.gradient  # any of these rates is enough
    assert rule.step(gentle, 0.25, Point(at))[1] == first


def test_goldstein_raises_a_rate_that_falls_too_much():
    """On a quadratic the loss falls (1 - a/2a*) of the linear model's, a* the best rate: between
    c and 1 - c of it for a/2a* in that range."""
    at, c = linear(), 0.25
    g, G = at.gradient, tngd.GGN().at(at)
    best = float(g @ g) / float(g @ G.matvec(g))
    rule = LineSearch(100 * best, slope=c, increase=1.2, restart="keep", goldstein=True, tries=99)
    plain = LineSearch(100 * best, slope=c, restart="keep")
    _, found = rule.step(g, 1e-3 * best, Point(at))
    assert c <= found / (2 * best) <= 1 - c
    assert plain.step(g, 1e-3 * best, Point(at))[1] == 1e-3 * best


def test_uphill_nothing_moves():
    at = linear()
    change, memory = LineSearch().step(-at.gradient, 0.7, Point(at))
    assert not change.any()
    assert memory == 0.7
    change, memory = LineSearch(tries=2, decrease=0.9).step(1e6 * at.gradient, None, Point(at))
    assert not change.any(), "no try was enough"


def test_the_model_of_a_linear_network_finds_the_minimum_along_a_line():
    at = linear()
    change, _ = QuadraticModel().step(at.gradient, None, Point(at))
    rate = length(change, at.gradient)
    values = [at.moved(at.params - r * at.gradient).value for r in (0.99 * rate, rate, 1.01 * rate)]
    assert min(values) == values[1]


def test_with_momentum_it_is_conjugate_gradients():
    """p steps of exact rate and momentum along gradients solve a quadratic of p parameters."""
    at, state = linear(b=20), State()
    optimizer = tngd.Optimizer("cg", tngd.Gradient(), QuadraticModel())
    x1 = np.column_stack([at.x, np.ones(len(at.x))])
    best, *_ = np.linalg.lstsq(x1, at.y, rcond=None)
    truth = np.concatenate([best[:3].ravel(), best[3]])
    condition = np.linalg.cond(x1.T @ x1)
    for _ in range(at.network.size):
        move = optimizer.step(at, state, np.random.default_rng(0))
        at, state = at.moved(move.params), move.state
    bound = 100 * at.network.size * EPS * condition**2 * np.linalg.norm(truth)
    assert np.linalg.norm(at.params - truth) <= bound


def test_damping_counts_in_the_model_and_the_rate_has_a_limit():
    problem = Dense([3, 4, 3])
    at, g = problem.objective, problem.gradient
    change, _ = QuadraticModel().step(at.gradient, None, Point(at, damping=0.7))
    truth = float(g @ g) / float(g @ (problem.G @ g) + 0.7 * g @ g)
    assert length(change, g) == pytest.approx(truth, rel=1e3 * EPS * problem.terms)
    change, _ = QuadraticModel(0.5 * truth).step(at.gradient, None, Point(at, damping=0.7))
    assert length(change, g) == pytest.approx(0.5 * truth, rel=1e3 * EPS * problem.terms)


@pytest.mark.parametrize(
    ("rule", "knobs"),
    [
        (LineSearch, {"rate": 0.0}),
        (LineSearch, {"slope": 1.0}),
        (LineSearch, {"decrease": 1.0}),
        (LineSearch, {"increase": 0.5}),
        (LineSearch, {"restart": "anew"}),
        (LineSearch, {"tries": 0}),
        (QuadraticModel, {"rate": -1.0}),
    ],
    ids=str,
)
def test_knobs_that_cannot_be(rule, knobs):
    with pytest.raises(InvalidInput, match=list(knobs)[-1]):
        rule(**knobs)
