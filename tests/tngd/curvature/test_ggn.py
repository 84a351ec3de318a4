"""The Gauss-Newton operator against G = J'HJ/b by autograd, and the Fisher by enumeration."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.models.oracles import assert_close
from tests.tngd.oracles import LOSSES, Dense
from tngd.curvature.ggn import GGN

over_problems = given(
    widths=st.lists(st.integers(2, 4), min_size=2, max_size=3),
    loss=st.sampled_from(sorted(LOSSES)),
    b=st.integers(1, 4),
)


def both(widths, loss="softmax", b=4, **kinds):
    at = Dense(widths, loss, b=b, **kinds)
    return at, GGN().at(at.objective)


def formed(curvature, p):
    """S (q, p), column by column."""
    return np.stack([curvature.root(e) for e in np.eye(p)], axis=1)


@over_problems
def test_products(widths, loss, b):
    at, curvature = both(widths, loss, b)
    v = at.normals()
    size = at.size**2 * np.linalg.norm(v)
    assert_close(curvature.matvec(v), at.G @ v, terms=at.terms, scale=size)
    S = formed(curvature, at.p)
    assert_close(S.T @ S, at.G, terms=at.terms, scale=at.size**2)


@over_problems
def test_the_gram_matrix_and_the_adjoint_belong_to_the_root(widths, loss, b):
    at, curvature = both(widths, loss, b)
    S = formed(curvature, at.p)
    w = at.normals(len(S))
    assert_close(curvature.gram, S @ S.T, terms=at.terms, scale=at.size**2)
    size = at.size * np.linalg.norm(w)
    assert_close(curvature.root_adjoint(w), S.T @ w, terms=at.terms, scale=size)


@over_problems
def test_its_rows_are_a_root(widths, loss, b):
    at, curvature = both(widths, loss, b)
    S = curvature.rows
    assert S.shape == (len(curvature.gram), at.p)
    assert_close(S.T @ S, at.G, terms=at.terms, scale=at.size**2)
    S[:] = 0  # the caller's to overwrite
    assert_close(curvature.rows.T @ curvature.rows, at.G, terms=at.terms, scale=at.size**2)


@over_problems
def test_adjoint_identity(widths, loss, b):
    at, curvature = both(widths, loss, b)
    v, w = at.normals(), at.normals(len(curvature.gram))
    there, back = curvature.root(v) @ w, v @ curvature.root_adjoint(w)
    size = at.size * np.linalg.norm(v) * np.linalg.norm(w)
    assert_close(there, back, terms=at.terms, scale=size)


@given(c=st.integers(2, 5), b=st.integers(1, 3))
def test_for_softmax_it_is_the_fisher_information(c, b):
    """F = mean over the batch of sum_y p(y|x) s s', with the score s = ∇ log p(y|x)."""
    at, curvature = both([2, 3, c], b=b)
    p = np.exp(at.z) / np.exp(at.z).sum(axis=1, keepdims=True)
    fisher = np.zeros((at.p, at.p))
    for i in range(b):
        for label in range(c):
            score = at.J[i, label] - p[i] @ at.J[i]
            fisher += p[i, label] * np.outer(score, score) / b
    v = at.normals()
    size = at.size**2 * np.linalg.norm(v)
    assert_close(curvature.matvec(v), fisher @ v, terms=at.terms, scale=size)


def test_sample_space_has_a_dimension_less_for_softmax():
    assert both([3, 5], "softmax", 4)[1].gram.shape == (16, 16)
    assert both([3, 5], "squared", 4)[1].gram.shape == (20, 20)
    curvature = both([3, 5], "softmax", 4)[1]
    assert (curvature.samples, curvature.outputs) == (4, 5)


def test_float32_is_kept():
    at, curvature = both([3, 4, 3], dtype=np.float32)
    v, w = at.normals().astype(np.float32), at.normals(8).astype(np.float32)
    answers = [curvature.gram, curvature.matvec(v), curvature.root(v), curvature.root_adjoint(w)]
    assert {answer.dtype for answer in answers} == {np.dtype(np.float32)}
    assert_close(
        answers[1], at.G @ v.astype(float), terms=at.terms, scale=at.size**2 * np.linalg.norm(v)
    )
