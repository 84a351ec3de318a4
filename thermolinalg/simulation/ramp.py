"""Driven processes: a quadratic potential taken from one shape to another, and the work it takes.

The potential U_k(x) = 1/2 x'A_k x - b_k'x is held while the ensemble moves by its exact transition,
then switched to U_{k+1} at once: the work is U_{k+1}(x) - U_k(x), summed over the switches. However
few they are, Jarzynski's equality and Crooks' theorem hold exactly: no step-size error, no solve.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias, final

import numpy as np
from tqdm import tqdm

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, to_numpy
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, ShapeMismatch
from thermolinalg.simulation.noise import NormalStream
from thermolinalg.streams import RNG, open_streams
from thermolinalg.theory.evolution import mode_transition
from thermolinalg.theory.modes import normal_modes

Schedule: TypeAlias = str | Callable[[float], float]

BURN_IN = 40.0
"""Relaxation times of the slowest mode, after which e^{-t} is below the rounding of a double."""

GENERIC = 0.6180339887498949
"""Weight at which eigenvalues of A1 + weight A2 coincide only where both matrices' own do."""


@final
@dataclass(frozen=True, eq=False)
class Protocol:
    """The potential 1/2 x'Ax - b'x on its way from (A1, b1) to (A2, b2), in a bath.

    friction dx = -(Ax - b) dt + N(0, 2 friction temperature dt), as in `overdamped`.

    Args:
        A1: stiffness at the start (n, n), symmetric positive definite.
        A2: stiffness at the end.
        b1: drive at the start (n,); None is zero.
        b2: drive at the end (n,); None is zero.
        schedule: "linear" in time; "root": each eigenvalue's a^{-1/2} is linear in time, which
            dissipates least where the ramp is slow, and needs A1 and A2 to commute; or a function
            s(u), the share of the way at the share u of the time, with s(0) = 0 and s(1) = 1.
        temperature: in units of energy.
        friction: sets the unit of time.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    A1: Array
    A2: Array
    b1: Array = field(default=None, kw_only=True)
    b2: Array = field(default=None, kw_only=True)
    schedule: Schedule = field(default="linear", kw_only=True)
    temperature: float = field(default=1.0, kw_only=True)
    friction: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        A1, A2 = _definite("A1", self.A1), _definite("A2", self.A2)
        if A2.shape != A1.shape:
            raise ShapeMismatch(f"A2 has shape {tuple(A2.shape)}, but A1 has {tuple(A1.shape)}.")
        ready = {
            "A1": A1,
            "A2": like(A2, A1),
            "b1": _drive("b1", self.b1, A1),
            "b2": _drive("b2", self.b2, A1),
            "temperature": checks.positive("temperature", self.temperature, zero=True),
            "friction": checks.positive("friction", self.friction),
        }
        for name, value in ready.items():
            object.__setattr__(self, name, value)
        if not callable(self.schedule) and self.schedule not in ("linear", "root"):
            raise InvalidInput(
                f"schedule = {self.schedule!r} is unknown. Use 'linear', 'root' or a function s(u)."
            )
        if self.schedule == "root" and self.modes is None:
            raise InvalidInput(
                "schedule 'root' takes the eigenvalues of A1 to those of A2, which do not share "
                "eigenvectors. Use 'linear', or two ramps by way of a multiple of the identity."
            )

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return int(self.A1.shape[0])

    @cached_property
    def modes(self) -> Array | None:
        """Orthonormal eigenvectors (n, n) that A1 and A2 share, or None if they do not commute."""
        return _shared_eigenvectors(self.A1, self.A2)

    def stages(self, steps: int, *, reverse: bool = False) -> "Iterator[Stage]":
        """The potentials that are held one after the other: both ends, and steps - 1 between."""
        shares = self._shares(steps)
        return map(self.stage, shares[::-1] if reverse else shares)

    def stage(self, s: float) -> "Stage":
        """The potential at the share s of the way."""
        b = self.b1 + s * (self.b2 - self.b1)
        if self.modes is None:
            a, V = _eigh(self.A1 + s * (self.A2 - self.A1))
            return Stage(a, b @ V, V, self.temperature, self.friction)
        a1, a2 = self._stiffnesses
        root = self.schedule == "root"
        a = ((1 - s) / a1**0.5 + s / a2**0.5) ** -2 if root else a1 + s * (a2 - a1)
        return Stage(a, b @ self.modes, self.modes, self.temperature, self.friction)

    @cached_property
    def _stiffnesses(self) -> tuple[Array, Array]:
        xp, V = namespace(self.A1), self.modes
        return xp.sum(V * (self.A1 @ V), axis=0), xp.sum(V * (self.A2 @ V), axis=0)

    def _shares(self, steps: int) -> list[float]:
        times = [k / steps for k in range(steps + 1)]
        if not callable(self.schedule):
            return times
        shares = [checks.real_number("schedule(u)", self.schedule(u)) for u in times]
        if shares[0] != 0 or shares[-1] != 1 or min(shares) < 0 or max(shares) > 1:
            raise InvalidInput(
                f"schedule goes from {shares[0]:.3g} to {shares[-1]:.3g}, between {min(shares):.3g}"
                f" and {max(shares):.3g}. It must begin at 0, end at 1 and stay between the two."
            )
        return shares

    def __repr__(self) -> str:
        schedule = "of the user's" if callable(self.schedule) else repr(self.schedule)
        frame = "general" if self.modes is None else "in shared modes"
        return f"Protocol(n={self.n}, {frame}, schedule {schedule})"


@final
@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """A potential 1/2 y'ay - b'y at rest, in the coordinates y = V'x of its own modes."""

    a: Array  # (n,)
    b: Array  # (n,)
    V: Array  # (n, n)
    temperature: float
    friction: float

    def enter(self, y: Array, before: "Stage") -> Array:
        """Coordinates here of coordinates there."""
        return y if self.V is before.V else y @ (before.V.T @ self.V)

    def energy(self, y: Array) -> Array:
        """The potential energy of each chain."""
        return (y**2) @ (self.a / 2) - y @ self.b

    def relaxed(self, y: Array, time: float, noise: NormalStream) -> Array:
        """The exact transition over a time."""
        decay, response, variance = mode_transition(self.a / self.friction, time)
        kick = noise.draw(tuple(y.shape))
        kick *= namespace(y).sqrt(2 * self.temperature / self.friction * variance)
        kick += response / self.friction * self.b
        return y * decay + kick

    def at_rest(self, chains: int, noise: NormalStream, time: float | None) -> Array:
        """Chains that began at zero a time ago; None is long ago."""
        start = like(namespace(self.a).zeros((chains, self.a.shape[0])), self.a)
        slowest = float(namespace(self.a).min(self.a))
        long = BURN_IN * self.friction / slowest
        return self.relaxed(start, long if time is None else time, noise)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Ramp:
    """What `ramp` returns. The same call with `rng=seed` repeats it.

    Each chain obeys the first law: work + heat is its gain of potential energy.
    """

    work: Array  # (chains,), done on the system
    heat: Array  # (chains,), taken from the bath
    states: Array  # (chains, n), at the end
    seed: int

    def __repr__(self) -> str:
        work = to_numpy(self.work)
        error = work.std(ddof=1) / len(work) ** 0.5 if len(work) > 1 else np.nan
        return f"Ramp(chains={len(work)}, work {work.mean():.4g} ± {error:.2g}, seed={self.seed})"


def ramp(
    protocol: Protocol,
    duration: float,
    /,
    *,
    steps: int = 100,
    chains: int = 1,
    x0: Array | None = None,
    rest: float | None = None,
    reverse: bool = False,
    rng: RNG = None,
) -> Ramp:
    """Drive an ensemble through a protocol, and record the work done on each chain.

    O(n) a step and chain where A1 and A2 share eigenvectors (one is a multiple of the identity, for
    example); else an `eigh` a step, and O(n²) a step and chain.

    Args:
        protocol: which potentials.
        duration: how long it takes; 0 switches at once.
        steps: how many switches. More of them dissipate less; none biases the free energy.
        chains: how many independent runs.
        x0: states at the start, (n,) or (chains, n); None lets the chains come to rest first, as
            the theorems on work suppose.
        rest: how long they have for that, from x0 or zero; None is long enough to forget zero to
            rounding, and no time at all for x0.
        reverse: go from (A2, b2) to (A1, b1), by the same potentials in the opposite order.
        rng: int, Generator, SeedSequence, or None for fresh entropy. One seed drives a ramp and its
            reverse by different noise.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    if not isinstance(protocol, Protocol):
        raise InvalidInput(
            f"protocol has the type {type(protocol).__name__}; a potential on its way from one "
            "stiffness to another is needed: Protocol(A1, A2)."
        )
    duration = checks.positive("duration", duration, zero=True)
    steps, chains = checks.count("steps", steps), checks.count("chains", chains)
    rest = None if rest is None else checks.positive("rest", rest, zero=True)
    streams, direction = open_streams(rng), "reverse" if reverse else "forward"
    noise, start = (
        NormalStream(streams.stream(name, direction), protocol.A1) for name in ("thermal", "start")
    )
    stages = protocol.stages(steps, reverse=reverse)
    stage = next(stages)
    if x0 is None:
        y = stage.at_rest(chains, start, rest)
    else:
        y = _points(x0, chains, stage.V)
        y = stage.relaxed(y, rest, start) if rest else y
    begin = stage.energy(y)
    work = 0 * begin
    for after in tqdm(stages, "driving", steps, delay=1, disable=None, leave=False):
        work -= stage.energy(y)
        y = after.enter(y, stage)
        work += after.energy(y)
        y = after.relaxed(y, duration / steps, noise)
        stage = after
    heat = stage.energy(y) - begin - work
    return Ramp(work, heat, y @ stage.V.T, streams.seed)


def _definite(name: str, A: Array) -> Array:
    A = checks.symmetric(name, A, f"A potential is a symmetric form: pass ({name} + {name}.T)/2.")
    lowest = float(namespace(A).min(namespace(A).linalg.eigvalsh(A)))
    if lowest <= 0:
        raise NotPositiveDefinite(
            f"{name} has the eigenvalue {lowest:.3g} <= 0: in that direction its potential holds "
            f"nothing back, and there is no equilibrium. Check its signs, or add r I to {name}."
        )
    return A


def _drive(name: str, b: Array | None, A: Array) -> Array:
    n = A.shape[0]
    return like(namespace(A).zeros(n) if b is None else checks.vector(name, b, n), A)


def _points(x0: Array, chains: int, V: Array) -> Array:
    """States x0, (n,) or (chains, n), in the coordinates of modes."""
    x = like(checks.drive("x0", x0, V.shape[0]), V)
    if x.ndim == 2 and x.shape[0] != chains:
        raise ShapeMismatch(f"x0 holds {x.shape[0]} states, but chains = {chains}.")
    return namespace(x).broadcast_to(x, (chains, V.shape[0])) @ V


def _eigh(A: Array) -> tuple[Array, Array]:
    """Eigenvectors that point the same way on every library."""
    modes = normal_modes(A, like(namespace(A).eye(A.shape[0]), A))
    assert modes is not None  # A is symmetric
    return modes.rates, modes.basis


def _shared_eigenvectors(A1: Array, A2: Array) -> Array | None:
    xp, n = namespace(A1), A1.shape[0]
    sizes = float(xp.max(xp.abs(A1))), float(xp.max(xp.abs(A2)))
    V = _eigh(A1 / sizes[0] + GENERIC * A2 / sizes[1])[1]
    for A, size in zip((A1, A2), sizes, strict=True):
        M = V.T @ A @ V
        coupling = M - xp.linalg.diagonal(M) * like(xp.eye(n), A)
        if float(xp.max(xp.abs(coupling))) > n * checks.rounding(A) * size:  # V tilts by n eps
            return None
    return V
