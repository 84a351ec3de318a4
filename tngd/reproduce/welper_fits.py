"""Rates by width and by time: slopes in logarithms, with intervals over seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from thermolinalg.backend import NumpyArray

RESAMPLED = 2000
"""Bootstrap samples; enough for the ends of a 95 % interval to be off by a tenth of its width."""


class Rate(NamedTuple):
    """r of m^-r, and the ends of a 95 % interval."""

    rate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.rate:.3g} [{self.low:.3g}, {self.high:.3g}]"

    def against(self, claimed: float) -> str:
        """Does a claim of at least this rate hold?"""
        if self.low >= claimed:
            return "holds"
        return "does not hold" if self.high < claimed else "is not settled"


def width_rate(
    widths: Sequence[int], samples: Sequence[Sequence[float]], rng: np.random.Generator
) -> Rate:
    """The rate of medians over seeds, by least squares; its interval by bootstrap.

    Args:
        widths: two or more.
        samples: for each width, a number of each seed; seeds of different widths are independent.
        rng: resamples the seeds of each width.
    """
    values = [np.asarray(sample, dtype=float) for sample in samples]
    rate = _rate(widths, np.array([np.median(sample) for sample in values]))
    again = np.array([np.median(_resampled(sample, rng), axis=1) for sample in values])
    low, high = np.quantile(_rate(widths, again), [0.025, 0.975])
    return Rate(float(rate), float(low), float(high))


def time_rates(times: NumpyArray, errors: NumpyArray, window: tuple[float, float]) -> NumpyArray:
    """r of t^-r for each column of errors (t, s), by least squares over the times in a window."""
    inside = (times >= window[0]) & (times <= window[1])
    return _rate(times[inside], errors[inside])


def _resampled(sample: NumpyArray, rng: np.random.Generator) -> NumpyArray:
    return sample[rng.integers(len(sample), size=(RESAMPLED, len(sample)))]


def _rate(x: Sequence[int] | NumpyArray, y: NumpyArray) -> NumpyArray:
    """Minus the slope of ln y by ln x, along the first axis of y."""
    places = np.log(np.asarray(x, dtype=float))
    places = places - places.mean()
    slope: NumpyArray = -np.tensordot(places, np.log(y), axes=1) / (places @ places)
    return slope
