"""Mean and second moment of the same samples, about a point near the mean: no digit cancels."""

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
@dataclass(frozen=True, eq=False, slots=True)
class CenteredMoments(Readout):
    """Averages of u and uu', u = x - center: values (count, n + 1, n), that of u in the first row.

    Samples are taken twice per relaxation time of the slowest mode, as in `SecondMoment`; here the
    process may be driven.
    """

    center: Array  # (n,)
    per_relaxation: float = 2.0

    def correlation_rate(self, process: OU) -> float:
        return process.slowest

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
            first, second = xp.zeros_like(process.A[0, :]), xp.zeros_like(process.A)
            for block in walk(process, x, intervals, integrator, rng):
                u = xp.reshape(block.y - block.step.enter(self.center[None, :]), (-1, process.n))
                first, second = first + xp.sum(u, axis=0), second + squares(u)
                x, leave = block.last, block.step.leave
            # Out of the step's coordinates once a window, not once a sample.
            mean, moment = leave(first[None, :]), congruent(second, leave)
            values.append(xp.concat([mean, moment], axis=0) / (samples * x.shape[0]))
        return xp.stack(values), x

    def _samples(self, process: OU, window: float) -> int:
        return max(1, math.ceil(window * process.slowest * self.per_relaxation))
