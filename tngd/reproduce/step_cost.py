"""What a step costs: seconds of the clock and of the processor, and bytes at its peak."""

import statistics
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any, NamedTuple, final

import numpy as np

from tngd.curvature.ggn import GGN
from tngd.linsolve.factored import Factored
from tngd.objective import Objective
from tngd.optimizers.contract import Optimizer, State
from tngd.optimizers.systems import TNGD


class Seconds(NamedTuple):
    """Of one run, by two clocks; others on the machine lengthen the wall's, not the processor's."""

    wall: float
    processor: float


@final
@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is run for its time: `most` times, or fewer if seconds run out first."""

    most: int
    seconds: float

    def times(self, work: Callable[[], object]) -> list[Seconds]:
        """Of each run, at least one."""
        times: list[Seconds] = []
        while len(times) < self.most and sum(each.wall for each in times) < self.seconds:
            times.append(timed(work))
        return times


@final
class Walk:
    """Steps one after the other from the same parameters, in the second epoch of a training.

    What an optimizer learns in a first epoch it has learnt then. Nothing that a step finds out
    about the batch is kept for the next.
    """

    def __init__(self, made: Optimizer, at: Objective) -> None:
        self.made, self.at, self.rng = made, at, np.random.default_rng(0)
        self.state = State()
        self._step(0)
        self._step(1)

    def __call__(self) -> None:
        self._step(1)

    def _step(self, epoch: int) -> None:
        at = Objective(self.at.network, self.at.loss, self.at.params, self.at.x, self.at.y,
                       epoch=epoch)  # fmt: skip
        self.state = self.made.step(at, self.state, self.rng).state

    @property
    def period(self) -> int:
        """Steps after which costs repeat: with K-FAC from one inversion to the next."""
        solver = getattr(self.made.direction, "solver", None)
        return solver.every if isinstance(solver, Factored) else 1

    def seconds(self, patience: Patience) -> Seconds:
        """Of a step: the mean over a period, or the median where all steps cost the same."""
        if self.period > 1:
            times = [timed(self) for _ in range(self.period)]
            return Seconds(*(statistics.fmean(clock) for clock in zip(*times, strict=True)))
        return median(patience.times(self))


def digital_side(at: Objective) -> Callable[[], Any]:
    """What a computer does in a step of TNGD on a device: the gradient, and the rows to upload."""

    def work() -> Any:
        fresh = Objective(at.network, at.loss, at.params, at.x, at.y)
        return fresh.gradient, GGN().at(fresh).rows

    return work


def device_seconds(at: Objective, time: float) -> float:
    """Modelled upload, relaxation over this time, and read-out of one step of TNGD."""
    made = TNGD(time=time)
    return made.step(at, State(), np.random.default_rng(0)).cost.device_seconds


def timed(work: Callable[[], object]) -> Seconds:
    """One run."""
    wall, processor = perf_counter(), process_time()
    work()
    return Seconds(perf_counter() - wall, process_time() - processor)


def median(times: list[Seconds]) -> Seconds:
    """Of each clock."""
    return Seconds(*(statistics.median(clock) for clock in zip(*times, strict=True)))


def peak(work: Callable[[], Any]) -> int:
    """Bytes that were allocated at once, beyond what there was before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = work()
        most = tracemalloc.get_traced_memory()[1]
        del kept
    finally:
        tracemalloc.stop()
    return most - before
