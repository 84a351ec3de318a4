"""The linear stochastic process that everything here runs: an Ornstein-Uhlenbeck (OU) process."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.errors import ShapeMismatch, Unstable
from thermolinalg.theory.modes import Modes, normal_modes


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


def single(process: OU) -> OU:
    """The process itself, if it has one drive and so one law.

    Raises:
        ShapeMismatch: the process has more than one drive.
    """
    if process.b.ndim != 1:
        raise ShapeMismatch(
            "the process has a drive per chain; ask for the law of one: OU(A, b[0], D)."
        )
    return process


def overdamped(S: Array, f: Array, *, temperature: float = 1.0, friction: float = 1.0) -> OU:
    """Overdamped Langevin motion in the potential U(x) = 1/2 x'Sx - f'x.

    friction dx = -(Sx - f) dt + N(0, 2 friction temperature dt), so that at equilibrium
    x ~ N(S⁻¹f, temperature S⁻¹) (Donatella et al. 2024, equations 13-14).

    Args:
        S: stiffness (n, n), symmetric positive definite.
        f: force (n,), or (k, n), one for each of k chains.
        temperature: in units of energy; 0 switches the noise off.
        friction: sets the unit of time.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    S, f = _potential(S, f)
    temperature = checks.positive("temperature", temperature, zero=True)
    friction = checks.positive("friction", friction)
    xp = namespace(S)
    noise = 2 * temperature / friction * like(xp.eye(S.shape[0]), S)
    return OU(S / friction, f / friction, noise)


def underdamped(
    S: Array, f: Array, *, temperature: float = 1.0, friction: float = 1.0, mass: float = 1.0
) -> OU:
    """Langevin motion with inertia in the potential U(x) = 1/2 x'Sx - f'x: a process over (x, v).

        dx = v dt,
        mass dv = -(Sx - f) dt - friction v dt + N(0, 2 friction temperature dt),

    so that at equilibrium x ~ N(S⁻¹f, temperature S⁻¹) and v ~ N(0, temperature/mass).

    Args:
        S: stiffness (n, n), symmetric positive definite.
        f: force (n,), or (k, n), one for each of k chains.
        temperature: in units of energy; 0 switches the noise off.
        friction: force per velocity; a mode of stiffness s oscillates below 2 sqrt(mass s).
        mass: inertia of every coordinate; towards 0, x moves as in `overdamped`.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    S, f = _potential(S, f)
    temperature = checks.positive("temperature", temperature, zero=True)
    friction, mass = checks.positive("friction", friction), checks.positive("mass", mass)
    xp = namespace(S)
    one = like(xp.eye(S.shape[0]), S)
    zero = xp.zeros_like(one)
    rate = friction / mass
    A = _blocks(zero, -one, S / mass, rate * one)
    D = _blocks(zero, zero, zero, 2 * rate * temperature / mass * one)
    return OU(A, xp.concat([xp.zeros_like(f), f / mass], axis=-1), D)


def _potential(S: Array, f: Array) -> tuple[Array, Array]:
    S = checks.symmetric(
        "S",
        S,
        "A potential is a symmetric form: pass (S + S.T)/2, or build an OU(A, b, D) instead.",
    )
    return S, like(checks.drive("f", f, S.shape[0]), S)


def _blocks(a: Array, b: Array, c: Array, d: Array) -> Array:
    xp = namespace(a)
    return xp.concat([xp.concat([a, b], axis=1), xp.concat([c, d], axis=1)], axis=0)
