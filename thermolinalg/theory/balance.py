"""Detailed balance of operators that are never formed: AD = DA' for a diagonal D.

It holds where A diag(w) is symmetric for weights w, and D is w times a number (of each of the parts
that A falls into). Then A is similar to diag(w)^{-1/2} A diag(w)^{1/2}, which is symmetric.
"""

from typing import Any

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace, to_numpy
from thermolinalg.errors import NotFinite, NotReal, NotSymmetric
from thermolinalg.theory.lowrank import LowRank
from thermolinalg.theory.scaled import Scaled


def is_sparse(A: Any) -> bool:
    """Is it a scipy.sparse array, whose entries can be read?"""
    return hasattr(A, "tocsr")


def balance_weights(A: Any, diffusion: float | Array) -> Array | float:
    """The w with which A diag(w) must be symmetric: the diffusion, where it has no zero."""
    if isinstance(A, Scaled):
        return A.scale
    if isinstance(A, LowRank) or isinstance(diffusion, float):
        return 1.0
    return diffusion if float(namespace(diffusion).min(diffusion)) > 0 else 1.0


def require_balance(A: Any, diffusion: float | Array) -> None:
    """Check what can be checked without a product: sparse arrays, and whatever is a `LowRank`.

    Raises:
        NotSymmetric: AD = DA' does not hold up to rounding.
        InvalidInput: a sparse array holds what is no finite real number.
    """
    if isinstance(A, Scaled | LowRank):
        _require_proportional(diffusion, balance_weights(A, diffusion))
    S = A.S if isinstance(A, Scaled) else A
    if is_sparse(S):
        w = balance_weights(A, diffusion) if S is A else 1.0
        require_symmetric("A" if isinstance(w, float) else "A D", S, w)
        if isinstance(w, float) and not isinstance(diffusion, float) and S is A:
            require_symmetric("A D", A.multiply(to_numpy(diffusion)).tocsr())


def _require_real(name: str, A: Any) -> None:
    data = A.tocsr().data
    if not np.isrealobj(data) or data.dtype == bool:
        raise NotReal(f"{name} has dtype {data.dtype}, which is not of real numbers.")
    bad = int(np.count_nonzero(~np.isfinite(data)))
    if bad:
        raise NotFinite(f"{name} holds {bad} NaN or infinite entries. Remove or replace them.")


def require_symmetric(name: str, A: Any, w: Array | float = 1.0) -> None:
    """Is A diag(w) symmetric? Asked as A = diag(w) A' diag(1/w), in units of A.

    Raises:
        NotSymmetric: it is not, beyond rounding.
        InvalidInput: the sparse array A holds what is no finite real number.
    """
    _require_real(name, A)
    A = A.tocsr()
    mirror = A.T
    if not isinstance(w, float):
        w = to_numpy(w)
        mirror = A.T.multiply(w[:, None]).multiply(1 / w).tocsr()
    gap, size = abs(A - mirror), float(abs(A).max())
    if gap.nnz and float(gap.max()) > 8 * max(_eps(A.dtype), _eps(np.asarray(w).dtype)) * size:
        raise NotSymmetric(
            f"{name} is not symmetric: entries (i, j) and (j, i) differ by up to "
            f"{float(gap.max()):.3g} in units in which the largest is {size:.3g}. A network obeys "
            "detailed balance (AD = DA'); a process that does not is an OU(A, b, D) of dense "
            "arrays."
        )


def _require_proportional(diffusion: float | Array, w: Array | float) -> None:
    ratio: NumpyArray = to_numpy(diffusion) / to_numpy(w)
    low, high = float(ratio.min()), float(ratio.max())
    if high - low > 8 * _eps(ratio.dtype) * high:
        raise NotSymmetric(
            "A D is not symmetric: a LowRank is, and so needs the same diffusion for every "
            f"coordinate, while this one lies between {low:.3g} and {high:.3g}. For friction of "
            "each coordinate's own write overdamped(S, f, friction=...)."
        )


def _eps(dtype: Any) -> float:
    return float(np.finfo(dtype if np.issubdtype(dtype, np.floating) else float).eps)
