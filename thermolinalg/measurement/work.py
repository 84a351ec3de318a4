"""Work, streamed: its mean, and by Jarzynski's equality the free energy that it pays for.

F2 - F1 = -T ln⟨e^{-W/T}⟩ (Jarzynski 1997), however fast the system is driven, over works of runs
that begin at rest. The average is kept as that of e^{-(W - floor)/T} - 1, where the floor is the
least work: nothing overflows, and works that hardly differ from each other keep their digits.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, to_numpy
from thermolinalg.errors import ShapeMismatch
from thermolinalg.measurement.observable import Observable

FEW = 10
"""So few effective works leave their average to chance, and its error bar too."""


@final
@dataclass(frozen=True, slots=True)
class FreeEnergy:
    """What `Work` says, in the units of energy of the works. NaN is what is not known.

    `stderr` is of `difference`, by the delta method: honest where `effective` is large and
    e^{-2W/T} has an average at all, which it may not have where a stiff potential is let go at
    once. `effective` is the number of works that carry the exponential average, (Σ w)²/Σ w² for
    w = e^{-W/T} (Kish).
    """

    works: int
    mean: float
    variance: float
    difference: float  # F2 - F1
    stderr: float
    effective: float
    temperature: float

    @property
    def dissipated(self) -> float:
        """Mean work less the free energy: 0 or more, but for chance."""
        return self.mean - self.difference

    @property
    def bias(self) -> float:
        """What few works add to `difference` on average, to first order: stderr²/2T.

        Of Zuckerman and Woolf (2002). Where it is not small, neither is the next order.
        """
        return self.stderr**2 / 2 / self.temperature

    @property
    def dominated(self) -> bool:
        """Do fewer than ten works carry the average? The difference is then too high, as a rule."""
        return self.effective < min(FEW, self.works)

    def __repr__(self) -> str:
        warning = ": TOO FEW, drive slower or run more" if self.dominated else ""
        return (
            f"FreeEnergy({self.difference:.6g} ± {self.stderr:.2g} from {self.works} works, mean "
            f"{self.mean:.6g}, effective {self.effective:.3g}{warning})"
        )


@final
@dataclass(frozen=True, slots=True)
class Works:
    """Count, mean and scatter of works; and of e^{-(W - floor)/T} - 1."""

    count: int
    mean: float
    scatter: float
    floor: float
    gain: float  # the mean of e^{-(W - floor)/T} - 1, from -1 to 0
    spread: float  # its scatter


@final
@dataclass(frozen=True, slots=True)
class Work(Observable[Works]):
    """The works of a driven process, such as `Ramp.work`, and the free energy: a `FreeEnergy`.

    Feed it works (k,) by `update`; records merge exactly, across batches and machines.

    Args:
        temperature: of the bath, in units of energy.

    Raises:
        InvalidInput: the temperature is not positive.
    """

    temperature: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", checks.positive("temperature", self.temperature))

    def init(self, like: Array = None) -> Works:  # noqa: ARG002 (works are plain numbers)
        return Works(0, 0.0, 0.0, math.inf, 0.0, 0.0)

    def update(self, record: Works, samples: Array) -> Works:
        W = to_numpy(checks.real_array("works", samples)).astype(float)
        if W.ndim != 1:
            raise ShapeMismatch(f"works have shape {W.shape}; one number per run, (k,), is needed.")
        if not W.size:
            return record
        floor = float(W.min())
        excess = np.expm1((floor - W) / self.temperature)
        moments = (float(part) for x in (W, excess) for part in _mean_and_scatter(x))
        mean, scatter, gain, spread = moments
        return self.merge(record, Works(W.size, mean, scatter, floor, gain, spread))

    def merge(self, one: Works, other: Works) -> Works:
        count = one.count + other.count
        if not (one.count and other.count):
            return one if one.count else other
        floor = min(one.floor, other.floor)
        (a, first), (b, second) = (self._above(record, floor) for record in (one, other))
        weight = other.count / count
        across, gap, step = one.count * weight, other.mean - one.mean, b - a
        return Works(
            count,
            one.mean + weight * gap,
            one.scatter + other.scatter + across * gap * gap,
            floor,
            a + weight * step,
            first + second + across * step * step,
        )

    def _above(self, record: Works, floor: float) -> tuple[float, float]:
        """Gain and spread above a lower floor."""
        lift = math.expm1((floor - record.floor) / self.temperature)
        return record.gain + lift + lift * record.gain, record.spread * (1 + lift) ** 2

    def leave(self, record: Works, leave: Callable[[Array], Array]) -> Works:  # noqa: ARG002
        """The same record: work is one number in all coordinates."""
        return record

    def value(self, record: Works) -> FreeEnergy:
        T, m, nan = self.temperature, record.count, math.nan
        if not m:
            return FreeEnergy(0, nan, nan, nan, nan, 0.0, T)
        average = 1 + record.gain  # at least 1/m: the least work counts as 1
        difference = record.floor - T * math.log1p(record.gain)
        effective = m / (1 + record.spread / m / average**2)
        if m == 1:
            return FreeEnergy(1, record.mean, nan, difference, nan, effective, T)
        stderr = T * math.sqrt(record.spread / (m - 1) / m) / average
        variance = record.scatter / (m - 1)
        return FreeEnergy(m, record.mean, variance, difference, stderr, effective, T)


def _mean_and_scatter(x: np.ndarray) -> tuple[float, float]:
    mean = x.mean()
    return mean, ((x - mean) ** 2).sum()
