"""Couplings that act late: signals take time to travel."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from thermolinalg import checks
from thermolinalg.device.noise import Dressing


@final
@dataclass(frozen=True, slots=True)
class TransportDelay(Dressing):
    """Every coupling acts on what was a time ago: dx = -(A x(t - time) - b) dt + N(0, D dt).

    To first order the covariance at rest grows by time D/2; a mode of rate a has the variance
    D (1 + sin(a time))/(2 a cos(a time)), and none where a time reaches pi/2. Means do not change.

    Args:
        time: that signals take, in RC.
    """

    time: float = 0.0

    title: ClassVar[str] = "transport delay"
    knob: ClassVar[str] = "time"
    remedy: ClassVar[str] = "shorter wires, or a slower network"

    def __post_init__(self) -> None:
        checks.positive("time", self.time, zero=True)

    def dress(self, process: Any) -> Any:
        raise NotImplementedError
