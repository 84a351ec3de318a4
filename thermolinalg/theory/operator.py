"""A large network: a linear process whose matrix is only ever multiplied."""

from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray
from thermolinalg.errors import InvalidInput, NotSymmetric, ShapeMismatch, Unstable
from thermolinalg.theory.langevin import Process


@final
@dataclass(frozen=True, eq=False)
class Network:
    """The process dx = -(A x - b) dt + N(0, diffusion dt), A symmetric positive definite.

    Args:
        A: a scipy.sparse array, or anything with `.shape` and `@` such as scipy's LinearOperator.
        b: drive (n,).
        diffusion: variance per time of every coordinate; 2 temperature/friction for a network of
            springs or resistors.
        bounds: numbers 0 < low <= high between which all eigenvalues of A lie. For a sparse array
            None takes Gershgorin's circles, which may be too wide to be positive.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    A: Any
    b: NumpyArray
    diffusion: float
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        shape: tuple[int, ...] = getattr(self.A, "shape", ())
        if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
            raise ShapeMismatch(f"A has shape {tuple(shape)}; a square operator (n, n) is needed.")
        object.__setattr__(self, "b", checks.vector("b", self.b, shape[0]))
        diffusion = checks.positive("diffusion", self.diffusion, zero=True)
        object.__setattr__(self, "diffusion", diffusion)
        if hasattr(self.A, "tocsr"):
            _require_symmetric(self.A)
        low, high = _gershgorin(self.A) if self.bounds is None else self.bounds
        if not 0 < low <= high:
            raise Unstable(
                f"the eigenvalues of A are only known to lie in [{low:.3g}, {high:.3g}], which "
                "does not make it positive definite. If you know better, pass bounds=(low, high)."
            )
        object.__setattr__(self, "bounds", (float(low), float(high)))

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return int(self.A.shape[0])

    @property
    def reference(self) -> Array:
        """An array of the library and dtype that states have."""
        return self.b

    @property
    def slowest(self) -> float:
        """A lower bound on the relaxation rates."""
        assert self.bounds is not None
        return self.bounds[0]

    @property
    def fastest(self) -> float:
        """An upper bound on the relaxation rates."""
        assert self.bounds is not None
        return self.bounds[1]


Runnable: TypeAlias = Process | Network
"""Whatever can be simulated."""


def _require_symmetric(A: Any) -> None:
    gap = abs(A - A.T)
    size = float(abs(A).max())
    if gap.nnz and float(gap.max()) > 8 * np.finfo(float).eps * size:
        raise NotSymmetric(
            f"A is not symmetric: entries (i, j) and (j, i) differ by up to {float(gap.max()):.3g}."
        )


def _gershgorin(A: Any) -> tuple[float, float]:
    if not hasattr(A, "tocsr"):
        raise InvalidInput(
            "bounds are needed for an operator that is not a sparse array: pass numbers between "
            "which all its eigenvalues lie, such as those of scipy.sparse.linalg.eigsh."
        )
    diagonal = A.diagonal()
    radius = np.asarray(abs(A).sum(axis=1)).ravel() - np.abs(diagonal)
    return float((diagonal - radius).min()), float((diagonal + radius).max())
