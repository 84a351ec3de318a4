"""What classical solvers cost: operations over a rate. No memory traffic, no latency."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from tngd.qnewton.contract import CostModel

FLOPS = 1e13
"""Operations a second: an assumption, about a graphics processor in single precision."""

_LEFT_OUT = "Left out: forming H, memory traffic, latency, and the solves that follow."


@final
@dataclass(frozen=True, slots=True)
class LUCost(CostModel):
    """2/3 N³ operations, for any H (Golub and Van Loan); blind to d and κ.

    Args:
        flops: operations a second.
    """

    name: ClassVar[str] = "lu"
    flops: float = FLOPS

    def __post_init__(self) -> None:
        checks.positive("flops", self.flops)

    def seconds(self, N: Any, d: Any, kappa: Any) -> NumpyArray:
        return 2 / 3 * _rows(N, d, kappa) ** 3 / self.flops

    def explain(self) -> str:
        return f"LU: 2/3 N^3 operations at {self.flops:.3g} a second. {_LEFT_OUT}"


@final
@dataclass(frozen=True, slots=True)
class CholeskyCost(CostModel):
    """1/3 N³ operations, for a positive definite H alone; blind to d and κ.

    Args:
        flops: operations a second.
    """

    name: ClassVar[str] = "cholesky"
    flops: float = FLOPS

    def __post_init__(self) -> None:
        checks.positive("flops", self.flops)

    def seconds(self, N: Any, d: Any, kappa: Any) -> NumpyArray:
        return 1 / 3 * _rows(N, d, kappa) ** 3 / self.flops

    def explain(self) -> str:
        return (
            f"Cholesky: 1/3 N^3 operations at {self.flops:.3g} a second, for a positive definite "
            f"H. {_LEFT_OUT}"
        )


@final
@dataclass(frozen=True, slots=True)
class CGCost(CostModel):
    """Conjugate gradients: sqrt(κ) ln(1/eps) products of 2 N d operations; H positive definite.

    The rival that has the same d as a quantum solver, and sqrt(κ) where that has κ.

    Args:
        eps: relative error of the solution.
        flops: operations a second.
    """

    name: ClassVar[str] = "cg"
    eps: float = 1e-10
    flops: float = FLOPS

    def __post_init__(self) -> None:
        checks.positive("flops", self.flops)
        checks.probability("eps", self.eps)

    def seconds(self, N: Any, d: Any, kappa: Any) -> NumpyArray:
        products = np.sqrt(np.asarray(kappa, dtype=float)) * np.log(1 / self.eps)
        return products * 2 * _rows(N, d, kappa) * np.asarray(d, dtype=float) / self.flops

    def explain(self) -> str:
        return (
            f"Conjugate gradients: sqrt(kappa) ln(1/eps) products of 2 N d operations, eps = "
            f"{self.eps:g}, at {self.flops:.3g} a second, for a positive definite H, without a "
            "preconditioner. Left out: forming H, memory traffic, latency, vector operations."
        )


def _rows(N: Any, d: Any, kappa: Any) -> NumpyArray:
    """N in the shape that all three make together."""
    N, d, kappa = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (N, d, kappa)))
    if not (np.all(N >= 1) and np.all(d >= 1) and np.all(kappa >= 1)):
        raise InvalidInput("N, d and kappa must be at least 1 for a cost.")
    return N
