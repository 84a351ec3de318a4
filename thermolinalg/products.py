"""Large products that take turns with other work: rows shared out, BLAS on one thread in each part.

As fast as all threads of BLAS, which stay asleep. Arrays of other libraries are multiplied by them.
"""

from functools import partial

import numpy as np

from thermolinalg.backend import Array, NumpyArray, apply_rows
from thermolinalg.threads import CORES, cut, one_blas_thread, share

SMALL = 2**13
"""Numbers up to which BLAS uses one thread of its own accord."""

LARGE = 2**21
"""Multiplications from which on it pays to share them out: a tenth of a millisecond."""


def applied(x: Array, M: Array) -> Array:
    """x M' along the last axis of x (..., n), for M (m, n)."""
    if not isinstance(x, np.ndarray) or M.size < SMALL:
        return apply_rows(x, M)
    with one_blas_thread():
        if x.size * M.shape[0] < LARGE:
            return apply_rows(x, M)
        rows = x.reshape(-1, x.shape[-1])
        out = np.empty((len(rows), M.shape[0]), np.result_type(x, M))
        share([partial(np.matmul, rows[k], M.T, out[k]) for k in cut(len(rows), CORES)])
    return out.reshape(*x.shape[:-1], M.shape[0])


def squares(x: Array) -> Array:
    """x'x for x (m, n)."""
    if not isinstance(x, np.ndarray) or x.size < SMALL:
        return x.T @ x
    with one_blas_thread():
        parts = share([partial(_square, x[rows]) for rows in cut(len(x), CORES)])
    return np.sum(parts, axis=0)


def _square(x: NumpyArray) -> NumpyArray:
    return x.T @ x
