"""A process as instruments see it: some of its coordinates, through a converter."""

from dataclasses import dataclass
from typing import Any, final

from thermolinalg.backend import Array
from thermolinalg.measurement.converter import Converter


@final
@dataclass(frozen=True, eq=False, slots=True)
class Observed:
    """The first `positions` coordinates of a process, each read through a converter.

    What is not read is the machine's own: the currents of coils, the memory of coloured noise.
    """

    process: Any  # what moves: an OU, a Network, an Inertial, or a process of a device
    positions: int
    converter: Converter | None = None

    @property
    def n(self) -> int:
        """The number of coordinates of a state, read or not."""
        return int(self.process.n)

    @property
    def reference(self) -> Array:
        """An array of the library, device and dtype that states have."""
        return self.process.reference

    @property
    def slowest(self) -> float:
        """A lower bound on the relaxation rates."""
        return float(self.process.slowest)

    @property
    def fastest(self) -> float:
        """An upper bound on the relaxation rates."""
        return float(self.process.fastest)

    def seen(self, x: Array, rng: Any) -> Array:
        """What is read of states (..., n): (..., positions)."""
        x = x[..., : self.positions]
        return x if self.converter is None else self.converter.read(x, rng)
