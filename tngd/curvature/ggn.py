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
        return objective.linearization.ggnvp(objective.loss, objective.y, v)

    def root(self, v: Array) -> Array:
        """S v (b r,): one jvp."""
        xp = namespace(v)
        Jv = xp.reshape(self.objective.linearization.jvp(v), (self.samples, 1, self.outputs))
        return xp.reshape(xp.matmul(Jv, self._flat_roots), (-1,))

    def root_adjoint(self, w: Array) -> Array:
        """S' w (p,): one vjp."""
        xp = namespace(w)
        columns = xp.reshape(w, (self.samples, -1, 1))
        u = xp.reshape(xp.matmul(self._flat_roots, columns), self.objective.output.shape)
        return self.objective.linearization.vjp(u)

    @cached_property
    def _roots(self) -> Array:
        """R/√b (b, ..., r)."""
        objective = self.objective
        roots = objective.loss.hessian_root(objective.output, objective.y)
        return roots / math.sqrt(self.samples)

    @property
    def _flat_roots(self) -> Array:
        """R/√b (b, c, r)."""
        return namespace(self._roots).reshape(self._roots, (self.samples, self.outputs, -1))
