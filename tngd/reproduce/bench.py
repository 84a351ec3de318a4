"""Training runs of many entries in one setting: tuned alike, then run with fresh seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, final

import numpy as np

import models
from models.network import Network
from thermolinalg.errors import DoesNotFit, InvalidInput
from thermolinalg.streams import Streams
from tngd.data.dataset import Dataset
from tngd.data.digits import load_digits
from tngd.data.mnist import load_mnist
from tngd.experiments.trial import Setting, Trial, run_trial
from tngd.reproduce.contract import Case, Done, Numbers
from tngd.reproduce.entry import Entry
from tngd.reproduce.search import draws

POINTS = 80
"""Points of a curve that is kept."""


@final
@dataclass(frozen=True, slots=True)
class Bench:
    """Entries, and the setting that they meet in.

    Args:
        entries: by name.
        data: "mnist" or "digits".
        network: "lenet" or "mlp".
        train: images to train on; 0 takes all.
        batch: images in a batch.
        epochs: of a reported run.
        seeds: reported runs of each.
        trials: draws of the searched knobs, the same number for each entry that has some.
        tuning_epochs: of a run that tunes.
        looks: times an epoch at which the validation set is looked at.
        seed: of everything.
    """

    entries: Mapping[str, Entry]
    data: str
    network: str
    train: int
    batch: int
    epochs: int
    seeds: int
    trials: int
    tuning_epochs: int
    looks: int
    seed: int

    def cases(self, done: Sequence[Done]) -> list[Case]:
        """Tuning runs, and the reported runs of everyone whose knobs are known."""
        tuning = [case for entry in self.entries.values() for case in self._tuning(entry)]
        reported = []
        for entry in self.entries.values():
            knobs = self.knobs(entry, done)
            if knobs is not None:
                reported += [self._case("run", entry, knobs, k) for k in range(self.seeds)]
        return [*tuning, *reported]

    def knobs(self, entry: Entry, done: Sequence[Done]) -> dict[str, Any] | None:
        """Its tuned knobs, or those of whom it is like; None while they are not known.

        Best is the highest accuracy on the validation set, then the lowest loss.
        """
        tuned = self.entries[entry.like] if entry.like else entry
        runs = [d for d in done if _is(d, "tuning", tuned)]
        if len(runs) < len(self._tuning(tuned)):
            return None
        if not runs:
            return {}
        best = max(runs, key=lambda d: (not d.numbers["diverged"], d.numbers["validation"],
                                        -d.numbers["validation_loss"]))  # fmt: skip
        return dict(best.case["knobs"])

    def runs(self, entry: Entry, done: Sequence[Done]) -> list[Numbers]:
        """What came of its reported runs, in the order of the seeds."""
        return [d.numbers for d in done if _is(d, "run", entry)]

    def at_edge(self, entry: Entry, knobs: Mapping[str, Any]) -> list[str]:
        """Knobs that are best in the first or last of the equal parts of their range."""
        edges = []
        for knob, (low, high) in entry.ranges.items():
            place = math.log(knobs[knob] / low) / math.log(high / low)
            if self.trials > 2 and not 1 / self.trials < place < 1 - 1 / self.trials:
                edges.append(knob)
        return edges

    def measure(self, case: Case) -> Numbers:
        """Train once."""
        entry = self.entries[case["entry"]]
        dataset = load(self.data, self.train)
        loss = models.SoftmaxCrossEntropy()
        net = network(self.network, self.data)
        setting = Setting(net, loss, dataset, self.batch, case["epochs"], self.looks)
        made = entry.make(case["knobs"])
        try:
            trial = run_trial(setting, entry.name, made, case["seed"])
        except DoesNotFit as refusal:
            return {**REFUSED, "refusal": str(refusal)}
        return compact(trial, curves=case["phase"] != "tuning")

    @property
    def context(self) -> str:
        """What the numbers of a case follow from beside the case."""
        return repr((self.network, self.data, self.train, self.batch, self.looks))

    def _tuning(self, entry: Entry) -> list[Case]:
        if not entry.ranges:
            return []
        rng = Streams(self.seed).stream("draws", entry.name)
        drawn = draws(entry.ranges, self.trials, rng)
        return [self._case("tuning", entry, knobs, 0) for knobs in drawn]

    def _case(self, phase: str, entry: Entry, knobs: Mapping[str, Any], k: int) -> Case:
        return {
            "phase": phase,
            "entry": entry.name,
            "system": entry.system,
            "fixed": dict(entry.fixed),
            "knobs": dict(knobs),
            "epochs": self.tuning_epochs if phase == "tuning" else self.epochs,
            "seed": Streams(self.seed).child(phase, k).seed,
        }


REFUSED = {
    "diverged": True, "steps": 0, "test": math.nan, "test_loss": math.nan, "train_loss": math.nan,
    "validation": -math.inf, "validation_loss": math.inf, "block": 1, "losses": [math.nan],
    "looks": [], "step_seconds": math.nan, "seconds": 0.0, "device_seconds": 0.0,
}  # fmt: skip
"""The numbers of a run that its device could not hold."""


def compact(trial: Trial, curves: bool = True) -> Numbers:
    """A trial with curves of so many points, or only their mean and the last look.

    What is no number becomes infinite losses.
    """
    losses = [loss if math.isfinite(loss) else math.inf for loss in trial.losses]
    size = max(1, math.ceil(len(losses) / (POINTS if curves else 1)))
    blocks = [losses[k : k + size] for k in range(0, len(losses), size)]
    return {
        "diverged": trial.diverged,
        "steps": len(losses),
        "test": trial.test_accuracy,
        "test_loss": trial.test_loss,
        "train_loss": trial.train_loss,
        "validation": trial.final.accuracy,
        "validation_loss": trial.final.loss,
        "block": size,
        "losses": [round(float(np.mean(block)), 5) for block in blocks],
        "looks": [
            [
                look.step,
                round(look.accuracy, 5),
                round(look.seconds, 3),
                round(look.device_seconds, 9),
            ]
            for look in (trial.looks if curves else trial.looks[-1:])
        ],
        "step_seconds": float(np.median(trial.seconds)),
        "seconds": sum(trial.seconds),
        "device_seconds": trial.device_seconds,
    }


@cache
def load(data: str, train: int) -> Dataset:
    """The data set, read once in each process."""
    if data == "digits":
        return load_digits(train=train or None)
    if data == "mnist":
        return load_mnist(train=train or None)
    raise InvalidInput(f'data = {data!r} must be "mnist" or "digits".')


@cache
def network(kind: str, data: str) -> Network:
    """One convolution and two dense layers, as the TNGD paper has them, or a perceptron."""
    large = data == "mnist"
    if kind == "mlp":
        return models.mlp([784, 64, 32, 10] if large else [64, 16, 10])
    if kind != "lenet":
        raise InvalidInput(f'network = {kind!r} must be "lenet" or "mlp".')
    return models.lenet() if large else models.lenet((8, 8, 1), filters=4, kernel=3, hidden=16)


def _is(done: Done, phase: str, entry: Entry) -> bool:
    return bool(done.case["phase"] == phase and done.case["entry"] == entry.name)
