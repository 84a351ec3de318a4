"""Mean and second moment of the same samples, about a point near the mean: no digit cancels."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import Array, namespace
from thermolinalg.measurement.moment import zeros
from thermolinalg.measurement.observable import congruent, total
from thermolinalg.measurement.observed import Observed
from thermolinalg.measurement.readout import Readout
from thermolinalg.measurement.sampled import coordinates_read, sampled
from thermolinalg.products import squares
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, eq=False, slots=True)
class CenteredMoments(Readout):
    """Averages of u and uu', u = x - center: values (count, n + 1, n), that of u in the first row.

    Samples are taken twice per relaxation time of the slowest mode, as in `SecondMoment`; here the
    process may be driven.
    """

    center: Array  # (n,)
    per_relaxation: float = 2.0

    def correlation_rate(self, process: OU | Observed) -> float:
        return process.slowest

    def numbers(self, process: OU | Observed, window: float) -> int:
        return coordinates_read(process) * self._samples(process, window)

    def windows(
        self, process: OU | Observed, x: Array, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        xp, n = namespace(x), coordinates_read(process)
        samples = self._samples(process, window)
        first, second = zeros(x, count, n), zeros(x, count, n, n)
        for k, block in sampled(process, x, window / samples, samples, count, rng):
            u = xp.reshape(block.y - block.step.enter(self.center[None, :]), (-1, n))
            first[k, ...] += total(u)
            second[k, ...] += squares(u)
        # Out of the step's coordinates once a window, not once a sample.
        values = zeros(x, count, n + 1, n)
        values[:, 0, :] = block.step.leave(first)
        for k in range(count):
            values[k, 1:, :] = congruent(second[k, ...], block.step.leave)
        return values / (samples * x.shape[0]), block.last

    def _samples(self, process: OU | Observed, window: float) -> int:
        return max(1, math.ceil(window * process.slowest * self.per_relaxation))
