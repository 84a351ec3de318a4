"""C = J'MJ/b: a metric M of the outputs, as the parameters feel it through the Jacobian J."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import final

from models.layer import Visit
from thermolinalg.backend import Array, namespace
from tngd.curvature.matrix import CurvatureMatrix
from tngd.objective import Objective


@final
@dataclass(frozen=True, eq=False, repr=False)
class Pullback(CurvatureMatrix):
    """C = S'S at one objective, with S = R'J/√b and R_i R_i' = M_i for each sample i.

    Which matrix it is says R alone: a root of the loss Hessian makes it the Gauss-Newton matrix, of
    the Fisher information the Fisher matrix, and the gradients of the loss the empirical one. S
    has b r rows; it is formed for nobody but a device that changes its entries.

    Args:
        objective: where.
        columns: gives R (b, ..., r).
        metric: M v (b, ...) for v (b, ...), where that is cheaper than R R' v.
        coordinates: gives s (b, r) with R_i s_i = dL_i/dz_i, where that is known without solving.
    """

    objective: Objective
    columns: Callable[[], Array]
    metric: Callable[[Array], Array] | None = None
    coordinates: Callable[[], Array | None] | None = None

    @property
    def size(self) -> int:
        """p."""
        return self.objective.network.size

    @property
    def reference(self) -> Array:
        return self.objective.params

    @property
    def samples(self) -> int:
        """b."""
        return self.objective.samples

    @property
    def outputs(self) -> int:
        """c."""
        return self.objective.outputs

    def matvec(self, v: Array, /) -> Array:
        """C v (p,): one jvp and one vjp."""
        if self.metric is None:
            return self.root_adjoint(self.root(v))
        lin = self.objective.linearization
        return lin.vjp(self.metric(lin.jvp(v)) / self.samples)

    def diagonal(self) -> Array:
        """Exact, from r cotangents of each sample, which go back once; S is not formed."""
        return self.objective.linearization.squares(self.roots)

    @cached_property
    def gram(self) -> Array:
        """S S' (b r, b r)."""
        return self.objective.linearization.gram(self.roots)

    @property
    def rows(self) -> Array:
        """S (b r, p), rows ordered (column of R, sample): b r p numbers."""
        return self.objective.linearization.rows(self.roots)

    def root(self, v: Array, /) -> Array:
        """S v (b r,): one jvp."""
        xp = namespace(v)
        Jv = xp.reshape(self.objective.linearization.jvp(v), (self.samples, 1, self.outputs))
        return xp.reshape(xp.matmul(Jv, self._flat_roots), (-1,))

    def root_adjoint(self, w: Array, /) -> Array:
        """S' w (p,): one vjp."""
        xp = namespace(w)
        columns = xp.reshape(w, (self.samples, -1, 1))
        u = xp.reshape(xp.matmul(self._flat_roots, columns), self.objective.output.shape)
        return self.objective.linearization.vjp(u)

    def visits(self) -> list[Visit]:
        """Each layer that trains, with the cotangents of its output that its columns of S need."""
        return self.objective.linearization.visits(self.roots)

    @cached_property
    def roots(self) -> Array:
        """R/√b (b, ..., r)."""
        return self.columns() / math.sqrt(self.samples)

    @property
    def _flat_roots(self) -> Array:
        """R/√b (b, c, r)."""
        return namespace(self.roots).reshape(self.roots, (self.samples, self.outputs, -1))
