"""The Jacobian of a network at one point, as an operator that is never formed."""

from dataclasses import dataclass
from typing import final

import numpy as np

from models import blocks, products
from models.checks import conforming, positive_integer
from models.composite import nested, size_of
from models.layer import Layer, Place, Saved, Shape, Tree, Visit
from models.losses import Loss
from models.parameters import Layout
from thermolinalg.backend import Array, like, namespace
from thermolinalg.errors import CoupledSamples, InvalidInput, ShapeMismatch


@final
@dataclass(frozen=True, repr=False, eq=False)
class Linearization:
    """z(θ + v) ≈ z + J v for a batch: b samples, c outputs each, p parameters that train.

    One forward pass is paid when it is made; every product with J reuses what that pass saved, the
    random masks of dropout among it. Outputs may have any shape: c below stands for it.
    """

    layer: Layer
    layout: Layout
    parameters: Tree
    saved: Saved
    output: Array
    """z (b, c)."""
    sample: Shape
    """Shape of one sample of the batch."""
    coupled: bool = False
    """Do samples interact, so that none has a gradient of its own?"""

    def __repr__(self) -> str:
        b, *c = self.output.shape
        outputs = " x ".join(map(str, c))
        return f"Linearization({b} samples, {outputs} outputs, {self.layout.size} parameters)"

    def jvp(self, v: Array, /) -> Array:
        """J v (b, c), for v (p,)."""
        dz, _ = self._pushed(self._tangent(v))
        return dz

    def vjp(self, u: Array, /) -> Array:
        """J' u (p,), summed over the samples, for u (b, c)."""
        u = self._cotangent("u", u)
        return self.layout.flatten(products.gradient(self.layer, self._place, u))

    def per_sample(self, u: Array, /) -> Array:
        """J_i' u_i (b, p), for u (b, c); the rows sum to `vjp(u)`."""
        return self._per_sample(self._cotangent("u", u))

    def gram(self, roots: Array, /, *, memory_limit: int | None = None) -> Array:
        """S S' (b r, b r), rows ordered (sample, column), for S = R' J and roots R (b, c, r).

        With R_i R_i' = H_i, the Hessian of the loss in z_i, S' S is b times the Gauss-Newton matrix
        of the mean loss. Neither J nor S is formed.

        Args:
            roots: (b, c, r).
            memory_limit: bytes that may be in use at a time, the result included, and also some
                1.2 MB for NumPy's buffers and Python. By default the result and 1 GiB in float32.

        Raises:
            MemoryLimit: the limit holds less than the result and the work on its smallest blocks;
                the error names the least that does.
            CoupledSamples: the samples of the batch interact.
        """
        if memory_limit is not None:
            positive_integer("memory_limit", memory_limit)
        u = self._columns(roots)
        converted = u.dtype != getattr(roots, "dtype", None)
        return blocks.gram(
            self.layer,
            self._place,
            u,
            workspace=self.layer.workspace(self.sample),
            limit=memory_limit,
            held=size_of(u.shape) * namespace(u).finfo(u.dtype).bits // 8 if converted else 0,
        )

    def rows(self, roots: Array, /) -> Array:
        """S (r b, p) itself, rows ordered (column, sample): b r p numbers.

        Args:
            roots: (b, c, r), as for `gram`. The result is the caller's to overwrite.
        """
        u = self._columns(roots)
        return namespace(u).reshape(self._per_sample(u), (-1, self.layout.size))

    def squares(self, roots: Array, /) -> Array:
        """The diagonal of S' S (p,), for S as in `gram`; S is not formed.

        Args:
            roots: (b, c, r), as for `gram`.
        """
        u, workspace = self._columns(roots), self.layer.workspace(self.sample)
        return self.layout.flatten(
            products.squares(self.layer, self._place, u, workspace=workspace)
        )

    def visits(self, roots: Array, /) -> list[Visit]:
        """Each layer that trains, from the last to the first, where its columns of S come from.

        A visit holds the cotangents (r, b, ...) of the layer's output: r b numbers for each output
        of each layer.

        Args:
            roots: (b, c, r), as for `gram`.
        """
        return list(products.visits(self.layer, self._place, (self._columns(roots),)))

    def vjp_jvp(self, v: Array, u: Array, du: Array, /) -> Array:
        """Tangent of `vjp(u)` (p,) as the parameters move along v and u along du.

        For u the gradient of the loss in z and du = H J v it is the exact Hessian of the summed
        loss times v; the part with du is its Gauss-Newton part.
        """
        dp = self._tangent(v)
        u, du = self._cotangent("u", u), self._cotangent("du", du)
        _, dsaved = self._pushed(dp)
        place = Place(self.parameters, self.saved, True, dp, dsaved)
        return self.layout.flatten(products.gradient_jvp(self.layer, place, u, du))

    def hvp(self, loss: Loss, y: Array, v: Array, /) -> Array:
        """H v (p,), H the exact Hessian of the mean loss in the parameters (Pearlmutter 1994)."""
        _require_loss(loss)
        b, z = self.output.shape[0], self.output
        dp = self._tangent(v)
        dz, dsaved = self._pushed(dp)
        place = Place(self.parameters, self.saved, True, dp, dsaved)
        u, du = loss.gradient(z, y) / b, loss.hessian(z, dz, y) / b
        return self.layout.flatten(products.gradient_jvp(self.layer, place, u, du))

    def ggnvp(self, loss: Loss, y: Array, v: Array, /) -> Array:
        """G v (p,), G = J' H J / b the generalised Gauss-Newton matrix of the mean loss."""
        _require_loss(loss)
        return self.vjp(loss.hessian(self.output, self.jvp(v), y) / self.output.shape[0])

    def jacobian(self) -> Array:
        """J (b, c, p) itself: b c p numbers, for small networks."""
        b, *shape = self.output.shape
        c, p = size_of(tuple(shape)), self.layout.size
        xp = namespace(self.output)
        units = np.repeat(np.eye(c)[:, None, :], b, axis=1).reshape(c, b, *shape)
        rows = self._per_sample(like(units, self.output))
        return xp.reshape(xp.permute_dims(rows, (1, 0, 2)), (b, *shape, p))

    @property
    def _place(self) -> Place:
        return Place(self.parameters, self.saved)

    def _pushed(self, dp: Tree) -> tuple[Array, Saved]:
        return self.layer.jvp(self.parameters, self.saved, None, dp)

    def _per_sample(self, u: Array) -> Array:
        self._require_separate()
        return self.layout.flatten(products.per_sample(self.layer, self._place, u))

    def _columns(self, roots: Array) -> Array:
        """The columns of the roots as cotangents (r, b, c)."""
        self._require_separate()
        shape = (*self.output.shape, None)
        meaning = "for each sample a root (c, r) of the Hessian in its outputs"
        roots = conforming("roots", roots, shape, meaning, reference=self.output)
        if roots.shape[-1] == 0:
            raise ShapeMismatch(f"roots has shape {tuple(roots.shape)}: pass at least one column.")
        last = roots.ndim - 1
        return namespace(roots).permute_dims(roots, (last, *range(last)))

    def _require_separate(self) -> None:
        if self.coupled:
            raise CoupledSamples(
                "batch normalisation in training mode makes the output of a sample depend on the "
                "others, so no sample has a gradient of its own. Train by gradients or curvature "
                "products alone (SGD, Adam, CG), use GroupNorm or LayerNorm, or linearize with "
                "training=False, which uses fixed statistics."
            )

    def _tangent(self, v: Array) -> Tree:
        shape, meaning = (self.layout.size,), "one number for each parameter that trains"
        return nested(self.layout.views(conforming("v", v, shape, meaning, reference=self.output)))

    def _cotangent(self, name: str, u: Array) -> Array:
        meaning = "one row for each sample, one entry for each output"
        return conforming(name, u, self.output.shape, meaning, reference=self.output)


def _require_loss(loss: Loss) -> None:
    if isinstance(loss, type):
        raise InvalidInput(f"loss = {loss.__name__} is a class. Pass {loss.__name__}().")
