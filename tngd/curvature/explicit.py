"""A curvature whose rows are at hand: C = S'S for an explicit S."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

from thermolinalg.backend import Array, namespace
from tngd.curvature.matrix import CurvatureMatrix


@final
@dataclass(frozen=True, eq=False)
class Explicit(CurvatureMatrix):
    """C = S'S for S (q, p), of b samples with c outputs each.

    It is positive semidefinite whatever S is, for one array is read both ways.
    """

    S: Array
    b: int
    c: int

    @property
    def samples(self) -> int:
        """b."""
        return self.b

    @property
    def outputs(self) -> int:
        """c."""
        return self.c

    @property
    def size(self) -> int:
        """p."""
        return self.S.shape[1]

    @property
    def reference(self) -> Array:
        return self.S

    @property
    def rows(self) -> Array:
        """A copy of S (q, p)."""
        return namespace(self.S).asarray(self.S, copy=True)

    @cached_property
    def gram(self) -> Array:
        """S S' (q, q)."""
        return self.S @ self.S.T

    def matvec(self, v: Array, /) -> Array:
        """C v (p,)."""
        return self.root_adjoint(self.root(v))

    def diagonal(self) -> Array:
        """Sum of squared rows."""
        return namespace(self.S).sum(self.S * self.S, axis=0)

    def root(self, v: Array, /) -> Array:
        """S v (q,)."""
        return self.S @ v

    def root_adjoint(self, w: Array, /) -> Array:
        """S' w (p,)."""
        return w @ self.S
