"""The linear stochastic process that everything here runs: an Ornstein-Uhlenbeck (OU) process."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.errors import InvalidInput, ShapeMismatch, Unstable
from thermolinalg.theory.modes import Modes, normal_modes

INSTEAD = {
    "Network": "A Network is simulated and measured; for its exact law build an OU of arrays.",
    "Nonlinear": "A Nonlinear process has no exact law that is known; simulate and measure it.",
    "Multiplicative": "A Multiplicative process has noise that depends on the state; simulate and "
    "measure it: SDE(...).stationary_density() may know its law at rest.",
    "Inertial": "An Inertial process is simulated and measured; with the same noise everywhere it "
    "is also underdamped(S, f), an OU.",
    "Langevin": "A Langevin process is simulated and measured; with the force f - S x it is also "
    "underdamped(S, f), an OU.",
}
"""What to do with a process that is not linear, or whose matrix is only multiplied."""


@final
@dataclass(frozen=True, eq=False)
class OU:
    """The process dx = -(A x - b) dt + N(0, D dt).

    Args:
        A: drift (n, n). Every eigenvalue must have a positive real part, else nothing settles.
        b: drive (n,); or (k, n), a drive of its own for each of k chains that run side by side.
        D: diffusion (n, n), symmetric positive semidefinite; it may be singular or zero.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    A: Array
    b: Array
    D: Array

    def __post_init__(self) -> None:
        A = checks.square("A", self.A)
        n = A.shape[0]
        b, D = checks.drive("b", self.b, n), checks.semidefinite("D", self.D)
        if D.shape != A.shape:
            raise ShapeMismatch(f"D has shape {tuple(D.shape)}, but A has {tuple(A.shape)}.")
        for name, value in (("A", A), ("b", like(b, A)), ("D", like(D, A))):
            object.__setattr__(self, name, value)
        slowest = self.slowest
        if slowest <= 0:
            raise Unstable(
                f"A has an eigenvalue with real part {slowest:.3g} <= 0: that mode never relaxes, "
                "so there is no equilibrium to measure. Check A's sign (the drift is -(Ax - b)), "
                "or add a ridge: A + r I with r above that number's size."
            )

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return int(self.A.shape[0])

    @property
    def reference(self) -> Array:
        """An array of the library, device and dtype that states have."""
        return self.A

    @cached_property
    def modes(self) -> Modes | None:
        """Normal modes, if the process obeys detailed balance (AD = DA') and D is invertible."""
        return normal_modes(self.A, self.D)

    @property
    def slowest(self) -> float:
        """The smallest real part of an eigenvalue of A: the rate of the last mode to settle."""
        return float(namespace(self.A).min(self._rates))

    @property
    def fastest(self) -> float:
        """The largest real part among the eigenvalues of A."""
        return float(namespace(self.A).max(self._rates))

    def heated(self, factor: float) -> "OU":
        """The process with so many times the variance of noise; what is known of it is kept."""
        process = object.__new__(OU)
        for name, value in (("A", self.A), ("b", self.b), ("D", factor * self.D)):
            object.__setattr__(process, name, value)
        vars(process).update(modes=self.modes and self.modes.heated(factor), _rates=self._rates)
        return process

    @cached_property
    def _rates(self) -> Array:
        if self.modes is not None:
            return self.modes.rates
        xp = namespace(self.A)
        if checks.is_diagonal(self.A):
            return xp.linalg.diagonal(self.A)
        return xp.real(xp.linalg.eigvals(self.A))

    def __repr__(self) -> str:
        balance = "detailed balance" if self.modes is not None else "general"
        return f"OU(n={self.n}, {balance}, rates {self.slowest:.3g} to {self.fastest:.3g})"


def linear(process: Any, name: str = "process") -> OU:
    """The process itself, if it is an OU.

    Raises:
        InvalidInput: it is anything else.
    """
    if isinstance(process, OU):
        return process
    kind = type(process).__name__
    remedy = INSTEAD.get(kind, "OU(A, b, D), overdamped and underdamped make one.")
    raise InvalidInput(
        f"{name} has the type {kind}; a linear process of dense arrays, an OU, is needed. {remedy}"
    )


def single(process: OU) -> OU:
    """The process itself, if it is an OU with one drive and so one law.

    Raises:
        InvalidInput: the process is no OU.
        ShapeMismatch: the process has more than one drive.
    """
    if linear(process).b.ndim != 1:
        raise ShapeMismatch(
            "the process has a drive per chain; ask for the law of one: OU(A, b[0], D)."
        )
    return process
