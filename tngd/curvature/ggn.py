"""The generalised Gauss-Newton matrix G = J'HJ/b; for softmax cross-entropy it is the Fisher."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

from thermolinalg.backend import Array, namespace
from tngd.curvature.contract import Curvature
from tngd.objective import Objective


@final
@dataclass(frozen=True, slots=True)
class GGN(Curvature):
    """Generalised Gauss-Newton (Donatella et al. 2024, equation 9)."""

    def at(self, objective: Objective) -> "GaussNewton":
        return GaussNewton(objective)


@final
@dataclass(frozen=True, eq=False)
class GaussNewton:
    """G = S'S at one objective, with S = R'J/√b and RR' = H, the loss Hessian in the outputs.

    S has b r rows, where r <= c; it is formed for nobody but a device that changes its entries.
    """

    objective: Objective

    @property
    def samples(self) -> int:
        """b."""
        return self.objective.samples

    @property
    def outputs(self) -> int:
        """c."""
        return self.objective.outputs

    @cached_property
    def gram(self) -> Array:
        """S S' (b r, b r)."""
        return self.objective.linearization.gram(self._roots)

    @property
    def rows(self) -> Array:
        """S (b r, p), rows ordered (column of R, sample): b r p numbers."""
        return self.objective.linearization.rows(self._roots)

    def matvec(self, v: Array) -> Array:
        """G v (p,): one jvp and one vjp."""
        objective = self.objective
        HJv = objective.loss.hessian(objective.output, objective.linearization.jvp(v))
        return objective.linearization.vjp(HJv / self.samples)

    def root(self, v: Array) -> Array:
        """S v (b r,): one jvp."""
        xp = namespace(v)
        Jv = self.objective.linearization.jvp(v)
        return xp.reshape(xp.matmul(Jv[:, None, :], self._roots), (-1,))

    def root_adjoint(self, w: Array) -> Array:
        """S' w (p,): one vjp."""
        xp = namespace(w)
        columns = xp.reshape(w, (self.samples, -1, 1))
        return self.objective.linearization.vjp(xp.matmul(self._roots, columns)[:, :, 0])

    @cached_property
    def _roots(self) -> Array:
        """R/√b (b, c, r)."""
        objective = self.objective
        return objective.loss.hessian_root(objective.output) / math.sqrt(self.samples)
