"""Figure 3 of the TNGD paper, and beside Adam and TNGD every optimizer there is."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from tngd.reproduce.bench import Bench
from tngd.reproduce.contract import Case, Done, Experiment, Numbers
from tngd.reproduce.curves import accuracy_panel, loss_panel, two_panels
from tngd.reproduce.entry import read_entries
from tngd.reproduce.tables import column, compared, steps_to, training_table

FIRST_ORDER = ("sgd", "momentum", "nesterov", "adam", "adamw")


@final
@dataclass(frozen=True)
class MnistTable(Experiment):
    """Every entry tuned by the same budget; those without ranges run at the knobs they state.

    Args:
        contenders: entries by name, as `read_entries` reads them.
        target: accuracy on the validation set whose cost is told.
        drawn: entries in the figure.
        data, train, batch, epochs, seeds, trials, tuning_epochs, seed: as in `Bench`.
    """

    contenders: Mapping[str, Any]
    target: float
    drawn: tuple[str, ...]
    data: str = "mnist"
    train: int = 10_000
    batch: int = 64
    epochs: int = 10
    seeds: int = 5
    trials: int = 8
    tuning_epochs: int = 3
    seed: int = 0

    @property
    def bench(self) -> Bench:
        """The runs."""
        entries = read_entries(self.contenders)
        how = (self.batch, self.epochs, self.seeds, self.trials, self.tuning_epochs, self.seed)
        return Bench(entries, self.data, self.train, *how)

    def cases(self, done: Sequence[Done]) -> list[Case]:
        return self.bench.cases(done)

    @property
    def context(self) -> str:
        return self.bench.context

    def measure(self, case: Case) -> Numbers:
        return self.bench.measure(case)

    def findings(self, done: Sequence[Done]) -> str:
        return "\n\n".join([training_table(self.bench, done, self.target), *self._sentences(done)])

    def _sentences(self, done: Sequence[Done]) -> list[str]:
        bench = self.bench
        runs = {name: bench.runs(entry, done) for name, entry in bench.entries.items()}
        tuned = [name for name, entry in bench.entries.items() if entry.ranges]
        said = [self._reading()]
        for ours, theirs in (("tngd-50", "ngd"), ("tngd-paper", "adam-paper")):
            if ours in runs and theirs in runs:
                said += _pair(ours, theirs, runs)
        said.append(_best("Best by test accuracy", tuned, runs))
        said += self._race(tuned, runs)
        return said

    def _reading(self) -> str:
        return (
            f"± are 95 % intervals of the mean over {self.seeds} seeds. Tuned were the knobs that "
            f"come first in each row, by {self.trials} draws for everybody, {self.tuning_epochs} "
            "epochs long, judged by the accuracy on the validation set (a star: best at the edge "
            f"of its range). Target is {100 * self.target:g} % there. Seconds are measured, those "
            "of thermodynamic entries while the device is simulated; device ms are modelled: "
            "upload, relaxation, read-out. The flat-mode rate is what a step multiplies the "
            "gradient by where there is no curvature."
        )

    def _race(self, tuned: Sequence[str], runs: Mapping[str, list[Numbers]]) -> list[str]:
        """Who reaches the target in the fewest steps, of each kind."""
        thermodynamic = [name for name in tuned if "tngd" in name]
        digital = [name for name in tuned if name in FIRST_ORDER]
        if not (thermodynamic and digital):
            return []
        (ours, our), (theirs, their) = (
            _quickest(names, runs, self.target) for names in (thermodynamic, digital)
        )
        if not (math.isfinite(our) and math.isfinite(their)):
            return ["The target was not reached by the median run of one of the kinds."]
        sentence = (
            f"To the target the quickest thermodynamic entry is {ours} with {our:g} steps, the "
            f"quickest first-order one {theirs} with {their:g}: {our / their:.2f} of its steps."
        )
        return [sentence]

    def figure(self, done: Sequence[Done]) -> Any:
        bench = self.bench
        figure, (left, right) = two_panels("MNIST, conv net" if self.data == "mnist" else self.data)
        for k, name in enumerate(self.drawn):
            runs = bench.runs(bench.entries[name], done)
            loss_panel(left, name, runs, f"C{k}")
            accuracy_panel(right, name, runs, f"C{k}")
        right.set_ylim(100 * max(0.0, 2.5 * self.target - 1.5), 100)
        left.legend(fontsize=8)
        return figure


def _pair(ours: str, theirs: str, runs: Mapping[str, list[Numbers]]) -> list[str]:
    pair = (ours, runs[ours]), (theirs, runs[theirs])
    return [
        compared("The training losses", *pair, lambda run: run["train_loss"]),
        compared("The test accuracies", *pair, lambda run: run["test"], scale=100, digits=2),
    ]


def _best(title: str, names: Sequence[str], runs: Mapping[str, list[Numbers]]) -> str:
    best = max(names, key=lambda name: column(runs[name], "test").mean)
    return f"{title}: {best}, {column(runs[best], 'test').says(100)} %."


def _quickest(
    names: Sequence[str], runs: Mapping[str, list[Numbers]], target: float
) -> tuple[str, float]:
    def steps(name: str) -> float:
        return statistics.median(steps_to(run, target) for run in runs[name])

    best = min(names, key=steps)
    return best, steps(best)
