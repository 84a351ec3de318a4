"""What every step is once a run has come into its rhythm, in closed form."""

from dataclasses import dataclass
from typing import final

from tngd.timeline.contract import Durations, Overlap


@final
@dataclass(frozen=True, slots=True)
class Cycle:
    """A step in the middle of a long run.

    Args:
        seconds: from one step to the next.
        time: under its own problem before it is read, in units of RC.
        delay: t_d, under the same problem after that, in units of RC.
        stale: are gradients taken at parameters that lack the last update?
    """

    seconds: float
    time: float
    delay: float
    stale: bool


def steady_cycle(durations: Durations, overlap: Overlap = Overlap()) -> Cycle:
    """The step that is repeated for these durations.

    The state is sampled where a reading begins, so that the reading is part of the delay. A
    pipelined device is read when the next gradient is there, which may be after `time`.
    """
    d, rc = durations, durations.time_constant
    digital = d.gradient + d.update
    during_upload = d.upload if overlap.buffered else 0.0
    transfers = d.upload + d.read
    if overlap.mode == "pipelined":
        relaxing = max(digital, d.relaxation)
        time = max(digital / rc, d.time)
        return Cycle(relaxing + transfers, time, (d.read + during_upload) / rc, stale=True)
    seconds = digital + transfers + d.relaxation
    if overlap.mode == "synchronous":
        return Cycle(seconds, d.time, 0.0, stale=False)
    return Cycle(seconds, d.time, (d.read + digital + during_upload) / rc, stale=False)


def effective_delay(durations: Durations, overlap: Overlap = Overlap()) -> float:
    """t_d in units of RC: the `delay` of `TNGD(start="carried", delay=...)`."""
    return steady_cycle(durations, overlap).delay
