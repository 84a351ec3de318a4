"""Times of contenders that take turns, so that all meet the same weather.

Threads of one library wait in a loop for a while after its last product, and slow the next library
down; so each turn starts with a rest. What follows on a rest is slow for another reason: caches are
cold and threads asleep. Training repeats the same work at once, so a turn repeats it too, after one
run that is not counted.
"""

import time
from collections.abc import Callable, Mapping

REST = 0.25
"""Seconds before a turn."""

BURST = 0.1
"""Seconds that a turn goes on for, one run at least."""


def in_turns(tasks: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Seconds of every run that counts, by the names of the tasks."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(turns):
        for name, task in tasks.items():
            time.sleep(REST)
            task()
            seconds[name] += _burst(task)
    return seconds


def _burst(task: Callable[[], object]) -> list[float]:
    runs: list[float] = []
    while sum(runs) < BURST:
        started = time.perf_counter()
        task()
        runs.append(time.perf_counter() - started)
    return runs
