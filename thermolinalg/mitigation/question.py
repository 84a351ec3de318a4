"""The contract of what is asked of a device again and again: the same problem, other devices."""

from typing import Protocol

from thermolinalg.device.machine import Device
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.streams import RNG


class Question(Protocol):
    """A problem that any device can be asked."""

    def run(self, device: Device | None = None, /, *, rng: RNG = None) -> Estimate:
        """The answer of one device."""
        ...
