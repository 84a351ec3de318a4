"""The log likelihood of data as a function of a process's free numbers, with exact derivatives.

The slope is analytic: the score of whole steps, and by Fisher's identity the expected score of the
steps inside gaps, pulled back through the propagators and the structure. The curvature is the
imaginary part of that same slope at a point one tiny imaginary step away, exact to rounding.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.kalman import kalman_filter, smooth
from thermolinalg.theory.moments import Moments, moments_of_gaps, score
from thermolinalg.theory.observations import Gaps
from thermolinalg.theory.propagators import Laws, propagators, with_start
from thermolinalg.theory.structure import Structure

TINY = 1e-20
"""An imaginary step: its square is nothing beside 1, so that no digits cancel."""

TOGETHER = 2**22
"""Numbers in the covariances of states in gaps, at all points of the curvature found together."""

FORGOTTEN = 60.0
"""After so many of the slowest mode's times, e⁻⁶⁰ is left of where a process began."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Objective:
    """The log likelihood of data, whose states are measured from the structure's center."""

    structure: Structure
    intervals: NumpyArray  # ascending; infinite is the interval before a first state
    moments: Moments  # of the whole steps
    gaps: list[Gaps]
    start: Gaussian | None  # the law of a first state, where it is not the equilibrium
    noise: NumpyArray

    def value_and_slope(self, free: NumpyArray) -> tuple[float, NumpyArray]:
        """The log likelihood and its slope; minus infinity where the data have no density."""
        nowhere = -np.inf, np.zeros(len(free))
        if not np.isfinite(free).all():
            return nowhere
        try:
            with np.errstate(all="ignore"):
                value, (slope,) = self._evaluate([free])
        except np.linalg.LinAlgError:
            return nowhere
        finite = np.isfinite(value) and bool(np.isfinite(slope).all())
        return (value, slope) if finite else nowhere

    def curvature(self, free: NumpyArray) -> NumpyArray:
        """The observed information: minus the second derivatives (size, size)."""
        points = list(free + 1j * TINY * np.eye(len(free)))
        together = max(1, TOGETHER // sum([gaps.states.size * gaps.n for gaps in self.gaps], 1))
        with np.errstate(all="ignore"):
            slopes = [
                slope
                for k in range(0, len(points), together)
                for slope in self._evaluate(points[k : k + together])[1]
            ]
        H = -np.array(slopes).imag / TINY
        return (H + H.T) / 2

    def _evaluate(self, points: list[NumpyArray]) -> tuple[float, list[NumpyArray]]:
        """The log likelihood, summed over the points, and its slope at each of them."""
        processes = [self.structure.build(free) for free in points]
        batches = [propagators(each, self._times(each.A.real)) for each in processes]
        laws = [with_start(batch.laws, self.start) for batch in batches]
        scores = [score(law, self.moments) for law in laws]
        value, slopes = sum(one.value for one in scores), [one.slopes for one in scores]
        for gaps in self.gaps:
            more, expected = self._expected(gaps, laws)
            value += more
            slopes = [_add(known, other) for known, other in zip(slopes, expected, strict=True)]
        return value, [
            self.structure.pull_back(free, batch.pull_back(self._without_start(slope)))
            for free, batch, slope in zip(points, batches, slopes, strict=True)
        ]

    def _expected(self, gaps: Gaps, points: list[Laws]) -> tuple[float, list[Laws]]:
        """The log likelihood of gaps and its slopes in the laws, at many points side by side."""
        count, intervals = len(points), len(points[0].E)
        laws = Laws(*(np.concatenate(parts) for parts in zip(*points, strict=True)))
        gaps = gaps.repeat(count, intervals)
        filtered = kalman_filter(gaps, laws, self.noise)
        pairs = smooth(gaps, laws, filtered)
        slopes = score(laws, moments_of_gaps(gaps, pairs, len(laws.E))).slopes
        each = zip(*(np.split(part, count) for part in slopes), strict=True)
        return filtered.log_likelihood, [Laws(*parts) for parts in each]

    def _without_start(self, slopes: Laws) -> Laws:
        """A given law of the first state, the last of the laws, does not vary."""
        return slopes if self.start is None else Laws(*(part[:-1] for part in slopes))

    def _times(self, A: NumpyArray) -> NumpyArray:
        """The intervals; a first state in equilibrium comes after a time long enough to forget."""
        finite = self.intervals[np.isfinite(self.intervals)]
        if self.start is not None or len(finite) == len(self.intervals):
            return finite
        slowest = float(np.linalg.eigvals(A).real.min())
        if slowest <= 0:
            raise np.linalg.LinAlgError("no equilibrium to start from")
        return np.append(finite, max(FORGOTTEN / slowest, finite[-1]))


def _add(first: Laws, second: Laws) -> Laws:
    return Laws(*(x + y for x, y in zip(first, second, strict=True)))
