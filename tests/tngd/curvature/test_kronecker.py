"""Kronecker-factored blocks against their definition by loops, and what follows from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
import tngd
from models import Conv2D, Dense, Flatten, LayerNorm, MeanPosition, Sequential, Tanh
from tests.models.oracles import assert_close
from tests.tngd.curvature.matrices import (
    has_these_top_eigenpairs,
    inverts,
    multiplies_and_measures,
)
from thermolinalg.errors import InvalidInput
from tngd.curvature.blocks import BlockDiagonal
from tngd.curvature.hessian import Hessian
from tngd.curvature.kronecker import Kronecker

few = settings(deadline=None, derandomize=True, max_examples=20)
APPROXIMATIONS = ["expand", "reduce"]


def objective(layers, sample, c, *, b=4, squared=False, seed=0):
    rng = np.random.default_rng(seed)
    net = models.Network(Sequential(layers))
    y = rng.standard_normal((b, c)) if squared else rng.integers(c, size=b)
    loss = models.SquaredError() if squared else models.SoftmaxCrossEntropy()
    params, x = rng.standard_normal(net.size), rng.standard_normal((b, *sample))
    return tngd.Objective(net, loss, params, x, y)


def by_loops(o, first, T, approximation):
    """A and B of the first layer, a Dense of this many inputs, from the Jacobian of its output.

    That of position t is the Jacobian in a bias of its own there: f(x W + C) for C (T, outputs).
    """
    b, step = o.samples, 1e-30
    R = o.loss.hessian_root(o.output).reshape(b, o.outputs, -1) / b**0.5
    W, c = (o.network.parameters(o.params)[f"0.{name}"] for name in "Wc")
    rest = models.Network(Sequential(o.network.layer.layers[1:]))
    inputs = np.concatenate([o.x.reshape(b, T, first), np.ones((b, T, 1))], axis=-1)
    y = inputs @ np.vstack([W, c])
    e = np.zeros((b, R.shape[-1], T, len(c)))
    for t in range(T):
        for j in range(len(c)):
            moved = y.astype(complex)
            moved[:, t, j] += 1j * step
            z, _ = rest.layer.forward(models.composite.nested(tail(o)), moved.reshape(y.shape))
            e[:, :, t, j] = np.einsum("nc,ncr->nr", z.imag / step, R)
    A, B = np.zeros((first + 1, first + 1)), np.zeros((len(c), len(c)))
    for n in range(b):
        seen = inputs[n] if approximation == "expand" else inputs[n].mean(axis=0)[None]
        A += sum(np.outer(x, x) for x in seen) / (b * len(seen))
        for k in range(R.shape[-1]):
            felt = e[n, k] if approximation == "expand" else e[n, k].sum(axis=0)[None]
            B += sum(np.outer(u, u) for u in felt)
    return A, B


def tail(o):
    """Parameters of all layers but the first, as a network without it calls them."""
    named = o.network.parameters(o.params)
    return {
        f"{int(name.split('.')[0]) - 1}.{name.split('.')[1]}": value
        for name, value in named.items()
        if not name.startswith("0.")
    }


@pytest.mark.parametrize("approximation", APPROXIMATIONS)
@given(n=st.integers(1, 3), m=st.integers(1, 3), T=st.integers(1, 3), b=st.integers(1, 3))
@few
def test_factors(approximation, n, m, T, b):
    layers = [Dense(n, m), Tanh(), MeanPosition(), Dense(m, 3)]
    o = objective(layers, (T, n), 3, b=b)
    product = Kronecker(approximation=approximation).at(o).blocks[0]
    A, B = by_loops(o, n, T, approximation)
    terms = 40 * (o.network.size + o.x.size)
    assert_close(product.A, A, terms=terms)
    assert_close(product.B, B, terms=terms, scale=1.0 + np.linalg.norm(B))


NETWORKS = {
    "dense": ([Dense(3, 4), Tanh(), Dense(4, 3, bias=False)], (3,)),
    "sequence": ([Dense(2, 3), Tanh(), MeanPosition(), Dense(3, 3)], (3, 2)),
    "conv": ([Conv2D(1, 2, 2), Tanh(), Flatten(), Dense(8, 3)], (3, 3, 1)),
    "groups": ([Conv2D(2, 4, 2, groups=2), Tanh(), Flatten(), Dense(4, 3)], (2, 2, 2)),
    "recurrent": ([models.Recurrent(2, 3, last=True), Dense(3, 3)], (3, 2)),
    "exact-among-them": ([Dense(3, 4), LayerNorm(4), Dense(4, 3)], (3,)),
}


@pytest.mark.parametrize("approximation", APPROXIMATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_known_of_products_is_that_of_the_matrix(name, approximation):
    o = objective(*NETWORKS[name], 3)
    C = Kronecker(approximation=approximation).at(o)
    dense, terms = C.to_dense(), 40 * (o.network.size + o.x.size)
    assert_close(dense, dense.T, terms=terms)
    scale = 1.0 + np.linalg.norm(dense)
    multiplies_and_measures(C, dense, terms=terms, scale=scale)
    has_these_top_eigenpairs(C, dense, 4, terms=terms, scale=scale)
    inverts(C, 0.3, terms=terms, scale=scale)


@pytest.mark.parametrize("name", ["dense", "groups", "exact-among-them"])
@pytest.mark.parametrize("approximation", APPROXIMATIONS)
def test_one_sample_and_position_leave_the_blocks_exact(name, approximation):
    """A ⊗ B is then (x x') ⊗ Σ_k e_k e_k', the block itself: the parameters are in their places."""
    o = objective(*NETWORKS[name], 3, b=1)
    truth = BlockDiagonal().at(o).to_dense()
    if name == "groups":  # the matrices of two groups share a layer
        within = Kronecker().at(o).to_dense() != 0
        truth = np.where(within, truth, 0.0)
    found = Kronecker(approximation=approximation).at(o).to_dense()
    terms = 40 * (o.network.size + o.x.size)
    assert_close(found, truth, terms=terms, scale=1.0 + np.linalg.norm(truth))


def test_split_damping_is_that_of_the_factors():
    o = objective(*NETWORKS["dense"], 3)
    C, v, damping = Kronecker().at(o), np.ones(o.network.size), 0.2
    parts, start = [], 0
    for block in C.blocks:
        A, B = block.A, block.B
        pi = np.sqrt(np.trace(A) / len(A) * len(B) / np.trace(B))
        A = A + pi * damping**0.5 * np.eye(len(A))
        B = B + damping**0.5 / pi * np.eye(len(B))
        parts.append(np.linalg.solve(np.kron(A, B), v[start : start + block.size]))
        start += block.size
    found = C.inverse(damping, split=True)(v)
    terms = 40 * (o.network.size + o.x.size)
    scale = (1 + np.linalg.norm(C.to_dense())) / damping * np.linalg.norm(v)
    assert_close(found, np.concatenate(parts), terms=terms, scale=scale)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        pytest.param(lambda: Kronecker(approximation="both"), "approximation", id="approximation"),
        pytest.param(
            lambda: Kronecker(Hessian()).at(objective(*NETWORKS["dense"], 3)), "of = ", id="of"
        ),
    ],
)
def test_misuse_is_named(call, says):
    with pytest.raises(InvalidInput, match=says):
        call()
