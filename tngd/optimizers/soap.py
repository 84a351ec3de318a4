"""SOAP: Adam in the eigenbasis that Shampoo's matrices have (Vyas et al. 2024)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from models.network import Network
from thermolinalg import checks
from thermolinalg.backend import Array, namespace
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
from tngd.optimizers.transforms import Adaptive, WeightDecay


@final
@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """What `EigenAdaptive` remembers.

    Args:
        moments: of each tensor, decayed sums of G G' and G'G.
        bases: of each tensor, eigenvectors of the moments in columns, the largest first.
        adaptive: what Adam remembers, in these bases: a count, a mean and a mean square.
    """

    moments: tuple[Sides, ...]
    bases: tuple[Sides, ...]
    adaptive: Memory = None


@final
@dataclass(frozen=True, slots=True)
class EigenAdaptive(Transform):
    """Adam on U'G V, turned back by U and V', the eigenvectors of the means of G G' and G'G.

    After Vyas et al. 2024 and their program. The first gradient gives the first bases exactly, and
    no step: the direction is zero. Every `every` steps after it, one step of orthogonal iteration
    refreshes the bases, their columns sorted by the eigenvalues that the moments have along them;
    Adam's mean is turned into the new bases, its mean square only sorted as their columns are.

    Tensors of one axis get plain Adam. Tensors of more than two are taken for matrices, all axes
    but the last together, where the authors' program has one basis for each axis.

    Args:
        beta1: memory of the mean gradient.
        beta2: memory of the mean squared gradient, and of the moments.
        epsilon: added to the root of that mean square.
        every: steps between refreshes of the bases.
        largest: sides longer than this are not turned.
    """

    beta1: float = 0.95
    beta2: float = 0.95
    epsilon: float = 1e-8
    every: int = 10
    largest: int = 10000

    def __post_init__(self) -> None:
        adaptive = self._adaptive
        for name in ("beta1", "beta2", "epsilon"):
            object.__setattr__(self, name, getattr(adaptive, name))
        for name in ("every", "largest"):
            object.__setattr__(self, name, checks.count(name, getattr(self, name)))

    def apply(self, v: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        network = at.objective.network
        parts = matrices(v, network)
        new = [second_moments(G, self.largest) for G in parts]
        if memory is None:
            return 0 * v, Seen(tuple(new), tuple(map(_eigenbases, new)))
        turned = _turned(parts, memory.bases)
        scaled, adaptive = self._adaptive.apply(turned, memory.adaptive, at)
        back = _turned_back(matrices(scaled, network), memory.bases)
        moments = tuple(decayed(a, self.beta2, b) for a, b in zip(memory.moments, new, strict=True))
        seen = Seen(moments, memory.bases, adaptive)
        return back, (seen if adaptive[0] % self.every else _refreshed(seen, network))

    @property
    def _adaptive(self) -> Adaptive:
        return Adaptive(self.beta1, self.beta2, self.epsilon)


def SOAP(
    rate: float = 3e-3,
    *,
    decay: float = 0.01,
    beta1: float = 0.95,
    beta2: float = 0.95,
    epsilon: float = 1e-8,
    every: int = 10,
    largest: int = 10000,
) -> Optimizer:
    """SOAP (Vyas et al. 2024): Adam in Shampoo's eigenbasis, with decoupled weight decay.

    Args:
        rate: learning rate, about the size of each turned parameter's step.
        decay: a step takes rate times decay of each parameter away, the first one too.
        beta1: memory of the mean gradient, as for `Adam`.
        beta2: memory of the mean squared gradient, and of the matrices whose eigenvectors are used.
        epsilon: added to the root of that mean square.
        every: steps between refreshes of the eigenvectors.
        largest: sides of weight matrices longer than this are left as they are.
    """
    adaptive = EigenAdaptive(beta1, beta2, epsilon, every, largest)
    return Optimizer("soap", Gradient(), Rate(rate), after=(adaptive, WeightDecay(decay)))


def _turned(parts: Sequence[Array], bases: Sequence[Sides]) -> Array:
    """U'G V of each tensor, as a flat vector (p,)."""
    pairs = zip(bases, parts, strict=True)
    return joined([between((None if U is None else U.T, V), G) for (U, V), G in pairs])


def _turned_back(parts: Sequence[Array], bases: Sequence[Sides]) -> Array:
    """U G V' of each tensor, as a flat vector (p,)."""
    pairs = zip(bases, parts, strict=True)
    return joined([between((U, None if V is None else V.T), G) for (U, V), G in pairs])


def _eigenbases(moments: Sides) -> Sides:
    """Eigenvectors of each, the largest first."""
    U, V = (None if A is None else namespace(A).flip(eigen(A)[1], axis=1) for A in moments)
    return U, V


def _refreshed(seen: Seen, network: Network) -> Seen:
    """The same in bases one step of orthogonal iteration further."""
    count, mean, square = seen.adaptive
    bases, squares = [], []
    for moments, old, v in zip(seen.moments, seen.bases, matrices(square, network), strict=True):
        (U, rows), (V, columns) = map(_iterated, moments, old)
        bases.append((U, V))
        squares.append(_taken(_taken(v, rows, 0), columns, 1))
    mean = _turned_back(matrices(mean, network), seen.bases)
    mean = _turned(matrices(mean, network), bases)
    return Seen(seen.moments, tuple(bases), (count, mean, joined(squares)))


def _iterated(A: Array | None, Q: Array | None) -> tuple[Array | None, Array | None]:
    """The orthogonal factor of A Q, its columns q sorted by q'A q, and where they were in Q."""
    if A is None or Q is None:
        return None, None
    xp = namespace(A)
    power = A @ Q
    order = xp.argsort(xp.sum(Q * power, axis=0), descending=True)
    return xp.linalg.qr(_taken(power, order, 1))[0], order


def _taken(v: Array, order: Array | None, axis: int) -> Array:
    return v if order is None else namespace(v).take(v, order, axis=axis)
