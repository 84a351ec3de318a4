"""What a run costs: one line per activity, in seconds and joules, labelled modelled or measured."""

import math
from dataclasses import dataclass
from typing import Literal, final

from thermolinalg import checks

Source = Literal["modelled", "measured"]


@final
@dataclass(frozen=True, eq=False, slots=True)
class Line:
    """One activity of the device or of the digital machine beside it; joules None: not stated.

    Measured seconds never come twice alike: lines that differ in these alone are equal.
    """

    activity: str
    seconds: float
    source: Source
    joules: float | None = None

    @property
    def _repeats(self) -> tuple[object, ...]:
        """What is the same whenever the run is repeated."""
        seconds = self.seconds if self.source == "modelled" else None
        return self.activity, seconds, self.source, self.joules

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Line) and self._repeats == other._repeats

    def __hash__(self) -> int:
        return hash(self._repeats)


@final
@dataclass(frozen=True, slots=True)
class Prices:
    """Energies of single operations, in joules; None where no figure is stated.

    No sourced figure exists for analog linear algebra, so that none is assumed.

    Args:
        coefficient: to write one coefficient or drive.
        reading: to read one number.
        bit: to move a bit over the digital link.
        power: of a running device for each node, in watts.
        source: where the figures are from, for reports.
    """

    coefficient: float | None = None
    reading: float | None = None
    bit: float | None = None
    power: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("coefficient", "reading", "bit", "power"):
            if getattr(self, name) is not None:
                checks.positive(name, getattr(self, name), zero=True)


def joined(*parts: float | None) -> float | None:
    """The sum of energies; not stated if one is not."""
    known = [part for part in parts if part is not None]
    return math.fsum(known) if len(known) == len(parts) else None


@final
@dataclass(frozen=True, slots=True)
class Ledger:
    """The lines of a run. Energies are stated where the device states their prices."""

    lines: tuple[Line, ...] = ()

    def add(
        self,
        activity: str,
        seconds: float,
        source: Source = "modelled",
        joules: float | None = None,
    ) -> "Ledger":
        """The ledger with a line more; a repeated activity from the same source is summed."""
        kept = []
        for line in self.lines:
            if (line.activity, line.source) == (activity, source):
                seconds, joules = line.seconds + seconds, joined(line.joules, joules)
            else:
                kept.append(line)
        return Ledger((*kept, Line(activity, seconds, source, joules)))

    def __add__(self, other: "Ledger") -> "Ledger":
        """What both runs cost."""
        total = self
        for line in other.lines:
            total = total.add(line.activity, line.seconds, line.source, line.joules)
        return total

    def seconds(self, source: Source) -> float:
        """Total seconds of one source."""
        return sum(line.seconds for line in self.lines if line.source == source)

    @property
    def joules(self) -> float | None:
        """Total energy of the device; None unless every modelled line states its own."""
        modelled = [line.joules for line in self.lines if line.source == "modelled"]
        return joined(*modelled) if modelled else None

    def __str__(self) -> str:
        rows = [f"{line.activity}: {_amount(line)} {line.source}" for line in self.lines]
        energy = "energy not stated" if self.joules is None else f"{self.joules:.3g} J"
        total = f"total: {self.seconds('modelled'):.3g} s modelled; {energy}"
        return "\n".join([*rows, total])


def _amount(line: Line) -> str:
    return f"{line.seconds:.3g} s" + ("" if line.joules is None else f", {line.joules:.3g} J")
