"""Discrete events: jobs that wait for machines and for one another, and a queue of their ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TypeAlias, final

from tngd.timeline.contract import Kind, Machine

Name: TypeAlias = tuple[Kind, int]
"""What is done, and for which step."""


@final
@dataclass(frozen=True, slots=True)
class Job:
    """Something that keeps machines busy for a while, once other jobs are done."""

    kind: Kind
    step: int
    seconds: float
    machines: tuple[Machine, ...]
    after: tuple[Name, ...] = ()

    @property
    def name(self) -> Name:
        """Unique among the jobs of a run."""
        return self.kind, self.step


def run_jobs(jobs: Sequence[Job]) -> dict[Name, float]:
    """When each job begins: as soon as it can; of two that could, the first in the list."""
    begins: dict[Name, float] = {}
    done: set[Name] = set()
    busy: set[Machine] = set()
    waiting = list(jobs)
    ends: list[tuple[float, int, Job]] = []
    now = 0.0
    while True:
        for job in tuple(waiting):
            if done.issuperset(job.after) and busy.isdisjoint(job.machines):
                waiting.remove(job)
                busy.update(job.machines)
                begins[job.name] = now
                heappush(ends, (now + job.seconds, len(begins), job))
        if not ends:
            return begins
        now, _, ended = heappop(ends)
        busy.difference_update(ended.machines)
        done.add(ended.name)
