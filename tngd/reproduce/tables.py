"""Tables and sentences of training runs, made from their numbers alone."""

import math
import statistics
from collections.abc import Iterator, Sequence

from tngd.reproduce.bench import Bench
from tngd.reproduce.contract import Done, Numbers
from tngd.reproduce.entry import Entry, flat_rate
from tngd.reproduce.intervals import Interval, interval

HEADINGS = (
    "optimizer", "knobs", "test accuracy %", "training loss", "steps to target",
    "seconds to target", "ms a step", "device ms a step", "flat-mode rate",
)  # fmt: skip


def training_table(bench: Bench, done: Sequence[Done], target: float) -> str:
    """A row an entry; ± are 95 % intervals of the mean over seeds."""
    rows = [_row(bench, entry, done, target) for entry in bench.entries.values()]
    return markdown([HEADINGS, *rows])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table, its first row the headings."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _row(bench: Bench, entry: Entry, done: Sequence[Done], target: float) -> tuple[str, ...]:
    runs, knobs = bench.runs(entry, done), bench.knobs(entry, done) or {}
    flat = flat_rate(entry.make(knobs))
    device = statistics.fmean(run["device_seconds"] / max(1, run["steps"]) for run in runs)
    return (
        entry.name,
        ", ".join(_knobs(bench, entry, knobs)),
        column(runs, "test").says(100),
        column(runs, "train_loss").says(digits=4) + _lost(runs),
        _to_target(runs, target, 0, "g"),
        _to_target(runs, target, 2, ".3g"),
        f"{1e3 * statistics.median(run['step_seconds'] for run in runs):.1f}",
        f"{1e3 * device:.3g}" if device else "-",
        "-" if flat is None else f"{flat:.3g}",
    )


def _lost(runs: Sequence[Numbers]) -> str:
    """How many runs did not end well."""
    refused = sum("refusal" in run for run in runs)
    diverged = sum(run["diverged"] for run in runs) - refused
    told = [(refused, "refused"), (diverged, "diverged")]
    return "".join(f" ({count} {word})" for count, word in told if count)


def _knobs(bench: Bench, entry: Entry, knobs: dict[str, float]) -> Iterator[str]:
    """What was tuned comes first; a star marks a value at the edge of its range."""
    edges = bench.at_edge(entry, knobs) if entry.ranges else []
    for knob, value in knobs.items():
        if knob not in entry.fixed:
            yield f"{knob} {value:g}" + ("*" if knob in edges else "")
    for knob, value in entry.fixed.items():
        yield f"{knob} {value}"


def column(runs: Sequence[Numbers], name: str) -> Interval:
    """The mean of a number over the runs."""
    return interval([run[name] for run in runs])


def steps_to(run: Numbers, target: float, place: int = 0) -> float:
    """Steps (or another number of a look, by its place) until the target was seen; or infinity."""
    return next((look[place] for look in run["looks"] if look[1] >= target), math.inf)


def _to_target(runs: Sequence[Numbers], target: float, place: int, form: str) -> str:
    reached = [steps_to(run, target, place) for run in runs]
    middle, came = statistics.median(reached), sum(map(math.isfinite, reached))
    share = "" if came == len(runs) else f" ({came}/{len(runs)})"
    return (format(middle, form) if math.isfinite(middle) else "not reached") + share
