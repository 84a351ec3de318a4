"""Contests in several places: everyone is tuned in each by the same budget, then run afresh."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from thermolinalg.streams import Streams
from tngd.reproduce.contract import Case, Done, Experiment, Numbers
from tngd.reproduce.entry import Entry, read_entries
from tngd.reproduce.intervals import Interval, difference, interval
from tngd.reproduce.search import draws
from tngd.reproduce.tables import markdown

FAR = 100.0
"""Times the middle mean, beyond which the worst would squeeze a picture."""


@dataclass(frozen=True)
class Contest(Experiment):
    """Entries that meet in each of several places, and variants of which validation chooses one.

    The numbers of a run hold "judged", which tuning makes small; "score", which is reported and
    is small where it is good; "steps" and "seconds".

    Args:
        contenders: entries by name, as `read_entries` reads them.
        variants: entries of which each place chooses the one that is judged best when tuned.
        against: the entry that the chosen one is compared with.
        places: where they meet.
        epochs: how long a run is, place by place.
        batch: rows in a batch.
        trials: draws of the searched knobs, the same number for each entry.
        splits: seeds over which a draw is judged, by the mean.
        seeds: reported runs of each, none of them among those that tuned.
        seed: of everything.
    """

    length: ClassVar[str]
    """What `epochs` counts."""
    quantity: ClassVar[str]
    """What the score is."""

    contenders: Mapping[str, Any]
    variants: tuple[str, ...]
    places: tuple[str, ...]
    epochs: tuple[int, ...]
    against: str = "adam"
    batch: int = 64
    trials: int = 8
    splits: int = 2
    seeds: int = 5
    seed: int = 0

    @property
    def context(self) -> str:
        return repr((self.batch,))

    @abstractmethod
    def run(self, place: str, entry: Entry, case: Case) -> Numbers:
        """One run of an entry with the case's knobs, length and seed."""

    def measure(self, case: Case) -> Numbers:
        return self.run(case["place"], read_entries(self.contenders)[case["entry"]], case)

    def cases(self, done: Sequence[Done]) -> list[Case]:
        cases = []
        for place in self.places:
            for entry in read_entries(self.contenders).values():
                cases += self._tuning(place, entry)
                best = self.best(place, entry, done)
                if best is not None:
                    knobs, _ = best
                    cases += [self._case("run", place, entry, knobs, k) for k in range(self.seeds)]
        return cases

    def best(
        self, place: str, entry: Entry, done: Sequence[Done]
    ) -> tuple[dict[str, Any], float] | None:
        """Its tuned knobs and how they were judged; None while that is not known."""
        judged: dict[str, list[float]] = {}
        knobs: dict[str, dict[str, Any]] = {}
        for each in self._of("tuning", place, entry.name, done):
            key = repr(each.case["knobs"])
            judged.setdefault(key, []).append(each.numbers["judged"])
            knobs[key] = dict(each.case["knobs"])
        if sum(map(len, judged.values())) < len(self._tuning(place, entry)):
            return None
        means = {key: float(np.mean(values)) for key, values in judged.items()}
        least = min(means, key=lambda key: means[key])
        return knobs[least], means[least]

    def chosen(self, place: str, done: Sequence[Done]) -> str:
        """The variant that was judged best when it was tuned."""
        entries, found = read_entries(self.contenders), {}
        for name in self.variants:
            best = self.best(place, entries[name], done)
            found[name] = math.inf if best is None else best[1]
        return min(found, key=lambda name: found[name])

    def scores(self, place: str, name: str, done: Sequence[Done]) -> list[float]:
        """Of the reported runs, in the order of the seeds."""
        return [each.numbers["score"] for each in self._of("run", place, name, done)]

    def _of(self, phase: str, place: str, name: str, done: Sequence[Done]) -> list[Done]:
        asked = (phase, place, name)
        return [d for d in done if (d.case["phase"], d.case["place"], d.case["entry"]) == asked]

    def _tuning(self, place: str, entry: Entry) -> list[Case]:
        rng = Streams(self.seed).stream("draws", place, entry.name)
        drawn = draws(entry.ranges, self.trials, rng) if entry.ranges else [{}]
        splits = range(self.splits)
        return [self._case("tuning", place, entry, knobs, k) for knobs in drawn for k in splits]

    def _case(self, phase: str, place: str, entry: Entry, knobs: Mapping[str, Any], k: int) -> Case:
        return {
            "phase": phase,
            "place": place,
            "entry": entry.name,
            "system": entry.system,
            "fixed": dict(entry.fixed),
            "knobs": dict(knobs),
            "epochs": self.epochs[self.places.index(place)],
            "seed": Streams(self.seed).child(phase, place, k).seed,
        }

    def findings(self, done: Sequence[Done]) -> str:
        tables = [self._table(place, done) for place in self.places]
        verdicts = [f"- {self._verdict(place, done)}" for place in self.places]
        reading = (
            f"± are 95 % intervals of the mean over {self.seeds} seeds, the same for everybody; "
            f"differences are paired. Tuned were the knobs that come first in each row, by "
            f"{self.trials} draws for everybody, judged over {self.splits} other seeds."
        )
        return "\n\n".join([*tables, reading, "\n".join(verdicts)])

    def _table(self, place: str, done: Sequence[Done]) -> str:
        theirs, rows = self.scores(place, self.against, done), []
        for entry in read_entries(self.contenders).values():
            found, runs = self.scores(place, entry.name, done), self._runs(place, entry, done)
            best = self.best(place, entry, done)
            knobs = {**(best[0] if best else {}), **entry.fixed}
            ms = 1e3 * sum(r["seconds"] for r in runs) / max(1, sum(r["steps"] for r in runs))
            gap = difference(found, theirs)
            rows.append(
                (
                    entry.name,
                    ", ".join(f"{k} {v}" for k, v in knobs.items()) or "its own",
                    said(interval(found)),
                    "-" if entry.name == self.against else said(gap),
                    f"{ms:.2f}",
                )
            )
        head = ("optimizer", "knobs", self.quantity, f"less that of {self.against}", "ms a step")
        length = self.epochs[self.places.index(place)]
        return f"### {place}, {length} {self.length}\n\n{markdown([head, *rows])}"

    def _runs(self, place: str, entry: Entry, done: Sequence[Done]) -> list[Numbers]:
        return [each.numbers for each in self._of("run", place, entry.name, done)]

    def _verdict(self, place: str, done: Sequence[Done]) -> str:
        name = self.chosen(place, done)
        ours, theirs = (self.scores(place, each, done) for each in (name, self.against))
        gap = difference(ours, theirs)
        return (
            f"{place}: of {', '.join(self.variants)} tuning chose {name}. Its {self.quantity} is "
            f"{said(interval(ours))}, that of {self.against} {said(interval(theirs))}; it is "
            f"{standing(gap)} ({said(gap)})."
        )

    def figure(self, done: Sequence[Done]) -> Any:
        from matplotlib.figure import Figure

        names = list(self.contenders)
        figure = Figure(figsize=(4.2 * len(self.places), 0.35 * len(names) + 1.2),
                        layout="constrained")  # fmt: skip
        panels = figure.subplots(1, len(self.places), sharey=True, squeeze=False)[0]
        for axes, place in zip(panels, self.places, strict=True):
            chosen = self.chosen(place, done)
            for row, name in enumerate(names):
                found = self.scores(place, name, done)
                mean, half = interval(found)
                colour = "C3" if name == chosen else "C1" if name == self.against else "C0"
                axes.plot(found, [row] * len(found), "o", color=colour, alpha=0.3, ms=4)
                bar = None if math.isnan(half) else half
                axes.errorbar(mean, row, xerr=bar, fmt="|", color=colour, ms=12, capsize=3)
            axes.set_yticks(range(len(names)), names)
            axes.set(title=place, xlabel=self.quantity)
            _spread(axes, [interval(self.scores(place, name, done))[0] for name in names])
            axes.grid(axis="x", alpha=0.25)
        panels[0].invert_yaxis()
        return figure


def _spread(axes: Any, means: Sequence[float]) -> None:
    """A logarithmic axis beyond the median, where one failure would squeeze all others."""
    finite = sorted(abs(mean) for mean in means if math.isfinite(mean))
    middle = finite[len(finite) // 2] if finite else 0.0
    if middle > 0 and finite[-1] > FAR * middle:
        axes.set_xscale("symlog", linthresh=middle)


def said(found: Interval) -> str:
    """As in "0.0421 ± 0.0031"."""
    return found.says(digits=4)


def standing(gap: Interval) -> str:
    """How a difference stands to nought, where less is better."""
    if math.isnan(gap.half):
        return "not to be compared"
    if gap.high < 0:
        return "better"
    return "worse" if gap.low > 0 else "as good, within noise"
