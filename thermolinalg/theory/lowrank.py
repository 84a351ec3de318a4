"""Symmetric matrices that are a diagonal and a few columns: diag(d) + U diag(w) U'.

Ridge regression, factor models and kernels with few features are of this kind. Such a matrix takes
n(k + 1) numbers and is never formed.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.errors import NotPositiveDefinite, ShapeMismatch


@final
@dataclass(frozen=True, eq=False)
class LowRank:
    """The symmetric positive definite matrix diag(d) + U diag(w) U'.

    Args:
        diagonal: d, positive: one number, or (n,).
        factor: U (n, k). It gives the matrix its library and dtype.
        weights: w (k,), positive; None is ones.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    diagonal: Array
    factor: Array
    weights: Array = None

    def __post_init__(self) -> None:
        U = checks.real_array("factor", self.factor)
        if U.ndim != 2 or 0 in U.shape:
            raise ShapeMismatch(
                f"factor has shape {tuple(U.shape)}; (n, k) with n, k >= 1 is needed. "
                "A single column u is u[:, None]."
            )
        n, k = U.shape
        ready = {
            "diagonal": _positive("diagonal", self.diagonal, n, U),
            "factor": U,
            "weights": _positive("weights", 1.0 if self.weights is None else self.weights, k, U),
        }
        for name, value in ready.items():
            object.__setattr__(self, name, value)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return int(self.factor.shape[0]), int(self.factor.shape[0])

    @property
    def dtype(self) -> Any:
        """What the entries are."""
        return self.factor.dtype

    @property
    def rank(self) -> int:
        """k, the number of columns of U."""
        return int(self.factor.shape[1])

    @property
    def root(self) -> Array:
        """B = U diag(w)^{1/2} (n, k), with which the matrix is diag(d) + BB'."""
        return self.factor * namespace(self.weights).sqrt(self.weights)

    @property
    def level(self) -> float | None:
        """The one number on the diagonal d, up to rounding; None where there are more."""
        xp = namespace(self.diagonal)
        low, high = float(xp.min(self.diagonal)), float(xp.max(self.diagonal))
        eps = float(xp.finfo(self.dtype).eps)
        return (low + high) / 2 if high - low <= 8 * eps * high else None

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Numbers between which all eigenvalues lie: min d, and max d + ‖BB'‖ (Weyl).

        O(nk²), from the smaller of the Gram matrices B'B and BB'.
        """
        xp, B = namespace(self.factor), self.root
        size = float(xp.max(xp.abs(B))) or 1.0
        if not math.isfinite(size):
            return float(xp.min(self.diagonal)), math.inf
        B = B / size  # so that its squares are finite
        gram = B.T @ B if B.shape[1] <= B.shape[0] else B @ B.T
        largest = float(xp.max(xp.linalg.eigvalsh(gram))) * (1 + checks.rounding(gram))
        d = self.diagonal
        return float(xp.min(d)), float(xp.max(d)) + largest * size * size

    def weighted(self, scale: Array) -> "LowRank":
        """diag(scale)^{1/2} M diag(scale)^{1/2} for scale (n,) > 0, of the same kind."""
        width = namespace(scale).sqrt(scale)
        return LowRank(scale * self.diagonal, width[:, None] * self.factor, self.weights)

    def __matmul__(self, x: Array) -> Array:
        """The product with a vector (n,), or with each column of (n, m)."""
        if isinstance(x, list | tuple):
            x = like(checks.real_array("x", x), self.factor)
        if x.ndim not in {1, 2} or x.shape[0] != self.shape[0]:
            raise ShapeMismatch(
                f"a LowRank of shape {self.shape} meets an array of shape {tuple(x.shape)}."
            )
        inner = self.factor.T @ x
        if x.ndim == 1:
            return self.diagonal * x + self.factor @ (self.weights * inner)
        return self.diagonal[:, None] * x + self.factor @ (self.weights[:, None] * inner)

    def __repr__(self) -> str:
        return f"LowRank(n={self.shape[0]}, k={self.rank})"


def _positive(name: str, value: Array, n: int, reference: Array) -> Array:
    """A positive vector (n,), out of such a vector or of one number."""
    x = like(checks.real_array(name, value), reference)
    if tuple(x.shape) not in {(), (n,)}:
        raise ShapeMismatch(f"{name} has shape {tuple(x.shape)}; a number or ({n},) is needed.")
    xp = namespace(x)
    lowest = float(xp.min(x))
    if lowest <= 0:
        raise NotPositiveDefinite(
            f"{name} has the entry {lowest:.3g} <= 0, and with only positive ones is the matrix "
            "surely positive definite. Move what is negative into another term, or add a ridge."
        )
    return xp.asarray(xp.broadcast_to(x, (n,)), copy=True)
