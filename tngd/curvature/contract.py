"""The contract of a curvature: a kind of matrix, and the C = S'S that solvers multiply by."""

from abc import ABC, abstractmethod
from typing import Protocol

from thermolinalg.backend import Array
from thermolinalg.streams import RNG
from tngd.curvature.matrix import CurvatureMatrix
from tngd.objective import Objective


class CurvatureAt(Protocol):
    """C = S'S at one point, (p, p), with S (q, p) and q the sample-space dimension."""

    @property
    def samples(self) -> int:
        """b."""
        ...

    @property
    def outputs(self) -> int:
        """c."""
        ...

    def matvec(self, v: Array, /) -> Array:
        """C v (p,)."""
        ...

    @property
    def gram(self) -> Array:
        """S S' (q, q)."""
        ...

    @property
    def rows(self) -> Array:
        """S itself (q, p), newly made and the caller's to overwrite; in any order of rows."""
        ...

    def root(self, v: Array, /) -> Array:
        """S v (q,)."""
        ...

    def root_adjoint(self, w: Array, /) -> Array:
        """S' w (p,)."""
        ...


class Curvature(ABC):
    """A kind of curvature; `at` an objective it becomes a matrix."""

    @abstractmethod
    def at(self, objective: Objective, rng: RNG = None) -> CurvatureMatrix:
        """The matrix at this objective.

        Args:
            objective: where.
            rng: of those kinds that draw; drawn once, when the matrix is made.
        """
