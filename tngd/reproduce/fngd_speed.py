"""Epochs of fast natural gradient descent beside those of K-FAC and of gradient descent."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import models
from thermolinalg.streams import Streams
from tngd.reproduce.bench import network
from tngd.reproduce.contract import Case, Done, Experiment, Numbers
from tngd.reproduce.entry import Entry, read_entries
from tngd.reproduce.tables import markdown
from tngd.training.loop import steps
from tngd.training.problem import Problem

HEADINGS = ("optimizer", "knobs", "first epoch, s", "second epoch, s", "of SGD's", "range")


@final
@dataclass(frozen=True)
class FNGDSpeed(Experiment):
    """Two epochs of each contender, one after the other, several times over.

    Times do not depend on what the pixels are: they are normal numbers.

    Args:
        contenders: entries by name, as `read_entries` reads them; "sgd", "kfac" and "fngd" among
            them.
        images: rows, of the shape of MNIST's.
        batch: rows in a batch.
        repeats: how often all take their turn.
        seed: of everything.
    """

    timed: ClassVar[bool] = True

    contenders: Mapping[str, Any]
    images: int = 2560
    batch: int = 64
    repeats: int = 9
    seed: int = 0

    def cases(self, done: Sequence[Done]) -> list[Case]:
        del done
        return [{"turn": turn, "seed": self.seed} for turn in range(self.repeats)]

    def measure(self, case: Case) -> Numbers:
        streams = Streams(case["seed"])
        rng = streams.stream("images")
        x = rng.standard_normal((self.images, 784), dtype="f4")
        net = network("lenet", "mnist")
        problem = Problem(net, models.SoftmaxCrossEntropy(), x, rng.integers(0, 10, self.images))
        start, found = net.init(streams.stream("init")), {}
        for entry in read_entries(self.contenders).values():
            run = steps(problem, entry.make({}), start, batch=self.batch, epochs=2, streams=streams)
            seconds = [moment.record.seconds for moment in run]
            half = len(seconds) // 2
            found[entry.name] = [sum(seconds[:half]), sum(seconds[half:])]
        return found

    def findings(self, done: Sequence[Done]) -> str:
        rows = [self._row(entry, done) for entry in read_entries(self.contenders).values()]
        faster = [turn["kfac"][1] / turn["fngd"][1] for turn in _turns(done)]
        slower = [turn["fngd"][1] / turn["sgd"][1] for turn in _turns(done)]
        claim, price = statistics.median(faster), statistics.median(slower)
        return (
            f"{markdown([HEADINGS, *rows])}\n\n"
            f"Medians over {len(done)} turns, and the range of the ratios.\n\n"
            f"- After the first epoch an epoch of FNGD is {claim:.2f} times as fast as K-FAC's "
            f"({min(faster):.2f} - {max(faster):.2f}): the claim of 2.07 "
            f"{'holds' if claim >= 2.07 else 'does not hold'} here.\n"
            f"- It takes {price:.2f} of the time of SGD's ({min(slower):.2f} - {max(slower):.2f})."
        )

    def _row(self, entry: Entry, done: Sequence[Done]) -> tuple[str, ...]:
        first, second = zip(*(turn[entry.name] for turn in _turns(done)), strict=True)
        ratios = [turn[entry.name][1] / turn["sgd"][1] for turn in _turns(done)]
        return (
            entry.name,
            ", ".join(f"{knob} {value}" for knob, value in entry.fixed.items()) or "its own",
            f"{statistics.median(first):.3f}",
            f"{statistics.median(second):.3f}",
            f"{statistics.median(ratios):.2f}",
            f"{min(ratios):.2f} - {max(ratios):.2f}",
        )

    def figure(self, done: Sequence[Done]) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 4), layout="constrained")
        axes, names = figure.subplots(), list(read_entries(self.contenders))
        turns = _turns(done)
        for place, name in enumerate(names):
            ratios = [turn[name][1] / turn["sgd"][1] for turn in turns]
            axes.plot(ratios, [place] * len(ratios), "o", color="C0", alpha=0.3, ms=5)
            axes.plot(statistics.median(ratios), place, "|", color="C3", ms=16, mew=2.5)
        axes.axvline(1.5, color="0.6", ls=":", lw=1)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set(xscale="log", xlabel="time of an epoch after the first, over that of SGD")
        axes.grid(axis="x", which="both", alpha=0.25)
        return figure


def _turns(done: Sequence[Done]) -> list[Numbers]:
    return [each.numbers for each in done]
