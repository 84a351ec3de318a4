"""What every curvature matrix keeps, against the matrix itself formed by other mathematics."""

import numpy as np

from tests.models.oracles import assert_close


def multiplies_and_measures(C, truth, *, terms, scale):
    """Products, diagonal, trace and SciPy's view of C, for a truth (p, p) of this size."""
    p = len(truth)
    V = np.random.default_rng(p).standard_normal((p, 2))
    size = scale * np.linalg.norm(V)
    assert C.shape == truth.shape
    assert_close(C @ V[:, 0], truth @ V[:, 0], terms=terms, scale=size)
    assert_close(C @ V, truth @ V, terms=terms, scale=size)
    assert_close(C.linear_operator() @ V, truth @ V, terms=terms, scale=size)
    assert_close(C.to_dense(), truth, terms=terms, scale=scale * p**0.5)
    assert_close(C.diagonal(), np.diag(truth), terms=terms, scale=scale)
    assert_close(C.trace(), np.trace(truth), terms=terms, scale=scale * p**0.5)


def has_these_top_eigenpairs(C, truth, k, *, terms, scale):
    """The k largest eigenvalues as often as they occur, and vectors that are theirs."""
    p = len(truth)
    found = C.top(k, rtol=0.0)
    assert_close(found.values, np.linalg.eigvalsh(truth)[::-1][:k], terms=terms, scale=scale)
    V = np.asarray(found.vectors)
    assert_close(V.T @ V, np.eye(k), terms=terms * p)
    assert_close(truth @ V, V * found.values, terms=terms, scale=scale * p**0.5)
    residuals = np.linalg.norm(truth @ V - V * found.values, axis=0)
    assert_close(found.residuals, residuals, terms=terms, scale=scale * p**0.5)


def has_rows(C, truth, *, terms, scale):
    """S behind C = S'S: its rows, their Gram matrix, and products with S and S'."""
    p = len(truth)
    S = np.stack([C.root(e) for e in np.eye(p)], axis=1)
    w = np.random.default_rng(p).standard_normal(len(S))
    assert_close(S.T @ S, truth, terms=terms, scale=scale)
    assert_close(C.gram, S @ S.T, terms=terms, scale=scale)
    size = scale**0.5 * np.linalg.norm(w)
    assert_close(C.root_adjoint(w), S.T @ w, terms=terms, scale=size)
    assert_close(C.rows.T @ C.rows, truth, terms=terms, scale=scale)
    C.rows[:] = 0  # the caller's to overwrite
    assert_close(C.rows.T @ C.rows, truth, terms=terms, scale=scale)


def inverts(C, damping, *, terms, scale):
    """(C + damping I) x = v, exactly."""
    v = np.random.default_rng(1).standard_normal(C.size)
    x = C.inverse(damping)(v)
    condition = (scale + damping) / damping
    assert_close(C @ x + damping * x, v, terms=terms, scale=condition * np.linalg.norm(v))
