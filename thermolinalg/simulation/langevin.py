"""BAOAB: the integrator for Langevin motion with mass, under any force."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from thermolinalg.backend import Array, namespace
from thermolinalg.simulation.divergence import Watched
from thermolinalg.simulation.integrator import Integrator
from thermolinalg.theory.langevin import Langevin


@final
@dataclass(frozen=True, slots=True)
class BAOAB(Integrator):
    """Kick, drift, bath, drift, kick (Leimkuhler and Matthews 2013): weak order two.

    Under a linear force the positions at rest have the exact variance, whatever the step; it must
    be shorter than 2/ω of the fastest oscillation. Two forces a step.
    """

    name: ClassVar[str] = "baoab"
    error: ClassVar[str] = "weak order two"
    cost: ClassVar[str] = "two forces a step"

    def refusal(self, process: Any) -> str | None:
        if isinstance(process, Langevin):
            return None
        return (
            f"moves masses, and no {type(process).__name__} has any: state it as Langevin(F, mass)"
        )

    def prepare(self, process: Langevin, dt: float) -> Watched:
        self.require(process)
        xp, m = namespace(process.mass), process.mass
        rate = process.friction / m
        bath = xp.sqrt(-xp.expm1(-2 * rate * dt) * process.temperature / m)
        spread = xp.concat([0 * bath, bath])
        return Watched(BAOABStep(process, dt, xp.exp(-rate * dt), spread), dt)


@final
@dataclass(frozen=True, eq=False, slots=True)
class BAOABStep:
    """One step of (x, v). The positions' share of the noise is multiplied by zero."""

    process: Langevin
    dt: float
    decay: Array  # (n,)
    spread: Array  # (2n,)

    def enter(self, x: Array) -> Array:
        return x

    def color(self, z: Array) -> Array:
        return z * self.spread

    def __call__(self, y: Array, kick: Array) -> Array:
        half = self.dt / 2
        x, v = self.process.split(y)
        v = v + half * self.process.acceleration(x)  # B: kick
        x = x + half * v  # A: drift
        v = self.decay * v + self.process.split(kick)[1]  # O: bath, solved exactly
        x = x + half * v  # A: drift
        v = v + half * self.process.acceleration(x)  # B: kick
        return namespace(y).concat([x, v], axis=-1)

    def leave(self, y: Array) -> Array:
        return y
