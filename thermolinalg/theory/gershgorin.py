"""Bounds on eigenvalues from entries alone: Gershgorin's discs, and Rayleigh's quotients."""

from typing import Any

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace, to_numpy
from thermolinalg.errors import InvalidInput
from thermolinalg.theory.balance import is_sparse
from thermolinalg.theory.lowrank import LowRank
from thermolinalg.theory.scaled import Scaled


def gershgorin(A: Any, w: Array | float) -> tuple[float, float]:
    """Numbers between which the eigenvalues of A lie, if A diag(w) is symmetric.

    The discs of A, of diag(w)^{-1/2} A diag(w)^{1/2} and of diag(w)^{-1} A diag(w) = A' all hold
    the same real eigenvalues, so the best end of each counts.

    Raises:
        InvalidInput: A is an operator without entries to read.
    """
    A = _entries(A)
    if A is None:
        raise InvalidInput(
            "bounds are needed for an operator that is not a sparse array: pass numbers between "
            "which all its eigenvalues lie, such as those of scipy.sparse.linalg.eigsh."
        )
    weights = np.broadcast_to(to_numpy(w).astype(float), A.shape[:1])
    lows, highs = zip(*(_discs(A, weights**power) for power in (0.0, 0.5, 1.0)), strict=True)
    return max(lows), min(highs)


def reach(A: Any, low_rank: LowRank | None) -> tuple[float, float] | None:
    """Numbers that the eigenvalues of A do reach: none lies above the first or below the second.

    The diagonal of A is that of a symmetric matrix to which A is similar: Rayleigh quotients of
    unit vectors. A `LowRank` says more, by what is left across its columns, and by its columns.
    None where no entry can be read.
    """
    if low_rank is None:
        entries = _entries(A)
        seen = None if entries is None else entries.diagonal()
    else:
        seen = _reach_of_low_rank(low_rank)
    return None if seen is None else (float(seen.min()), float(seen.max()))


def _reach_of_low_rank(M: LowRank) -> NumpyArray:
    d, xp = to_numpy(M.diagonal), namespace(M.factor)
    with np.errstate(over="ignore"):  # infinity is within no bounds
        diagonal = d + to_numpy(xp.sum(M.root**2, axis=1))
    along = M.bounds[1] - d.max() + d.min()
    across = d.max() if M.rank < M.shape[0] else diagonal[0]
    return np.array([*diagonal, along, across])


def _entries(A: Any) -> Any:
    """A as a sparse array; None if it is only multiplied."""
    if isinstance(A, Scaled) and is_sparse(A.S):
        return A.S.multiply(to_numpy(A.scale)[:, None]).tocsr()
    return A if is_sparse(A) else None


def _discs(A: Any, t: NumpyArray) -> tuple[float, float]:
    """Where the discs of diag(1/t) A diag(t) begin and end."""
    centre, entries = A.diagonal(), A.tocoo()
    i, j = entries.row, entries.col
    sizes = np.where(i == j, 0.0, np.abs(entries.data) * t[j])
    radius = np.bincount(i, weights=sizes, minlength=len(t)) / t
    return float((centre - radius).min()), float((centre + radius).max())
