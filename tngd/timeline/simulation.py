"""Steps of TNGD on two clocks: which job waits for which, and what a machine does in between."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from thermolinalg import checks
from tngd.timeline.contract import Activity, Durations, Kind, Machine, Overlap, Timeline
from tngd.timeline.events import Job, Name, run_jobs

BOTH: tuple[Machine, ...] = ("digital", "device")
DIGITAL: tuple[Machine, ...] = ("digital",)
DEVICE: tuple[Machine, ...] = ("device",)


def simulate_timeline(
    durations: Durations, overlap: Overlap = Overlap(), *, steps: int = 3
) -> Timeline:
    """What both machines do in the first steps of a run, event by event.

    Raises:
        InvalidInput: steps is no integer above 0.
    """
    steps = checks.count("steps", steps)
    jobs = [job for step in range(1, steps + 1) for job in _step(durations, overlap, step, steps)]
    begins = run_jobs(jobs)
    end = max(begins[job.name] + job.seconds for job in jobs)
    activities = [
        activity
        for machine in BOTH
        for activity in _joined(_lane(machine, jobs, begins, end, overlap))
    ]  # fmt: skip
    return Timeline(durations, overlap, steps, tuple(activities))


def _step(d: Durations, overlap: Overlap, k: int, last: int) -> Iterator[Job]:
    """The jobs of step k, each with what it needs."""
    waits = overlap.mode == "synchronous"
    writes = DIGITAL if overlap.buffered else BOTH
    first, final = k == 1, k == last
    if overlap.mode == "pipelined":
        known = () if first else (("upload", k - 1), *(() if k == 2 else (("update", k - 2),)))
        ready = () if final else (("gradient", k + 1),)
        spare = () if final else (("upload", k + 1),)
    else:
        known, ready, spare = () if first else (("update", k - 1),), (), ()
    yield Job("gradient", k, d.gradient, DIGITAL, known)
    free = () if first else (("read", k - 1),)
    yield Job("upload", k, d.upload, writes, (("gradient", k), *free))
    yield Job("relax (new problem)", k, d.relaxation, DEVICE, (("upload", k),))
    settled: Name = ("relax (new problem)", k)
    yield Job("read", k, d.read, BOTH if waits else DIGITAL, (settled, *ready))
    yield Job("update", k, d.update, DIGITAL, (("read", k), *spare))


def _lane(
    machine: Machine, jobs: list[Job], begins: dict[Name, float], end: float, overlap: Overlap
) -> Iterator[Activity]:
    """One machine's jobs in order of time, with what it does between them."""
    own = sorted(
        (
            Activity(job.kind, machine, begins[job.name], begins[job.name] + job.seconds, job.step)
            for job in jobs
            if machine in job.machines
        ),
        key=lambda each: (each.begin, each.end),
    )
    edges = (Activity("idle", machine, 0.0, 0.0, 0), *own, Activity("idle", machine, end, end, 0))
    for before, after in pairwise(edges):
        if before.step:
            yield before
        if after.begin > before.end:
            yield from _between(before, after.begin, begins, overlap)


def _between(
    before: Activity, end: float, begins: dict[Name, float], overlap: Overlap
) -> Iterator[Activity]:
    """A machine that is left alone: a device that need not wait goes on under what it holds."""
    machine, begin, step = before.machine, before.end, before.step
    if machine == "digital" or overlap.mode == "synchronous" or not step:
        yield Activity("idle", machine, begin, end, step)
        return
    reading = min(end, begins["read", step])
    pieces: tuple[tuple[Kind, float, float], ...] = (
        ("relax (new problem)", begin, reading),
        ("relax (old problem)", reading, end),
    )
    yield from (Activity(kind, machine, a, b, step) for kind, a, b in pieces if b > a)


def _joined(activities: Iterator[Activity]) -> Iterator[Activity]:
    """As one activity what goes on as before."""
    last = next(activities)
    for each in activities:
        if (each.kind, each.step) == (last.kind, last.step):
            last = replace(last, end=each.end)
        else:
            yield last
            last = each
    yield last
