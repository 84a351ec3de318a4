"""What a run costs: one line per activity, in seconds, each labelled modelled or measured."""

from dataclasses import dataclass
from typing import Literal, final

Source = Literal["modelled", "measured"]


@final
@dataclass(frozen=True, slots=True)
class Line:
    """One activity of the device or of the digital machine beside it."""

    activity: str
    seconds: float
    source: Source


@final
@dataclass(frozen=True, slots=True)
class Ledger:
    """The lines of a run. No sourced energy per operation exists for these devices: not stated."""

    lines: tuple[Line, ...] = ()

    def add(self, activity: str, seconds: float, source: Source = "modelled") -> "Ledger":
        """The ledger with a line more; a repeated activity from the same source is summed."""
        kept, before = [], 0.0
        for line in self.lines:
            if (line.activity, line.source) == (activity, source):
                before = line.seconds
            else:
                kept.append(line)
        return Ledger((*kept, Line(activity, before + seconds, source)))

    def __add__(self, other: "Ledger") -> "Ledger":
        """What both runs cost."""
        total = self
        for line in other.lines:
            total = total.add(line.activity, line.seconds, line.source)
        return total

    def seconds(self, source: Source) -> float:
        """Total seconds of one source."""
        return sum(line.seconds for line in self.lines if line.source == source)

    def __str__(self) -> str:
        rows = [f"{line.activity}: {line.seconds:.3g} s {line.source}" for line in self.lines]
        total = f"total: {self.seconds('modelled'):.3g} s modelled; energy not stated"
        return "\n".join([*rows, total])
