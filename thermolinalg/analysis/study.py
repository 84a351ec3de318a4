"""The contract of what can be swept: a question with a known answer, asked of many devices."""

from collections.abc import Mapping
from typing import Any, Protocol

from thermolinalg.device.machine import Device


class Study(Protocol):
    """What `sensitivity` asks again and again, each time of another device or with another seed.

    It must be picklable, and the same arguments must give the same numbers.
    """

    @property
    def name(self) -> str:
        """For titles, and for the folder where results are kept."""
        ...

    @property
    def definition(self) -> Any:
        """All that its numbers follow from, as plain values, arrays and frozen records.

        A result that is kept is used again only where this is the same; nothing in it may change
        with use, as a cache does.
        """
        ...

    @property
    def metric(self) -> str:
        """The key of `measure` that pictures show, such as "relative error"."""
        ...

    @property
    def knobs(self) -> Mapping[str, str]:
        """Names that it turns itself, beside those of the device, and what each says."""
        ...

    def measure(self, device: Device, seed: int, /, **knobs: float) -> Mapping[str, float]:
        """What one device does to the answer: numbers by name, `metric` among them.

        A run that fails says so in numbers (a diverged training has its last accuracy).

        Raises:
            DoesNotFit: the device cannot hold the problem: there is no number.
        """
        ...
