"""A comparison in numbers: one row a contender."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from tngd.experiments.comparison import Comparison, Tuned
from tngd.experiments.trial import Look, Trial


@final
@dataclass(frozen=True, slots=True)
class Row:
    """A contender's reported runs, summed up. Spreads are sample standard deviations over seeds."""

    name: str
    system: str  # as `optimizer` calls it
    knobs: str
    rate: float
    at_edge: bool
    test_accuracy: float
    test_spread: float
    test_loss: float
    train_loss: float
    reached: int  # runs that reached the target validation accuracy
    runs: int
    diverged: int
    steps_to_target: float  # medians, where a run that missed it took for ever; then NaN
    seconds_to_target: float
    steps: int  # of a whole run
    step_seconds: float  # median wall time of a step
    device_seconds: float  # modelled, a whole run
    device_step_seconds: float  # modelled, mean of the steps that used the device


def summarise(comparison: Comparison) -> list[Row]:
    """One row for each contender, in order."""
    return [_row(result, comparison.target) for result in comparison.results]


def _row(result: Tuned, target: float) -> Row:
    trials = result.trials
    accuracies = [trial.test_accuracy for trial in trials]
    return Row(
        name=result.contender.name,
        system=result.contender.called,
        knobs=result.contender.describe(),
        rate=result.rate,
        at_edge=result.at_edge,
        test_accuracy=statistics.fmean(accuracies),
        test_spread=statistics.stdev(accuracies) if len(accuracies) > 1 else math.nan,
        test_loss=_mean(trials, lambda trial: trial.test_loss),
        train_loss=_mean(trials, lambda trial: trial.train_loss),
        reached=sum(trial.reach(target) is not None for trial in trials),
        runs=len(trials),
        diverged=sum(trial.diverged for trial in trials),
        steps_to_target=_median_to(target, trials, lambda look: look.step),
        seconds_to_target=_median_to(target, trials, lambda look: look.seconds),
        steps=max(len(trial.losses) for trial in trials),
        step_seconds=statistics.median(second for trial in trials for second in trial.seconds),
        device_seconds=_mean(trials, lambda trial: trial.device_seconds),
        device_step_seconds=_device_step(trials),
    )


def _device_step(trials: Sequence[Trial]) -> float:
    """Of the steps taken: where the loss is no number, none is, and the run ends."""
    taken = sum(math.isfinite(loss) for trial in trials for loss in trial.losses)
    return sum(trial.device_seconds for trial in trials) / max(1, taken)


def _mean(trials: Sequence[Trial], value: Callable[[Trial], float]) -> float:
    return statistics.fmean(value(trial) for trial in trials)


def _median_to(target: float, trials: Sequence[Trial], value: Callable[[Look], float]) -> float:
    looks = [trial.reach(target) for trial in trials]
    middle = statistics.median(math.inf if look is None else value(look) for look in looks)
    return middle if math.isfinite(middle) else math.nan


HEADINGS = (
    "optimizer", "rate", "test accuracy %", "training loss", "steps to target", "wall s to target",
    "ms a step", "device s (modelled)",
)  # fmt: skip


def cells(row: Row) -> tuple[str, ...]:
    """The row as text, under HEADINGS."""
    return (
        row.name,
        f"{row.rate:g}" + ("*" if row.at_edge else ""),
        f"{100 * row.test_accuracy:.2f} ± {100 * row.test_spread:.2f}".replace(" ± nan", ""),
        f"{row.train_loss:.4f}" + (f" ({row.diverged} diverged)" if row.diverged else ""),
        _number(row.steps_to_target, "g") + _of_all(row),
        _number(row.seconds_to_target, ".2f"),
        f"{1e3 * row.step_seconds:.2f}",
        f"{row.device_seconds:.3g}" if row.device_seconds else "-",
    )


def _number(value: float, form: str) -> str:
    return "not reached" if math.isnan(value) else format(value, form)


def _of_all(row: Row) -> str:
    """How many runs reached the target, unless all did."""
    return "" if row.reached == row.runs else f" ({row.reached}/{row.runs})"


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    lines = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
