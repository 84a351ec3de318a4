"""Q-Newton: where a quantum solver would win, and what that is worth to a real training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import models
from models.network import Network
from tngd.data.digits import load_digits
from tngd.experiments.trial import LOOKS, Setting, run_trial
from tngd.reproduce.bench import Bench, compact
from tngd.reproduce.contract import Case, Done, Experiment, Numbers
from tngd.reproduce.entry import read_entries
from tngd.reproduce.qnewton_figure import draw_figure
from tngd.reproduce.qnewton_maps import mapped, quantum
from tngd.reproduce.qnewton_watch import Watch
from tngd.reproduce.qnewton_words import words


@final
@dataclass(frozen=True)
class QNewtonBreakeven(Experiment):
    """Maps of machines, training runs of all contenders, and watched runs of Q-Newton.

    Args:
        contenders: entries by name, as `read_entries` reads them.
        watched: entries of Q-Newton whose systems are kept, step by step.
        machines: quantum solvers by name, fields of `QuantumCost`; alpha = "d" is the row count.
        flops: operations a second of classical solvers.
        sizes: rows of the maps.
        decades: of condition numbers in the maps.
        sparse: nonzero entries a row of the sparse maps.
        eps_norms, keeps, looks: as in `Watch`.
        hidden: neurons of the network between 64 pixels and 10 classes.
        target: accuracy on the validation set whose cost is told.
        train, batch, epochs, seeds, trials, tuning_epochs, seed: as in `Bench`.
        watched_seeds: watched runs of each, with the seeds of the first reported ones.
    """

    contenders: Mapping[str, Any]
    watched: tuple[str, ...]
    machines: Mapping[str, Mapping[str, Any]]
    flops: float
    sizes: tuple[int, ...]
    decades: int
    sparse: int
    eps_norms: tuple[float, ...]
    keeps: tuple[float, ...]
    looks: int
    hidden: int
    target: float
    train: int
    batch: int
    epochs: int
    seeds: int
    watched_seeds: int
    trials: int
    tuning_epochs: int
    seed: int = 0

    @property
    def bench(self) -> Bench:
        """The training runs; its network is not used, for `network` is."""
        entries = read_entries(self.contenders)
        how = (self.train, self.batch, self.epochs, self.seeds, self.trials, self.tuning_epochs)
        return Bench(entries, "digits", "mlp", *how, LOOKS, self.seed)

    @property
    def network(self) -> Network:
        """A perceptron."""
        return models.mlp([64, self.hidden, 10])

    def cases(self, done: Sequence[Done]) -> list[Case]:
        maps: list[Case] = [
            {"phase": "map", "machine": name, "fields": dict(fields)}
            for name, fields in self.machines.items()
        ]
        runs = self.bench.cases(done)
        return [*maps, *runs, *self._to_watch(runs)]

    def _to_watch(self, runs: Sequence[Case]) -> list[Case]:
        """The first reported runs of those that are watched, once they are known."""
        found: list[Case] = []
        for name in self.watched:
            own = [case for case in runs if (case["phase"], case["entry"]) == ("run", name)]
            found += [{**case, "phase": "watch"} for case in own[: self.watched_seeds]]
        return found

    @property
    def context(self) -> str:
        trained = (self.hidden, self.train, self.batch)
        mapped = (self.flops, self.sizes, self.decades, self.sparse)
        return repr((*trained, *mapped, self.eps_norms, self.keeps, self.looks))

    def measure(self, case: Case) -> Numbers:
        if case["phase"] == "map":
            return self._map(case)
        entry = self.bench.entries[case["entry"]]
        data, loss = load_digits(train=self.train or None), models.SoftmaxCrossEntropy()
        made = entry.make(case["knobs"])
        if case["phase"] == "watch":
            watch = Watch(self.batch, case["epochs"], self.looks, self.eps_norms, self.keeps)
            return watch.run(self.network, loss, data, made, case["seed"])
        setting = Setting(self.network, loss, data, self.batch, case["epochs"])
        return compact(run_trial(setting, entry.name, made, case["seed"]))

    def _map(self, case: Case) -> Numbers:
        machine = quantum(case["fields"])
        where = (machine, self.flops, self.sizes, self.decades)
        return {"dense": mapped(*where, None), "sparse": mapped(*where, self.sparse)}

    def findings(self, done: Sequence[Done]) -> str:
        return words(self, done)

    def figure(self, done: Sequence[Done]) -> Any:
        return draw_figure(self, done)
