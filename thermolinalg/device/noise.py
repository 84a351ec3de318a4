"""Noise that is not white: it remembers for a while."""

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
