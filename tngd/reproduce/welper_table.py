"""The numbers of all trainings on a line, by protocol, target and width."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, final

from thermolinalg.streams import Streams
from tngd.reproduce.contract import Done, Numbers
from tngd.reproduce.welper_fits import Rate, width_rate
from tngd.reproduce.welper_protocol import Protocol


@final
class Table:
    """What was measured, and what it is compared with.

    Args:
        protocols: by name.
        window: of time, that rates by time were fitted in.
        read_off: medians of the authors.
        seed: of the bootstrap.
        done: all cases.
    """

    def __init__(
        self,
        protocols: Mapping[str, Protocol],
        window: tuple[float, float],
        read_off: Mapping[str, Any],
        seed: int,
        done: Sequence[Done],
    ):
        self.protocols, self.window, self.read_off = protocols, window, read_off
        self._seed = seed
        self._numbers = {
            (each.case["protocol"], each.case["target"], each.case["width"]): each.numbers
            for each in done
        }

    def numbers(self, protocol: str, target: str, width: int) -> Numbers:
        """Of one case."""
        return self._numbers[protocol, target, width]

    def widths(self, protocol: str) -> tuple[int, ...]:
        """Of a protocol."""
        return self.protocols[protocol].widths

    def median(self, protocol: str, target: str, width: int, number: str) -> float:
        """Over seeds; NaN where the protocol has no such width."""
        known = self._numbers.get((protocol, target, width))
        return statistics.median(known[number]) if known else math.nan

    def read(self, kind: str, target: str, width: int) -> float:
        """The authors' median of "errors" or "drifts"; NaN where there is none."""
        medians = zip(self.read_off["widths"], self.read_off[kind][target], strict=True)
        return dict(medians).get(width, math.nan)

    def rate(self, protocol: str, target: str, number: str, most: int | None = None) -> Rate:
        """Of a number by width, up to a width."""
        widths = [width for width in self.widths(protocol) if most is None or width <= most]
        samples = [self._numbers[protocol, target, width][number] for width in widths]
        rng = Streams(self._seed).stream("bootstrap", protocol, target, number)
        return width_rate(widths, samples, rng)
