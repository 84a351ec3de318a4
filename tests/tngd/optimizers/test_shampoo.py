"""Shampoo against fractional powers of dense matrices."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import tngd
from tests.tngd.optimizers.going_on import (
    assert_goes_on_from_a_pickle,
    assert_keeps_float32,
    assert_on_torch_as_on_numpy,
)
from tests.tngd.optimizers.test_soap import directions, gradients, layer
from thermolinalg.errors import InvalidInput
from tngd.optimizers.shampoo import InverseRoots, Shampoo
from tngd.optimizers.transforms import Average, WeightDecay

EPS = np.finfo(float).eps


def weights(steps, decay):
    """Of every gradient in the moments after the last: 1 for a sum, or else of a mean."""
    w = decay ** np.arange(steps)[::-1]
    return w if decay == 1 else w / w.sum()


def power(A, exponent):
    """A^exponent, and what an error of eps |A| in A does to it: at most |f'| at the least
    eigenvalue."""
    least = np.linalg.eigvalsh(A)[0]
    moved = abs(exponent) * np.linalg.norm(A) * least ** (exponent - 1)
    return scipy.linalg.fractional_matrix_power(A, exponent), EPS * moved


def ridged(A, damping):
    return A + damping * np.linalg.eigvalsh(A)[-1] * np.eye(len(A)) + 1e-12 * np.eye(len(A))


@given(
    shape=st.tuples(st.integers(2, 5), st.integers(2, 5)),
    decay=st.sampled_from([1.0, 0.9]),
    damping=st.sampled_from([1e-2, 1e-6]),
    seed=st.integers(0, 100),
)
@settings(max_examples=40)
def test_a_gradient_between_inverse_fourth_roots(shape, decay, damping, seed):
    G, c = gradients(6, *shape, seed)
    ours, of_bias = directions(InverseRoots(decay, damping), G, c)
    w = weights(6, decay)
    L, dL = power(ridged(np.einsum("t,tij,tkj", w, G, G), damping), -0.25)
    R, dR = power(ridged(np.einsum("t,tji,tjk", w, G, G), damping), -0.25)
    rounding = dL * np.linalg.norm(R) + dR * np.linalg.norm(L) + EPS * np.linalg.norm(L) ** 2
    error = np.linalg.norm(ours[-1] - L @ G[-1] @ R)
    assert error <= 100 * sum(shape) * rounding * np.linalg.norm(G[-1])
    adagrad = c[-1] / np.sqrt(w @ c**2 + 1e-12)
    assert np.linalg.norm(of_bias[-1] - adagrad) <= 100 * EPS * np.linalg.norm(adagrad)


def test_one_side_that_is_too_long_leaves_one_inverse_square_root():
    G, c = gradients(6, 5, 3, 0)
    ours, _ = directions(InverseRoots(largest=3), G, c)
    R, dR = power(ridged(np.einsum("tji,tjk", G, G), 1e-6), -0.5)
    error = np.linalg.norm(ours[-1] - G[-1] @ R)
    assert error <= 100 * 8 * (dR + EPS * np.linalg.norm(R)) * np.linalg.norm(G[-1])


def test_two_sides_that_are_too_long_leave_adagrad():
    G, c = gradients(6, 5, 3, 0)
    ours, _ = directions(InverseRoots(largest=2), G, c)
    truth = G[-1] / np.sqrt((G**2).sum(axis=0) + 1e-12)
    assert np.linalg.norm(ours[-1] - truth) <= 100 * EPS * np.linalg.norm(truth)


def test_after_one_square_gradient_it_is_orthogonal():
    """G = U S V' has (G G')^(-1/4) G (G'G)^(-1/4) = U V'; the ridge d changes the singular values
    s to s/(s² + d)^(1/2), which is by d/(2 s²) at most."""
    G, c = gradients(1, 4, 4, 1)
    ours, _ = directions(InverseRoots(damping=1e-10), G, c)
    U, s, Vt = np.linalg.svd(G[0])
    ridge = 1e-10 * s[0] ** 2 + 1e-12
    rounding = 100 * 8 * EPS * (s[0] / s[-1]) ** 3
    assert np.linalg.norm(ours[0] - U @ Vt) <= 2 * ridge / (2 * s[-1] ** 2) + rounding


def test_roots_wait_and_sums_do_not():
    G, c = gradients(7, 4, 3, 0)
    seldom, always = (directions(InverseRoots(every=e), G, c)[0] for e in (3, 1))
    same = [np.array_equal(a, b) for a, b in zip(seldom, always, strict=True)]
    assert same == [True, False, False, True, False, False, True]


@given(seed=st.integers(0, 100), largest=st.sampled_from([2, 3, 9]))
@settings(max_examples=20)
def test_grafting_gives_each_tensor_the_norm_of_its_gradient(seed, largest):
    G, c = gradients(3, 4, 3, seed)
    plain = directions(InverseRoots(largest=largest), G, c)
    for ours, bare, given_ in zip(
        directions(InverseRoots(largest=largest, graft=True), G, c), plain, (G, c), strict=True
    ):
        for d, b, g in zip(ours, bare, given_, strict=True):
            size = np.linalg.norm(g)
            assert np.linalg.norm(d - size / np.linalg.norm(b) * b) <= 100 * EPS * size


def test_nothing_moves_nothing_and_no_number_gives_none():
    for graft in (True, False):
        transform = InverseRoots(graft=graft)
        still, memory = transform.apply(np.zeros(15), None, layer(4, 3))
        assert not still.any()
        lost, _ = transform.apply(np.full(15, np.nan), memory, layer(4, 3))
        assert np.isnan(lost).all()


def test_knobs_reach_their_slots():
    made = Shampoo(0.2, momentum=0.5, weight_decay=0.1, every=3)
    roots = InverseRoots(1.0, 1e-6, 1e-12, 3, 1024, True)
    assert (made.rule, made.after) == (tngd.Rate(0.2), (roots, Average(0.5), WeightDecay(0.1)))
    assert Shampoo(momentum=0.0, graft=False).after == (InverseRoots(),)


@pytest.mark.parametrize("knobs", [{}, {"every": 3, "largest": 4, "decay": 0.9}], ids=str)
def test_its_state_is_data(knobs):
    assert_goes_on_from_a_pickle(Shampoo(**knobs))
    assert_keeps_float32(Shampoo(np.float64(0.1), damping=np.float64(1e-6), graft=False, **knobs))


def test_on_torch():
    """Rounding of the moments grows by the condition of their roots, 1e6^(5/4) with the ridge."""
    assert_on_torch_as_on_numpy(Shampoo(), 1e9 * EPS)


@pytest.mark.parametrize(
    "knobs",
    [
        {"decay": 1.5},
        {"damping": -1.0},
        {"epsilon": 0.0},
        {"every": 0},
        {"largest": 0},
        {"graft": 1},
    ],
    ids=str,
)
def test_knobs_that_cannot_be(knobs):
    with pytest.raises(InvalidInput, match=next(iter(knobs))):
        InverseRoots(**knobs)
