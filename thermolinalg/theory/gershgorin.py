"""Bounds on the eigenvalues of a sparse array from its rows alone: Gershgorin's discs."""

from typing import Any

import numpy as np

from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import InvalidInput
from thermolinalg.theory.balance import is_sparse
from thermolinalg.theory.scaled import Scaled


def gershgorin(A: Any, w: Array | float) -> tuple[float, float]:
    """Numbers between which the eigenvalues of A lie, if A diag(w) is symmetric.

    The discs of A, of diag(w)^{-1/2} A diag(w)^{1/2} and of diag(w)^{-1} A diag(w) = A' all hold
    the same real eigenvalues, so the best end of each counts.

    Raises:
        InvalidInput: A is an operator without entries to read.
    """
    A = A.S.multiply(to_numpy(A.scale)[:, None]).tocsr() if _is_scaled_sparse(A) else A
    if not is_sparse(A):
        raise InvalidInput(
            "bounds are needed for an operator that is not a sparse array: pass numbers between "
            "which all its eigenvalues lie, such as those of scipy.sparse.linalg.eigsh."
        )
    weights = np.broadcast_to(to_numpy(w).astype(float), A.shape[:1])
    lows, highs = zip(*(_discs(A, weights**power) for power in (0.0, 0.5, 1.0)), strict=True)
    return max(lows), min(highs)


def _is_scaled_sparse(A: Any) -> bool:
    return isinstance(A, Scaled) and is_sparse(A.S)


def _discs(A: Any, t: NumpyArray) -> tuple[float, float]:
    """Where the discs of diag(1/t) A diag(t) begin and end."""
    centre, entries = A.diagonal(), A.tocoo()
    i, j = entries.row, entries.col
    sizes = np.where(i == j, 0.0, np.abs(entries.data) * t[j])
    radius = np.bincount(i, weights=sizes, minlength=len(t)) / t
    return float((centre - radius).min()), float((centre + radius).max())
