"""Bounds on the eigenvalues of a symmetric matrix that is only multiplied, by Lanczos.

Of k products with A, from a start that is random in direction, the largest Ritz value θ of positive
semidefinite A falls short of its largest eigenvalue λ by more than a share ε of it with probability

    P(λ - θ > ελ) <= 1.648 √n e^{-√ε(2k - 1)}

whatever the spectrum (Kuczyński and Woźniakowski 1992, theorem 4.2). Krylov spaces do not feel a
shift or a sign, so for any symmetric A both ends of the Ritz values miss those of the spectrum by a
share ε of its width at most. They lie inside it, so the two together are bounds from both sides.

A small basis is kept orthogonal, and spans everything after n products. A large one is forgotten:
rounding then makes copies of Ritz values, which stay inside the spectrum up to rounding, as if A
were a larger matrix with clusters for eigenvalues (Greenbaum 1989), of which the theorem asks no
more than the root of its size.
"""

import math
from typing import Any, final

import numpy as np
from scipy.linalg import eigvalsh_tridiagonal

from thermolinalg import checks
from thermolinalg.backend import Array, is_dense, namespace, normals
from thermolinalg.errors import InvalidInput, NotFinite
from thermolinalg.streams import RNG, open_streams
from thermolinalg.theory.balance import is_sparse, require_symmetric
from thermolinalg.theory.gershgorin import gershgorin
from thermolinalg.theory.operator import in_library, operator_size

PRODUCTS = 2**14
"""Most products: enough for condition numbers of a million."""

KEPT = 2**22
"""Numbers of a basis that is kept orthogonal: 32 MiB, or n = 2048 to the end."""

FACTOR = 2.0
"""By how much the bound on the smaller end may lie beyond that end, in size."""


def spectral_bounds(A: Any, *, failure: float = 1e-6, rng: RNG = 0) -> tuple[float, float]:
    """Numbers low and high between which all eigenvalues of symmetric A lie.

    They hold with probability 1 - failure over a random start. Of the two the one that is smaller
    in size is within a factor 2 of the eigenvalue it bounds: after about 7 (2 condition)^{1/2} to
    10 (2 condition)^{1/2} products, or n. Discs (Gershgorin) count, too, if A is a sparse array.

    Args:
        A: symmetric (n, n): an array, a scipy.sparse array, a `LowRank`, or anything with `.shape`
            and `@`, which is taken at its word.
        failure: probability with which the bounds may not hold.
        rng: of the start: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        InvalidInput: A is not square, not symmetric or not finite; or its condition number is
            beyond what 16384 products can bound, as that of a singular one is.
    """
    failure = checks.probability("failure", failure)
    if is_dense(A):
        A = checks.symmetric("A", A, "Eigenvalues of other matrices are no interval.")
    else:
        operator_size("A", A)
    start = np.zeros(A.shape[0]) if not is_dense(A) else A[0, :]
    return bounds_by_products(A, in_library(start, A), failure, rng)


def bounds_by_products(
    A: Any, like: Array, failure: float = 1e-6, rng: RNG = 0
) -> tuple[float, float]:
    """The same, with vectors of the library and dtype of `like` (n,)."""
    known = -math.inf, math.inf
    if is_sparse(A):
        require_symmetric("A", A)
        known = gershgorin(A, 1.0)
    v = normals(open_streams(rng).stream("lanczos"), tuple(like.shape), like)
    n, xp = int(like.shape[0]), namespace(like)
    doubt = math.log(1.648 * math.sqrt(n) * 2 / failure)  # of either end
    rounding = 16 * math.sqrt(n) * float(xp.finfo(like.dtype).eps)
    lanczos = _Lanczos(A, v / _norm(v), rounding)
    look = 8
    while True:
        lanczos.extend(min(look, PRODUCTS))
        ritz = lanczos.ends()
        k = lanczos.products
        share = 0.0 if lanczos.finished else (doubt / (2 * k - 1)) ** 2
        low, high = _within(ritz, share, known, rounding)
        if lanczos.finished or (_near(low, ritz[0]) and _near(high, ritz[1])):
            return low, high
        needed = _needed(ritz, doubt)
        hopeless = ritz[0] > 0 >= known[0] and n > PRODUCTS  # for Ritz values only move outwards
        if k >= PRODUCTS or (hopeless and needed > PRODUCTS):
            raise _beyond(k, ritz, (low, high))
        look = min(2 * k, max(k + 8, needed))


def _within(
    ritz: tuple[float, float], share: float, known: tuple[float, float], rounding: float
) -> tuple[float, float]:
    """The ends that Ritz values leave room for, of which each misses so large a share."""
    width = known[1] - known[0]
    if share < 0.5:
        width = min(width, (ritz[1] - ritz[0]) / (1 - 2 * share))
    room = rounding * max(map(abs, ritz)) + (share * width if share else 0.0)
    return max(known[0], ritz[0] - room), min(known[1], ritz[1] + room)


def _near(bound: float, ritz: float) -> bool:
    """Is the bound within the factor of a Ritz value, and so of the eigenvalue beyond it?"""
    return bound * ritz > 0 and 1 / FACTOR <= bound / ritz <= FACTOR


def _needed(ritz: tuple[float, float], doubt: float) -> int:
    """Products after which the room of these Ritz values is a small enough share."""
    least, width = min(map(abs, ritz)), ritz[1] - ritz[0]
    if least == 0 or width == 0:
        return PRODUCTS
    share = least * (1 - 1 / FACTOR) / (width + least)
    return math.ceil((doubt / math.sqrt(share) + 1) / 2)


def _beyond(k: int, ritz: tuple[float, float], bounds: tuple[float, float]) -> InvalidInput:
    sizes = sorted(map(abs, ritz))
    condition = sizes[1] / sizes[0] if sizes[0] else math.inf
    return InvalidInput(
        f"after {k} products with A its eigenvalues are known to lie in [{bounds[0]:.3g}, "
        f"{bounds[1]:.3g}], and one is as near zero as {sizes[0]:.3g}: the condition number, "
        f"{condition:.2g} at least, is beyond what {PRODUCTS} can bound. If you know better, "
        "pass bounds=(low, high); if a damped answer will do, add a ridge: A + r I."
    )


@final
class _Lanczos:
    """A tridiagonal matrix that grows by a row a product, and the vectors to go on with."""

    def __init__(self, A: Any, v: Array, rounding: float) -> None:
        self._A, self._here, self._rounding = A, v, rounding
        self._before = 0 * v
        n = int(v.shape[0])
        self._basis = namespace(v).stack([v] * n) if n * n <= KEPT else None
        self._diagonal: list[float] = []
        self._beside: list[float] = []
        self.finished = False  # the space is closed: what it holds of the spectrum is exact

    @property
    def products(self) -> int:
        """Products with A so far."""
        return len(self._diagonal)

    def ends(self) -> tuple[float, float]:
        """The smallest and the largest Ritz value."""
        d, e = np.array(self._diagonal), np.array(self._beside[: self.products - 1])
        unit = max(np.abs(d).max(), e.max(initial=0.0)) or 1.0  # bisection squares them
        low, high = (
            float(
                unit * eigvalsh_tridiagonal(d / unit, e / unit, select="i", select_range=(k, k))[0]
            )
            for k in (0, len(d) - 1)
        )
        return low, high

    def extend(self, products: int) -> None:
        """Until there are so many products, or the space is closed."""
        while self.products < products and not self.finished:
            self._step()

    def _step(self) -> None:
        v = self._A @ self._here
        if self._beside:
            v = v - self._beside[-1] * self._before
        centre = float(v @ self._here)
        v = v - centre * self._here
        self._diagonal.append(centre)
        if self._basis is not None:  # twice is enough (Parlett 1998)
            kept = self._basis[: self.products, :]
            for _ in range(2):
                v = v - (kept @ v) @ kept
        length = _norm(v)
        if not math.isfinite(centre + length):
            raise NotFinite("A makes NaN or infinity of a vector of finite numbers.")
        size = max(map(abs, self._diagonal[:1] + self._beside[:1]))
        self._beside.append(length)
        complete = self._basis is not None and self.products == v.shape[0]
        self.finished = complete or length <= self._rounding * size
        self._before, self._here = self._here, v / (length or 1.0)
        if self._basis is not None and not self.finished:
            self._basis[self.products, :] = self._here


def _norm(v: Array) -> float:
    """The 2-norm, of numbers whose squares may overflow too."""
    largest = float(namespace(v).max(namespace(v).abs(v)))
    v = v / (largest or 1.0)
    return largest * float(v @ v) ** 0.5
