"""The condition number κ = |λ|max/|λ|min of a symmetric matrix, from products with it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray


@final
@dataclass(frozen=True, slots=True)
class Condition:
    """What products with H say of its condition number; never more than the truth.

    Args:
        most: of |H v|/|v| over the Krylov space, at most |λ|max.
        least: of the same, at least |λ|min.
        products: that were made.
        exact: was the space invariant? Then it held all eigenvalues, with probability 1.
    """

    most: float
    least: float
    products: int
    exact: bool

    @property
    def kappa(self) -> float:
        """A lower bound of κ up to rounding, and κ where `exact`; infinite for a singular H.

        No product tells condition numbers above about 1/eps from infinity.
        """
        return max(1.0, self.most / self.least) if self.least > 0 else math.inf


def lanczos_condition(
    matvec: Callable[[NumpyArray], NumpyArray],
    N: int,
    rng: np.random.Generator,
    products: int = 50,
) -> Condition:
    """The extremes of |H v|/|v| over a Krylov space with a random start.

    With H V = W T, where the columns of V are among the orthonormal ones of W, they are the
    singular values of the (k + 1) x k tridiagonal T. That serves definite and indefinite matrices
    alike: eigenvalues of the square part of T can come closer to zero than any of H does where H
    is indefinite, these cannot. The basis is kept orthogonal at a cost of 4 N k² operations.

    Args:
        matvec: v -> H v, for v (N,).
        N: rows of H.
        rng: draws the start.
        products: at most. The largest |λ| is close after a few, the smallest only after about
            sqrt(κ) of them for a definite H, and κ for an indefinite one.
    """
    N, products = checks.count("N", N), checks.count("products", products)
    basis = np.zeros((min(N, products) + 1, N))
    start = rng.standard_normal(N)
    basis[0] = start / np.linalg.norm(start)
    T = np.zeros((len(basis), len(basis) - 1))
    for k in range(T.shape[1]):
        w = np.asarray(matvec(basis[k]), dtype=float)
        rounding = N * np.finfo(float).eps * max(float(np.linalg.norm(w)), float(np.abs(T).max()))
        for _ in range(2):  # once leaves errors of the size of what it took away
            along = basis[: k + 1] @ w
            w = w - along @ basis[: k + 1]
            T[k, k] += along[k]
        length = float(np.linalg.norm(w))
        if k:
            T[k - 1, k] = T[k, k - 1]
        if k + 1 == N or length <= rounding:
            return _found(T[: k + 1, : k + 1], k + 1, exact=True)
        T[k + 1, k] = length
        basis[k + 1] = w / length
    return _found(T, T.shape[1], exact=False)


def _found(T: NumpyArray, products: int, *, exact: bool) -> Condition:
    sizes = np.linalg.svd(T, compute_uv=False)
    return Condition(float(sizes[0]), float(sizes[-1]), products, exact)
