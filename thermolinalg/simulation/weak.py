"""Integrators for nonlinear drift dx = f(x) dt + N(0, D dt), of weak order one and two.

Where the noise depends on the state, only the one of order one holds.

A scheme has weak order p when its averages of smooth functions are off by O(dt^p).
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from thermolinalg.backend import Array, apply_rows
from thermolinalg.simulation.divergence import Watched
from thermolinalg.simulation.drift import NO_DRIFT, drift_of, noise_factor, uneven_or_no_drift
from thermolinalg.simulation.integrator import Integrator
from thermolinalg.theory.langevin import Force, Multiplicative
from thermolinalg.theory.operator import Runnable


@final
@dataclass(frozen=True, slots=True)
class EulerMaruyama(Integrator):
    """x <- x + dt f(x) + N(0, D dt): weak order one, one drift a step."""

    name: ClassVar[str] = "euler"
    error: ClassVar[str] = "weak order one"
    cost: ClassVar[str] = "one drift a step"

    def refusal(self, process: Any) -> str | None:
        return None if isinstance(process, Runnable) else NO_DRIFT

    def prepare(self, process: Runnable, dt: float) -> Watched:
        self.require(process)
        if isinstance(process, Multiplicative):
            return Watched(UnevenStep(process, dt), dt)
        return Watched(EulerStep(drift_of(process), dt, noise_factor(process, dt)), dt)


@final
@dataclass(frozen=True, slots=True)
class Heun(Integrator):
    """x <- x + dt/2 (f(x) + f(x + dt f(x) + ξ)) + ξ, ξ ~ N(0, D dt): weak order two, two drifts.

    Expanded in ξ, the step has the mean x + dt f + dt²/2 (f'f + 1/2 f'':D) and the covariance
    D dt + dt²/2 (f'D + Df''), each the truth up to O(dt³): for constant D that is weak order two,
    where it is the explicit scheme of Platen (Kloeden and Platen 1992, section 15.1).
    """

    name: ClassVar[str] = "heun"
    error: ClassVar[str] = "weak order two"
    cost: ClassVar[str] = "two drifts a step"

    def refusal(self, process: Any) -> str | None:
        return uneven_or_no_drift(process)

    def prepare(self, process: Runnable, dt: float) -> Watched:
        self.require(process)
        return Watched(HeunStep(drift_of(process), dt, noise_factor(process, dt)), dt)


@final
@dataclass(frozen=True, eq=False, slots=True)
class EulerStep:
    """x + dt f(x) + F z."""

    f: Force
    dt: float
    F: Array

    def enter(self, x: Array) -> Array:
        return x

    def color(self, z: Array) -> Array:
        return z * self.F if self.F.ndim == 1 else apply_rows(z, self.F)

    def __call__(self, y: Array, kick: Array) -> Array:
        return y + self.dt * self.f(y) + kick

    def leave(self, y: Array) -> Array:
        return y


@final
@dataclass(frozen=True, eq=False, slots=True)
class UnevenStep:
    """x + dt f(x) + B(x) dW, with dW = sqrt(dt) z drawn apart from x: Ito's reading of B."""

    process: Multiplicative
    dt: float

    def enter(self, x: Array) -> Array:
        return x

    def color(self, z: Array) -> Array:
        return z * self.dt**0.5

    def __call__(self, y: Array, kick: Array) -> Array:
        noise = (self.process.noise(y) @ kick[..., None])[..., 0]
        return y + self.dt * self.process.drift(y) + noise

    def leave(self, y: Array) -> Array:
        return y


@final
@dataclass(frozen=True, eq=False, slots=True)
class HeunStep:
    """x + dt (f(x) + f(ahead))/2 + F z, with ahead = x + dt f(x) + F z."""

    f: Force
    dt: float
    F: Array

    def enter(self, x: Array) -> Array:
        return x

    def color(self, z: Array) -> Array:
        return z * self.F if self.F.ndim == 1 else apply_rows(z, self.F)

    def __call__(self, y: Array, kick: Array) -> Array:
        here = self.f(y)
        ahead = self.f(y + self.dt * here + kick)
        return y + self.dt / 2 * (here + ahead) + kick

    def leave(self, y: Array) -> Array:
        return y
