"""K-FAC: running averages of Kronecker factors, whose inverses are found now and then."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.ledger import Ledger
from thermolinalg.errors import InvalidInput
from tngd.curvature.contract import CurvatureAt
from tngd.curvature.direct_sum import Block, DirectSum, nonnegative
from tngd.curvature.kronecker import Product
from tngd.linsolve.contract import Cost, LinearSolver, Memory, Solution
from tngd.linsolve.factor_inverses import Eigen, FactorInverse

Factors: TypeAlias = tuple[Array, Array]
"""A (m, m) and B (n, n) of a block A ⊗ B."""

Inverse: TypeAlias = tuple[Array, ...]
"""Of A and of B, if they are damped; else eigenvalues and vectors of A, and of B."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Averages:
    """What K-FAC remembers: how many steps were taken, and a pair of factors for each product."""

    step: int = 0
    means: tuple[Factors, ...] = ()
    inverses: tuple[Inverse, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Factored(LinearSolver):
    """x = (mean A ⊗ mean B + damping I)⁻¹ g, layer by layer (Martens and Grosse 2015).

    The factors are averaged over steps, with weights decay^j that sum to 1 from the first step on,
    and inverted in steps 1, 1 + every, 1 + 2 every, ... What is inverted keeps the damping of its
    step, unless the damping is that of the product (`split=False`). Layers whose weights do not
    multiply have no factors: the exact block of each batch is inverted, in every step.

    Args:
        decay: of the weight of older factors; 0 takes those of the step alone.
        every: steps from one inversion to the next.
        split: damp the factors, (A + π √damping I)⁻¹ ⊗ (B + √damping/π I)⁻¹ with π² the mean
            eigenvalue of A over that of B (their section 6.3), and not the product, which needs
            the eigenvectors of the factors.
        inverse: how damped factors are inverted: `Eigen()`, `Cholesky()` or
            `ThermodynamicInverse()`.

    Raises:
        InvalidInput: factors are not to be damped, and to be inverted otherwise than by `Eigen()`;
            (in solve) the curvature is not one of blocks, or its blocks are not those in memory.
    """

    decay: float = 0.95
    every: int = 1
    split: bool = True
    inverse: FactorInverse = field(default_factory=Eigen)

    def __post_init__(self) -> None:
        decay = checks.real_number("decay", self.decay)
        if not 0 <= decay < 1:
            raise InvalidInput(f"decay = {decay:g} must be at least 0 and below 1.")
        object.__setattr__(self, "decay", decay)
        object.__setattr__(self, "every", checks.count("every", self.every))
        if not isinstance(self.inverse, FactorInverse):
            raise InvalidInput(
                f"inverse = {self.inverse!r} is not a FactorInverse, such as Eigen() or "
                "ThermodynamicInverse()."
            )
        if not self.split and not isinstance(self.inverse, Eigen):
            raise InvalidInput(
                "split=False damps the product of the factors, for which no damped factor is "
                "inverted. Take split=True, or inverse=Eigen()."
            )

    def solve(
        self,
        curvature: CurvatureAt,
        damping: float,
        gradient: Array,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        if not isinstance(curvature, DirectSum):
            raise InvalidInput(
                f"curvature = {curvature!r} has no blocks to invert. Take Kronecker() with "
                "Factored()."
            )
        kept = Averages() if memory is None else memory
        found = [(b.A, b.B) for b in curvature.blocks if isinstance(b, Product)]
        if not _finite([gradient, *(F for pair in found for F in pair)]):
            return Solution(math.nan * gradient, memory)  # the parameters ran away
        means = self._averaged(kept, found)
        inverses, cost = kept.inverses, Cost()
        if kept.step % self.every == 0:
            inverses, cost = self._inverted(means, damping, rng)
        solves = self._solves(curvature.blocks, inverses, damping)
        memory = Averages(kept.step + 1, means, inverses)
        return Solution(curvature.each(gradient, solves), memory, cost)

    def _averaged(self, kept: Averages, found: Sequence[Factors]) -> tuple[Factors, ...]:
        """Σ_j decay^(k-j) F_j / Σ_j decay^(k-j) in step k, from that of the step before."""
        if kept.step == 0:
            return tuple(found)
        if _shapes(kept.means) != _shapes(found):
            raise InvalidInput(
                "memory holds factors of other layers than the curvature's. Start with a new one, "
                "or go on with the same network."
            )
        new = (1 - self.decay) / (1 - self.decay ** (kept.step + 1))
        pairs = zip(kept.means, found, strict=True)
        return tuple((A + new * (a - A), B + new * (b - B)) for (A, B), (a, b) in pairs)

    def _inverted(
        self, means: Sequence[Factors], damping: float, rng: np.random.Generator
    ) -> tuple[tuple[Inverse, ...], Cost]:
        if not self.split:
            return tuple((*_eigen(A), *_eigen(B)) for A, B in means), Cost()
        inverses, costs = [], []
        for A, B in means:
            pi, root = _balance(A, B), math.sqrt(damping)
            of_A, cost_A = self.inverse.invert(A, pi * root, rng)
            of_B, cost_B = self.inverse.invert(B, root / pi, rng)
            inverses.append((of_A, of_B))
            costs += [cost_A, cost_B]
        analog = math.fsum(cost.analog_time for cost in costs)
        return tuple(inverses), Cost(analog, sum((cost.ledger for cost in costs), Ledger()))

    def _solves(
        self, blocks: Sequence[Block], inverses: Sequence[Inverse], damping: float
    ) -> list[Callable[[Array], Array]]:
        """For each block what divides by it."""
        left = iter(inverses)
        apply = _sandwiched if self.split else partial(_in_eigenbasis, damping)
        return [
            partial(apply, next(left)) if isinstance(block, Product) else block.inverse(damping)
            for block in blocks
        ]


def _sandwiched(inverse: Inverse, v: Array) -> Array:
    """A⁻¹ V B⁻¹, as a row."""
    A, B = inverse
    xp = namespace(v)
    return xp.reshape(A @ xp.reshape(v, (A.shape[0], B.shape[0])) @ B, (-1,))


def _in_eigenbasis(damping: float, inverse: Inverse, v: Array) -> Array:
    """(A ⊗ B + damping I)⁻¹ v."""
    a, U, b, V = inverse
    xp = namespace(v)
    inner = U.T @ xp.reshape(v, (a.shape[0], b.shape[0])) @ V
    return xp.reshape(U @ (inner / (a[:, None] * b + damping)) @ V.T, (-1,))


def _eigen(F: Array) -> tuple[Array, Array]:
    a, U = namespace(F).linalg.eigh(F)
    return nonnegative(a), U


def _balance(A: Array, B: Array) -> float:
    """π; 1 where a factor vanishes."""
    xp = namespace(A)
    a, b = (float(xp.linalg.trace(F)) / F.shape[0] for F in (A, B))
    return math.sqrt(a / b) if a > 0 and b > 0 else 1.0


def _finite(arrays: Sequence[Array]) -> bool:
    return all(bool(namespace(x).all(namespace(x).isfinite(x))) for x in arrays)


def _shapes(pairs: Sequence[Factors]) -> list[tuple[int, int]]:
    return [(A.shape[0], B.shape[0]) for A, B in pairs]
