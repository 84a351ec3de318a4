"""One run, two answers: the mean and the covariance of a network at rest, each with its error bar.

A covariance about a mean that is measured too is no average of windows by itself. With m_k and S_k
the averages of u = x - center and of uu' over window k, m the mean of the m_k,

    C_k = S_k - m_k m' - m m_k' + mm' + V,    V the measured covariance of m,

average to the covariance without bias, and their spread is its error (to first order in 1/time).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device
from thermolinalg.measurement.observed import Observed
from thermolinalg.solvers.baseline import Digital
from thermolinalg.solvers.budget import BIAS, Target, burn_in, correction, joined
from thermolinalg.solvers.estimate import KEPT
from thermolinalg.solvers.reading import Reading
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, eq=False, slots=True)
class Twofold:
    """A network, and how the answers are read off the mean and the covariance of its rest.

    `mean` and `cov` take windows (K, n) and (K, n, n), each by itself, and the first is affine, the
    second linear plus a constant. `least` is a lower bound on |cov|.
    """

    name: str
    process: OU | Observed
    mean: Callable[[Array], Array]
    cov: Callable[[Array], Array]
    least: float
    baselines: tuple[Callable[[Array], Digital], Callable[[Array], Digital]]

    def designed(self, device: Device) -> "Twofold":
        """The same as it moves on a device as it was designed, by which a run is planned."""
        assert not isinstance(self.process, Observed), "a device is chosen once"
        process: Any = device.nominal(self.process)
        return self if process is self.process else replace(self, process=process)

    @property
    def rate(self) -> float:
        """Relaxation rate of the slowest mode."""
        return self.process.slowest

    def burn_in(self, goal: Target) -> float:
        """Until the start at 0 is forgotten, by the mean and by the covariance, twice as fast.

        The spread of the rest is at least that of its slowest mode, slowest^{-1/2}.
        """
        moving: Any = self.process.process if isinstance(self.process, Observed) else self.process
        drive = float(namespace(moving.b).sum(moving.b**2)) ** 0.5
        near = Target(0.0, goal.rtol / math.sqrt(self.rate), goal.confidence)
        return max(burn_in(near, self.rate, drive / self.rate), burn_in(goal, 2 * self.rate, 1.0))


class Sight(NamedTuple):
    """What a stretch of the run says of both answers, and a better center."""

    mean: Reading
    cov: Reading
    trace: Reading  # of the covariance
    center: Array
    windows: tuple[Array, Array] | None = None  # of both, while they are few

    @staticmethod
    def of(program: Twofold, values: Array, center: Array, window: float, alone: bool) -> "Sight":
        """Of windows (K, n + 1, n) of centered moments; `alone`: no two of one run."""
        xp, K, rate = namespace(values), values.shape[0], program.rate
        one, two = (1.0, 1.0) if alone else (correction(rate, window), correction(2 * rate, window))
        m, S = values[:, 0, :], values[:, 1:, :]
        mean = xp.mean(m, axis=0)
        stray = m - mean
        V = stray.T @ stray * (one / (K * (K - 1)))
        cross = m[:, :, None] * mean
        C = S - cross - xp.matrix_transpose(cross) + mean[:, None] * mean + V
        means, covs = program.mean(center + m), program.cov(C)
        few = math.prod(covs.shape) <= KEPT
        return Sight(
            mean=Reading.of(means, window, one),
            cov=Reading.of(covs, window, two),
            trace=Reading.of(xp.linalg.trace(covs), window, two),
            center=center + mean,
            windows=(means, covs) if few else None,
        )

    @staticmethod
    def joined(sights: Sequence["Sight"], program: Twofold, K: int) -> "Sight | None":
        """Of stretches that follow each other, each with the weight of its time; None of none."""
        means, covs, traces, centers, _ = zip(*sights, strict=True) if sights else ((),) * 5
        mean = joined(means, program.rate, K)
        cov, trace = (joined(some, 2 * program.rate, K) for some in (covs, traces))
        return Sight(mean, cov, trace, centers[-1]) if mean and cov and trace else None

    @property
    def time(self) -> float:
        """How long was read."""
        return self.mean.time

    @property
    def spread(self) -> tuple[float, float]:
        """The root of the trace of the covariance: as measured, and two error bars below."""
        trace = max(float(self.trace.mean), 0.0)
        least = max(trace - 2 * self.trace.error, trace / 10)
        return math.sqrt(trace), math.sqrt(least)

    def reaches(self, confidence: float) -> tuple[float, float]:
        """The errors of both that a run as long exceeds with 1 - confidence only."""
        return self.mean.reach(confidence), self.cov.reach(confidence)

    def excess(self, goal: Target, least: float) -> float:
        """How many times larger than wanted the worse error of a run as long may be."""
        norm = max(self.cov.norm - 2 * self.cov.error, self.cov.norm / 10, least)
        wanted = goal.rtol * (1 - BIAS) * self.spread[1], goal.wanted(norm) * (1 - BIAS)
        ratios = zip(self.reaches(goal.confidence), wanted, strict=True)
        return max(reach / error if error else math.inf for reach, error in ratios)
