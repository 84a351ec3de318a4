"""Kernels of Gaussian processes: how the values of a function at two points go together.

All are functions of the distance r of the points, in units of `scale` (Rasmussen and Williams 2006,
section 4.2.1).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

from thermolinalg import checks
from thermolinalg.backend import Array, namespace

Kernel: TypeAlias = Callable[[Array, Array], Array]
"""Covariances (a, b) of the process between points (a, d) and (b, d)."""


@dataclass(frozen=True, slots=True)
class Stationary(ABC):
    """A kernel `variance` times a function of r²."""

    scale: float = 1.0
    variance: float = 1.0

    def __post_init__(self) -> None:
        checks.positive("scale", self.scale)
        checks.positive("variance", self.variance)

    def __call__(self, X: Array, Z: Array) -> Array:
        gap = (X[:, None, :] - Z[None, :, :]) / self.scale
        return self.variance * self.correlation(namespace(X).sum(gap * gap, axis=-1))

    @abstractmethod
    def correlation(self, squares: Array) -> Array:
        """Correlations at these r²."""


@final
@dataclass(frozen=True, slots=True)
class RBF(Stationary):
    """The kernel variance exp(-r²/2), r the distance in units of `scale`: smooth functions."""

    def correlation(self, squares: Array) -> Array:
        return namespace(squares).exp(-squares / 2)


@final
@dataclass(frozen=True, slots=True)
class Matern32(Stationary):
    """The kernel variance (1 + √3 r) exp(-√3 r): functions with one derivative."""

    def correlation(self, squares: Array) -> Array:
        xp = namespace(squares)
        r = xp.sqrt(3 * squares)
        return (1 + r) * xp.exp(-r)


@final
@dataclass(frozen=True, slots=True)
class Matern52(Stationary):
    """The kernel variance (1 + √5 r + 5r²/3) exp(-√5 r): functions with two derivatives."""

    def correlation(self, squares: Array) -> Array:
        xp = namespace(squares)
        r = xp.sqrt(5 * squares)
        return (1 + r + r**2 / 3) * xp.exp(-r)
