"""Exact Gauss-Newton descent against its published system, made dense by autograd."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tngd
from tests.tngd.oracles import Dense, assert_within, solve_error, solved
from thermolinalg.errors import InvalidInput
from tngd.linsolve.row_space import RowSpace
from tngd.optimizers.contract import State
from tngd.optimizers.damping import LevenbergMarquardt
from tngd.optimizers.egn import EGN
from tngd.optimizers.rules import LineSearch, Rate
from tngd.optimizers.transforms import Average, Descending

EPS = np.finfo(float).eps


def first_step(optimizer, objective, state=None):
    return optimizer.step(objective, state or State(), np.random.default_rng(0))


def change(optimizer, objective):
    return first_step(optimizer, objective).params - objective.params


def bounds(at, damping):
    solving = solve_error(at.size**2 * np.eye(1), damping, at.gradient, terms=at.terms)
    return solving + EPS * np.linalg.norm(at.params)


@given(
    widths=st.lists(st.integers(2, 4), min_size=2, max_size=3),
    loss=st.sampled_from(["softmax", "squared"]),
    damping=st.sampled_from([1e-3, 0.1, 1.0]),
)
@settings(max_examples=30)
def test_it_is_the_damped_gauss_newton_step(widths, loss, damping):
    at = Dense(widths, loss)
    truth = -0.5 * solved(at.G, damping, at.gradient)
    assert_within(change(EGN(0.5, damping=damping), at.objective), truth, bounds(at, damping))


def test_it_is_the_published_system():
    """J'(Q J J' + b λ I)⁻¹ r, which is not symmetric."""
    at, damping = Dense([3, 4, 3]), 0.1
    p = np.exp(at.z) / np.exp(at.z).sum(axis=1, keepdims=True)
    r = np.eye(3)[at.y] - p
    Q = np.zeros((at.b, 3, at.b, 3))
    Q[np.arange(at.b), :, np.arange(at.b)] = np.eye(3) * p[:, :, None] - p[:, :, None] * p[:, None]
    J, Q = at.J.reshape(-1, at.p), Q.reshape(3 * at.b, -1)
    system = Q @ J @ J.T + at.b * damping * np.eye(3 * at.b)
    truth = J.T @ np.linalg.solve(system, r.reshape(-1))
    condition = np.linalg.cond(system)  # of the oracle, which has no symmetry to help it
    oracle = at.terms * EPS * condition * np.linalg.norm(J) * np.linalg.norm(r) / (at.b * damping)
    ours = change(EGN(damping=damping), at.objective)
    assert_within(ours, truth, bounds(at, damping) + oracle)


def test_for_softmax_it_is_the_exact_natural_gradient():
    at = Dense([3, 4, 3])
    natural = tngd.NGD(1.0, damping=0.1, curvature=tngd.ExactFisher())
    ours, theirs = (change(o, at.objective) for o in (EGN(damping=0.1), natural))
    assert_within(ours, theirs, 2 * bounds(at, 0.1))


def test_heavy_damping_leaves_the_gradient():
    at = Dense([3, 4, 3])
    step = -1e6 * change(EGN(damping=1e6), at.objective)
    bound = (np.linalg.norm(at.G) / 1e6 + 1e6 * EPS * at.terms) * np.linalg.norm(at.gradient)
    assert_within(step, at.gradient, bound + 1e6 * EPS * np.linalg.norm(at.params))


def test_slots():
    plain = EGN()
    assert (plain.name, plain.rule, plain.after) == ("egn", Rate(1.0), ())
    assert plain.direction == tngd.NaturalGradient(tngd.GGN(), RowSpace(), 1.0)
    assert EGN(momentum=0.9).after == (Descending(Average(0.9)),)
    published = LineSearch(0.5, slope=0.1, decrease=0.8, increase=1.5, restart="increase", tries=15)
    assert EGN(0.5, search=True).rule == published
    assert EGN(search=replace(published, rate=2.0)).rule.rate == 2.0
    gentle = LevenbergMarquardt(0.3, up=1.01, down=0.99, low=0.25, high=0.75)
    assert EGN(damping=0.3, adaptive=True).direction.damping == gentle
    assert EGN(damping=tngd.LevenbergMarquardt()).direction.damping == LevenbergMarquardt()


@pytest.mark.parametrize(
    "knobs",
    [{}, {"momentum": 0.9}, {"search": True}, {"adaptive": True}],
    ids=str,
)
def test_it_makes_progress_and_keeps_float32(knobs):
    at = Dense([4, 8, 3], b=12, dtype=np.float32).objective
    optimizer, state, objective = EGN(0.5, **knobs), State(), at
    for _ in range(20):
        move = first_step(optimizer, objective, state)
        state, objective = move.state, objective.moved(move.params)
    assert objective.value < 0.5 * at.value
    assert objective.params.dtype == np.float32
    assert (move.damping != 1.0) == ("adaptive" in knobs)


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"rate": 0.0}, "rate"),
        ({"damping": -1.0}, "damping"),
        ({"momentum": 1.0}, "decay"),
        ({"damping": LevenbergMarquardt(), "adaptive": True}, "damping"),
    ],
    ids=str,
)
def test_knobs_that_cannot_be(knobs, words):
    with pytest.raises(InvalidInput, match=words):
        EGN(**knobs)
