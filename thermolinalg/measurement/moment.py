"""Second moments about zero, sampled: (1/m) Σ x x' over each window."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from tqdm import tqdm

from thermolinalg.backend import Array, namespace
from thermolinalg.measurement.observable import congruent
from thermolinalg.measurement.readout import Readout
from thermolinalg.products import squares
from thermolinalg.simulation.choice import choose_integrator, find_integrator
from thermolinalg.simulation.walk import walk
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class SecondMoment(Readout):
    """Averages of x x': values (count, n, n). Equals the covariance where the mean is zero.

    The state is sampled twice per relaxation time of the slowest mode: sampling faster costs the
    digital side more and narrows the error bar by less than a tenth.
    """

    per_relaxation: float = 2.0

    def correlation_rate(self, process: OU) -> float:
        return 2 * process.slowest  # x x' forgets twice as fast as x

    def numbers(self, process: OU, window: float) -> int:
        return process.n * self._samples(process, window)

    def windows(
        self, process: OU, x: Array, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        xp = namespace(x)
        samples = self._samples(process, window)
        integrator = find_integrator(choose_integrator(process), process)
        intervals = np.full(samples, window / samples)
        values = []
        for _ in tqdm(range(count), "measuring", delay=1, disable=None, leave=False):
            total = xp.zeros_like(process.A)
            for block in walk(process, x, intervals, integrator, rng):
                y = xp.reshape(block.y, (-1, process.n))
                total = total + squares(y)
                x, leave = block.last, block.step.leave
            # Out of the step's coordinates once a window, not once a sample.
            values.append(congruent(total, leave) / (samples * x.shape[0]))
        return xp.stack(values), x

    def _samples(self, process: OU, window: float) -> int:
        return max(1, math.ceil(window * process.slowest * self.per_relaxation))
