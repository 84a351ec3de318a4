"""SOAP against its authors' program written out, and what it is by symmetry and in limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
import tngd
from tests.tngd.optimizers.going_on import (
    assert_goes_on_from_a_pickle,
    assert_keeps_float32,
    assert_on_torch_as_on_numpy,
)
from tests.tngd.oracles import Dense
from thermolinalg.errors import InvalidInput
from tngd.objective import Objective
from tngd.optimizers.contract import Point, State
from tngd.optimizers.soap import SOAP, EigenAdaptive
from tngd.optimizers.transforms import Adaptive, WeightDecay

EPS = np.finfo(float).eps


def layer(m, n):
    """Where a network of one layer steps from: W (m, n), and then c (n,)."""
    net = models.mlp([m, n])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, m)), rng.normal(size=(2, n))
    return Point(Objective(net, models.SquaredError(), np.zeros(net.size), x, y))


def gradients(steps, m, n, seed):
    rng = np.random.default_rng([seed, m, n])
    return rng.normal(size=(steps, m, n)), rng.normal(size=(steps, n))


def directions(transform, G, c):
    """What becomes of the gradients of every step, as (m, n) and (n,)."""
    at, memory, out = layer(*G.shape[1:]), None, []
    for W, bias in zip(G, c, strict=True):
        v, memory = transform.apply(np.concatenate([W.ravel(), bias]), memory, at)
        out.append(v)
    out = np.array(out)
    return out[:, : G[0].size].reshape(G.shape), out[:, G[0].size :]


class Written:
    """soap.py for one matrix, with the mean gradient kept in the original basis.

    `enlarged` says by how much rounding can grow on the way: it turns the eigenvectors by eps over
    the relative gap of the eigenvalues, each refresh by eps times the condition, and Adam divides
    by the root of the mean square. Refreshes do not forget, so that their factors add up.
    """

    def __init__(self, first, beta1, beta2, epsilon, every, largest):
        self.beta1, self.beta2, self.epsilon, self.every = beta1, beta2, epsilon, every
        m, n = first.shape
        self.use = (m <= largest, n <= largest)
        self.L, self.R = (1 - beta2) * first @ first.T, (1 - beta2) * first.T @ first
        self.U = np.linalg.eigh(self.L)[1][:, ::-1] if self.use[0] else np.eye(m)
        self.V = np.linalg.eigh(self.R)[1][:, ::-1] if self.use[1] else np.eye(n)
        self.mean, self.square, self.count = np.zeros((m, n)), np.zeros((m, n)), 0
        sides = [A for A, use in zip((self.L, self.R), self.use, strict=True) if use]
        gaps = [np.diff(np.linalg.eigvalsh(A)).min() / np.linalg.norm(A) for A in sides]
        self.turned, self.enlarged = sum(1 / gap for gap in gaps), 1.0

    def direction(self, G):
        self.count += 1
        turned = self.U.T @ G @ self.V
        self.mean = self.beta1 * self.mean + (1 - self.beta1) * G
        self.square = self.beta2 * self.square + (1 - self.beta2) * turned**2
        mean = self.U.T @ self.mean @ self.V / (1 - self.beta1**self.count)
        root = np.sqrt(self.square / (1 - self.beta2**self.count))
        step = self.U @ (mean / (root + self.epsilon)) @ self.V.T
        size = np.linalg.norm(G) / root.min() * (1 + np.abs(mean / root).max())
        self.enlarged = max(self.enlarged, (1 + self.turned) * size)
        self.L = self.beta2 * self.L + (1 - self.beta2) * G @ G.T
        self.R = self.beta2 * self.R + (1 - self.beta2) * G.T @ G
        if self.count % self.every == 0:
            self._refresh()
        return step

    def _refresh(self):
        if self.use[0]:
            order = np.argsort(-np.diag(self.U.T @ self.L @ self.U))
            self.square, self.U = self.square[order], np.linalg.qr(self.L @ self.U[:, order])[0]
            self.turned *= np.linalg.cond(self.L)
        if self.use[1]:
            order = np.argsort(-np.diag(self.V.T @ self.R @ self.V))
            self.square, self.V = self.square[:, order], np.linalg.qr(self.R @ self.V[:, order])[0]
            self.turned *= np.linalg.cond(self.R)


def bound(enlarged, G):
    return 100 * G[0].size * EPS * enlarged


@given(
    shape=st.sampled_from([(3, 3), (4, 3), (2, 3)]),
    every=st.sampled_from([1, 3, 10]),
    largest=st.sampled_from([3, 10]),
    seed=st.integers(0, 100),
)
@settings(max_examples=40)
def test_as_its_authors_wrote_it(shape, every, largest, seed):
    G, c = gradients(5, *shape, seed)
    knobs = (0.9, 0.8, 1e-8, every, largest)
    ours, of_bias = directions(EigenAdaptive(*knobs), G, c)
    written = Written(G[0], *knobs)
    for k in range(1, len(G)):
        truth = written.direction(G[k])
        error = np.linalg.norm(ours[k] - truth)
        assert error <= bound(written.enlarged, G)
    adam, memory = Adaptive(0.9, 0.8, 1e-8), None
    for k in range(1, len(G)):
        d, memory = adam.apply(c[k], memory, layer(*shape))
        assert np.array_equal(of_bias[k], d), "vectors get plain Adam"


def test_the_first_gradient_makes_the_bases_and_no_step():
    G, c = gradients(1, 4, 3, 0)
    v, seen = EigenAdaptive().apply(np.concatenate([G.ravel(), c.ravel()]), None, layer(4, 3))
    assert not v.any()
    for (A, Q), truth in zip(
        zip(seen.moments[0], seen.bases[0], strict=True),
        (G[0] @ G[0].T, G[0].T @ G[0]),
        strict=True,
    ):
        assert np.array_equal(A, truth)
        inside = Q.T @ truth @ Q
        rounding = 100 * len(Q) * EPS * np.linalg.norm(truth)
        assert np.linalg.norm(inside - np.diag(np.diag(inside))) <= rounding
        assert np.linalg.norm(Q.T @ Q - np.eye(len(Q))) <= 100 * len(Q) * EPS
        assert (np.diff(np.diag(inside)) <= rounding).all(), "the largest first"
    assert seen.bases[1] == (None, None)


def test_in_bases_left_alone_it_is_adam_from_the_second_step():
    G, c = gradients(25, 4, 3, 0)
    ours = directions(EigenAdaptive(largest=1), G, c)
    adam, memory = Adaptive(0.95, 0.95, 1e-8), None
    for k in range(1, 25):
        v = np.concatenate([G[k].ravel(), c[k]])
        v, memory = adam.apply(v, memory, layer(4, 3))
        assert np.array_equal(np.concatenate([ours[0][k].ravel(), ours[1][k]]), v)


@given(seed=st.integers(0, 100), every=st.sampled_from([1, 4]))
@settings(max_examples=30)
def test_turned_gradients_turn_the_directions(seed, every):
    """G -> P G W with orthogonal P and W: the bases become P U and W'V up to signs of columns, of
    which Adam's mean takes each twice and its mean square none. For square matrices, as others
    have moments with eigenvalues 0 that are not simple."""
    G, c = gradients(5, 3, 3, seed)
    rng = np.random.default_rng(seed)
    P, W = (np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2))
    transform = EigenAdaptive(every=every)
    plain, turned = directions(transform, G, c)[0], directions(transform, P @ G @ W, c)[0]
    written = Written(G[0], 0.95, 0.95, 1e-8, every, 10)
    for k in range(1, len(G)):
        written.direction(G[k])
        assert np.linalg.norm(turned[k] - P @ plain[k] @ W) <= bound(written.enlarged, G)


def test_of_one_eigenvector_and_constant_gradients_it_takes_the_sign_in_the_basis():
    """G = s u w' again and again: U'G V has one entry s, which Adam makes 1."""
    u, w = np.array([3.0, 4.0]) / 5, np.array([5.0, 12.0]) / 13
    G = np.broadcast_to(7.0 * np.outer(u, w), (4, 2, 2))
    ours, _ = directions(EigenAdaptive(epsilon=1e-3), G, np.ones((4, 2)))
    # elsewhere in the basis is rounding, eps |G| times a few, over epsilon
    assert np.linalg.norm(ours[3] - 7 / (7 + 1e-3) * np.outer(u, w)) <= 100 * 7 * EPS / 1e-3


def test_decay_is_decoupled():
    at = Dense([3, 4, 2]).objective
    with_decay, without = SOAP(0.1, decay=0.3), SOAP(0.1, decay=0.0)
    assert with_decay.after[1] == WeightDecay(0.3)
    moves = [o.step(at, State(), np.random.default_rng(0)) for o in (with_decay, without)]
    assert np.array_equal(moves[1].params, at.params)
    np.testing.assert_allclose(moves[0].params, (1 - 0.1 * 0.3) * at.params, rtol=4 * EPS)


def test_no_number_gives_no_number():
    at, transform = layer(4, 3), EigenAdaptive(every=1)
    v, memory = np.full(15, np.nan), None
    for _ in range(3):
        out, memory = transform.apply(v, memory, at)
    assert np.isnan(out).all()


def test_defaults_of_the_paper():
    made = SOAP()
    assert made.rule == tngd.Rate(3e-3)
    assert made.after == (EigenAdaptive(0.95, 0.95, 1e-8, 10, 10000), WeightDecay(0.01))


@pytest.mark.parametrize("every", [1, 3])
def test_its_state_is_data(every):
    assert_goes_on_from_a_pickle(SOAP(every=every))
    assert_keeps_float32(SOAP(np.float64(0.1), epsilon=np.float64(1e-8), every=every))


def test_on_torch():
    """Up to gaps of eigenvalues of some 1e-6, and Adam's division."""
    assert_on_torch_as_on_numpy(SOAP(largest=3), 1e9 * EPS)


@pytest.mark.parametrize(
    "knobs",
    [{"beta1": 1.0}, {"beta2": -1.0}, {"epsilon": 0}, {"every": 0}, {"largest": 0}],
    ids=str,
)
def test_knobs_that_cannot_be(knobs):
    with pytest.raises(InvalidInput, match=next(iter(knobs))):
        EigenAdaptive(**knobs)
