"""Diagonal plus low rank: products and bounds against the dense matrix; the split of a drift."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from thermolinalg import testing
from thermolinalg.backend import to_numpy
from thermolinalg.errors import (
    NotFinite,
    NotPositiveDefinite,
    NotReal,
    NotSymmetric,
    ShapeMismatch,
)
from thermolinalg.theory.lowrank import LowRank
from thermolinalg.theory.split import split_modes

U = np.array([[1.0, 2.0], [0.0, 1.0], [-1.0, 3.0]])


def dense(M):
    d, factor, w = (to_numpy(part) for part in (M.diagonal, M.factor, M.weights))
    return np.diag(d) + np.einsum("ia,a,ja->ij", factor, w, factor)


@st.composite
def low_ranks(draw):
    """Any number of columns, dependent ones and zeros among them; sizes over six decades."""
    n, k = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    sizes = st.floats(-3, 3).map(lambda e: 10.0**e)
    d = draw(st.lists(sizes, min_size=n, max_size=n))
    w = draw(st.lists(sizes, min_size=k, max_size=k))
    return LowRank(d if draw(st.booleans()) else d[0], draw(testing.matrices(n, k)), w)


@given(M=low_ranks(), columns=st.integers(1, 3))
def test_products_and_bounds_are_those_of_the_dense_matrix(M, columns):
    full, n = dense(M), M.shape[0]
    x = np.cos(np.arange(n * columns)).reshape(n, columns)
    rounding = 16 * (n + M.rank) * np.finfo(float).eps * np.abs(full).max() * np.abs(x).max()
    np.testing.assert_allclose(M @ x, full @ x, rtol=0, atol=rounding)
    np.testing.assert_allclose(M @ x[:, 0], full @ x[:, 0], rtol=0, atol=rounding)
    eigenvalues = np.linalg.eigvalsh(full)
    low, high = M.bounds
    assert low - rounding <= eigenvalues[0]
    assert eigenvalues[-1] <= high + rounding
    assert high <= eigenvalues[-1] + M.diagonal.max() + rounding


@given(M=low_ranks())
def test_split_modes_carry_drift_and_states(M):
    """However dependent the columns are: Q orthonormal, states unharmed, and leave·rates·enter = A.

    The drift of r along Q is nobody's business, so the two sides are compared as seen on leaving.
    """
    level, n = float(M.diagonal[0]), M.shape[0]
    width = np.linspace(0.5, 2.0, n)
    split = split_modes(level, M.root, width)
    k = split.Q.shape[1]
    assert k == min(n, M.rank)
    np.testing.assert_allclose(split.Q.T @ split.Q, np.eye(k), atol=1e-14)
    eye = np.eye(n)
    np.testing.assert_allclose(split.leave(split.enter(eye)), eye, atol=4e-15)
    np.testing.assert_allclose(split.leave(split.enter(eye)[:, None, :])[:, 0, :], eye, atol=4e-15)
    B = M.root
    A = width[:, None] * (level * eye + B @ B.T) / width
    moved = split.leave(split.rates * split.enter(eye)).T
    np.testing.assert_allclose(moved, A, rtol=0, atol=1e-13 * split.rates.max())


@pytest.mark.parametrize("name", ["array_api_strict", "torch"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_other_libraries_stay_themselves(name, dtype):
    xp = pytest.importorskip(name)
    kind = getattr(xp, dtype)
    M = LowRank(2.0, xp.asarray(U, dtype=kind), [1.0, 3.0])
    assert M.dtype == kind
    product = M @ xp.ones(3, dtype=kind)
    assert product.dtype == kind
    right = LowRank(2.0, U, [1.0, 3.0]) @ np.ones(3)
    np.testing.assert_allclose(to_numpy(product), right, rtol=64 * np.finfo(dtype).eps)


def test_level_is_one_number_up_to_rounding():
    assert LowRank(2.0, U).level == 2.0
    assert LowRank([0.3, 0.1 + 0.2, 0.3], U).level == pytest.approx(0.3, rel=1e-15)
    assert LowRank([1.0, 1.0, 1.0 + 1e-12], U).level is None


def test_a_scaling_is_of_the_same_kind():
    M, t = LowRank([1.0, 2.0, 3.0], U, [1.0, 0.5]), np.array([0.5, 2.0, 3.0])
    expected = np.sqrt(np.outer(t, t)) * dense(M)
    np.testing.assert_allclose(dense(M.weighted(t)), expected, rtol=1e-14)


def test_it_is_frozen_shares_nothing_and_says_what_it_is():
    d = np.ones(3)
    M = tla.LowRank(d, U)
    d[0] = -1.0
    np.testing.assert_array_equal(M.diagonal, 1.0)
    assert (repr(M), M.shape, M.rank) == ("LowRank(n=3, k=2)", (3, 3), 2)
    with pytest.raises(AttributeError):
        M.diagonal = d


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1.0, np.ones(3)), ShapeMismatch, r"factor has shape \(3,\).*u\[:, None\]"),
        ((1.0, np.ones((3, 0))), ShapeMismatch, r"factor has shape \(3, 0\)"),
        ((1.0, U * np.nan), NotFinite, "factor holds 6 NaN"),
        ((1.0, U.astype(np.float16)), NotReal, "factor has dtype float16"),
        ((1.0, U * 1j), NotReal, "factor has dtype complex"),
        ((np.ones(2), U), ShapeMismatch, r"diagonal has shape \(2,\)"),
        ((0.0, U), NotPositiveDefinite, "diagonal has the entry 0 <= 0"),
        (([1.0, -2.0, 1.0], U), NotPositiveDefinite, "diagonal has the entry -2.*ridge"),
        ((1.0, U, np.ones(3)), ShapeMismatch, r"weights has shape \(3,\)"),
        ((1.0, U, [1.0, 0.0]), NotPositiveDefinite, "weights has the entry 0"),
        (("soft", U), NotReal, "diagonal"),
    ],
)
def test_bad_input_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        LowRank(*arguments)


def test_a_product_with_another_size_is_named():
    with pytest.raises(ShapeMismatch, match=r"\(3, 3\) meets an array of shape \(2,\)"):
        LowRank(1.0, U) @ np.ones(2)


def test_a_product_with_a_list():
    np.testing.assert_array_equal(LowRank(1.0, U) @ [1, 2, 3], LowRank(1.0, U) @ np.arange(1.0, 4))
    with pytest.raises(NotReal, match="x"):
        LowRank(1.0, U) @ ["a", "b", "c"]


def test_a_low_rank_has_the_same_noise_everywhere():
    with pytest.raises(NotSymmetric, match=r"same diffusion.*overdamped\(S, f, friction=...\)"):
        tla.Network(LowRank(1.0, U), np.ones(3), [1.0, 2.0, 1.0])
    tla.Network(LowRank(1.0, U), np.ones(3), [2.0, 2.0, 2.0])
