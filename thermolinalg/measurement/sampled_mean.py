"""The mean of samples of the state, for processes whose matrix is only multiplied."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import Array, namespace
from thermolinalg.measurement.readout import Readout
from thermolinalg.measurement.sampled import sampled
from thermolinalg.theory.operator import Network


@final
@dataclass(frozen=True, slots=True)
class SampledMean(Readout):
    """Means of samples: values (count, chains, n).

    Twice per relaxation time of the slowest mode costs least on a two-dimensional grid: a step
    takes about the square root of its length in products, and samples that lie further apart tell
    less of the fast modes.
    """

    per_relaxation: float = 2.0

    def correlation_rate(self, process: Network) -> float:
        return process.slowest

    def numbers(self, process: Network, window: float) -> int:
        return process.n * self._samples(process, window)

    def windows(
        self, process: Network, x: Array, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        samples = self._samples(process, window)
        values = namespace(x).stack([0 * x] * count)
        for k, block in sampled(process, x, window / samples, samples, count, rng):
            values[k, ...] += block.step.leave(namespace(x).sum(block.y, axis=0))
            x = block.last
        return values / samples, x

    def _samples(self, process: Network, window: float) -> int:
        return max(1, math.ceil(window * process.slowest * self.per_relaxation))
