"""Questions to a table of training runs, stated in a file and answered by its numbers.

    {ask = "compare", number = "test", entries = ["tngd-50", "ngd"]}
    {ask = "order", number = "mean_loss", entries = ["tngd-50", "tngd-20", "tngd-5"]}
    {ask = "best", number = "test", entries = [...]}
    {ask = "race", entries = ["tngd"], against = ["sgd", "adam"]}

"compare" and "order" are paired by seed, at 95 %: of an order each entry is to be below the next.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

from thermolinalg.errors import InvalidInput
from tngd.reproduce.contract import Numbers
from tngd.reproduce.intervals import Interval, difference, interval
from tngd.reproduce.tables import steps_to

Runs = Mapping[str, Sequence[Numbers]]
"""Of each entry, one for each seed."""


@final
@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of a run: what it is called, and how it is written."""

    words: str
    scale: float
    digits: int
    unit: str = ""

    def says(self, found: Interval) -> str:
        return found.says(self.scale, self.digits) + self.unit


QUANTITIES = {
    "test": Quantity("test accuracy", 100, 2, " %"),
    "train_loss": Quantity("final training loss", 1, 4),
    "mean_loss": Quantity("training loss (mean over all steps)", 1, 4),
    "test_loss": Quantity("test loss", 1, 4),
}


def answer(question: Mapping[str, Any], runs: Runs, target: float) -> str:
    """A sentence.

    Raises:
        InvalidInput: the question cannot be understood.
    """
    asked = {**question}
    kind, entries = asked.pop("ask", None), asked.pop("entries", ())
    unknown = [name for name in (*entries, *asked.get("against", ())) if name not in runs]
    if unknown:
        raise InvalidInput(f"a question names {unknown[0]!r}, which is no contender.")
    if kind == "race":
        return _race(entries, asked["against"], runs, target)
    number = asked.get("number")
    if kind not in ANSWERS or number not in QUANTITIES:
        raise InvalidInput(
            f"a question asks {kind!r} of {number!r}. It may ask {', '.join(ANSWERS)} of "
            f"{', '.join(QUANTITIES)}, or race."
        )
    return ANSWERS[kind](entries, number, runs)


def values(runs: Sequence[Numbers], number: str) -> list[float]:
    """A number of each run."""
    if number == "mean_loss":
        return [statistics.fmean(run["losses"]) for run in runs]
    return [run[number] for run in runs]


def _gap(ours: str, theirs: str, number: str, runs: Runs) -> Interval:
    return difference(values(runs[ours], number), values(runs[theirs], number))


def _compare(entries: Sequence[str], number: str, runs: Runs) -> str:
    """Each against the last."""
    *ours, theirs = entries
    told = "; ".join(_compared(name, theirs, number, runs) for name in ours)
    words = QUANTITIES[number].words
    return f"{words[0].upper()}{words[1:]} against {theirs}: {told}."


def _compared(ours: str, theirs: str, number: str, runs: Runs) -> str:
    gap = _gap(ours, theirs, number, runs)
    if math.isnan(gap.half):
        return f"{ours} cannot be compared, for {_why(gap)}"
    found = "is within noise" if gap.low <= 0 <= gap.high else "is above"
    found = "is below" if gap.high < 0 else found
    return f"{ours} {found} ({QUANTITIES[number].says(gap)})"


def _why(gap: Interval) -> str:
    return "there is one seed" if math.isfinite(gap.mean) else "a run ended without a number"


def _order(entries: Sequence[str], number: str, runs: Runs) -> str:
    gaps = [_gap(ours, theirs, number, runs) for ours, theirs in pairwise(entries)]
    if any(math.isnan(gap.half) for gap in gaps):
        found = "cannot be judged, where there is one seed or a run ended without a number"
    elif any(gap.low > 0 for gap in gaps):
        found = "is refuted"
    elif all(gap.high < 0 for gap in gaps):
        found = "holds"
    else:
        found = "is not settled by these seeds"
    quantity, wanted = QUANTITIES[number], " < ".join(entries)
    told = "; ".join(
        f"{ours} - {theirs} = {quantity.says(gap)}"
        for (ours, theirs), gap in zip(pairwise(entries), gaps, strict=True)
    )
    return f"The order {wanted} of the {quantity.words} {found}: {told}."


def _best(entries: Sequence[str], number: str, runs: Runs) -> str:
    quantity = QUANTITIES[number]
    sign = 1 if number == "test" else -1
    found = {name: interval(values(runs[name], number)) for name in entries}
    best = max(found, key=lambda name: sign * found[name].mean)
    return f"Best by {quantity.words} is {best}: {quantity.says(found[best])}."


ANSWERS = {"compare": _compare, "order": _order, "best": _best}


def _race(entries: Iterable[str], against: Iterable[str], runs: Runs, target: float) -> str:
    ours, mine = _quickest(entries, runs, target)
    theirs, other = _quickest(against, runs, target)
    goal = f"{100 * target:g} % on the validation set"
    if not math.isfinite(mine):
        return f"To {goal} no median run of {', '.join(entries)} came."
    if not math.isfinite(other):
        return f"To {goal} {ours} takes {mine:g} steps; no median run of the others came there."
    return (
        f"To {goal} {ours} takes {mine:g} steps, and {theirs}, the quickest of the others, "
        f"{other:g}: a ratio of {mine / other:.2f}."
    )


def _quickest(names: Iterable[str], runs: Runs, target: float) -> tuple[str, float]:
    steps = {n: statistics.median(steps_to(run, target) for run in runs[n]) for n in names}
    best = min(steps, key=lambda name: steps[name])
    return best, steps[best]
