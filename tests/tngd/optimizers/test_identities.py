"""What optimizers have in common: identities between them, to a relative error of 1e-8.

Each side is another route: dense matrices that autograd or NumPy makes against sample space,
factors and relaxations. Dampings are at least 1e-5 of what bounds the curvature, so that condition
numbers are below about 1e5 and double precision leaves 1e-8 room for hundreds of roundings.
"""

import math
from dataclasses import replace

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import models
import tngd
from tests.tngd.optimizers.test_fngd import READINGS, dense_gradients, layers
from tests.tngd.oracles import LOSSES, Dense, assert_within, solved
from tngd.objective import Objective
from tngd.optimizers.contract import Point, State
from tngd.optimizers.matrices import matrices
from tngd.optimizers.registry import SYSTEMS
from tngd.optimizers.shampoo import InverseRoots
from tngd.qnewton.quantum_cost import QuantumCost
from tngd.qnewton.schedule import Scheduler

EPS = np.finfo(float).eps
TOLERANCE = 1e-8

few = settings(max_examples=15)
powers = st.floats(-5, 5)


def known_gradient(at):
    """No gradient is known to 1e-8 where it is what rounding left of p - 1."""
    return np.linalg.norm(at.gradient) > 1e-5 * at.size


def problems(losses=tuple(LOSSES), *, most=3, least=1):
    """Perceptrons of up to so many widths, whose softmax is sure of itself or is not."""
    return st.builds(
        Dense,
        widths=st.lists(st.integers(2, 4), min_size=2, max_size=most),
        loss=st.sampled_from(losses),
        b=st.integers(least, 6),
        activation=st.sampled_from(["Tanh", "GELU", "ReLU"]),
        seed=st.integers(0, 100),
        scale=st.sampled_from([0.1, 1.0, 3.0]),
    ).filter(known_gradient)


def damping_of(at, power):
    """In units of |J|²/b, which bounds G: the curvature in each output is at most 1."""
    return 10.0**power * np.linalg.norm(at.J) ** 2 / at.b


def empirical_damping(at, power):
    """In units of the trace of the empirical Fisher matrix, which bounds it."""
    return 10.0**power * np.linalg.norm(dense_gradients(at)) ** 2 / at.b


def found(optimizer, objective, memory=None, seed=0):
    """What the slot of the direction finds, before clips, momentum and the step rule."""
    rng = np.random.default_rng(seed)
    return optimizer.direction.find(Point(objective), memory, rng)


def assert_equal(actual, expected):
    """To a relative error of 1e-8 in the 2-norm."""
    assert_within(actual, expected, TOLERANCE * np.linalg.norm(expected))


# exact Gauss-Newton descent


@given(at=problems(), power=powers)
@few
def test_egn_is_the_damped_gauss_newton_solve(at, power):
    damping = damping_of(at, power)
    truth = solved(at.G, damping, at.gradient)
    for optimizer in (tngd.EGN(damping=damping), tngd.NGD(damping=damping)):
        assert_equal(found(optimizer, at.objective).direction, truth)


@given(at=problems(["softmax"]), power=powers)
@few
def test_egn_is_the_exact_natural_gradient(at, power):
    """With the Fisher matrix from its definition: the mean of s s' over all labels of the model."""
    damping = damping_of(at, power)

    def losses(z, label):
        return anp.sum(at.sample_loss(z, np.full(at.b, label)))

    p = scipy.special.softmax(at.z, axis=1)
    slopes = [autograd.grad(losses)(at.z, label) for label in range(at.c)]
    scores = np.einsum("ynk,nkp->nyp", np.stack(slopes), at.J)
    F = np.einsum("ny,nyp,nyq->pq", p, scores, scores) / at.b
    truth = solved(F, damping, at.gradient)
    natural = tngd.NGD(damping=damping, curvature=tngd.ExactFisher())
    for optimizer in (tngd.EGN(damping=damping), natural):
        assert_equal(found(optimizer, at.objective).direction, truth)


@given(at=problems(), power=powers)
@few
def test_egn_is_the_unsymmetric_system_of_its_paper(at, power):
    """J'(Q J J' + b λ I)⁻¹ r."""
    damping = damping_of(at, power)
    J, Q = at.J.reshape(-1, at.p), scipy.linalg.block_diag(*at.H)
    r = -autograd.grad(lambda z: anp.sum(at.sample_loss(z, at.y)))(at.z)
    system = Q @ J @ J.T + at.b * damping * np.eye(len(Q))
    truth = J.T @ np.linalg.solve(system, r.reshape(-1))
    assert_equal(found(tngd.EGN(damping=damping), at.objective).direction, -truth)


# fast natural gradient descent


def weighted_backward(at, weights, params):
    """Gradient of the mean loss with a weight for each sample, layer by layer, by autograd."""

    def loss(params, a):
        return anp.sum(a * at.sample_loss(at.f(params, at.x), at.y)) / at.b

    v = np.zeros(at.p)
    for own, a in zip(layers(at.objective.network), weights, strict=True):
        v[own] = autograd.grad(loss)(params, a)[own]
    return v


def sample_weights(at, u, damping):
    """M c of every layer, c = (U'U + λ M I)⁻¹ 1 for U = [u_1 ... u_M]."""
    inner = [u[:, own] @ u[:, own].T for own in layers(at.objective.network)]
    return [solved(K, damping * at.b, np.ones(at.b)) * at.b for K in inner]


@given(at=problems(), power=powers)
@few
def test_fngd_is_the_natural_gradient_of_every_layer_in_three_forms(at, power):
    """The solve with F = UU'/M, the identity of Sherman, Morrison and Woodbury, and U c."""
    u, g = dense_gradients(at), at.gradient
    damping = empirical_damping(at, power)
    block, by_identity = np.zeros((2, at.p))
    for own in layers(at.objective.network):
        U = u[:, own].T
        block[own] = solved(U @ U.T / at.b, damping, g[own])
        inner = solved(U.T @ U, damping * at.b, U.T @ g[own])
        by_identity[own] = (g[own] - U @ inner) / damping
    by_weights = weighted_backward(at, sample_weights(at, u, damping), at.params)
    direction = found(tngd.FNGD(damping=damping), at.objective).direction
    for truth in (block, by_identity, by_weights):
        assert_equal(direction, truth)


@pytest.mark.parametrize("reading", READINGS)
@given(at=problems(), power=powers, shift=st.sampled_from([-0.1, 0.1]))
@few
def test_fngd_later_weighs_gradients_as_it_did_at_first(reading, at, power, shift):
    """Elsewhere, with the rows in another order: only "sample" knows who is who."""
    damping = empirical_damping(at, power)
    order = np.roll(np.arange(at.b), 1)
    rows = np.arange(at.b)
    optimizer = tngd.FNGD(damping=damping, reading=reading)
    memory = found(optimizer, replace(at.objective, rows=rows)).memory
    params, here = at.params + shift, at.objective
    later = replace(here, params=params, x=here.x[order], y=here.y[order], rows=order, epoch=1)
    weights = sample_weights(at, dense_gradients(at), damping)
    back = np.argsort(order)  # where each sample is now
    if reading in {"position", "mean"}:
        weights = [a[back] for a in weights]
    elif reading == "scalar":
        weights = [np.full(at.b, a.mean()) for a in weights]
    truth = weighted_backward(at, weights, params)
    assume(np.linalg.norm(truth) > 1e-5 * at.size / damping)
    assert_equal(found(optimizer, later, memory).direction, truth)


# K-FAC


def kfac(damping, *, of=tngd.GGN(), split=False):
    """Of the whole curvature; damped as a product unless split."""
    return tngd.KFAC(damping=damping, split=split, of=of)


@given(at=problems(["squared"], most=2), power=powers)
@few
def test_kfac_of_a_linear_layer_is_exact_on_every_batch(at, power):
    """The Fisher matrix of the outputs is I whatever the inputs are, so that F = A ⊗ I."""
    damping = damping_of(at, power)
    truth = solved(at.G, damping, at.gradient)
    for of in (tngd.GGN(), tngd.ExactFisher()):
        assert_equal(found(kfac(damping, of=of), at.objective).direction, truth)


def gaussian_points(mean, root):
    """Points of equal weight with the mean and the covariance root root' of a Gaussian."""
    spread = math.sqrt(len(mean)) * root.T
    return np.concatenate([mean + spread, mean - spread])


@given(m=st.integers(1, 4), c=st.integers(1, 4), power=powers, seed=st.integers(0, 100))
@few
def test_kfac_of_a_linear_layer_with_gaussian_inputs_is_exact_in_expectation(m, c, power, seed):
    """Of x ~ N(μ, Σ) with y = W x and a bias, E[F] = E[x̃ x̃'] ⊗ I and E[∇l] = E[F](θ - θ*).

    Both are of second degree in x, so that the mean over 2 m points with the first two moments of
    the Gaussian is the expectation, and no draw is needed.
    """
    rng = np.random.default_rng([seed, m, c])
    mean, root = rng.normal(size=m), rng.normal(size=(m, m))
    net = models.mlp([m, c])
    params, best = rng.normal(size=(2, net.size))
    x = gaussian_points(mean, root)
    y = x @ best[: m * c].reshape(m, c) + best[m * c :]
    at = Objective(net, models.SquaredError(), params, x, y)
    moments = np.block([[root @ root.T + np.outer(mean, mean), mean[:, None]], [mean, 1.0]])
    F = np.kron(moments, np.eye(c))
    damping = 10.0**power * np.linalg.norm(F, 2)
    truth = solved(F, damping, F @ (params - best))
    assert_equal(found(kfac(damping), at).direction, truth)


@given(at=problems(["softmax"], most=2, least=2))
@few
def test_kfac_of_a_softmax_layer_is_off_by_a_covariance(at):
    """mean(x̃ x̃' ⊗ H) is A ⊗ mean H and the covariance of both over the batch: not the same."""
    x = np.column_stack([at.x, np.ones(at.b)])
    squares = np.einsum("ni,nj->nij", x, x)
    A, B = squares.mean(axis=0), at.H.mean(axis=0)
    both = np.einsum("nij,nkl->ikjl", squares - A, at.H - B).reshape(at.p, at.p) / at.b
    factored = tngd.Kronecker(tngd.GGN()).at(at.objective).to_dense()
    assert_equal(factored, np.kron(A, B))
    assert_equal(factored + both, at.G)
    assert np.linalg.norm(both) > TOLERANCE * np.linalg.norm(at.G)


# thermodynamic natural gradient descent


@pytest.mark.parametrize("start", ["gradient", "zero", "carried"])
@given(at=problems(), power=powers, delay=st.sampled_from([0.0, 3.0]))
@few
def test_tngd_for_ever_is_ngd(start, at, power, delay):
    """Every mode forgets all but e^{-40} of where it started: first, and after another problem."""
    damping = damping_of(at, power)
    knobs = {"delay": delay if start == "carried" else 0.0}
    optimizer = tngd.TNGD(damping=damping, time=40 / damping, start=start, **knobs)
    first = found(optimizer, at.objective)
    assert_equal(first.direction, solved(at.G, damping, at.gradient))
    elsewhere = at.objective.moved(at.params + 0.1)
    memory = found(optimizer, elsewhere).memory
    assert_equal(found(optimizer, at.objective, memory).direction, first.direction)


# much damping


DAMPED = {name for name in tngd.list_optimizers() if "damping" in SYSTEMS[name].knobs}
OTHER = {"shampoo", "kfac-thermodynamic"}
"""Divides by roots of what is damped; is as noisy with much damping as with little: see below."""


def rounding(at):
    """Of the gradient J'u/b, with |u| at most the size of outputs and targets."""
    return at.terms * EPS * at.size * (np.sqrt(at.b) + np.linalg.norm(at.z) + np.linalg.norm(at.y))


def off_gradient(name, at, optimizer, step):
    """Bound of |λ v - g|/|g| for a direction v that was found with damping λ."""
    size = np.linalg.norm(at.G, 2) / step.damping  # |(C + λI)⁻¹ C| <= |C|/λ
    if name in {"ngd-cg", "hessian-free"}:
        # λ v - g = -C v - r for a residual r; with |v| <= |g|/λ and |r| <= (1 + |C|/λ)^(1/2) |r_1|
        # for every iterate from zero, of which the first has |r_1| <= |C|/λ |g|
        return size * (1 + math.sqrt(1 + size))
    if name.startswith("tngd"):
        left = math.exp(-step.damping * optimizer.direction.solver.time)
        return size + (1 + step.damping) * left
    if name == "fngd":
        u = dense_gradients(at)
        norms = [np.linalg.norm(u[:, own], 2) for own in layers(at.objective.network)]
        return max(norms) ** 2 / at.b / step.damping
    if name == "kfac":
        return max(off_by_factors(block, step.damping) for block in step.curvature.blocks)
    return size


def off_by_factors(block, damping):
    """(I + A/(π √λ))⁻¹ V (I + π B/√λ)⁻¹ is V up to both terms; π is 1 where B vanishes."""
    A, B = (np.linalg.norm(F, 2) for F in (block.A, block.B))
    a, b = (np.trace(F) / len(F) for F in (block.A, block.B))
    pi = math.sqrt(a / b) if b else 1.0
    return (A / pi + pi * B) / math.sqrt(damping)


@pytest.mark.parametrize("name", sorted(DAMPED - OTHER))
@given(at=problems(), decades=st.sampled_from([1, 4, 10]))
@settings(max_examples=10)
def test_much_damping_leaves_the_gradient_over_it(name, at, decades):
    """At the rate of the bound; and at 1e10, to 1e-8. K-FAC splits λ into roots: at 1e20."""
    units = empirical_damping if name == "fngd" else damping_of
    damping = units(at, 2 * decades if name == "kfac" else decades)
    optimizer = tngd.optimizer(name, damping=damping)
    step = found(optimizer, at.objective)
    assert step.damping == damping
    bound = off_gradient(name, at, optimizer, step) * np.linalg.norm(at.gradient)
    assert_within(damping * step.direction, at.gradient, bound + rounding(at))
    if decades == 10:
        assert_equal(damping * step.direction, at.gradient)


@given(at=problems(), power=st.floats(0, 10))
@few
def test_much_damping_of_the_product_of_factors(at, power):
    """(A ⊗ B + λI)⁻¹ g is g/λ up to |A||B|/λ of it; it has no roots of λ."""
    step = found(kfac(damping_of(at, power)), at.objective)
    sizes = [np.linalg.norm(F.A, 2) * np.linalg.norm(F.B, 2) for F in step.curvature.blocks]
    bound = max(sizes) / step.damping * np.linalg.norm(at.gradient)
    assert_within(step.damping * step.direction, at.gradient, bound + rounding(at))


def test_much_damping_leaves_a_device_the_gradient_on_average():
    """Of its readings, whose noise does not fall with 1/λ as what they estimate does.

    Student's t of every entry over seeds: false alarm 1e-6 in the normal limit, below 1e-4 with
    skewness.
    """
    at, count = Dense([2, 3], b=6), 200
    device = tngd.ThermodynamicInverse(40, 1e5, 1e5)
    optimizer = tngd.optimizer("kfac-thermodynamic", damping=1e24, inverse=device)
    steps = [found(optimizer, at.objective, seed=seed).direction for seed in range(count)]
    off = 1e24 * np.stack(steps) - at.gradient
    t = np.abs(off.mean(axis=0)) / off.std(axis=0, ddof=1) * count**0.5
    assert t.max() < scipy.stats.t.isf(1e-6 / 2 / t.size, count - 1)


@given(at=problems(), decades=st.sampled_from([0, 4, 10]))
@few
def test_much_damping_leaves_shampoo_the_gradient_of_matrices(at, decades):
    """(GG' + dI)^(-1/4) G (G'G + dI)^(-1/4) is G/d^(1/2) up to |G|²/2d of it."""
    ridge, epsilon, net = 10.0**decades, 1e-12, at.objective.network
    roots = InverseRoots(damping=ridge, epsilon=epsilon)
    v, _ = roots.apply(at.objective.gradient, None, Point(at.objective))
    allowed = TOLERANCE if decades == 10 else 0.5 / ridge + TOLERANCE
    for part, G in zip(matrices(v, net), matrices(at.gradient, net), strict=True):
        if G.ndim == 2:
            d = ridge * np.linalg.norm(G, 2) ** 2 + epsilon
            assert_within(math.sqrt(d) * part, G, allowed * np.linalg.norm(G))


# Q-Newton


CLASSICAL = Scheduler(quantum=QuantumCost(gate_time=1e9))
"""With gates this slow nothing goes to the quantum solver."""


def blocks_of(at, kind):
    """Places of each block, from the shapes of weights and biases of a perceptron."""
    tensors = [math.prod(shape) for shape in at.objective.network.layout.shapes.values()]
    together = {"tensor": 1, "layer": 2, "full": len(tensors)}[kind]
    sizes = np.reshape(tensors, (-1, together)).sum(axis=1)
    return np.split(np.arange(at.p), np.cumsum(sizes)[:-1])


def hessian(at):
    return autograd.hessian(at.value)(at.params)


def hessian_blocks(at, kind):
    H = hessian(at)
    return [(own, H[np.ix_(own, own)]) for own in blocks_of(at, kind)]


over_blocks = pytest.mark.parametrize("kind", ["tensor", "layer", "full"])


@over_blocks
@given(
    widths=st.sampled_from([[2, 2], [3, 2], [2, 2, 1], [2, 2, 2]]),
    seed=st.integers(0, 100),
    eps_norm=st.sampled_from([0.0, 1e-14]),
)
@few
def test_q_newton_with_everything_classical_is_newton(kind, widths, seed, eps_norm):
    """H v = g in every block, where its condition number leaves 1e-8 room; more samples than
    parameters, so that blocks are regular."""
    at = Dense(widths, "squared", b=16, seed=seed, scale=0.5)
    truth = np.zeros(at.p)
    for own, H in hessian_blocks(at, kind):
        assume(np.linalg.cond(H) < 1e5)
        truth[own] = np.linalg.solve(H, at.gradient[own])
    made = tngd.QNewton(1.0, eps_norm=eps_norm, blocks=kind, clip=math.inf, scheduler=CLASSICAL)
    step = found(made, at.objective)
    assert_equal(step.direction, truth)
    assert {report.choice.solver for report in step.memory} == {"lu"}
    params = made.step(at.objective, State(), np.random.default_rng(0)).params
    assert_equal(params, at.params - truth)


@over_blocks
@given(at=problems(), decades=st.sampled_from([1, 4, 10]))
@few
def test_much_regularisation_leaves_q_newton_the_gradient_over_it(kind, at, decades):
    """(H + cI)⁻¹ g is g/c up to |H|/(c - |H|) of it, H indefinite, c = eps_norm (max|H| + 1e-6)."""
    eps_norm = at.p * 10.0**decades
    made = tngd.optimizer("q-newton", eps_norm=eps_norm, blocks=kind)
    scaled = found(made, at.objective).direction.copy()
    sizes, whole = [], np.abs(hessian(at)).max()
    for own, H in hessian_blocks(at, kind):
        unit, size = np.abs(H).max() + 1e-6, np.linalg.norm(H, 2)
        assume(unit > 1e-5 * whole)  # a block may be what rounding left of the terms of others
        scaled[own] *= eps_norm * unit
        sizes.append(size / (eps_norm * unit - size))
    assert_within(scaled, at.gradient, max(sizes) * np.linalg.norm(at.gradient) + rounding(at))
    if decades == 10:
        assert_equal(scaled, at.gradient)
