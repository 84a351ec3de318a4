"""A large network: a linear process whose matrix is only ever multiplied."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.errors import InvalidInput, ShapeMismatch, Unstable
from thermolinalg.theory.balance import balance_weights, require_balance
from thermolinalg.theory.gershgorin import gershgorin
from thermolinalg.theory.langevin import Process
from thermolinalg.theory.lowrank import LowRank
from thermolinalg.theory.scaled import Scaled
from thermolinalg.theory.split import SplitModes, split_modes


@final
@dataclass(frozen=True, eq=False)
class Network:
    """The process dx = -(A x - b) dt + N(0, D dt), D diagonal, under detailed balance AD = DA'.

    With the same noise everywhere A is symmetric positive definite; with noise of its own on every
    coordinate it is D times such a matrix, and its eigenvalues are positive all the same.

    Args:
        A: a scipy.sparse array, a `LowRank`, or anything with `.shape` and `@` such as scipy's
            LinearOperator, whose balance is taken on trust.
        b: drive (n,).
        diffusion: variance per time, of every coordinate or (n,) of each; 2 temperature/friction
            for a network of springs or resistors. Where any is zero, A itself must be symmetric.
        bounds: numbers 0 < low <= high between which all eigenvalues of A lie. A `LowRank` knows
            its own; for a sparse array None takes Gershgorin's discs, which may be too wide to be
            positive.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    A: Any
    b: Array
    diffusion: float | Array
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        n = operator_size("A", self.A)
        b = checks.vector("b", self.b, n)
        if self.low_rank is not None:
            b = like(b, self.low_rank.factor)
        object.__setattr__(self, "b", b)
        object.__setattr__(self, "diffusion", _diffusion(self.diffusion, b))
        require_balance(self.A, self.diffusion)
        low, high = self._known_bounds() if self.bounds is None else checked_bounds(self.bounds)
        if not 0 < low <= high:
            raise Unstable(
                f"the eigenvalues of A are only known to lie in [{low:.3g}, {high:.3g}], which "
                "does not make it positive definite. If you know better, pass bounds=(low, high)."
            )
        object.__setattr__(self, "bounds", (low, high))

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

    def drift(self, x: Array) -> Array:
        """b - A x for states (chains, n)."""
        return self.b - (self.A @ x.T).T

    @cached_property
    def low_rank(self) -> LowRank | None:
        """The symmetric M with A = diag(t) M diag(1/t), if A is diagonal plus low rank; else None.

        t is 1, or for coordinates with friction of their own friction^{-1/2}.
        """
        if isinstance(self.A, Scaled) and isinstance(self.A.S, LowRank):
            return self.A.S.weighted(self.A.scale)
        return self.A if isinstance(self.A, LowRank) else None

    @cached_property
    def split(self) -> SplitModes:
        """Coordinates that move on their own, where `low_rank` has one level on its diagonal."""
        assert self.low_rank is not None
        assert self.low_rank.level is not None
        B, xp = self.low_rank.root, namespace(self.low_rank.factor)
        t = xp.sqrt(self.A.scale) if isinstance(self.A, Scaled) else xp.ones_like(B[:, 0])
        return split_modes(self.low_rank.level, B, t)

    def _known_bounds(self) -> tuple[float, float]:
        if self.low_rank is not None:
            return self.low_rank.bounds
        return gershgorin(self.A, balance_weights(self.A, self.diffusion))

    def __repr__(self) -> str:
        kind = "only multiplied" if self.low_rank is None else f"diagonal + {self.low_rank.rank}"
        return f"Network(n={self.n}, {kind}, rates {self.slowest:.3g} to {self.fastest:.3g})"


Runnable: TypeAlias = Process | Network
"""Whatever can be simulated."""


def operator_size(name: str, A: Any) -> int:
    """n, of a square operator (n, n)."""
    shape: tuple[int, ...] = getattr(A, "shape", ())
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise ShapeMismatch(f"{name} has shape {tuple(shape)}; a square operator (n, n) is needed.")
    return int(shape[0])


def checked_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    """Two finite numbers, low and high."""
    try:
        low, high = bounds
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"bounds = {bounds!r} must be two numbers (low, high).") from error
    return checks.real_number("bounds[0]", low), checks.real_number("bounds[1]", high)


def _diffusion(value: float | Array, b: Array) -> float | Array:
    """One number, or (n,) of them in the library of b; none negative."""
    if np.ndim(value) == 0:
        return checks.positive("diffusion", value, zero=True)
    D = like(checks.vector("diffusion", value, int(b.shape[0])), b)
    checks.positive("the smallest diffusion", namespace(D).min(D), zero=True)
    return D
