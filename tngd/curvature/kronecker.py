"""Kronecker-factored curvature (K-FAC): a block A ⊗ B for each weight matrix.

A layer y_t = x_t W + c at T positions of every sample has the gradients Σ_t x_nt e_nkt' in W, for
sample n and column k of R/√b. Its block of C = S'S is, summed over n and k,

    (Σ_t x_t ⊗ e_t)(Σ_t x_t ⊗ e_t)'  ≈  A ⊗ B

    expand    A = Σ_nt x_nt x_nt' / (b T)     B = Σ_nkt e_nkt e_nkt'
    reduce    A = Σ_n x_n x_n' / b            B = Σ_nk e_nk e_nk'     x_n = mean_t, e_nk = Σ_t

with one more input of 1 for the bias (Martens and Grosse 2015; Eschenhagen et al. 2023). For
T = 1 the two agree, and are exact for one sample. For a network that is linear in W "expand" is
exact if its loss takes each position for a sample, "reduce" if its output is a mean of positions.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, final, get_args

import numpy as np

from models.leaf import OuterLeaf
from models.outer import Outer
from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, namespace, to_numpy
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import RNG
from tngd.curvature.blocks import LayerBlock, in_order, pulled_back
from tngd.curvature.contract import Curvature
from tngd.curvature.direct_sum import Block, DirectSum, nonnegative
from tngd.curvature.eigenpairs import Eigenpairs
from tngd.curvature.ggn import GGN
from tngd.objective import Objective

Approximation = Literal["expand", "reduce"]


@final
@dataclass(frozen=True, slots=True)
class Kronecker(Curvature):
    """A block A ⊗ B for each weight matrix; layers whose weights do not multiply keep theirs exact.

    Args:
        of: what is approximated: `GGN()`, or `SampledFisher()`, whose cotangents are fewer.
        approximation: "expand" or "reduce".
    """

    of: Curvature = GGN()
    approximation: Approximation = "expand"

    def __post_init__(self) -> None:
        if self.approximation not in get_args(Approximation):
            raise InvalidInput(
                f'approximation = {self.approximation!r} must be "expand" or "reduce".'
            )

    def at(self, objective: Objective, rng: RNG = None) -> DirectSum:
        """The matrix at this objective.

        Raises:
            InvalidInput: `of` is not a C = S'S of gradients.
            CoupledSamples: samples interact, so that no row of S is that of one sample.
        """
        C = pulled_back(self.of, objective, rng)
        blocks: list[Block] = []
        order: list[NumpyArray] = []
        start = 0
        for visit in in_order(C):
            places = np.arange(sum(map(math.prod, visit.leaf.shapes().values())))
            if isinstance(visit.leaf, OuterLeaf):
                at = visit.at
                outers = visit.leaf.outers(at.p, at.saved, visit.us[0])
                blocks += [self._product(at.name.rstrip("."), o) for o in outers]
                places = np.argsort(_sources(visit.leaf, outers), kind="stable")
            else:
                blocks.append(LayerBlock.of(visit, C))
            order.append(start + places)
            start += len(places)
        together = np.concatenate(order)
        return DirectSum(blocks, None if np.all(np.diff(together) == 1) else together)

    def _product(self, name: str, o: Outer) -> "Product":
        return Product(name, *(expand if self.approximation == "expand" else reduce)(o))


def expand(o: Outer) -> tuple[Array, Array]:
    """A and B with every position as if a sample of its own."""
    xp = namespace(o.x)
    x = xp.reshape(o.x, (-1, o.x.shape[-1]))
    e = xp.reshape(o.e, (-1, o.e.shape[-1]))
    return _second_moments(x, o.bias), e.T @ e


def reduce(o: Outer) -> tuple[Array, Array]:
    """A and B with the mean of the inputs and the sum of the cotangents over positions."""
    xp = namespace(o.x)
    e = xp.reshape(xp.sum(o.e, axis=-2), (-1, o.e.shape[-1]))
    return _second_moments(xp.mean(o.x, axis=1), o.bias), e.T @ e


def _second_moments(x: Array, bias: bool) -> Array:
    """Mean of x x', with one more entry of 1 in x for the bias."""
    xp = namespace(x)
    if bias:
        x = xp.concat([x, xp.ones_like(x[:, :1])], axis=1)
    return x.T @ x / x.shape[0]


def _sources(leaf: OuterLeaf, outers: list[Outer]) -> NumpyArray:
    """Where each parameter of the leaf lies among its matrices (inputs + 1, outputs), in a row.

    Found by assembling numbers of places in place of gradients.
    """
    parts, start = [], 0
    for o in outers:
        n, m = o.x.shape[-1], o.e.shape[-1]
        numbers = np.arange(start, start + (n + 1) * m).reshape(n + 1, m)
        parts.append((numbers[:n], numbers[n]))
        start += (n + o.bias) * m
    placed = leaf.assembled(parts)
    return np.concatenate([placed[name].reshape(-1) for name in leaf.shapes()])


@final
@dataclass(frozen=True, eq=False)
class Product(Block):
    """A ⊗ B, for parameters (m, n) with A (m, m) and B (n, n)."""

    layer: str
    A: Array
    B: Array

    @property
    def name(self) -> str:
        return self.layer

    @property
    def size(self) -> int:
        """m n."""
        return self.A.shape[0] * self.B.shape[0]

    @property
    def reference(self) -> Array:
        return self.A

    def matvec(self, v: Array, /) -> Array:
        """A V B, for V of v."""
        return _sandwiched(self.A, v, self.B)

    def diagonal(self) -> Array:
        xp = namespace(self.A)
        a, b = xp.linalg.diagonal(self.A), xp.linalg.diagonal(self.B)
        return xp.reshape(a[:, None] * b, (-1,))

    def trace(self) -> float:
        """tr A tr B."""
        return _trace(self.A) * _trace(self.B)

    def top(self, k: int = 1, **_knobs: object) -> Eigenpairs:
        """Exact, from the eigenvalues of the factors: the k largest products."""
        k = self._existing(k)
        a, U, b, V = self._eigen
        xp = namespace(a)
        products = to_numpy(a)[:, None] * to_numpy(b)
        best = np.argsort(-products, axis=None, kind="stable")[:k]
        pairs = [divmod(int(n), products.shape[1]) for n in best]
        columns = [xp.reshape(U[:, i][:, None] * V[:, j], (-1,)) for i, j in pairs]
        values = products.reshape(-1)[best]
        off = [self.matvec(v) - float(x) * v for v, x in zip(columns, values, strict=True)]
        residuals = np.array([float(d @ d) ** 0.5 for d in off])
        return Eigenpairs(values, xp.stack(columns, axis=1), residuals)

    def inverse(self, damping: float, *, split: bool = False) -> Callable[[Array], Array]:
        """v -> (A ⊗ B + damping I)⁻¹ v, in the eigenbasis of the factors.

        With `split` (A + π √damping I)⁻¹ ⊗ (B + √damping/π I)⁻¹, where π² is the mean eigenvalue
        of A over that of B (Martens and Grosse 2015, section 6.3).
        """
        damping = checks.positive("damping", damping)
        a, U, b, V = self._eigen
        if split:
            pi, root = self._balance, math.sqrt(damping)
            A = (U / (a + pi * root)) @ U.T
            B = (V / (b + root / pi)) @ V.T
            return lambda v: _sandwiched(A, v, B)
        scale = 1.0 / (a[:, None] * b + damping)
        xp = namespace(a)

        def solve(v: Array) -> Array:
            inner = scale * (U.T @ xp.reshape(v, scale.shape) @ V)
            return xp.reshape(U @ inner @ V.T, (-1,))

        return solve

    @property
    def _balance(self) -> float:
        """π; 1 where a factor vanishes."""
        a, b = _trace(self.A) / self.A.shape[0], _trace(self.B) / self.B.shape[0]
        return math.sqrt(a / b) if a > 0 and b > 0 else 1.0

    @cached_property
    def _eigen(self) -> tuple[Array, Array, Array, Array]:
        """Eigenvalues and vectors of A and of B, none below zero."""
        xp = namespace(self.A)
        a, U = xp.linalg.eigh(self.A)
        b, V = xp.linalg.eigh(self.B)
        return nonnegative(a), U, nonnegative(b), V


def _sandwiched(A: Array, v: Array, B: Array) -> Array:
    """A V B (symmetric factors), as a row."""
    xp = namespace(v)
    return xp.reshape(A @ xp.reshape(v, (A.shape[0], B.shape[0])) @ B, (-1,))


def _trace(A: Array) -> float:
    return float(namespace(A).linalg.trace(A))
