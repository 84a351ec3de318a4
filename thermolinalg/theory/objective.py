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
from thermolinalg.theory.propagators import Coefficients, Laws, propagators, with_start
from thermolinalg.theory.structure import Structure

TINY = 1e-20
"""An imaginary step: its square is nothing beside 1, so that no digits cancel."""

FORGOTTEN = 60.0
"""After so many of the slowest mode's times, e⁻⁶⁰ is left of where a process began."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Objective:
    """The log likelihood of data, with states measured from a center where they are small."""

    structure: Structure
    center: NumpyArray
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
                value, slope = self._evaluate(free)
        except np.linalg.LinAlgError:
            return nowhere
        finite = np.isfinite(value) and bool(np.isfinite(slope).all())
        return (value, slope) if finite else nowhere

    def curvature(self, free: NumpyArray) -> NumpyArray:
        """The observed information: minus the second derivatives (size, size)."""
        steps = 1j * TINY * np.eye(len(free))
        columns = [self._evaluate(free + step)[1].imag / TINY for step in steps]
        H = -np.array(columns)
        return (H + H.T) / 2

    def _evaluate(self, free: NumpyArray) -> tuple[float, NumpyArray]:
        A, b, D = self.structure.build(free)
        batch = propagators(Coefficients(A, b - A @ self.center, D), self._times(A.real))
        laws = with_start(batch.laws, self.start)
        value, slopes = score(laws, self.moments)
        for gaps in self.gaps:
            filtered = kalman_filter(gaps, laws, self.noise)
            pairs = smooth(gaps, laws, filtered)
            expected = score(laws, moments_of_gaps(gaps, pairs, len(laws.E))).slopes
            value += filtered.log_likelihood
            slopes = Laws(*(x + y for x, y in zip(slopes, expected, strict=True)))
        fixed = self.start is not None  # the law of the first state, the last one, does not vary
        in_A, in_b, in_D = batch.pull_back(Laws(*(x[: len(x) - fixed] for x in slopes)))
        centered = Coefficients(in_A - np.outer(in_b, self.center), in_b, in_D)
        return value, self.structure.pull_back(free, centered)

    def _times(self, A: NumpyArray) -> NumpyArray:
        """The intervals; a first state in equilibrium comes after a time long enough to forget."""
        finite = self.intervals[np.isfinite(self.intervals)]
        if self.start is not None or len(finite) == len(self.intervals):
            return finite
        slowest = float(np.linalg.eigvals(A).real.min())
        if slowest <= 0:
            raise np.linalg.LinAlgError("no equilibrium to start from")
        return np.append(finite, max(FORGOTTEN / slowest, finite[-1]))
