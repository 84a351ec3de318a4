"""Noise that is not white: it remembers for a while, or is drawn at a clock and held."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

from thermolinalg import checks
from thermolinalg.backend import like, namespace
from thermolinalg.errors import DoesNotFit
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU


class Dressing(ABC):
    """What moves another way than the circuit says: its noise or its couplings have a memory."""

    title: ClassVar[str]
    knob: ClassVar[str]
    remedy: ClassVar[str]

    @abstractmethod
    def dress(self, process: Any) -> Any:
        """The process that moves so. The coordinates of the one given come first in its states.

        Raises:
            DoesNotFit: it is of a kind that cannot be dressed.
        """

    @property
    def strength(self) -> Any:
        """The value of the knob."""
        return getattr(self, self.knob)


@final
@dataclass(frozen=True, slots=True)
class ColouredNoise(Dressing):
    """Noise through a low-pass filter: dx = -(A x - b) dt + y dt, y an OU process of its own.

    Its spectrum at low frequencies is that of the white noise; a mode of rate a has the variance of
    its equilibrium over 1 + a correlation_time. Means do not change.

    Args:
        correlation_time: of the noise, in RC.
    """

    correlation_time: float = 0.0

    title: ClassVar[str] = "coloured noise"
    knob: ClassVar[str] = "correlation_time"
    remedy: ClassVar[str] = "noise sources of more bandwidth"

    def __post_init__(self) -> None:
        checks.positive("correlation_time", self.correlation_time, zero=True)

    def dress(self, process: Any) -> OU:
        if isinstance(process, Inertial):
            process = whole(process)
        if not isinstance(process, OU):
            raise DoesNotFit(
                "coloured noise is for a problem whose A is an array, and this one is only "
                "multiplied. Pass A.toarray(), or leave it out."
            )
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
class HeldNoise(Dressing):
    """Noise that a digital source draws at a clock and holds for a tick, within bounds.

    In a tick of length h the noise is a constant force w = clip(z, -bound, bound) (D/h)^{1/2}, as
    an FPGA makes it for the SPU (Melanson et al. 2025). With v = E[clip(z)²] a mode of rate a has
    the variance of its equilibrium times v tanh(u)/u, u = a h/2. Means do not change.

    Args:
        tick: how long a number is held, in RC.
        bound: largest number, in standard deviations of the noise before it is clipped.
    """

    tick: float = 0.01
    bound: float = math.inf

    title: ClassVar[str] = "held noise"
    knob: ClassVar[str] = "tick"
    remedy: ClassVar[str] = "a faster clock, or a wider range, of the noise sources"

    def __post_init__(self) -> None:
        checks.positive("tick", self.tick)
        checks.limit("bound", self.bound)

    def dress(self, process: Any) -> Any:
        raise NotImplementedError
