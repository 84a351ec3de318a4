"""Q-Newton against Newton steps with autograd's Hessian, and what its reports and costs say."""

import math
import pickle

import autograd
import numpy as np
import pytest

from tests.tngd.oracles import Dense, assert_within
from thermolinalg.errors import InvalidInput
from tngd.objective import Objective
from tngd.optimizers.contract import Point, State
from tngd.optimizers.qnewton import BlockNewton, QNewton
from tngd.optimizers.rules import Rate
from tngd.optimizers.transforms import Clip, Momentum
from tngd.qnewton.quantum_cost import QuantumCost
from tngd.qnewton.schedule import Scheduler

EPS = np.finfo(float).eps
PURE = {"keep": 1.0, "clip": math.inf, "rate": 1.0}


def stepped(optimizer, objective, seed=0):
    return optimizer.step(objective, State(), np.random.default_rng(seed))


def change(optimizer, objective):
    return stepped(optimizer, objective).params - objective.params


def hessian(at):
    return autograd.hessian(at.value)(at.params)


def blocks_of(at, kind):
    """Slices of the flat array, from the shapes of weights and biases of a perceptron."""
    sizes = [math.prod(shape) for shape in at.objective.network.layout.shapes.values()]
    if kind == "layer":
        sizes = [w + b for w, b in zip(sizes[::2], sizes[1::2], strict=True)]
    ends = np.cumsum(sizes if kind != "full" else [sum(sizes)])
    return [slice(end - size, end) for end, size in zip(ends, np.diff([0, *ends]), strict=True)]


def newton(at, kind, eps_norm, sizes=np.sign):
    """Solution of every block regularised, and what rounding may do to it."""
    H, v, bound = hessian(at), np.zeros(at.p), 1e-300
    for block in blocks_of(at, kind):
        a, V = np.linalg.eigh(H[block, block])
        H_block = (V * (np.abs(a) if sizes is np.abs else a)) @ V.T
        M = H_block + eps_norm * (np.abs(H_block).max() + 1e-6) * np.eye(len(a))
        v[block] = np.linalg.solve(M, at.gradient[block])
        least = np.abs(np.linalg.eigvalsh(M)).min()
        error = at.terms * EPS * (1 + at.size**2) * (1 + at.c)
        bound += error / least * (1 + np.linalg.norm(v[block]))
    return v, bound + at.terms * EPS * np.linalg.norm(at.params)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("eps_norm", [0.0, 1e-12])
def test_without_regularisation_and_pruning_it_is_newtons_step(seed, eps_norm):
    at = Dense([2, 3, 2], "squared", b=12, seed=seed)
    v, bound = newton(at, "full", eps_norm)
    assert_within(
        change(QNewton(blocks="full", eps_norm=eps_norm, **PURE), at.objective), -v, bound
    )


@pytest.mark.parametrize("kind", ["tensor", "layer", "full"])
@pytest.mark.parametrize("indefinite", ["as is", "absolute"])
@pytest.mark.parametrize("loss", ["softmax", "squared"])
def test_each_block_is_solved_with_its_own_regularisation(kind, indefinite, loss):
    at = Dense([3, 4, 3], loss, b=6)
    v, bound = newton(at, kind, 0.3, np.abs if indefinite == "absolute" else np.sign)
    made = QNewton(eps_norm=0.3, blocks=kind, indefinite=indefinite, **PURE)
    assert_within(change(made, at.objective), -v, bound)


def test_with_much_regularisation_it_is_gradient_descent():
    """(H + c I)⁻¹ g is g/c up to |H|/c of itself, c = eps_norm max|H|."""
    at = Dense([3, 4, 3], b=6)
    H = hessian(at)
    for eps_norm in (1e6, 1e9):
        c = eps_norm * (np.abs(H).max() + 1e-6)
        step = change(
            QNewton(eps_norm=eps_norm, blocks="full", **{**PURE, "rate": c}), at.objective
        )
        off = (np.linalg.norm(H, 2) / c + 2 * at.terms * EPS) * np.linalg.norm(at.gradient)
        assert_within(step, -at.gradient, 2 * off + EPS * np.linalg.norm(at.params))


def test_absolute_eigenvalues_descend_where_published_steps_climb():
    at = Dense([2, 3, 2], "squared", b=3, seed=3)
    assert np.linalg.eigvalsh(hessian(at))[0] < 0
    made = QNewton(eps_norm=1e-3, blocks="full", indefinite="absolute", **PURE)
    assert at.gradient @ change(made, at.objective) < 0
    limits = [report.kappa for report in stepped(made, at.objective).state.direction]
    assert max(limits) <= (1 + at.p / 1e-3) * (1 + 1e-9)


@pytest.mark.parametrize("order", ["regularize first", "prune first"])
@pytest.mark.parametrize("mask", ["or", "and"])
def test_pruning_is_of_the_matrix_that_is_solved(order, mask):
    at = Dense([3, 4, 3], b=6)
    keep, eps_norm = 0.3, 2.0
    H = hessian(at)
    shift = eps_norm * (np.abs(H).max() + 1e-6) * np.eye(at.p)
    d = round(keep * at.p)
    M = H + shift if order == "regularize first" else H
    large = np.abs(M) >= np.sort(np.abs(M), axis=1)[:, -d][:, None]
    M = np.where(large | large.T if mask == "or" else large & large.T, M, 0.0)
    if order == "prune first":
        shift = eps_norm * (np.abs(M).max() + 1e-6) * np.eye(at.p)
        M = M + shift
    made = QNewton(
        eps_norm=eps_norm, blocks="full", order=order, mask=mask, **{**PURE, "keep": keep}
    )
    move = stepped(made, at.objective)
    v = np.linalg.solve(M, at.gradient)
    least = np.abs(np.linalg.eigvalsh(M)).min()
    bound = at.terms * EPS * (1 + at.size**2) * (1 + at.c) / least * (1 + np.linalg.norm(v))
    assert_within(move.params - at.params, -v, bound + at.terms * EPS * np.linalg.norm(at.params))
    (report,) = move.state.direction
    assert report.d == np.count_nonzero(M, axis=1).max()
    kappa = np.linalg.cond(M)
    assert report.exact
    assert abs(report.kappa / kappa - 1) <= at.terms * EPS * (1 + at.size**2) * kappa / least


def test_directions_are_clipped_before_momentum():
    at = Dense([3, 4, 3], b=6)
    small = change(QNewton(0.5, clip=1e-3, eps_norm=1e-3), at.objective)
    assert abs(np.abs(small).max() - 0.5e-3) <= 4 * EPS * np.abs(at.params).max()
    made = QNewton(0.5, clip=7.0, momentum=0.9)
    assert (made.rule, made.after) == (Rate(0.5), (Clip(entry=7.0), Momentum(0.9)))
    assert QNewton().after == (Clip(entry=100.0),)


# who solves, and what that costs


def test_each_block_goes_to_the_cheapest_and_the_cost_is_modelled():
    at = Dense([3, 4, 3], b=6)
    names = list(at.objective.network.layout.shapes)
    for gate_time, solver in ((1e-9, "lu"), (1e-30, "quantum")):
        scheduler = Scheduler(quantum=QuantumCost(gate_time=gate_time))
        move = stepped(QNewton(scheduler=scheduler), at.objective)
        reports = move.state.direction
        assert [report.name for report in reports] == names
        assert {report.choice.solver for report in reports} == {solver}
        for report in reports:
            assert report.choice == scheduler.choose(report.N, report.d, report.kappa)
        lines = {line.activity: line for line in move.cost.ledger.lines}
        assert set(lines) == {"hessian", "condition", f"solve by {solver}", "digital"}
        modelled = math.fsum(report.choice.least for report in reports)
        assert math.isclose(move.cost.device_seconds, modelled, rel_tol=1e-14)
        assert {lines[name].source for name in ("hessian", "condition")} == {"measured"}
        assert move.cost.analog_time == 0.0
        assert move.cost.joules is None


def test_the_numbers_do_not_depend_on_who_would_solve():
    at = Dense([3, 4, 3], b=6).objective
    quantum = Scheduler(quantum=QuantumCost(gate_time=1e-30))
    np.testing.assert_array_equal(change(QNewton(), at), change(QNewton(scheduler=quantum), at))


def test_the_state_is_plain_data():
    state = stepped(QNewton(keep=0.5), Dense([3, 4, 3]).objective).state
    assert pickle.loads(pickle.dumps(state)).direction == state.direction


def test_few_products_estimate_from_below():
    at = Dense([3, 4, 3], b=6)
    exact, few = (
        BlockNewton(blocks="full", products=k)
        .find(Point(at.objective), None, np.random.default_rng(0))
        .memory[0]
        for k in (50, 4)
    )
    assert (exact.exact, few.exact) == (True, False)
    assert few.kappa <= exact.kappa * (1 + at.terms * EPS * exact.kappa)


# the border


@pytest.mark.parametrize("knobs", [{}, {"keep": 0.3, "order": "prune first"}])
def test_steps_make_progress_on_one_batch(knobs):
    at = Dense([3, 4, 3], b=12).objective
    optimizer, state, objective = QNewton(**knobs), State(), at
    for step in range(10):
        move = optimizer.step(objective, state, np.random.default_rng(step))
        state = move.state
        objective = objective.moved(move.params)
    assert objective.value < at.value


def test_float32_stays():
    at = Dense([3, 4, 3], dtype=np.float32).objective
    made = QNewton(np.float64(0.1), eps_norm=np.float64(0.1), keep=np.float64(0.5))
    assert stepped(made, at).params.dtype == np.float32


def test_torch_steps_as_numpy():
    torch = pytest.importorskip("torch")
    at = Dense([3, 4, 3])
    ours = at.objective
    theirs = Objective(
        ours.network, ours.loss, *(torch.from_numpy(a) for a in (ours.params, ours.x, ours.y))
    )
    made = QNewton(eps_norm=0.3, **PURE)
    params = stepped(made, theirs).params
    assert isinstance(params, torch.Tensor)
    _, bound = newton(at, "tensor", 0.3)
    assert_within(params.numpy(), stepped(made, ours).params, bound)


def test_parameters_that_are_no_numbers_give_no_numbers():
    at = Dense([2, 2, 2]).objective
    bad = at.moved(math.nan * at.params)
    move = stepped(QNewton(), bad)
    assert np.isnan(move.params).all()
    assert {report.kappa for report in move.state.direction} == {math.inf}


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"most": 3}, "parameters.*most = 3"),
        ({"eps_norm": -1.0}, "eps_norm"),
        ({"keep": 0.0}, "keep"),
        ({"keep": 1.5}, "keep = 1.5"),
        ({"blocks": "net"}, 'blocks.*"layer"'),
        ({"order": "both"}, "order"),
        ({"mask": "xor"}, "mask"),
        ({"indefinite": "no"}, "indefinite"),
        ({"scheduler": 3}, "scheduler"),
        ({"clip": -1.0}, "entry"),
    ],
)
def test_what_cannot_be_made(knobs, words):
    with pytest.raises(InvalidInput, match=words):
        stepped(QNewton(**knobs), Dense([3, 4, 3]).objective)


def test_a_singular_block_says_what_to_do():
    at = Dense([2, 2, 2])
    flat = at.objective.moved(0 * at.params)  # nothing reaches the first layer
    with pytest.raises(InvalidInput, match=r"singular.*eps_norm"):
        stepped(QNewton(eps_norm=0.0), flat)
