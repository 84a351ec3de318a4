"""A matrix of blocks along the diagonal: everything is done block by block."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NoReturn, final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace, zeros
from thermolinalg.errors import InvalidInput, ShapeMismatch
from tngd.curvature.eigenpairs import Eigenpairs
from tngd.curvature.matrix import CurvatureMatrix


class Block(CurvatureMatrix):
    """One of them: small or structured enough to be inverted."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the layer."""

    @abstractmethod
    def inverse(self, damping: float, *, split: bool = False) -> Callable[[Array], Array]:
        """v -> (C + damping I)⁻¹ v: pays once, then is cheap.

        Args:
            damping: positive.
            split: damp the factors of a Kronecker product and not the product: cheaper, not exact.
                Other blocks are inverted exactly all the same.
        """


@final
@dataclass(frozen=True, eq=False, repr=False)
class DirectSum(CurvatureMatrix):
    """C_1 ⊕ C_2 ⊕ ... over parameters that may be in another order.

    Args:
        blocks: C_1, C_2, ...
        order: entry j of the blocks, one after another, is parameter order[j]; None for the same.
    """

    whole: ClassVar[bool] = False
    blocks: Sequence[Block]
    order: NumpyArray | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """p."""
        return sum(block.size for block in self.blocks)

    @property
    def reference(self) -> Array:
        return self.blocks[0].reference

    def matvec(self, v: Array, /) -> Array:
        """C v (p,), block by block."""
        return self.each(v, [block.matvec for block in self.blocks])

    def diagonal(self) -> Array:
        return self._as_parameters([block.diagonal() for block in self.blocks])

    def trace(self) -> float:
        return sum(block.trace() for block in self.blocks)

    def inverse(self, damping: float, *, split: bool = False) -> Callable[[Array], Array]:
        """v -> (C + damping I)⁻¹ v: pays once, then is cheap.

        Args:
            damping: positive.
            split: damp the factors of Kronecker products and not the products, as K-FAC does:
                cheaper, not exact. Other blocks are inverted exactly all the same.
        """
        solves = [block.inverse(damping, split=split) for block in self.blocks]
        return lambda v: self.each(v, solves)

    def top(self, k: int = 1, **knobs: Any) -> Eigenpairs:
        """The k largest among those of the blocks, as for every matrix."""
        k = self._existing(k)
        found = [block.top(min(k, block.size), **knobs) for block in self.blocks]
        values = np.concatenate([pairs.values for pairs in found])
        residuals = np.concatenate([pairs.residuals for pairs in found])
        best = np.argsort(-values, kind="stable")[:k]
        owner = [(i, j) for i, pairs in enumerate(found) for j in range(len(pairs.values))]
        columns = []
        for i, j in (owner[n] for n in best):
            parts = [zeros((block.size,), self.reference) for block in self.blocks]
            parts[i] = found[i].vectors[:, j]
            columns.append(self._as_parameters(parts))
        vectors = namespace(self.reference).stack(columns, axis=1)
        return Eigenpairs(values[best], vectors, residuals[best])

    def _refuse(self, what: str) -> NoReturn:
        raise InvalidInput(
            f"a curvature of blocks (BlockDiagonal, Kronecker) has no {what}: only its blocks have "
            "one. It is inverted block by block, C.inverse(damping)(v); in an optimizer take a "
            "solver that only multiplies, such as CG(), or else GGN() or a Fisher matrix."
        )

    def each(self, v: Array, maps: Sequence[Callable[[Array], Array]]) -> Array:
        """A map of its own for the part of v that belongs to each block, put together again."""
        parts = zip(maps, self._parts(v), strict=True)
        return self._as_parameters([apply(part) for apply, part in parts])

    def _parts(self, v: Array) -> Iterator[Array]:
        if v.shape != (self.size,):
            raise ShapeMismatch(
                f"v has shape {tuple(v.shape)}, but must have shape ({self.size},): one number for "
                "each parameter that trains."
            )
        if self.order is not None:
            v = _taken(v, self.order)
        start = 0
        for block in self.blocks:
            yield v[start : start + block.size]
            start += block.size

    def _as_parameters(self, parts: list[Array]) -> Array:
        v = namespace(*parts).concat(parts)
        return v if self._back is None else _taken(v, self._back)

    @cached_property
    def _back(self) -> NumpyArray | None:
        return None if self.order is None else np.argsort(self.order)


def _taken(v: Array, places: NumpyArray) -> Array:
    xp = namespace(v)
    return xp.take(v, xp.asarray(places, device=v.device), axis=0)


def nonnegative(a: Array) -> Array:
    """Eigenvalues without what rounding made negative."""
    xp = namespace(a)
    return xp.where(a > 0, a, xp.zeros_like(a))
