"""Hypothesis strategies for matrices. What they promise holds by construction; nothing is filtered.

They shrink to small sizes, to the identity, and to numbers with few digits: a rotation is drawn as
the tangent of half its angle, so that 0 leaves it out, 1 is a quarter turn and 1/2 has the sides
3, 4, 5; a drift is triangular before it is turned, so that little remains but one entry.
"""

import math
from typing import TypeAlias

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.strategies import DrawFn, SearchStrategy

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput

Size: TypeAlias = int | SearchStrategy[int] | None
"""A number of coordinates: this one, what a strategy gives, or None for a few."""

DIGITS = 6
"""Of numbers drawn, after the point."""

DENSE = 128
"""Numbers drawn one by one; of more, most share a value, as one example holds a thousand or so."""

WIDEST = 1e12
"""Largest norm of a matrix times that of its inverse or resolvent: rounding, some 1e-14 of it, then
moves an eigenvalue by a hundredth of itself at most."""


def sizes(most: int = 4) -> SearchStrategy[int]:
    """Numbers of coordinates from 1 to `most`."""
    return st.integers(1, checks.count("most", most))


def matrices(
    rows: Size = None, columns: Size = None, *, largest: float = 1.0
) -> SearchStrategy[NumpyArray]:
    """Matrices with entries of at most this size; they shrink to zero."""
    return _matrices(sized(rows, 0), sized(columns, 0), checks.positive("largest", largest))


def orthogonal_matrices(n: Size = None) -> SearchStrategy[NumpyArray]:
    """All orthogonal matrices (n, n), reflections too; they shrink to the identity."""
    return _orthogonal(sized(n))


def spd_matrices(n: Size = None, *, condition: float = 100.0) -> SearchStrategy[NumpyArray]:
    """Symmetric positive definite matrices (n, n); they shrink to the identity.

    Args:
        n: size; None is 1 to 4.
        condition: largest ratio c of two eigenvalues, which lie between c^(-1/2) and c^(1/2).
    """
    return _symmetric(sized(n), _eigenvalues(condition))


def diffusions(
    n: Size = None, *, definite: bool = False, condition: float = 100.0
) -> SearchStrategy[NumpyArray]:
    """Symmetric positive semidefinite matrices (n, n) of any rank; they shrink to the identity.

    Args:
        n: size; None is 1 to 4.
        definite: full rank alone; else every rank, zero too.
        condition: largest ratio of two eigenvalues that are not zero, as in `spd_matrices`.
    """
    values = _eigenvalues(condition)
    if not definite:
        values = st.tuples(st.booleans(), values).map(lambda drawn: 0.0 if drawn[0] else drawn[1])
    return _symmetric(sized(n), values)


def stable_drifts(
    n: Size = None, *, rates: tuple[float, float] = (0.05, 5.0), shear: float = 5.0
) -> SearchStrategy[NumpyArray]:
    """Drifts (n, n) whose eigenvalues have positive real parts; they shrink to the identity.

    A = QTQ' with T quasi-triangular: real eigenvalues and complex pairs, whose vectors may be
    nearly parallel. Such a matrix is far from normal, and its symmetric part need not be positive.

    Args:
        n: size; None is 1 to 4.
        rates: between which all real parts lie.
        shear: largest entry of T off its diagonal; 0 gives symmetric drifts. In many dimensions it
            is lowered to what rounding cannot make unstable.
    """
    low, high = _interval("rates", rates)
    return _stable(sized(n), low, high, checks.positive("shear", shear, zero=True))


def sized(n: Size, least: int = 1) -> SearchStrategy[int]:
    """The strategy that a size stands for."""
    if n is None:
        return sizes()
    return n if isinstance(n, SearchStrategy) else st.just(checks.count("n", n, least=least))


def numbers(low: float, high: float) -> SearchStrategy[float]:
    """Floats in an interval, of few digits; they shrink to integers in it."""
    drawn = st.floats(low, high, allow_subnormal=False)
    return drawn.map(lambda x: min(max(round(x, DIGITS), low), high) + 0.0)


def resolved(name: str, ratio: float, *, most: float = WIDEST) -> None:
    """Go on only with a ratio of two eigenvalues that rounding leaves positive."""
    if ratio > most:
        raise InvalidInput(
            f"{name} = {ratio:g} must be <= {most:.3g}: of matrices beyond, rounding in double "
            "precision may make the smallest eigenvalue negative."
        )


def array(
    count: int, elements: SearchStrategy[float], rest: float = 0.0
) -> SearchStrategy[NumpyArray]:
    """Vectors of these elements; of long ones most entries are `rest`."""
    fill = st.nothing() if count <= DENSE else st.just(rest)
    return hnp.arrays(np.float64, count, elements=elements, fill=fill)


@st.composite
def _matrices(
    draw: DrawFn, rows: SearchStrategy[int], columns: SearchStrategy[int], largest: float
) -> NumpyArray:
    m, n = draw(rows), draw(columns)
    return draw(array(m * n, numbers(-largest, largest))).reshape(m, n)


@st.composite
def _orthogonal(draw: DrawFn, size: SearchStrategy[int]) -> NumpyArray:
    n = draw(size)
    return draw(_rotations(n)) * draw(array(n, st.sampled_from([1.0, -1.0]), rest=1.0)) + 0.0


@st.composite
def _symmetric(
    draw: DrawFn, size: SearchStrategy[int], values: SearchStrategy[float]
) -> NumpyArray:
    n = draw(size)
    eigenvalues, Q = draw(array(n, values, rest=1.0)), draw(_rotations(n))
    S = (Q * eigenvalues) @ Q.T
    return (S + S.T) / 2


@st.composite
def _stable(
    draw: DrawFn, size: SearchStrategy[int], low: float, high: float, shear: float
) -> NumpyArray:
    """Each block [[a, b], [-c, a]] with bc >= 0 has the eigenvalues a ± i sqrt(bc)."""
    n = draw(size)
    # A triangular resolvent is at most (1 + shear/low)^(n - 1)/low, in the largest row sum.
    shear = min(shear, low * math.expm1(math.log(WIDEST * low / high) / max(n - 1, 1)))
    T = np.zeros((n, n))
    T[np.triu_indices(n, 1)] = draw(array(n * (n - 1) // 2, numbers(-shear, shear)))
    np.fill_diagonal(T, draw(array(n, numbers(low, high), rest=min(max(1.0, low), high))))
    for k in range(0, n - 1, 2):
        below = draw(st.just(0.0) | numbers(0.0, shear))
        if below:
            T[k + 1, k + 1], T[k + 1, k] = T[k, k], -math.copysign(below, T[k, k + 1])
    Q = draw(_rotations(n))
    return Q @ T @ Q.T + 0.0


@st.composite
def _rotations(draw: DrawFn, n: int) -> NumpyArray:
    """One rotation in each plane of two axes: with signs, they reach every orthogonal matrix."""
    Q, (i, j) = np.eye(n), np.triu_indices(n, 1)
    halves = draw(array(len(i), numbers(-1.0, 1.0)))
    for p, q, t in zip(i, j, halves, strict=True):
        if t:
            c, s = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
            Q[[p, q]] = np.array([[c, -s], [s, c]]) @ Q[[p, q]]
    return Q + 0.0  # no -0


def _eigenvalues(condition: float) -> SearchStrategy[float]:
    """From c^(-1/2) to c^(1/2), as often below 1 as above."""
    if checks.real_number("condition", condition) < 1:
        raise InvalidInput(f"condition = {condition:g} must be >= 1, the ratio of two eigenvalues.")
    resolved("condition", condition)
    above = numbers(1.0, math.sqrt(condition))
    return above | above.map(lambda x: 1 / x)


def _interval(name: str, pair: tuple[float, float]) -> tuple[float, float]:
    low, high = (checks.positive(f"{name}[{k}]", x) for k, x in enumerate(pair))
    if low > high:
        raise InvalidInput(f"{name} = {pair} must be (low, high) with 0 < low <= high.")
    resolved(f"the ratio of {name}", high / low)
    return low, high
