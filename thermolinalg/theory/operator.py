"""A large network: a linear process whose matrix is only ever multiplied."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, is_dense, like, namespace, to_numpy
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch, Unstable
from thermolinalg.theory.balance import balance_weights, is_sparse, require_balance
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.gershgorin import gershgorin, reach
from thermolinalg.theory.inertial import Inertial
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
        operator_size("A", self.A)
        b = operand("b", self.b, self.A)
        object.__setattr__(self, "b", b)
        object.__setattr__(self, "diffusion", _diffusion(self.diffusion, b))
        require_balance(self.A, self.diffusion)
        low, high = self._known_bounds() if self.bounds is None else checked_bounds(self.bounds)
        if not 0 < low <= high:
            remedy = "If you know better, pass bounds=(low, high)."
            if self.bounds is not None:
                remedy = "Pass bounds = (low, high) with 0 < low <= high."
            raise Unstable(
                f"the eigenvalues of A are only known to lie in [{low:.3g}, {high:.3g}], which "
                f"does not make it positive definite. {remedy}"
            )
        if self.bounds is not None:
            self._require_held(low, high)
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
            low, high = self.low_rank.bounds
            if high > float(namespace(self.b).finfo(self.b.dtype).max):
                raise NotFinite(
                    f"the largest eigenvalue of {self.low_rank!r} is beyond the numbers of "
                    f"{self.low_rank.dtype}. Divide it and b by a large number, and measure time "
                    "in units of that."
                )
            return low, high
        return gershgorin(self.A, balance_weights(self.A, self.diffusion))

    def _require_held(self, low: float, high: float) -> None:
        lowest, highest = reach(self.A, self.low_rank) or (low, high)
        miss = float(namespace(self.b).finfo(self.b.dtype).eps) ** 0.5  # series forgive as much
        if low * (1 - miss) > lowest or highest > high * (1 + miss):
            raise InvalidInput(
                f"bounds = ({low:.6g}, {high:.6g}) do not hold the eigenvalues of A, which reach "
                f"from {lowest:.6g} to {highest:.6g} at least. Leave bounds out, or widen them."
            )

    def __repr__(self) -> str:
        kind = "only multiplied" if self.low_rank is None else f"diagonal + {self.low_rank.rank}"
        return f"Network(n={self.n}, {kind}, rates {self.slowest:.3g} to {self.fastest:.3g})"


Runnable: TypeAlias = Process | Network | Inertial
"""Whatever can be simulated."""

Moving: TypeAlias = Runnable | Clocked
"""Whatever a device moves."""


def operator_size(name: str, A: Any) -> int:
    """n, of a square operator (n, n).

    Raises:
        InvalidInput: it is an array, or it has another shape.
    """
    if is_dense(A):
        raise InvalidInput(
            f"{name} is an array (or a list), and a Network is for what is only multiplied. Use "
            f"OU(A, b, D) or overdamped(S, f); or pass scipy.sparse.csr_array({name})."
        )
    shape: tuple[int, ...] = getattr(A, "shape", ())
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise ShapeMismatch(f"{name} has shape {tuple(shape)}; a square operator (n, n) is needed.")
    return int(shape[0])


def operand(name: str, b: Array, A: Any) -> Array:
    """A vector (n,) of the library with which the operator A can be multiplied."""
    return in_library(checks.vector(name, b, int(A.shape[0])), A)


def in_library(b: Array, A: Any) -> Array:
    """An array in the library with which the operator A can be multiplied."""
    if isinstance(A, Scaled):
        A = A.S
    if isinstance(A, LowRank):
        return like(b, A.factor)
    return to_numpy(b) if is_sparse(A) else b


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
