"""Experiments that are tables of training runs: all that differs between them is in files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from tngd.reproduce.bench import Bench
from tngd.reproduce.contract import Case, Done, Experiment, Numbers
from tngd.reproduce.curves import accuracy_panel, loss_panel, two_panels
from tngd.reproduce.entry import read_entries
from tngd.reproduce.questions import answer
from tngd.reproduce.tables import training_table


@final
@dataclass(frozen=True)
class Training(Experiment):
    """Entries, tuned by the same budget or run at the knobs they state, and questions to them.

    Args:
        contenders: entries by name, as `read_entries` reads them.
        questions: as `answer` takes them.
        target: accuracy on the validation set whose cost is told.
        drawn: entries in the figure; all, if there are none.
        network: "lenet" or "mlp".
        data, train, batch, epochs, seeds, trials, tuning_epochs, seed: as in `Bench`.
    """

    contenders: Mapping[str, Any]
    questions: tuple[Mapping[str, Any], ...]
    target: float
    drawn: tuple[str, ...] = ()
    data: str = "mnist"
    network: str = "lenet"
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
        where = (self.data, self.network, self.train, self.batch, self.epochs)
        return Bench(entries, *where, self.seeds, self.trials, self.tuning_epochs, self.seed)

    def cases(self, done: Sequence[Done]) -> list[Case]:
        return self.bench.cases(done)

    @property
    def context(self) -> str:
        return self.bench.context

    def measure(self, case: Case) -> Numbers:
        return self.bench.measure(case)

    def findings(self, done: Sequence[Done]) -> str:
        bench = self.bench
        runs = {name: bench.runs(entry, done) for name, entry in bench.entries.items()}
        answers = [f"- {answer(question, runs, self.target)}" for question in self.questions]
        table = training_table(bench, done, self.target)
        return "\n\n".join([table, self._reading(), "\n".join(answers)])

    def _reading(self) -> str:
        tuned = (
            f"Tuned were the knobs that come first in each row, by {self.trials} draws for "
            f"everybody, {self.tuning_epochs} epochs long, judged by the accuracy on the "
            "validation set (a star: best at the edge of its range). "
        )
        searched = any(entry.ranges for entry in self.bench.entries.values())
        return (
            f"± are 95 % intervals of the mean over {self.seeds} seeds. {tuned if searched else ''}"
            f"Target is {100 * self.target:g} % there. Seconds are measured, those of "
            "thermodynamic entries while the device is simulated; device ms are modelled: upload, "
            "relaxation, read-out. The flat-mode rate is what a step multiplies the gradient by "
            "where there is no curvature."
        ).replace("there.", "there." if searched else "on the validation set.", 1)

    def figure(self, done: Sequence[Done]) -> Any:
        bench = self.bench
        figure, (left, right) = two_panels(f"{self.data}, {self.network}")
        for k, name in enumerate(self.drawn or bench.entries):
            runs, style = bench.runs(bench.entries[name], done), "-" if k < 10 else "--"
            loss_panel(left, name, runs, f"C{k % 10}", style)
            accuracy_panel(right, name, runs, f"C{k % 10}", style)
        right.set_ylim(100 * max(0.0, 2.5 * self.target - 1.5), 100)
        left.legend(fontsize=7)
        return figure
