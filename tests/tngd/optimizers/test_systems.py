"""Every optimizer that has a name, as a table; and what natural gradients are in the limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
import tngd
from tests.tngd.oracles import Dense, assert_within, solve_error, solved
from tests.tngd.training.cases import keeps_steps_short
from thermolinalg.errors import InvalidInput
from tngd.objective import Objective
from tngd.optimizers.contract import State

EPS = np.finfo(float).eps
over_names = pytest.mark.parametrize("name", tngd.list_optimizers())


def first_step(optimizer, objective, seed=0):
    return optimizer.step(objective, State(), np.random.default_rng(seed))


def change(optimizer, objective):
    return first_step(optimizer, objective).params - objective.params


@over_names
def test_each_makes_progress(name):
    """Thirty steps, at its own defaults, on one batch."""
    at = Dense([4, 8, 3], b=12).objective
    optimizer, state, objective = tngd.optimizer(name), State(), at
    for step in range(30):
        move = optimizer.step(objective, state, np.random.default_rng(step))
        state = move.state
        objective = Objective(at.network, at.loss, move.params, at.x, at.y)
    assert objective.value < at.value
    assert optimizer.name == name


@over_names
def test_each_keeps_float32_whatever_the_knobs_are_made_of(name):
    at = Dense([3, 4, 3], dtype=np.float32).objective
    optimizer = tngd.optimizer(name, rate=np.float64(0.1))
    if isinstance(optimizer.direction, tngd.NaturalGradient):
        optimizer = tngd.optimizer(name, rate=np.float64(0.1), damping=np.float64(0.3))
    assert first_step(optimizer, at).params.dtype == np.float32


@over_names
def test_each_steps_on_torch_as_on_numpy(name):
    torch = pytest.importorskip("torch")
    at = Dense([3, 4, 3])
    ours = at.objective
    theirs = Objective(
        ours.network, ours.loss, *(torch.from_numpy(a) for a in (ours.params, ours.x, ours.y))
    )
    params, truth = (first_step(tngd.optimizer(name), o).params for o in (theirs, ours))
    assert isinstance(params, torch.Tensor)
    # the damping 0.1 enlarges rounding in the gradient, and sign descent divides by it
    assert_within(params.numpy(), truth, at.terms * EPS * (1 + at.size**2 / 0.1) ** 2)


@over_names
def test_each_takes_another_rate(name):
    optimizer = tngd.optimizer(name, rate=0.1)
    assert optimizer.rate == 0.1
    faster = optimizer.with_rate(0.2)
    assert (faster.name, faster.rate, optimizer.rate) == (name, 0.2, 0.1)
    at = Dense([3, 4, 3]).objective
    if not keeps_steps_short(optimizer):
        twice = 2 * change(optimizer, at)
        np.testing.assert_allclose(change(faster, at), twice, rtol=0, atol=1e-13)


def test_knobs_reach_their_slots():
    made = tngd.optimizer("tngd", rate=0.2, damping=0.3, time=4.0, start="carried", noise=1e-3)
    assert made == tngd.TNGD(0.2, damping=0.3, time=4.0, start="carried", noise=1e-3)
    assert made.direction.solver == tngd.Thermodynamic(4.0, "carried", 0.0, 1e-3)
    assert tngd.optimizer("ngd-cg", iterations=7).direction.solver == tngd.CG(iterations=7)
    made = tngd.optimizer("momentum", momentum=0.5)
    assert (made.rule, made.after) == (tngd.Rate(0.05), (tngd.Momentum(0.5),))


def test_defaults_of_the_paper_for_tngd_adam():
    made = tngd.TNGDAdam()
    assert (made.rule, made.after) == (tngd.Rate(1e-3), (tngd.Adaptive(0.0, 0.0, 1e-8),))
    assert made.direction == tngd.NaturalGradient(solver=tngd.Thermodynamic(0.4), damping=1.0)


@pytest.mark.parametrize(
    ("name", "knobs", "words"),
    [
        ("newton", {}, "newton.*There are: sgd, "),
        ("sgd", {"dampign": 1.0}, "sgd.*dampign"),
        ("ngd-cg", {"time": 1.0}, "ngd-cg.*time"),
        ("tngd", {"time": -1.0}, "time"),
        ("ngd", {"damping": 0.0}, "damping"),
        ("tngd", {"damping": "much"}, "damping"),
        ("sgd", {"nesterov": True}, "nesterov"),
    ],
)
def test_what_cannot_be_made(name, knobs, words):
    with pytest.raises(InvalidInput, match=words):
        tngd.optimizer(name, **knobs)


# natural gradients


@given(widths=st.lists(st.integers(2, 4), min_size=2, max_size=3), b=st.integers(1, 4))
def test_ngd_is_a_damped_newton_step_with_gauss_newton_for_the_hessian(widths, b):
    at = Dense(widths, b=b)
    truth = -0.5 * solved(at.G, 0.2, at.gradient)
    bound = solve_error(at.size**2 * np.eye(1), 0.2, at.gradient, terms=at.terms)
    rounding = EPS * np.linalg.norm(at.params)
    assert_within(change(tngd.NGD(0.5, damping=0.2), at.objective), truth, bound + rounding)


def test_one_step_solves_least_squares():
    """On a linear model the Gauss-Newton matrix is the Hessian. The damping λ leaves the part
    λ/(λ + μ) of the way, at most λ/(λ + μ_min)."""
    net, rng, damping = models.mlp([3, 2]), np.random.default_rng(0), 1e-4
    x, y, params = rng.normal(size=(20, 3)), rng.normal(size=(20, 2)), rng.normal(size=net.size)
    objective = Objective(net, models.SquaredError(), params, x, y)
    reached = first_step(tngd.NGD(1.0, damping=damping), objective).params
    design = np.column_stack([x, np.ones(20)])
    best, *_ = np.linalg.lstsq(design, y, rcond=None)
    best = np.concatenate([best[:3].ravel(), best[3]])
    slowest = np.linalg.svd(design, compute_uv=False)[-1] ** 2 / 20
    left = damping / slowest * np.linalg.norm(params - best)
    size = np.linalg.norm(design) ** 2 / 20 * np.eye(1)
    rounding = solve_error(size, damping, objective.gradient, terms=40 * net.size)
    assert_within(reached, best, left + rounding)


@pytest.mark.parametrize("optimizer", [tngd.NGD, tngd.TNGD], ids=lambda make: make.__name__)
def test_heavy_damping_leaves_the_gradient(optimizer):
    """(G + λI)⁻¹ g is g/λ up to |G|/λ of it."""
    at = Dense([3, 4, 3])
    step = -1e6 * change(optimizer(1.0, damping=1e6), at.objective)
    bound = (np.linalg.norm(at.G) / 1e6 + 1e6 * EPS * at.terms) * np.linalg.norm(at.gradient)
    assert_within(step, at.gradient, bound + 1e6 * EPS * np.linalg.norm(at.params))


def test_tngd_for_ever_is_ngd():
    at = Dense([3, 4, 3], b=6)
    for damping in (1e-3, 0.1):
        ngd = change(tngd.NGD(damping=damping), at.objective)
        forever = change(tngd.TNGD(damping=damping, time=1e6 / damping), at.objective)
        assert_within(forever, ngd, 1e-5 * np.linalg.norm(ngd))


def test_tngd_for_no_time_is_gradient_descent():
    at = Dense([3, 4, 3])
    still, sgd = (first_step(o, at.objective) for o in (tngd.TNGD(0.3, time=0.0), tngd.SGD(0.3)))
    assert still.params.tobytes() == sgd.params.tobytes()


def test_a_step_reports_its_damping_and_its_cost():
    at = Dense([3, 4, 3]).objective
    move = first_step(tngd.TNGD(damping=0.3, time=7.0), at)
    assert (move.damping, move.cost.analog_time) == (0.3, 7.0)
    assert move.cost.device_seconds > 0
    digital = first_step(tngd.SGD(), at)
    assert (digital.damping, digital.cost.analog_time, digital.cost.device_seconds) == (0, 0, 0)


def test_a_carried_state_is_part_of_the_optimizers_state():
    at = Dense([3, 4, 3]).objective
    carried = tngd.TNGD(time=1.0, start="carried")
    first = first_step(carried, at)
    assert first.state.direction is not None
    on, anew = (carried.step(at, s, np.random.default_rng(0)) for s in (first.state, State()))
    assert not np.array_equal(on.params, anew.params)
    assert np.array_equal(anew.params, first.params)
