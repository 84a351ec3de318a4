"""What fine-tuning runs say: a table, and sentences that follow its numbers."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tngd.reproduce.bench import Bench
from tngd.reproduce.contract import Done, Numbers
from tngd.reproduce.entry import Entry, flat_rate
from tngd.reproduce.intervals import interval
from tngd.reproduce.questions import answer
from tngd.reproduce.tables import column, markdown

HEADINGS = (
    "optimizer", "knobs", "training loss, mean over all steps", "training loss at the end",
    "held-out loss", "exact match %", "F1 %", "seconds to target", "device ms to target",
    "ms a step", "device ms a step", "flat-mode rate",
)  # fmt: skip

LOSS, TEST_LOSS, EXACT, F1, SECONDS, DEVICE = 1, 2, 3, 4, 5, 6
"""Places in the record of an epoch."""


def findings(
    bench: Bench,
    done: Sequence[Done],
    body: Numbers,
    questions: Sequence[Mapping[str, Any]],
    reference: str,
) -> str:
    """Markdown."""
    runs = {name: bench.runs(entry, done) for name, entry in bench.entries.items()}
    targets = [run["epochs"][-1][LOSS] for run in runs[reference]]
    rows = [_row(bench, entry, done, targets) for entry in bench.entries.values()]
    answers = [f"- {answer(question, runs, 0.0)}" for question in questions]
    reading = (
        f"± are 95 % intervals of the mean over {bench.seeds} seeds, each with its own start, "
        "order and dropout; body and questions are the same. Losses at the end and held-out ones "
        f"are without dropout. Knobs that come first in a row were tuned, if any were, by "
        f"{bench.trials} draws of {bench.tuning_epochs} epochs, judged by the loss on the "
        "validation questions (a star: best at the edge of its range). Target is the training loss "
        f"of {reference} in its last epoch, seed by seed. Seconds are measured, those of "
        "thermodynamic entries while the device is simulated; device ms are modelled: upload, "
        "relaxation, read-out. The flat-mode rate is what a step multiplies the gradient by where "
        "there is no curvature."
    )
    parts = [_body(body), _asked(body), _untrained(runs, body), markdown([HEADINGS, *rows])]
    return "\n\n".join([*filter(None, parts), reading, "\n".join(answers)])


def _body(body: Numbers) -> str:
    """How far the pretraining came."""
    if "loss" not in body:
        return ""
    gain = body["loss_by_frequency"] - body["loss"]
    word = "better" if gain > 0 else "worse"
    return (
        f"The body, with its head to guess words, has {body['parameters']} parameters, and learnt "
        f"from {body['tokens']} tokens in {body['steps']} steps. Of hidden tokens in text that it "
        f"had not seen it guesses {100 * body['right']:.1f} % and loses {body['loss']:.2f} nats a "
        f"token, {abs(gain):.2f} {word} than guessing by frequency, which loses "
        f"{body['loss_by_frequency']:.2f} and guesses {100 * body['right_by_frequency']:.1f} %."
    )


def _asked(body: Numbers) -> str:
    used = body["train"] + body["test"] + body["validation"]
    return (
        f"Of {body['asked']} questions {used} are used: {body['train']} to train on, "
        f"{body['test']} held out, {body['validation']} to tune by. No paragraph is in two of "
        "these parts. The others are left out: their answer is whole in no window, or the "
        f"part of their paragraph was full. {body['trains']} numbers train. A row shows "
        f"{body['readable']:.1f} tokens of the context in the mean, which hold the answer: longer "
        "contexts are cut to windows."
    )


def _untrained(runs: Mapping[str, Sequence[Numbers]], body: Numbers) -> str:
    """Of what the numbers are to be judged by."""
    starts = [run["epochs"][0] for run in next(iter(runs.values()))]
    loss, exact, f1 = (interval([s[place] for s in starts]) for place in (TEST_LOSS, EXACT, F1))
    ends = {name: column(each, "test_loss") for name, each in runs.items()}
    better = [name for name, end in ends.items() if end.mean < body["guessing"]]
    said = f"{', '.join(better)} do" if better else "nobody does"
    return (
        f"Before fine-tuning the held-out loss is {loss.says()}, with {exact.says(digits=1)} % "
        f"exact matches and an F1 of {f1.says(digits=1)} %. Even guessing among the tokens of the "
        f"context loses {body['guessing']:.2f}. Better than that in the mean: {said}."
    )


def _row(
    bench: Bench, entry: Entry, done: Sequence[Done], targets: Sequence[float]
) -> tuple[str, ...]:
    runs, knobs = bench.runs(entry, done), bench.knobs(entry, done) or {}
    flat = flat_rate(entry.make(knobs))
    device = statistics.fmean(run["device_seconds"] / run["steps"] for run in runs)
    mean = interval([statistics.fmean(run["losses"]) for run in runs])
    lost = sum(run["diverged"] for run in runs)
    return (
        entry.name,
        ", ".join(_knobs(bench, entry, knobs)),
        mean.says(digits=3),
        column(runs, "train_loss").says(digits=3) + (f" ({lost} diverged)" if lost else ""),
        column(runs, "test_loss").says(digits=3),
        column(runs, "exact").says(digits=1),
        column(runs, "f1").says(digits=1),
        to_target(runs, targets, SECONDS),
        to_target(runs, targets, DEVICE, 1e3) if device else "-",
        f"{1e3 * statistics.median(run['step_seconds'] for run in runs):.1f}",
        f"{1e3 * device:.3g}" if device else "-",
        "-" if flat is None else f"{flat:.3g}",
    )


def to_target(
    runs: Sequence[Numbers], targets: Sequence[float], place: int, scale: float = 1.0
) -> str:
    """The median over seeds of a number at the first epoch whose loss is at the target."""
    reached = [
        next((epoch[place] for epoch in run["epochs"] if epoch[LOSS] <= target), math.inf)
        for run, target in zip(runs, targets, strict=True)
    ]
    middle, came = statistics.median(reached), sum(map(math.isfinite, reached))
    share = "" if came == len(runs) else f" ({came}/{len(runs)})"
    return (f"{scale * middle:.3g}" if math.isfinite(middle) else "not reached") + share


def _knobs(bench: Bench, entry: Entry, knobs: Mapping[str, float]) -> Iterator[str]:
    edges = bench.at_edge(entry, knobs) if entry.ranges else []
    for knob, value in knobs.items():
        yield f"{knob} {value:g}" + ("*" if knob in edges else "")
    for knob, value in entry.fixed.items():
        yield f"{knob} {value}"
