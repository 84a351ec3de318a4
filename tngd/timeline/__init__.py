"""When the digital machine and the device of TNGD do what, and what that means for training.

    how long things take  ->  who may overlap  ->  what happens  ->  what training sees
    Durations,                Overlap              simulate_         steady_cycle,
    durations_of                                   timeline          on_timeline

Durations are in seconds, analog times in units of RC.
"""

from tngd.timeline.contract import Activity, Durations, Overlap, Timeline
from tngd.timeline.cycle import Cycle, effective_delay, steady_cycle
from tngd.timeline.picture import plot_timeline
from tngd.timeline.simulation import simulate_timeline
from tngd.timeline.stale import Stale
from tngd.timeline.training import durations_of, on_timeline

__all__ = [  # in the order of the arrows above
    "Durations", "durations_of", "Overlap",
    "Activity", "Timeline", "simulate_timeline", "plot_timeline",
    "Cycle", "steady_cycle", "effective_delay", "Stale", "on_timeline",
]  # fmt: skip
