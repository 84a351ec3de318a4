"""Symmetric matrices with a given spectrum, and what rounding leaves of it."""

import numpy as np
import scipy.stats

EPS = np.finfo(float).eps


def with_spectrum(values, seed=0):
    """V diag(values) V' with V from the rotation group."""
    n = len(values)
    V = scipy.stats.ortho_group.rvs(n, random_state=seed) if n > 1 else np.eye(1)
    H = (V * np.asarray(values)) @ V.T
    return (H + H.T) / 2


def spectrum_error(H):
    """What rounding may do to an eigenvalue of H (Weyl): a product with V and one with V'."""
    return 40 * len(H) * EPS * np.linalg.norm(H)


def wishart(n, seed=0, rows=None):
    """A covariance of `rows` samples, 2 n if not told, plus 5e-3 of its largest entry."""
    rng = np.random.default_rng([seed, n])
    S = rng.standard_normal((rows or 2 * n, n))
    H = S.T @ S / len(S)
    return H + 5e-3 * np.abs(H).max() * np.eye(n)
