"""Lagged products, sampled: how the state goes with the state some time before it."""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.moment import zeros
from thermolinalg.measurement.observable import congruent
from thermolinalg.measurement.observed import Observed
from thermolinalg.measurement.readout import Readout
from thermolinalg.measurement.sampled import Seen, coordinates_read, sampled
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.process import OU

ROUNDING = 1e-9
"""By how much of itself a window may fall short of whole lags."""


@final
@dataclass(frozen=True, slots=True)
class LaggedMoment(Readout):
    """Averages of x(s + lag) x(s)': values (count, n, n), the autocovariance about zero.

    The state is sampled `per_lag` times a lag, and a pair belongs to the window in which its later
    side falls; what a window has beyond whole samples goes unread. Memory is that of one lag and of
    a matrix for each window, however long that is.

    Args:
        lag: time between the sides of a pair, > 0.
        per_lag: samples in a lag.

    Raises:
        InvalidInput: the lag or the number of samples cannot be used.
    """

    lag: float
    per_lag: int = 1

    def __post_init__(self) -> None:
        checks.positive("lag", self.lag)
        checks.count("per_lag", self.per_lag)

    def correlation_rate(self, process: OU | Observed) -> float:
        # A product reaches over a lag, so it does not forget sooner than that.
        return min(2 * process.slowest, 1 / self.lag)

    def numbers(self, process: OU | Observed, window: float) -> int:
        return coordinates_read(process) * self._samples(window)

    def interval(self, process: OU | Observed) -> float:  # noqa: ARG002 (a lag's own)
        return self.lag / self.per_lag

    def windows(
        self, process: OU | Observed, x: Array, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Run on from states x (chains, n): values (count, n, n) of windows, and last states.

        Raises:
            InvalidInput: the window is shorter than the lag.
        """
        xp, n, lag = namespace(x), coordinates_read(process), self.per_lag
        samples = self._samples(window)
        values, pairs, tail = zeros(x, count, n, n), np.zeros(count), None
        for k, block in sampled(process, x, self.lag / lag, samples, count, rng):
            tail = _start(process, block.step, x, rng)[None, ...] if tail is None else tail
            y = xp.concat([tail, block.y])
            first = max(tail.shape[0], lag)  # of those that are new, the first with a partner
            later, earlier = y[first:, ...], y[first - lag : max(y.shape[0] - lag, 0), ...]
            values[k, ...] += xp.reshape(later, (-1, n)).T @ xp.reshape(earlier, (-1, n))
            pairs[k] += later.shape[0] * x.shape[0]
            tail = xp.asarray(y[max(y.shape[0] - lag, 0) :, ...], copy=True)
        for k in range(count):
            values[k, ...] = congruent(values[k, ...], block.step.leave) / float(pairs[k])
        return values, block.last

    def _samples(self, window: float) -> int:
        samples = int(window / self.lag * self.per_lag * (1 + ROUNDING))
        if samples < self.per_lag:
            raise InvalidInput(
                f"a window of {window:.3g} is shorter than the lag of {self.lag:.3g}: no pair fits "
                "in. Take longer windows."
            )
        return samples


def _start(
    process: OU | Clocked | Observed, step: Seen, x: Array, rng: np.random.Generator
) -> Array:
    """The first sample, taken where the run begins."""
    if isinstance(process, Clocked):
        return x[..., : process.network.n]
    return process.seen(x, rng) if isinstance(process, Observed) else step.enter(x)
