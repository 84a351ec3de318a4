"""Couplings that act late: signals take time to travel."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

from thermolinalg import checks
from thermolinalg.device.noise import Dressing, dense
from thermolinalg.errors import DoesNotFit
from thermolinalg.theory.clocked import Clocked


@final
@dataclass(frozen=True, slots=True)
class TransportDelay(Dressing):
    """Every coupling acts on what was a time ago: dx = -(A x(t - time) - b) dt + N(0, D dt).

    To first order the covariance at rest grows by time D/2; a mode of rate a has the variance
    D (1 + sin(a time))/(2 a cos(a time)), and none where a time reaches pi/2. Means do not change.

    Before the start all was as it is at the start. A circuit of coils or masses is delayed as a
    whole, its friction too.

    Args:
        time: that signals take, in RC; 0 is none.
    """

    time: float = 0.0

    title: ClassVar[str] = "transport delay"
    knob: ClassVar[str] = "time"
    remedy: ClassVar[str] = "shorter wires, or a slower network"
    place: ClassVar[int] = 0

    def __post_init__(self) -> None:
        checks.positive("time", self.time, zero=True)

    def dress(self, process: Any) -> Any:
        if self.time == 0:
            return process
        if not isinstance(process, Clocked):
            network = dense(process, self.title)
            return Clocked(network, delay=self.time, late=network.A)
        if process.delay:
            raise DoesNotFit(
                f"what acts {process.delay:g} late is delayed again, by {self.time:g}: a device "
                "has one transport delay. State their sum."
            )
        return replace(process, delay=self.time, late=process.network.A)
