"""The mean of samples of the state, for processes whose matrix is only multiplied."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from tqdm import tqdm

from thermolinalg.backend import Array, namespace
from thermolinalg.measurement.readout import Readout
from thermolinalg.simulation.choice import choose_integrator, find_integrator
from thermolinalg.simulation.walk import walk
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
        xp = namespace(x)
        samples = self._samples(process, window)
        integrator = find_integrator(choose_integrator(process), process)
        intervals = np.full(samples, window / samples)
        values = []
        progress = tqdm(total=count * samples, desc="measuring", delay=1, disable=None, leave=False)
        for _ in range(count):
            total = xp.zeros_like(x)
            for block in walk(process, x, intervals, integrator, rng):
                total = total + block.step.leave(xp.sum(block.y, axis=0))
                x = block.last
                progress.update(block.y.shape[0])
            values.append(total / samples)
        progress.close()
        return xp.stack(values), x

    def _samples(self, process: Network, window: float) -> int:
        return max(1, math.ceil(window * process.slowest * self.per_relaxation))
