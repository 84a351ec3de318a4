"""Intervals of a mean over seeds, by Student's t."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Interval(NamedTuple):
    """A mean, and the half width of its 95 % confidence interval; NaN of a single number."""

    mean: float
    half: float

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    def says(self, scale: float = 1.0, digits: int = 2) -> str:
        """As in "97.31 ± 0.12"."""
        half = "" if math.isnan(self.half) else f" ± {scale * self.half:.{digits}f}"
        return f"{scale * self.mean:.{digits}f}{half}"


def interval(values: Sequence[float]) -> Interval:
    """Of the mean of values that are independent and about normal; no numbers give no interval."""
    mean = statistics.fmean(values)
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return Interval(mean, math.nan)
    from scipy.special import stdtrit  # scipy.stats takes long to import

    error = statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, float(stdtrit(len(values) - 1, 0.975)) * error)


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """Of the mean difference, seed by seed: the same seed is the same start and batches."""
    return interval([a - b for a, b in zip(ours, theirs, strict=True)])
