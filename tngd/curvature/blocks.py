"""The blocks of C = S'S, one for each layer: no parameters of different layers are coupled.

A block is exact, S_l'S_l for the columns S_l of S that belong to layer l. One walk back gives the
cotangents at every layer; a product with a block touches its layer alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import final

from models.blocks import FREE
from models.layer import Visit
from models.parameters import Layout
from models.products import ROOM
from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import RNG
from tngd.curvature.contract import Curvature
from tngd.curvature.direct_sum import Block, DirectSum, nonnegative
from tngd.curvature.ggn import GGN
from tngd.curvature.pullback import Pullback
from tngd.objective import Objective


@final
@dataclass(frozen=True, slots=True)
class BlockDiagonal(Curvature):
    """The blocks of another curvature, exact, one for each layer with parameters.

    The cotangents at every layer are kept: r b numbers for each of its outputs.

    Args:
        of: `GGN()` or a Fisher matrix.
    """

    of: Curvature = GGN()

    def at(self, objective: Objective, rng: RNG = None) -> DirectSum:
        """The matrix at this objective.

        Raises:
            InvalidInput: `of` is not a C = S'S of gradients.
            CoupledSamples: samples interact, so that no row of S is that of one sample.
        """
        C = pulled_back(self.of, objective, rng)
        return DirectSum([LayerBlock.of(visit, C) for visit in in_order(C)])


def pulled_back(kind: Curvature, objective: Objective, rng: RNG) -> Pullback:
    """The curvature that blocks are taken from.

    Raises:
        InvalidInput: it is not a C = S'S of gradients.
    """
    C = kind.at(objective, rng)
    if not isinstance(C, Pullback):
        raise InvalidInput(
            f"of = {kind!r} has no rows of gradients to take blocks from. Pass GGN(), "
            "ExactFisher(), SampledFisher() or EmpiricalFisher()."
        )
    return C


def in_order(C: Pullback) -> list[Visit]:
    """The layers in the order of their parameters in the flat array."""
    place = {name: i for i, name in enumerate(C.objective.network.layout.shapes)}
    return sorted(C.visits(), key=lambda v: place[v.at.name + next(iter(v.leaf.shapes()))])


@final
@dataclass(frozen=True, eq=False)
class LayerBlock(Block):
    """S'S for the columns of S that belong to one layer, whose S has b r rows too."""

    visit: Visit
    layout: Layout
    b: int
    c: int

    @staticmethod
    def of(visit: Visit, C: Pullback) -> "LayerBlock":
        """The block of C that belongs to the visited layer."""
        return LayerBlock(visit, Layout(visit.leaf.shapes()), C.samples, C.outputs)

    @property
    def name(self) -> str:
        return self.visit.at.name.rstrip(".")

    @property
    def size(self) -> int:
        """Parameters of the layer."""
        return self.layout.size

    @property
    def reference(self) -> Array:
        return self._u

    @property
    def samples(self) -> int:
        """b."""
        return self.b

    @property
    def outputs(self) -> int:
        """c, of the network."""
        return self.c

    def matvec(self, v: Array, /) -> Array:
        """S'S v: a tangent and a gradient of this layer alone."""
        return self.root_adjoint(self.root(v))

    def root(self, v: Array, /) -> Array:
        """S v (b r,): inner products of the cotangents with the layer's tangent."""
        at = self.visit.at
        dy, _ = self.visit.leaf.jvp(at.p, at.saved, None, self.layout.views(v))
        xp = namespace(v)
        r, b = self._u.shape[:2]
        u, dy = xp.reshape(self._u, (r, b, -1)), xp.reshape(dy, (b, -1, 1))
        Sv = xp.matmul(xp.permute_dims(u, (1, 0, 2)), dy)
        return xp.reshape(Sv, (-1,))

    def root_adjoint(self, w: Array, /) -> Array:
        """S' w: the gradient for the cotangents summed with these weights."""
        xp = namespace(w)
        r, b, *shape = self._u.shape
        u = xp.permute_dims(xp.reshape(self._u, (r, b, -1)), (1, 0, 2))
        weighted = xp.matmul(xp.reshape(w, (b, 1, r)), u)
        at = self.visit.at
        found = self.visit.leaf.gradient(at.p, at.saved, xp.reshape(weighted, (b, *shape)))
        return self.layout.flatten(found)

    def diagonal(self) -> Array:
        at = self.visit.at
        return self.layout.flatten(self.visit.leaf.squares(at.p, at.saved, self._u, ROOM))

    @cached_property
    def gram(self) -> Array:
        """S S' (b r, b r)."""
        at, side = self.visit.at, (self.visit.at.saved, self._u)
        return self.visit.leaf.gram(at.p, side, side, FREE)

    @property
    def rows(self) -> Array:
        """S (b r, size), rows ordered (column, sample)."""
        at = self.visit.at
        each = self.layout.flatten(self.visit.leaf.per_sample(at.p, at.saved, self._u))
        return namespace(each).reshape(each, (-1, self.size))

    def inverse(self, damping: float, *, split: bool = False) -> Callable[[Array], Array]:
        """v -> (S'S + damping I)⁻¹ v, by the eigenvalues of S'S or S S', whichever is smaller."""
        del split
        damping = checks.positive("damping", damping)
        xp, (r, b) = namespace(self._u), self._u.shape[:2]
        if self.size <= r * b:
            S = self.rows
            a, V = xp.linalg.eigh(S.T @ S)
            scale = 1.0 / (nonnegative(a) + damping)
            return lambda v: V @ (scale * (V.T @ v))
        a, V = xp.linalg.eigh(self.gram)
        weight = 1.0 / (nonnegative(a) + damping)

        def by_woodbury(v: Array) -> Array:
            return (v - self.root_adjoint(V @ (weight * (V.T @ self.root(v))))) / damping

        return by_woodbury

    @property
    def _u(self) -> Array:
        """(r, b, ...)."""
        return self.visit.us[0]
