"""h(K) w for a symmetric K and a scalar function h, by Lanczos: K is only ever multiplied."""

import math
from collections.abc import Callable

import numpy as np
import scipy.linalg

from thermolinalg.backend import Array, NumpyArray, like, namespace, zeros

FIRST_LOOK = 12
"""Iterations before the first look at whether the answer still moves; a look costs several."""


def apply_function(K: Array, w: Array, h: Callable[[NumpyArray], NumpyArray]) -> Array:
    """h(K) w to the rounding level of w's dtype, for symmetric positive semidefinite K (q, q).

    The Krylov basis is kept orthogonal, so that at most q iterations are exact; smooth h need few.
    Entries that are not finite make the result NaN.

    Args:
        K: symmetric positive semidefinite (q, q).
        w: (q,).
        h: values of the function at an array of eigenvalues.
    """
    xp = namespace(w)
    q, eps = w.shape[0], float(xp.finfo(w.dtype).eps)
    norm = _norm(w)
    if norm == 0.0:
        return w
    basis = _grown(w, None)
    basis[0, :] = w / norm
    diagonal: list[float] = []
    beside: list[float] = []
    weights: NumpyArray = np.zeros(0)
    look, largest = FIRST_LOOK, 0.0
    for k in range(q):
        if k + 1 >= basis.shape[0]:
            basis = _grown(w, basis)
        v = K @ basis[k, :]
        diagonal.append(float(v @ basis[k, :]))
        largest = max(largest, abs(diagonal[-1]))
        v -= diagonal[-1] * basis[k, :]
        if k:
            v -= beside[-1] * basis[k - 1, :]
        known = basis[: k + 1, :]  # once more, against all: twice is enough (Parlett 1998)
        v -= (known @ v) @ known
        length = _norm(v)
        if not math.isfinite(diagonal[-1] + length):  # K or w overflowed, and so has the result
            return math.nan * w
        finished = k + 1 == q or length <= eps * largest
        if finished or k + 1 == look:
            look += max(4, look // 3)
            before, weights = weights, norm * _first_column(diagonal, beside, h)
            change = np.linalg.norm(weights - np.pad(before, (0, weights.size - before.size)))
            if finished or change < eps * np.linalg.norm(weights):  # all zero says nothing yet
                break
        beside.append(length)
        basis[k + 1, :] = v / length
    return like(weights, w) @ basis[: weights.size, :]


def spectral_weights(
    multiply: Callable[[Array], Array], g: Array, most: int
) -> tuple[NumpyArray, NumpyArray]:
    """Nodes μ and weights w with Σ w h(μ) ≈ g'h(C)g, for symmetric positive semidefinite C.

    Gauss quadrature by Lanczos (Golub and Meurant 2010, chapter 6): exact for polynomials of
    degree below twice the number of products, and for every h once a Krylov space is used up.

    Args:
        multiply: v -> C v.
        g: (p,).
        most: products, at most.
    """
    norm, eps = _norm(g), float(namespace(g).finfo(g.dtype).eps)
    if norm == 0.0:
        return np.zeros(1), np.zeros(1)
    basis = zeros((min(most, g.shape[0]), g.shape[0]), g)
    basis[0, :] = g / norm
    diagonal: list[float] = []
    beside: list[float] = []
    for k in range(basis.shape[0]):
        known = basis[: k + 1, :]
        v = multiply(basis[k, :])
        diagonal.append(float(v @ basis[k, :]))
        for _ in range(2):  # against all of them: twice is enough (Parlett 1998)
            v = v - (known @ v) @ known
        length = _norm(v)
        if k + 1 == basis.shape[0] or not length > eps * max(map(abs, diagonal)):
            break
        beside.append(length)
        basis[k + 1, :] = v / length
    if not np.all(np.isfinite(diagonal)):
        return np.zeros(1), np.full(1, np.nan)
    values, vectors = scipy.linalg.eigh_tridiagonal(np.array(diagonal), np.array(beside))
    return np.maximum(values, 0.0), (norm * vectors[0]) ** 2


def _first_column(
    diagonal: list[float], beside: list[float], h: Callable[[NumpyArray], NumpyArray]
) -> NumpyArray:
    """h(T) e_1 for the tridiagonal T."""
    values, vectors = scipy.linalg.eigh_tridiagonal(np.array(diagonal), np.array(beside))
    column: NumpyArray = vectors @ (h(np.maximum(values, 0.0)) * vectors[0])
    return column


def _grown(w: Array, basis: Array | None) -> Array:
    """Room for twice as many basis vectors."""
    rows = 32 if basis is None else 2 * basis.shape[0]
    # Zeros, because BLAS loads whole registers: what lies behind a row may raise a warning.
    larger = zeros((min(rows, w.shape[0] + 1), w.shape[0]), w)
    if basis is not None:
        larger[: basis.shape[0], :] = basis
    return larger


def _norm(x: Array) -> float:
    """Of a vector whose squares may be too small or too large for its dtype."""
    xp = namespace(x)
    scale = float(xp.max(xp.abs(x)))
    if not 0.0 < scale < math.inf:
        return scale
    x = x / scale
    return scale * math.sqrt(float(x @ x))
