"""h(K) w for a symmetric K and a scalar function h, by Lanczos: K is only ever multiplied."""

import math
from collections.abc import Callable

import numpy as np
import scipy.linalg

from thermolinalg.backend import Array, NumpyArray, like, namespace

CHECK_EVERY = 4
"""Iterations between two looks at whether the answer still moves."""


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
    for k in range(q):
        if k + 1 >= basis.shape[0]:
            basis = _grown(w, basis)
        v = K @ basis[k, :]
        diagonal.append(float(v @ basis[k, :]))
        for _ in range(2):  # twice is enough (Parlett 1998) to keep the basis orthogonal
            known = basis[: k + 1, :]
            v = v - (known @ v) @ known
        length = _norm(v)
        if not math.isfinite(diagonal[-1] + length):  # K or w overflowed, and so has the result
            return math.nan * w
        finished = k + 1 == q or length <= eps * max(map(abs, diagonal))
        if finished or (k + 1) % CHECK_EVERY == 0:
            before, weights = weights, norm * _first_column(diagonal, beside, h)
            change = np.linalg.norm(weights - np.pad(before, (0, weights.size - before.size)))
            if finished or change < eps * np.linalg.norm(weights):  # all zero says nothing yet
                break
        beside.append(length)
        basis[k + 1, :] = v / length
    return like(weights, w) @ basis[: weights.size, :]


def _first_column(
    diagonal: list[float], beside: list[float], h: Callable[[NumpyArray], NumpyArray]
) -> NumpyArray:
    """h(T) e_1 for the tridiagonal T."""
    values, vectors = scipy.linalg.eigh_tridiagonal(np.array(diagonal), np.array(beside))
    column: NumpyArray = vectors @ (h(np.maximum(values, 0.0)) * vectors[0])
    return column


def _grown(w: Array, basis: Array | None) -> Array:
    """Room for twice as many basis vectors."""
    xp = namespace(w)
    rows = 32 if basis is None else 2 * basis.shape[0]
    larger = xp.empty((min(rows, w.shape[0] + 1), w.shape[0]), dtype=w.dtype)
    if basis is not None:
        larger[: basis.shape[0], :] = basis
    return larger


def _norm(x: Array) -> float:
    return float(x @ x) ** 0.5
