"""Symmetric pruning by magnitude: few entries a row are kept, and the matrix stays symmetric."""

from dataclasses import dataclass
from typing import Literal, final, get_args

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput

Mask = Literal["or", "and"]


@final
@dataclass(frozen=True, eq=False, slots=True)
class Pruned:
    """A pruned matrix (n, n), and the d that its cost goes with."""

    matrix: NumpyArray
    d: int  # nonzero entries of the fullest row, as they are and not as they were asked for


def pruned(H: NumpyArray, d: int, mask: Mask = "or") -> Pruned:
    """H with zeros where (i, j) and (j, i) are not among the d largest entries of their rows.

    The authors' program keeps the d largest of every row, and inverts the asymmetric matrix that
    this leaves. Here an entry is kept together with its transpose. The diagonal is no exception:
    where it is small it goes, and a pruned positive definite H can be indefinite or singular.

    Args:
        H: symmetric (n, n).
        d: largest entries to look at in each row; of equal ones those that come first.
        mask: "or" keeps what is large in its row or its column, at least d entries a row and up
            to n; "and" what is large in both, at most d.
    """
    if mask not in get_args(Mask):
        raise InvalidInput(f'mask = {mask!r} must be "or" or "and".')
    d = checks.count("d", d)
    if d >= len(H):
        return Pruned(H, row_count(H))
    order = np.argsort(-np.abs(H), axis=1, kind="stable")[:, :d]
    large = np.zeros(H.shape, dtype=bool)
    np.put_along_axis(large, order, values=True, axis=1)
    kept = large | large.T if mask == "or" else large & large.T
    matrix = np.where(kept, H, np.zeros_like(H))
    return Pruned(matrix, row_count(matrix))


def row_count(H: NumpyArray) -> int:
    """Nonzero entries of the fullest row, at least 1: the d of a cost model."""
    return max(1, int(np.max(np.count_nonzero(H, axis=1))))
