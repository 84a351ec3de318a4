"""Figure 5 of the TNGD paper: a pretrained network learns to answer questions by LoRA."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, final

import numpy as np

from thermolinalg.errors import DataError, InvalidInput
from thermolinalg.streams import Streams
from tngd.linsolve.krylov import KrylovRelaxation
from tngd.optimizers.contract import Optimizer
from tngd.reproduce.bench import Bench
from tngd.reproduce.contract import Case, Done, Experiment, Numbers
from tngd.reproduce.entry import Entry, read_entries
from tngd.reproduce.fig5_body import Body, Pretraining, published_body
from tngd.reproduce.fig5_findings import findings
from tngd.reproduce.fig5_picture import TITLES, picture
from tngd.reproduce.fig5_questions import Row, divide, read_rows
from tngd.reproduce.fig5_run import Run
from tngd.reproduce.fig5_text import read_questions


@final
@dataclass(frozen=True)
class QuestionAnswering(Experiment):
    """A body that was pretrained, and fine-tuning runs with each of several optimizers.

    Args:
        contenders: entries by name, as `read_entries` reads them.
        questions: as `answer` takes them.
        reference: the entry whose last epoch's training loss is the target of others.
        panels: entries in the two panels of training loss, and in that of held-out loss.
        weights: the environment variable that names the folder of a DistilBERT; "" pretrains a
            miniature of it.
        data: "wikitext-2, xquad" or "toy".
        pretraining: the fields of `Pretraining` for a miniature: vocabulary, width, heads, layers,
            passes, batch, rate.
        length: tokens of a question with its context.
        train: questions to learn from.
        test: questions of the report; all others tune.
        batch: questions in a batch.
        rank, alpha, dropout: of the corrections, as for `LoRA`.
        rtol: of the simulated relaxation, as for `KrylovRelaxation`.
        epochs, seeds, trials, tuning_epochs, seed: as in `Bench`.
    """

    contenders: Mapping[str, Any]
    questions: tuple[Mapping[str, Any], ...]
    reference: str
    panels: tuple[tuple[str, ...], ...]
    weights: str = ""
    data: str = "wikitext-2, xquad"
    pretraining: Mapping[str, Any] | None = None
    length: int = 64
    train: int = 800
    test: int = 200
    batch: int = 32
    rank: int = 2
    alpha: float = 32.0
    dropout: float = 0.1
    rtol: float = 1e-3
    epochs: int = 5
    seeds: int = 3
    trials: int = 4
    tuning_epochs: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (self.reference, *(name for panel in self.panels for name in panel)):
            if name not in self.contenders:
                raise InvalidInput(
                    f"reference and panels name {name!r}, which is no contender. There are: "
                    f"{', '.join(self.contenders)}."
                )
        if len(self.panels) != len(TITLES):
            raise InvalidInput(f"panels holds {len(self.panels)} lists, not {len(TITLES)}.")
        known = {f.name for f in fields(Pretraining)} - {"data", "length", "seed"}
        if not self.weights and set(self.pretraining or {}) != known:
            raise InvalidInput(
                f"pretraining states {', '.join(self.pretraining or {})}. A miniature needs "
                f"{', '.join(sorted(known))}; name weights instead, and there is none."
            )

    @property
    def bench(self) -> Bench:
        """Who is tuned, and who is run."""
        where = (self.data, "", self.train, self.batch, self.epochs)
        budget = (self.seeds, self.trials, self.tuning_epochs, 1)
        return Bench(read_entries(self.contenders), *where, *budget, self.seed)

    def cases(self, done: Sequence[Done]) -> list[Case]:
        """The body first; what is fine-tuned is that very one."""
        first: Case = {"phase": "pretraining", "seed": self.seed}
        body = pretrained(done)
        if body is None:
            return [first]
        return [first, *({**case, "body": body["digest"]} for case in self.bench.cases(done))]

    @property
    def context(self) -> str:
        where = (self.weights, self.data, self.pretraining, self.length, self.train, self.test)
        return repr((where, self.batch, self.rank, self.alpha, self.dropout, self.rtol, self.seed))

    def measure(self, case: Case) -> Numbers:
        body, parts = _prepared(self)
        if case["phase"] == "pretraining":
            return self._about(body, parts)
        if body.digest != case["body"]:
            raise DataError(
                "the body is another one than that of the runs that are kept: it was made anew, "
                "on another machine, say. Delete the runs of this experiment and start again."
            )
        streams = Streams(case["seed"])
        made = body.corrected(self.rank, self.alpha, self.dropout, streams.child("start"))
        train, test, rest = parts
        shown = test if case["phase"] == "run" else []
        run = Run(*made, train, rest, shown, self.batch, case["epochs"], streams)
        return run.measure(self.optimizer(self.bench.entries[case["entry"]], case["knobs"]))

    def optimizer(self, entry: Entry, knobs: Mapping[str, Any]) -> Optimizer:
        """With a device that is simulated by curvature products, if it has a device."""
        if not entry.system.startswith("tngd"):
            return entry.make(knobs)
        return entry.make({**knobs, "relaxation": KrylovRelaxation(self.rtol)})

    def findings(self, done: Sequence[Done]) -> str:
        bench, body = self.bench, pretrained(done)
        return findings(bench, done, body or {}, self.questions, self.reference)

    def figure(self, done: Sequence[Done]) -> Any:
        bench = self.bench
        runs = {name: bench.runs(entry, done) for name, entry in bench.entries.items()}
        return picture(runs, self.panels)

    def miniature(self) -> Pretraining:
        """How the miniature is pretrained."""
        return Pretraining(
            data=self.data, length=self.length, seed=self.seed, **(self.pretraining or {})
        )

    def _about(self, body: Body, parts: Sequence[Sequence[Row]]) -> Numbers:
        """What it was trained to, and what the questions are."""
        guesses = {} if self.weights else dict(self.miniature().judged())
        network, _ = body.corrected(self.rank, self.alpha, self.dropout, Streams(self.seed))
        train, test, rest = parts
        return {
            **guesses,
            "digest": body.digest,
            "trains": network.size,
            "asked": len(read_questions(self.data)),
            "train": len(train),
            "test": len(test),
            "validation": len(rest),
            "readable": float(np.mean([row.readable for row in test])),
            "guessing": float(np.mean([np.log(row.readable) for row in test])),
        }


def pretrained(done: Sequence[Done]) -> Numbers | None:
    """What is known of the body."""
    return next((d.numbers for d in done if d.case["phase"] == "pretraining"), None)


def _prepared(experiment: QuestionAnswering) -> tuple[Body, list[list[Row]]]:
    """The body and the parts of the questions, read once in each process."""
    how = experiment.weights, experiment.data, experiment.length, experiment.seed
    sizes = experiment.train, experiment.test
    miniature = None if experiment.weights else experiment.miniature()
    return _read(*how, sizes, miniature)


@cache
def _read(
    weights: str,
    data: str,
    length: int,
    seed: int,
    sizes: tuple[int, int],
    miniature: Pretraining | None,
) -> tuple[Body, list[list[Row]]]:
    body = miniature.body() if miniature else published_body(weights)
    streams = Streams(seed).child("questions")
    rows = read_rows(read_questions(data), body.pieces, length, streams)
    return body, divide(rows, sizes, streams)
