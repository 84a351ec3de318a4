"""The Jacobian of a network at one point, as an operator that is never formed."""

from dataclasses import dataclass
from typing import final

import numpy as np

from models.checks import conforming
from models.layer import Layer, Named, Saved
from models.parameters import Layout
from thermolinalg.backend import Array, like, namespace


@final
@dataclass(frozen=True, repr=False, eq=False)
class Linearization:
    """z(θ + v) ≈ z + J v for a batch: b samples, c outputs each, p parameters.

    One forward pass is paid when it is made; every product with J reuses what that pass saved.
    """

    layer: Layer
    layout: Layout
    parameters: Named
    saved: Saved
    output: Array
    """z (b, c)."""

    def __repr__(self) -> str:
        b, c = self.output.shape
        return f"Linearization({b} samples, {c} outputs, {self.layout.size} parameters)"

    def jvp(self, v: Array, /) -> Array:
        """J v (b, c), for v (p,)."""
        dz, _ = self._pushed(self._tangent(v))
        return dz

    def vjp(self, u: Array, /) -> Array:
        """J' u (p,), summed over the samples, for u (b, c)."""
        u = self._cotangent("u", u)
        return self.layout.flatten(self.layer.gradient(self.parameters, self.saved, u))

    def per_sample(self, u: Array, /) -> Array:
        """J_i' u_i (b, p), for u (b, c); the rows sum to `vjp(u)`."""
        return self._per_sample(self._cotangent("u", u))

    def gram(self, roots: Array, /) -> Array:
        """S S' (b r, b r), rows ordered (sample, column), for S = R' J and roots R (b, c, r).

        With R_i R_i' = H_i, the Hessian of the loss in z_i, S' S is b times the Gauss-Newton matrix
        of the mean loss. Neither J nor S is formed.
        """
        shape = (*self.output.shape, None)
        meaning = "for each sample a root (c, r) of the Hessian in its outputs"
        roots = conforming("roots", roots, shape, meaning, reference=self.output)
        u = namespace(roots).permute_dims(roots, (2, 0, 1))
        return self.layer.gram(self.parameters, self.saved, u)

    def rows(self, roots: Array, /) -> Array:
        """S (r b, p) itself, rows ordered (column, sample): b r p numbers.

        Args:
            roots: (b, c, r), as for `gram`. The result is the caller's to overwrite.
        """
        u = namespace(roots).permute_dims(roots, (2, 0, 1))
        return namespace(u).reshape(self._per_sample(u), (-1, self.layout.size))

    def vjp_jvp(self, v: Array, u: Array, du: Array, /) -> Array:
        """Tangent of `vjp(u)` (p,) as the parameters move along v and u along du.

        For u the gradient of the loss in z and du = H J v it is the exact Hessian of the summed
        loss times v; the part with du is its Gauss-Newton part.
        """
        dp = self._tangent(v)
        u, du = self._cotangent("u", u), self._cotangent("du", du)
        _, dsaved = self._pushed(dp)
        return self.layout.flatten(
            self.layer.gradient_jvp(self.parameters, self.saved, u, dp, dsaved, du)
        )

    def jacobian(self) -> Array:
        """J (b, c, p) itself: b c p numbers, for small networks."""
        b, c = self.output.shape
        xp = namespace(self.output)
        each_output = like(np.repeat(np.eye(c)[:, None, :], b, axis=1), self.output)
        return xp.permute_dims(self._per_sample(each_output), (1, 0, 2))

    def _pushed(self, dp: Named) -> tuple[Array, Saved]:
        return self.layer.jvp(self.parameters, self.saved, None, dp)

    def _per_sample(self, u: Array) -> Array:
        return self.layout.flatten(self.layer.per_sample(self.parameters, self.saved, u))

    def _tangent(self, v: Array) -> dict[str, Array]:
        shape, meaning = (self.layout.size,), "one number for each parameter"
        return self.layout.views(conforming("v", v, shape, meaning, reference=self.output))

    def _cotangent(self, name: str, u: Array) -> Array:
        meaning = "one row for each sample, one column for each output"
        return conforming(name, u, self.output.shape, meaning, reference=self.output)
