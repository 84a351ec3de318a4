"""The push-through form against dense solves, and where Woodbury's form must stand in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
import tngd
from tests.tngd.oracles import (
    LOSSES,
    Dense,
    Rows,
    assert_within,
    random_rows,
    solve_error,
    solved,
)
from tngd.curvature.fisher import EmpiricalFisher, ExactFisher, SampledFisher
from tngd.curvature.ggn import GGN
from tngd.linsolve.row_space import RowSpace, in_rows
from tngd.linsolve.woodbury import Woodbury
from tngd.objective import Objective
from tngd.optimizers.contract import State

RNG = np.random.default_rng(0)
EPS = np.finfo(float).eps


def solve(solver, curvature, damping, g):
    return solver.solve(curvature, damping, g, None, RNG).value


def objective(loss, targets, *, net=None, x=None, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    net = net or models.mlp([3, 4, 3])
    x = rng.normal(size=(5, 3)) if x is None else x
    return Objective(net, loss, scale * rng.normal(size=net.size), x, targets(rng))


@given(
    widths=st.lists(st.integers(2, 4), min_size=2, max_size=3),
    loss=st.sampled_from(sorted(LOSSES)),
    power=st.floats(-4, 2),
    b=st.integers(1, 6),
)
@settings(max_examples=30)
def test_on_a_network(widths, loss, power, b):
    at, damping = Dense(widths, loss, b=b), 10.0**power
    curvature, g = GGN().at(at.objective), at.objective.gradient
    bound = solve_error(at.size**2 * np.eye(1), damping, at.gradient, terms=at.terms)
    truth = solved(at.G, damping, at.gradient)
    assert_within(solve(RowSpace(), curvature, damping, g), truth, bound)


@pytest.mark.parametrize("damping", [1e-6, 1e-10, 1e-14])
def test_small_dampings_cost_no_digits(damping):
    """S from autograd's Jacobian and the root of H that is not ours, in its own singular vectors.

    S has independent rows, so its error is that of a Cholesky factor, eps cond(S)², at any damping.
    """
    at = Dense([3, 8, 3], b=4)
    p = np.exp(at.z) / np.exp(at.z).sum(axis=1, keepdims=True)
    root = np.sqrt(p)
    halves = np.eye(3) * root[:, None, :] - root[:, :, None] * p[:, None, :]  # H = half' half
    S = np.einsum("nlk,nkp->nlp", halves, at.J).reshape(-1, at.p) / np.sqrt(at.b)
    s = ((p - np.eye(3)[at.y]) / root).reshape(-1) / np.sqrt(at.b)
    U, sizes, V = np.linalg.svd(S, full_matrices=False)
    U, sizes, V = U[:, : 2 * at.b], sizes[: 2 * at.b], V[: 2 * at.b]  # one class in three is spare
    truth = V.T @ (sizes / (sizes**2 + damping) * (U.T @ s))
    bound = at.terms * EPS * (sizes[0] / sizes[-1]) ** 2 * np.linalg.norm(truth)
    curvature, g = GGN().at(at.objective), at.objective.gradient
    assert_within(solve(RowSpace(), curvature, damping, g), truth, bound)
    if damping <= 1e-10:
        lost = np.linalg.norm(solve(Woodbury(), curvature, damping, g) - truth)
        assert lost > bound, "Woodbury's form divides rounding by the damping"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("margin", [0.1, 3.0, 10.0, 30.0])
def test_a_perfect_fit_is_in_range(margin, dtype):
    """p - 1 keeps few digits or none, and the sum of u is not 0 by as much."""
    net, y = models.mlp([3, 3]), np.arange(3)
    params = np.concatenate([margin * np.eye(3).ravel(), np.zeros(3)]).astype(dtype)
    at = Objective(net, models.SoftmaxCrossEntropy(), params, np.eye(3, dtype=dtype), y)
    assert in_rows(GGN().at(at)) is not None


def test_probabilities_of_very_different_sizes_are_mostly_in_range():
    """Logits z ~ N(0, 36), labels at random; where the root itself was rounded off, Woodbury is."""
    found = []
    for seed in range(20):
        rng, net = np.random.default_rng(seed), models.mlp([10, 10])
        params = np.concatenate([np.eye(10).ravel(), np.zeros(10)])
        x, y = 6 * rng.normal(size=(16, 10)), rng.integers(10, size=16)
        at = Objective(net, models.SoftmaxCrossEntropy(), params, x, y)
        found.append(in_rows(GGN().at(at)) is not None)
    assert np.mean(found) > 0.5


LOSS_CASES = {
    "binary": (models.BinaryCrossEntropy(), lambda rng: rng.integers(2, size=(5, 3)) * 1.0),
    "poisson": (models.Poisson(), lambda rng: rng.integers(4, size=(5, 3)) * 1.0),
    "smoothed": (models.SoftmaxCrossEntropy(0.1), lambda rng: rng.integers(3, size=5)),
    "ignored": (models.SoftmaxCrossEntropy(ignore=-1), lambda rng: rng.integers(-1, 3, size=5)),
    "confident": (models.SoftmaxCrossEntropy(), lambda rng: rng.integers(3, size=5)),
}


@pytest.mark.parametrize("kind", [GGN(), ExactFisher(), EmpiricalFisher()], ids=repr)
@pytest.mark.parametrize("name", LOSS_CASES)
def test_rows_make_up_the_gradient(name, kind):
    loss, targets = LOSS_CASES[name]
    at = objective(loss, targets, scale=2.0 if name == "confident" else 1.0)
    C = kind.at(at)
    s = in_rows(C)
    assert s.shape == C.gram.shape[:1]
    size = np.linalg.norm(C.rows) * np.linalg.norm(s) + np.linalg.norm(at.gradient)
    assert_within(C.root_adjoint(s), at.gradient, 40 * at.network.size * EPS * size)


def test_positions_are_outputs_like_others():
    x = np.random.default_rng(1).normal(size=(2, 4, 3))
    net = models.Network(models.Dense(3, 3))
    loss = models.SoftmaxCrossEntropy(ignore=-1)
    at = objective(loss, lambda rng: rng.integers(-1, 3, size=(2, 4)), net=net, x=x)
    C = GGN().at(at)
    assert in_rows(C) is not None
    G = C.to_dense()
    bound = solve_error(G, 0.1, at.gradient, terms=40 * (net.size + x.size))
    assert_within(solve(RowSpace(), C, 0.1, at.gradient), solved(G, 0.1, at.gradient), bound)


def refused():
    at = Dense([3, 4, 3]).objective
    yield "changed", GGN().at(at), 2 * at.gradient
    yield "drawn", SampledFisher().at(at, 0), at.gradient
    S = random_rows(4, 6)
    yield "rows", Rows(S), S.sum(axis=0)
    flat = objective(models.Huber(1e-3), lambda rng: 9.0 + rng.normal(size=(5, 3)))
    yield "flat", GGN().at(flat), flat.gradient
    sure = objective(models.SoftmaxCrossEntropy(), lambda rng: rng.integers(3, size=5), scale=1e3)
    yield "underflow", GGN().at(sure), sure.gradient


@pytest.mark.parametrize("case", list(refused()), ids=lambda case: case[0])
def test_woodbury_stands_in(case):
    _, curvature, g = case
    ours, theirs = (solve(s, curvature, 0.1, g) for s in (RowSpace(), Woodbury()))
    assert np.array_equal(ours, theirs)


def test_an_equal_gradient_is_the_objectives_own():
    at = Dense([3, 4, 3]).objective
    ours, same = (solve(RowSpace(), GGN().at(at), 0.1, g) for g in (at.gradient, +at.gradient))
    assert np.array_equal(ours, same)


def test_nobody_finds_the_gradient():
    at = Dense([3, 4, 3]).objective
    tngd.EGN().step(at, State(), RNG)
    assert "gradient" not in vars(at)


def test_a_gradient_that_is_no_number_gives_none():
    at = Dense([3, 4, 3]).objective
    broken = at.moved(np.full_like(at.params, np.nan))
    assert np.isnan(solve(RowSpace(), GGN().at(broken), 0.1, broken.gradient)).all()


@given(seed=st.integers(0, 50), scale=st.floats(0, 1.5))
@settings(max_examples=30)
def test_float32_is_kept_and_enough(seed, scale):
    """However sure the network is: what falls out of range goes to Woodbury.

    The gradient is known up to roundings of 1, since p - 1 is part of it.
    """
    at = Dense([3, 4, 3], seed=seed, dtype=np.float32)
    ours = at.objective.moved((10**scale * at.params).astype(np.float32))
    x = solve(RowSpace(), GGN().at(ours), 0.1, ours.gradient)
    assert x.dtype == np.float32
    double = Objective(ours.network, ours.loss, ours.params.astype(float), at.x, ours.y)
    C = GGN().at(double)
    G, size = C.to_dense(), np.linalg.norm(double.linearization.jacobian())
    g = double.gradient
    bound = solve_error(
        (1 + size**2) * np.eye(1),
        0.1,
        np.linalg.norm(g) + 1,
        terms=at.terms * 10**scale,
        dtype=np.float32,
    )
    assert_within(x, solved(G, 0.1, g), bound)


@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
def test_on_other_libraries_as_on_numpy(library):
    xp = pytest.importorskip(library)
    at = Dense([3, 4, 3])
    ours = at.objective
    params, x, y = (xp.asarray(a) for a in (ours.params, ours.x, ours.y))
    theirs = Objective(ours.network, ours.loss, params, x, y)
    found = solve(RowSpace(), GGN().at(theirs), 0.1, theirs.gradient)
    assert type(found) is type(params)
    truth = solve(RowSpace(), GGN().at(ours), 0.1, ours.gradient)
    bound = solve_error(at.size**2 * np.eye(1), 0.1, at.gradient, terms=at.terms)
    assert_within(np.asarray(found), truth, bound)
