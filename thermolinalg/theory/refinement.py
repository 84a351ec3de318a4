"""All digits of the solution of a linear equation, or a word that they cannot be had.

A solution is corrected by solving for its own residual. If that is computed in twice the working
precision, corrections shrink until the answer is right to rounding, though the first guess may have
lost as many digits as the condition number has. Where they do not shrink, the equation is too
ill-conditioned to be solved at all, and the last correction says so.
"""

import math
from collections.abc import Callable

import numpy as np

from thermolinalg.backend import NumpyArray

EPS = float(np.finfo(float).eps)

SLICES = 5
"""Slices kept of a factor: their products carry about 100 bits."""

ROUNDS = 10


def refined(
    solve: Callable[[NumpyArray], NumpyArray],
    residual: Callable[[NumpyArray], NumpyArray],
    right: NumpyArray,
    sizes: Callable[[NumpyArray], NumpyArray],
) -> tuple[NumpyArray, float]:
    """The solution for a right-hand side, and the last correction it needed.

    Corrections shrink by a constant factor, so that the next one is foreseen without computing it.

    Args:
        solve: the solution for a right-hand side, to working precision.
        residual: the right-hand side less what a solution gives, to twice the working precision.
        right: the right-hand side.
        sizes: in what units the entries of a solution are read. Corrections are counted in them.
    """
    # A hopeless equation may overflow; the comparisons below are then false, and doubt stays.
    with np.errstate(over="ignore", invalid="ignore"):
        X, doubt = solve(right), 2.0
        for _ in range(ROUNDS):
            correction = solve(residual(X))
            size = _largest(correction, sizes(X))
            if not size < doubt / 2:
                break
            X, foreseen, doubt = X + correction, size * size / doubt, size
            if 2 * foreseen <= EPS:
                break
    return X, doubt


def product(left: list[NumpyArray], X: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """AX as an unevaluated sum high + low, for the slices of A (Ozaki et al. 2012).

    The products of slices are exact. Their sum is not; what rounding takes from it goes into low.
    """
    high = low = np.zeros((left[0].shape[0], X.shape[1]))
    right = slices(X, axis=0)
    pairs = [(i, j) for i in range(len(left)) for j in range(len(right)) if i + j < SLICES]
    for i, j in sorted(pairs, key=sum):
        high, error = two_sum(high, left[i] @ right[j])
        low = low + error
    return high, low


def slices(M: NumpyArray, axis: int) -> list[NumpyArray]:
    """Matrices of a few bits each that sum to M, relative to its largest entry along the axis."""
    bits = (53 - math.ceil(math.log2(M.shape[axis]))) // 2 - 1
    cut: list[NumpyArray] = []
    rest = M
    while len(cut) < SLICES and (not cut or rest.any()):
        _, exponent = np.frexp(np.abs(rest).max(axis=axis, keepdims=True))
        anchor = np.ldexp(0.75, exponent + 54 - bits)  # adding it rounds off what lies below
        cut.append((rest + anchor) - anchor)
        rest = rest - cut[-1]
    return cut


def two_sum(a: NumpyArray, b: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """a + b, and exactly what rounding took from it (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _largest(X: NumpyArray, sizes: NumpyArray) -> float:
    """The largest entry in its own unit; where the unit is 0, an entry other than 0 is infinite."""
    ratio = np.where(X == 0, 0.0, np.inf)
    return float(np.divide(np.abs(X), sizes, out=ratio, where=sizes > 0).max())
