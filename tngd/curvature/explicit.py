"""A curvature whose rows are at hand: C = S'S for an explicit S."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

from thermolinalg.backend import Array, namespace


@final
@dataclass(frozen=True, eq=False)
class Explicit:
    """C = S'S for S (q, p), of b samples with c outputs each.

    It is positive semidefinite whatever S is, for one array is read both ways.
    """

    S: Array
    samples: int
    outputs: int

    @property
    def rows(self) -> Array:
        """A copy of S (q, p)."""
        return namespace(self.S).asarray(self.S, copy=True)

    @cached_property
    def gram(self) -> Array:
        """S S' (q, q)."""
        return self.S @ self.S.T

    def matvec(self, v: Array) -> Array:
        """C v (p,)."""
        return self.root_adjoint(self.root(v))

    def root(self, v: Array) -> Array:
        """S v (q,)."""
        return self.S @ v

    def root_adjoint(self, w: Array) -> Array:
        """S' w (p,)."""
        return w @ self.S
