"""FNGD against dense blocks made by autograd, and each reading written out by hand."""

import pickle
from dataclasses import replace

import autograd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
import tngd
from models.leaf import OuterLeaf
from tests.tngd.oracles import Dense, assert_within, solve_error, solved
from thermolinalg.errors import CoupledSamples, InvalidInput
from thermolinalg.streams import Streams
from tngd.objective import Objective
from tngd.optimizers.contract import Point, State
from tngd.optimizers.fngd import FNGD, FastNaturalGradient
from tngd.optimizers.transforms import WeightDecay
from tngd.training.loop import steps
from tngd.training.problem import Problem

EPS = np.finfo(float).eps
READINGS = ("sample", "position", "mean", "scalar")
over_readings = pytest.mark.parametrize("reading", READINGS)


def find(direction, objective, memory=None):
    return direction.find(Point(objective), memory, np.random.default_rng(0))


def layers(net):
    """Where the parameters of each layer lie, from the last layer to the first."""
    owned = {}
    for name, place in net.layout.places():
        owned.setdefault(name.rpartition(".")[0], []).append(np.arange(net.size)[place])
    return [np.concatenate(places) for places in owned.values()][::-1]


def dense_gradients(at):
    """u_n (b, p) of the losses of the samples, by autograd."""
    slopes = [
        autograd.grad(lambda z, n=n: at.sample_loss(z[None], at.y[n : n + 1])[0])(at.z[n])
        for n in range(at.b)
    ]
    return np.einsum("nk,nkp->np", np.stack(slopes), at.J)


def weights_of(u, damping):
    """M c, with c = (U'U + λ M I)⁻¹ 1 by a dense solve; u (M, d)."""
    M = len(u)
    return M * np.linalg.solve(u @ u.T + damping * M * np.eye(M), np.ones(M))


@given(
    widths=st.lists(st.integers(2, 4), min_size=2, max_size=4),
    loss=st.sampled_from(["softmax", "squared"]),
    power=st.floats(-3, 2),
    b=st.integers(1, 6),
)
@settings(max_examples=30)
def test_at_first_it_is_the_natural_gradient_of_empirical_blocks(widths, loss, power, b):
    """The dense block solve, the identity of Woodbury, and the weighted sum, are one."""
    at, damping = Dense(widths, loss, b=b), 10.0**power
    u, found = dense_gradients(at), find(FastNaturalGradient(damping), at.objective)
    block, by_identity, by_weights = np.zeros((3, at.p))
    for own in layers(at.objective.network):
        U, g = u[:, own].T, at.gradient[own]
        block[own] = solved(U @ U.T / b, damping, g)
        inner = np.linalg.solve(damping * b * np.eye(b) + U.T @ U, U.T @ g)
        by_identity[own] = (g - U @ inner) / damping
        by_weights[own] = U @ weights_of(U.T, damping) / b
    bound = solve_error(np.eye(1) * np.sum(u * u), damping, [1 + np.abs(u).sum()], terms=at.terms)
    for truth in (block, by_identity, by_weights):
        assert_within(found.direction, truth, bound)
    assert (found.damping, found.curvature) == (damping, None)


@over_readings
def test_heavy_damping_leaves_the_gradient(reading):
    """In every epoch: weights are 1/λ up to |F|/λ of it."""
    at, direction, memory = Dense([3, 4, 3]), FastNaturalGradient(1e6, reading), None
    size = np.linalg.norm(dense_gradients(at))
    bound = (size**3 / 1e6 + EPS * at.terms * size) / 1e6
    for epoch in range(3):
        objective = replace(at.objective, rows=np.arange(at.b), epoch=epoch)
        found = find(direction, objective, memory)
        memory = found.memory
        assert_within(found.direction, at.gradient / 1e6, bound)


@pytest.mark.parametrize("shape", [(3, 3, 1), (5, 3)], ids=str)
def test_layers_that_share_weights_over_places(shape):
    """Against the gradients of the samples, which are of sums over places."""
    rng, b = np.random.default_rng(0), 4
    if len(shape) == 3:
        first, last = models.Conv2D(1, 2, 2), [models.Flatten(), models.Dense(8, 3)]
    else:
        first, last = models.Dense(3, 4), [models.LayerNorm(4), models.Dense(4, 3)]
    net = models.Network(models.Sequential([first, models.Tanh(), *last]))
    x, y = rng.normal(size=(b, *shape)), rng.integers(3, size=(b, *shape[:1])[: 4 - len(shape)])
    at = Objective(net, models.SoftmaxCrossEntropy(), rng.normal(size=net.size), x, y)
    u, truth = gradients_of(at), np.zeros(net.size)
    for own in layers(net):
        truth[own] = weights_of(u[:, own], 0.3) @ u[:, own] / b
    size = np.linalg.norm(u)
    bound = 40 * (net.size + x.size) * EPS * (1 + size**2 / 0.3) ** 2 * (1 + size) / 0.3
    assert_within(find(FastNaturalGradient(0.3), at).direction, truth, bound)


# readings


ROWS = [[4, 0, 6], [2, 5, 1], [3]]
EPOCHS = [ROWS, [[1, 3, 5], [6, 0, 4], [2]], [[0, 1, 2, 3], [4, 5, 6]]]
"""Batches of the rows 0 to 6: two epochs of batches of 3, and one of batches of 4."""


def batches(epochs, dtype=np.float64, seed=0):
    """Objectives at random parameters, as a training loop makes them."""
    rng, net = np.random.default_rng(seed), models.mlp([3, 4, 3])
    x, y = rng.normal(size=(9, 3)).astype(dtype), rng.integers(3, size=9)
    for epoch, numbers in enumerate(epochs):
        for rows in numbers:
            params = rng.normal(size=net.size).astype(dtype)
            loss = models.SoftmaxCrossEntropy()
            yield Objective(net, loss, params, x[rows], y[rows], None, np.array(rows), epoch)


def gradients_of(at):
    """u_n (b, p) of the losses of the samples, by the network's own products."""
    return at.linearization.per_sample(at.loss.gradient(at.output, at.y))


def written_out(reading, learnt, t, i, row):
    """The weight of a row, position i of batch t; learnt are (t, i, row, weight), all of them."""
    alike = {
        "sample": [old[2] == row for old in learnt],
        "position": [old[:2] == (t, i) for old in learnt],
        "mean": [old[1] == i for old in learnt],
        "scalar": [True for _ in learnt],
    }[reading]
    weights = np.array([old[3] for old in learnt])
    return np.mean(weights[alike] if any(alike) else weights)


@over_readings
def test_readings_written_out(reading):
    """The smaller last batch, and another batch size, included."""
    direction, memory, damping = FastNaturalGradient(0.3, reading), None, 0.3
    found, truth, size = [], [], 0.0
    learnt = {}
    for at, (t, rows) in zip(
        batches(EPOCHS), [b for epoch in EPOCHS for b in enumerate(epoch)], strict=True
    ):
        u, expected = gradients_of(at), np.zeros(at.network.size)
        for layer, own in enumerate(layers(at.network)):
            if at.epoch == 0:
                a = weights_of(u[:, own], damping)
                learnt.setdefault(layer, []).extend((t, i, row, a[i]) for i, row in enumerate(rows))
            else:
                a = [written_out(reading, learnt[layer], t, i, r) for i, r in enumerate(rows)]
            expected[own] = np.asarray(a) @ u[:, own] / len(rows)
        step = find(direction, at, memory)
        memory = step.memory
        found.append(step.direction)
        truth.append(expected)
        size = max(size, np.linalg.norm(u))
    condition = (size**2 + damping) / damping
    bound = 40 * at.network.size * EPS * condition * (1 + size) ** 2 / damping
    assert_within(np.array(found), np.array(truth), bound)


def test_a_row_never_seen_has_the_mean():
    direction = FastNaturalGradient(0.3, "sample")
    first, second = batches([[[0, 1, 2]], [[0, 7, 8]]])
    memory = find(direction, first).memory
    known = find(direction, second, memory).memory.recalled(np.array([0, 7, 8]))
    assert np.array_equal(known[:, 0], memory.sums[:, 0])
    assert np.allclose(known[:, 1:], memory.sums.mean(axis=1)[:, None], rtol=10 * EPS, atol=0)


@over_readings
def test_after_the_first_epoch_nothing_is_solved(reading, monkeypatch):
    direction, memory = FastNaturalGradient(0.3, reading), None

    def refuse(*_):
        raise AssertionError("a Gram matrix was formed")

    for at in batches(EPOCHS):
        if at.epoch == 1:
            monkeypatch.setattr(OuterLeaf, "gram", refuse)
        memory = find(direction, at, memory).memory
    monkeypatch.undo()
    monkeypatch.setattr(OuterLeaf, "gram", refuse)
    with pytest.raises(AssertionError, match="Gram"):
        find(direction, at)


@over_readings
def test_refreshed_in_every_epoch_it_always_solves(reading):
    always, memory = FastNaturalGradient(0.3, reading, refresh=1), None
    for at in batches(EPOCHS):
        found = find(always, at, memory)
        memory = found.memory
        assert np.array_equal(found.direction, find(always, at).direction)


@over_readings
def test_refreshed_in_every_other_epoch(reading):
    """And what was learnt before is forgotten."""
    seldom, memory, solves = FastNaturalGradient(0.3, reading, refresh=2), None, []
    runs = list(batches([[[0, 1, 2]]] * 5))
    for at in runs:
        found = find(seldom, at, memory)
        memory = found.memory
        solves.append(np.array_equal(found.direction, find(seldom, at).direction))
        if at.epoch == 3:
            late = find(seldom, at, find(seldom, runs[2]).memory)
            assert np.array_equal(found.direction, late.direction)
    assert solves == [True, False, True, False, True]


@over_readings
def test_memory_is_data_and_stays_as_it_is(reading):
    direction, memory = FastNaturalGradient(0.3, reading), None
    for at in batches(EPOCHS):
        before = pickle.dumps(memory)
        thawed = pickle.loads(before)
        found, again = find(direction, at, memory), find(direction, at, thawed)
        assert np.array_equal(found.direction, again.direction)
        assert pickle.dumps(memory) == before
        memory = found.memory


@over_readings
def test_float32_is_kept(reading):
    direction, memory = FastNaturalGradient(np.float64(0.3), reading), None
    for at in batches(EPOCHS, np.float32):
        found = find(direction, at, memory)
        memory = found.memory
        assert found.direction.dtype == np.float32
        assert memory.sums.dtype == np.float32


@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
def test_on_other_libraries_as_on_numpy(library):
    xp = pytest.importorskip(library)
    direction, ours, theirs = FastNaturalGradient(0.3), None, None
    for at in batches(EPOCHS[:2]):
        x, y, params = (xp.asarray(a) for a in (at.x, at.y, at.params))
        there = find(direction, replace(at, x=x, y=y, params=params), theirs)
        here = find(direction, at, ours)
        ours, theirs = here.memory, there.memory
        assert type(there.direction) is type(params)
        u = np.linalg.norm(gradients_of(at))
        bound = 40 * at.network.size * EPS * (1 + u**2 / 0.3) ** 2 * (1 + u) / 0.3
        assert_within(np.asarray(there.direction), here.direction, bound)


# in training


@over_readings
def test_a_run_goes_on_bit_by_bit(reading):
    rng = np.random.default_rng(0)
    net, x, y = models.mlp([3, 4, 3]), rng.normal(size=(7, 3)), rng.integers(3, size=7)
    problem = Problem(net, models.SoftmaxCrossEntropy(), x, y)
    optimizer, params = FNGD(0.1, momentum=0.5, reading=reading), rng.normal(size=net.size)
    knobs = {"batch": 3, "epochs": 3, "streams": Streams(0)}
    whole = list(steps(problem, optimizer, params, **knobs))
    for done in (2, 3, 5):
        at = whole[done - 1]
        state = pickle.loads(pickle.dumps(at.state))
        *_, last = steps(problem, optimizer, at.params, state=state, done=done, **knobs)
        assert np.array_equal(last.params, whole[-1].params)


def test_by_hand_it_makes_progress():
    at = Dense([4, 8, 3], b=12).objective
    optimizer, state, objective = FNGD(momentum=0.5), State(), at
    for _ in range(20):
        move = optimizer.step(objective, state, np.random.default_rng(0))
        state, objective = move.state, objective.moved(move.params)
    assert objective.value < at.value
    assert move.damping == 1.0


def test_slots():
    assert FNGD() == tngd.Optimizer("fngd", FastNaturalGradient(), tngd.Rate(0.1))
    made = FNGD(0.2, damping=0.3, momentum=0.9, reading="mean", refresh=4)
    assert made.direction == FastNaturalGradient(0.3, "mean", 4)
    assert (made.rule, made.after) == (tngd.Rate(0.2), (tngd.Momentum(0.9),))


def test_what_cannot_be_done():
    at = Dense([3, 4, 3]).objective
    with pytest.raises(InvalidInput, match=r"objective\.rows"):
        find(FastNaturalGradient(reading="sample"), at)
    decayed = replace(FNGD(), before=(WeightDecay(0.1),))
    with pytest.raises(InvalidInput, match="after"):
        decayed.step(at, State(), np.random.default_rng(0))


def test_samples_that_interact_are_refused():
    net = models.Network(
        models.Sequential([models.Dense(3, 4), models.BatchNorm(4), models.Dense(4, 3)])
    )
    at = Dense([3, 4, 3]).objective
    params = np.random.default_rng(0).normal(size=net.size)
    objective = replace(at, network=net, params=params, noise=Streams(0))
    with pytest.raises(CoupledSamples):
        find(FastNaturalGradient(), objective)


@pytest.mark.parametrize(
    "knobs", [{"damping": 0.0}, {"reading": "batch"}, {"refresh": 0}, {"rate": -1.0}], ids=str
)
def test_knobs_that_cannot_be(knobs):
    with pytest.raises(InvalidInput, match=next(iter(knobs))):
        FNGD(**knobs)
