"""Noise that is not white: it remembers for a while, or is drawn at a clock and held."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

from thermolinalg import checks
from thermolinalg.backend import like, namespace
from thermolinalg.device.realising import heated
from thermolinalg.errors import DoesNotFit
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.held import clipped_variance
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU


class Dressing(ABC):
    """What moves another way than the circuit says: its noise or its couplings have a memory."""

    title: ClassVar[str]
    knob: ClassVar[str]
    remedy: ClassVar[str]
    place: ClassVar[int]  # among others: couplings come first, then filters of noise, its source

    @abstractmethod
    def dress(self, process: Any) -> Any:
        """The process that moves so. The coordinates of the one given come first in its states.

        At a strength of zero it is the process itself.

        Raises:
            DoesNotFit: it is of a kind that cannot be dressed.
        """

    @property
    def strength(self) -> Any:
        """The value of the knob."""
        return getattr(self, self.knob)


def dense(process: Any, title: str) -> OU:
    """The process over all its coordinates, as an OU of arrays.

    Raises:
        DoesNotFit: its A is only multiplied.
    """
    if isinstance(process, Inertial):
        return whole(process)
    if not isinstance(process, OU):
        raise DoesNotFit(
            f"{title} is for a problem whose A is an array, and this one is a "
            f"{type(process).__name__}. Pass A.toarray(), or leave it out."
        )
    return process


def whole(process: Inertial) -> OU:
    """A network with inertia as an OU process over (x, v)."""
    xp, A = namespace(process.A), process.A
    one = like(xp.eye(process.positions), A)
    rows = [
        xp.concat([0 * one, -one], axis=1),
        xp.concat([A, process.friction * one], axis=1),
    ]
    b = xp.concat([0 * process.b, process.b], axis=-1)
    return OU(xp.concat(rows, axis=0), b, process.D)


@final
@dataclass(frozen=True, slots=True)
class ColouredNoise(Dressing):
    """Noise through a low-pass filter: dx = -(A x - b) dt + y dt, y an OU process of its own.

    Its spectrum at low frequencies is that of the white noise; a mode of rate a has the variance of
    its equilibrium over 1 + a correlation_time. Means do not change.

    Args:
        correlation_time: of the noise, in RC; 0 is white noise.
    """

    correlation_time: float = 0.0

    title: ClassVar[str] = "coloured noise"
    knob: ClassVar[str] = "correlation_time"
    remedy: ClassVar[str] = "noise sources of more bandwidth"
    place: ClassVar[int] = 1

    def __post_init__(self) -> None:
        checks.positive("correlation_time", self.correlation_time, zero=True)

    def dress(self, process: Any) -> Any:
        if self.correlation_time == 0:
            return process
        if isinstance(process, Clocked):
            return replace(process, network=self.dress(process.network))
        process = dense(process, self.title)
        rate, xp = 1 / self.correlation_time, namespace(process.A)
        one = like(xp.eye(process.n), process.A)
        zero = 0 * one
        A = xp.concat(
            [xp.concat([process.A, -one], axis=1), xp.concat([zero, rate * one], axis=1)], axis=0
        )
        D = xp.concat(
            [xp.concat([zero, zero], axis=1), xp.concat([zero, rate**2 * process.D], axis=1)],
            axis=0,
        )
        return OU(A, xp.concat([process.b, 0 * process.b], axis=-1), D)


@final
@dataclass(frozen=True, slots=True)
class HeldNoise(Dressing):
    """Noise that a digital source draws at a clock and holds for a tick, within bounds.

    In a tick of length h the noise is a constant force w = clip(z, -bound, bound) (D/h)^{1/2}, as
    an FPGA makes it for the SPU (Melanson et al. 2025). With v = E[clip(z)²] a mode of rate a has
    the variance of its equilibrium times v tanh(u)/u, u = a h/2. Means do not change. Readings are
    taken at ticks: between two of them lie a whole number, one at least.

    Args:
        tick: how long a number is held, in RC; 0 is white noise, of variance v.
        bound: largest number, in standard deviations of the noise before it is clipped.
    """

    tick: float = 0.01
    bound: float = math.inf

    title: ClassVar[str] = "held noise"
    knob: ClassVar[str] = "tick"
    remedy: ClassVar[str] = "a faster clock, or a wider range, of the noise sources"
    place: ClassVar[int] = 2

    def __post_init__(self) -> None:
        checks.positive("tick", self.tick, zero=True)
        if checks.limit("bound", self.bound) < math.inf:
            checks.positive("bound", self.bound)

    def dress(self, process: Any) -> Any:
        if self.tick == 0:
            return process if math.isinf(self.bound) else heated(process, self._variance)
        if not isinstance(process, Clocked):
            return Clocked(dense(process, self.title), self.tick, self.bound)
        if process.tick:
            raise DoesNotFit(
                f"noise that is held for {process.tick:g} is held again, for {self.tick:g}: a "
                "device has one clock of its noise. Leave one of the two out."
            )
        return replace(process, tick=self.tick, bound=self.bound)

    @property
    def _variance(self) -> float:
        return clipped_variance(self.bound)
