"""Shampoo: a gradient between inverse roots of its second moments (Gupta et al. 2018)."""

from dataclasses import dataclass
from typing import final

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import Memory, Optimizer, Point, Transform
from tngd.optimizers.directions import Gradient
from tngd.optimizers.matrices import (
    Sides,
    between,
    decayed,
    eigen,
    joined,
    matrices,
    second_moments,
)
from tngd.optimizers.rules import Rate
from tngd.optimizers.transforms import Average, WeightDecay, fraction


@final
@dataclass(frozen=True, eq=False, slots=True)
class Second:
    """What `InverseRoots` remembers of a tensor.

    Args:
        moments: sums of G G' and G'G.
        roots: inverse roots of them, as of the last refresh.
        squares: sum of G², of a tensor that has neither.
    """

    moments: Sides
    roots: Sides = (None, None)
    squares: Array | None = None


@final
@dataclass(frozen=True, slots=True)
class InverseRoots(Transform):
    """L^(-1/4) G R^(-1/4), for L = Σ G G' and R = Σ G'G (Gupta et al. 2018, algorithm 1).

    Every root is one of an eigendecomposition, of L + damping λ_max(L) + epsilon. A matrix with
    one side that is too long has one root, and that is L^(-1/2) or R^(-1/2), so that the size of
    the gradient drops out as it does from the product of two. A tensor of one axis, for which the
    paper has (Σ g g')^(-1/2), and a matrix of two sides that are too long get the diagonal of it,
    which is AdaGrad. Tensors of more than two axes are taken for matrices, all axes but the last
    together, where the paper has a root for each axis.

    Args:
        decay: of the sums in each step: 1 for sums, as published; below that they are means.
        damping: added to eigenvalues, as a fraction of the largest.
        epsilon: added to eigenvalues; the paper starts the sums there.
        every: steps between refreshes of the roots, the first of them in step 1.
        largest: sides longer than this are left alone.
        graft: give the direction the norm of the gradient, in each tensor.
    """

    decay: float = 1.0
    damping: float = 1e-6
    epsilon: float = 1e-12
    every: int = 1
    largest: int = 1024
    graft: bool = False

    def __post_init__(self) -> None:
        if self.decay != 1:
            object.__setattr__(self, "decay", fraction("decay", self.decay))
        object.__setattr__(self, "decay", float(self.decay))
        damping = checks.positive("damping", self.damping, zero=True)
        object.__setattr__(self, "damping", damping)
        object.__setattr__(self, "epsilon", checks.positive("epsilon", self.epsilon))
        for name in ("every", "largest"):
            object.__setattr__(self, name, checks.count(name, getattr(self, name)))
        if not isinstance(self.graft, bool):
            raise InvalidInput(f"graft = {self.graft!r} must be True or False.")

    def apply(self, v: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        parts = matrices(v, at.objective.network)
        count, seen = (0, (None,) * len(parts)) if memory is None else memory
        # a mean of what there was, as Adam's, or else a sum
        scale = 1.0 if self.decay == 1 else (1 - self.decay) / (1 - self.decay ** (count + 1))
        kept, directions = [], []
        for G, second in zip(parts, seen, strict=True):
            second = self._added(second, G)
            if count % self.every == 0:
                second = self._refreshed(second, scale)
            kept.append(second)
            direction = self._direction(G, second, scale)
            directions.append(_grafted(direction, G) if self.graft else direction)
        return joined(directions), (count + 1, tuple(kept))

    def _added(self, second: Second | None, G: Array) -> Second:
        new = second_moments(G, self.largest)
        diagonal = all(side is None for side in new)
        if second is None:
            return Second(new, squares=G * G if diagonal else None)
        squares = None if second.squares is None else self.decay * second.squares + G * G
        return Second(decayed(second.moments, self.decay, new), second.roots, squares)

    def _refreshed(self, second: Second, scale: float) -> Second:
        order = sum(A is not None for A in second.moments)
        L, R = (None if A is None else self._root(scale * A, order) for A in second.moments)
        return Second(second.moments, (L, R), second.squares)

    def _root(self, A: Array, order: int) -> Array:
        """(A + ridge)^(-1/(2 order)), for an A that is semidefinite up to its rounding."""
        values, V = eigen(A)
        values = namespace(A).clip(values, 0.0)
        values = values + (self.damping * values[-1] + self.epsilon)
        return (V * values ** (-0.5 / order)) @ V.T

    def _direction(self, G: Array, second: Second, scale: float) -> Array:
        if second.squares is None:
            return between(second.roots, G)
        return G / namespace(G).sqrt(scale * second.squares + self.epsilon)


def Shampoo(
    rate: float = 0.1,
    *,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    decay: float = 1.0,
    damping: float = 1e-6,
    epsilon: float = 1e-12,
    every: int = 1,
    largest: int = 1024,
    graft: bool = True,
) -> Optimizer:
    """Shampoo (Gupta et al. 2018), with the step sizes of gradient descent (Anil et al. 2020).

    Args:
        rate: learning rate; that of `SGD` with `graft`, about the size of a step without.
        momentum: memory of the mean direction, from 0 to below 1.
        weight_decay: a step takes rate times this of each parameter away.
        decay: of the sums of G G' and G'G in each step: 1 for sums; below that they are means.
        damping: added to their eigenvalues, as a fraction of the largest.
        epsilon: added to their eigenvalues.
        every: steps between refreshes of their inverse roots.
        largest: sides of weight matrices longer than this are left alone.
        graft: give the direction the norm of the gradient, in each tensor.
    """
    roots = InverseRoots(decay, damping, epsilon, every, largest, graft)
    after: tuple[Transform, ...] = (roots,)
    if momentum:
        after += (Average(momentum),)
    if weight_decay:
        after += (WeightDecay(weight_decay),)
    return Optimizer("shampoo", Gradient(), Rate(rate), after=after)


def _grafted(direction: Array, G: Array) -> Array:
    """The direction with the norm of G; where it has none, as it is."""
    xp = namespace(G)
    length = float(xp.sqrt(xp.sum(direction * direction)))
    return direction * (float(xp.sqrt(xp.sum(G * G))) / length) if length else direction
