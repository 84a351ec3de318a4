"""The Hessian of the objective: exact, symmetric, indefinite."""

from dataclasses import dataclass
from typing import final

from thermolinalg.backend import Array, namespace, zeros
from thermolinalg.streams import RNG
from tngd.curvature.contract import Curvature
from tngd.curvature.matrix import CurvatureMatrix
from tngd.objective import Objective


@final
@dataclass(frozen=True, slots=True)
class Hessian(Curvature):
    """H = ∇²l. It is no S'S: solvers that need a Gram matrix refuse it."""

    def at(self, objective: Objective, rng: RNG = None) -> "HessianMatrix":
        del rng
        return HessianMatrix(objective)


@final
@dataclass(frozen=True, eq=False, repr=False)
class HessianMatrix(CurvatureMatrix):
    """H at one objective. A product costs about two gradients (Pearlmutter 1994)."""

    objective: Objective

    @property
    def size(self) -> int:
        """p."""
        return self.objective.network.size

    @property
    def reference(self) -> Array:
        return self.objective.params

    def matvec(self, v: Array, /) -> Array:
        """H v (p,)."""
        return self.objective.hessian(v)

    def diagonal(self) -> Array:
        """By p products: for small networks. `estimate_trace` is for large ones."""
        entries = []
        for i in range(self.size):
            unit = zeros((self.size,), self.reference)
            unit[i] = 1.0
            entries.append(self.matvec(unit)[i])
        return namespace(self.reference).stack(entries)
