"""What makes a device's answer wrong, cause by cause, and what to buy first."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from thermolinalg.analysis.cause import Cause
from thermolinalg.analysis.prediction import DevicePrediction
from thermolinalg.device.naming import title_of
from thermolinalg.theory.refinement import EPS


@final
@dataclass(frozen=True, eq=False, slots=True)
class ErrorBudget:
    """Shares of the expected squared error, for a run that was planned or that has been.

    `print` shows it as a table, `plot_budget` as stacked bars.
    """

    prediction: DevicePrediction

    @property
    def parts(self) -> tuple[Cause, ...]:
        """The causes, the largest first; those that do nothing are left out, but finite time."""
        some = [c for c in self.prediction.causes if c.square > 0 or c.name == "time"]
        return tuple(sorted(some, key=lambda cause: -cause.square))

    @property
    def dominant(self) -> Cause:
        """What there is most of."""
        return self.parts[0]

    @property
    def norm(self) -> float:
        """The 2-norm of the exact answer."""
        return float(np.linalg.norm(self.prediction.truth))

    @property
    def total(self) -> float:
        """Root-mean-square 2-norm of the error: biases add up with their signs."""
        return self.prediction.error

    def share(self, cause: Cause) -> float:
        """Its part of the sum of all squares."""
        whole = sum(part.square for part in self.parts)
        return cause.square / whole if whole else 0.0

    def others(self, cause: Cause) -> float:
        """Root of the sum of the squares of all other causes."""
        return math.sqrt(sum(part.square for part in self.parts if part is not cause))

    def cut(self, cause: Cause) -> float:
        """By how much a cause has to shrink to be no larger than all others together."""
        return min(1.0, self.others(cause) / math.sqrt(cause.square)) if cause.square else 1.0

    def enough(self, cause: Cause) -> Any:
        """The strength at which a cause is no larger than all others together, to first order.

        Of time the length of the run in RC, in which what else scatters falls too; of a cause with
        several strengths all of them. None where strength says nothing of it, or nothing else is
        wrong, so that there is no such point.
        """
        if self.cut(cause) == 0:
            return None
        if cause.name == "time" and cause.spread > cause.size:
            factor = self._longer(cause)
            return None if factor is None else float(cause.strength) * factor
        if not cause.order:
            return None
        share = self._share_left(cause)
        if cause.halves:
            more = math.ceil(-math.log2(share) / cause.order)
            return _each(cause.strength, int, lambda bits: bits + more)
        return _each(cause.strength, int | float, lambda x: float(x) * share ** (1 / cause.order))

    def _longer(self, cause: Cause) -> float | None:
        """How many times as long noise has to be averaged, if biases leave anything to reach."""
        others = [part for part in self.parts if part is not cause]
        stays = sum(part.size**2 for part in others) - cause.size**2
        falls = cause.spread**2 - sum(part.spread**2 for part in others)
        return max(1.0, falls / stays) if stays > 0 else None

    def _share_left(self, cause: Cause) -> float:
        """The share y to which its bias must shrink: bias² y² + variance y = others²."""
        square, variance, others = cause.size**2, cause.spread**2, self.others(cause) ** 2
        root = math.sqrt(variance**2 + 4 * square * others)
        return min(1.0, 2 * others / (variance + root)) if cause.square else 1.0

    @property
    def advice(self) -> str:
        """What to buy first, and how much of it."""
        cause = self.dominant
        text, enough = f"{cause.title}: {cause.remedy}", self.enough(cause)
        if len(self.parts) == 1:
            text += ", as wanted: nothing else is wrong"
        elif self.cut(cause) == 1.0:
            text += f"; it is no larger than all others together, the next is {self.parts[1].title}"
        elif cause.name == "time" and enough is not None:
            factor = f"{enough / cause.strength:.3g} times as long"
            text += f"; {factor} brings it down to all others together"
        elif enough is not None:
            text += f"; {cause.knob} {_said(cause.strength)} -> {_said(enough)}"
            text += " brings it down to all others together"
        if not cause.linear:
            text += " (beyond first order: the number is a rough one)"
        return text

    def __repr__(self) -> str:
        shares = ", ".join(f"{part.title} {self.share(part):.0%}" for part in self.parts[:3])
        error = self.total / self.norm
        return f"ErrorBudget({title_of(self.prediction.device)}, error {error:.3g}: {shares})"

    def __str__(self) -> str:
        known, norm = self.prediction, self.norm
        head = f"{'cause':<22}{'strength':>24}{'bias':>10}{'scatter':>10}{'share':>8}  with time"
        rows = [self._row(part) for part in self.parts]
        bias, scatter = (float(np.linalg.norm(x)) / norm for x in (known.bias, known.std))
        read = f"read for {known.schedule.time:.3g} RC"
        title = title_of(known.device)
        return "\n".join(
            [
                f"{title}: error {self.total / norm:.3g} of the answer's norm, {read}",
                f"  {head}",
                *rows,
                f"  {'in all':<22}{'':>24}{bias:>10.2g}{scatter:>10.2g}",
                f"  neglected: {self._neglected()}",
                "  buy first: " + self.advice.replace("; ", "\n             "),
            ]
        )

    def _row(self, part: Cause) -> str:
        goes = "falls" if part.falls else "stays"
        note = "" if part.linear else ", beyond first order"
        strength = f"{part.knob} {_said(part.strength)}" if part.knob != "time" else ""
        return (
            f"  {part.title:<22}{strength:>24}{part.size / self.norm:>10.2g}"
            f"{part.spread / self.norm:>10.2g}{self.share(part):>8.1%}  {goes}{note}"
        )

    def _neglected(self) -> str:
        neglected = self.prediction.neglected
        if not math.isfinite(neglected):
            return "changes are too large for a bound; simulate it"
        if neglected <= EPS * self.norm:
            return "nothing"
        return f"at most {neglected / self.norm:.2g} of the answer's norm"


def _each(strength: Any, kind: Any, change: Callable[[Any], Any]) -> Any:
    """A strength changed, or each of several; None where they are no such numbers."""
    several = strength if isinstance(strength, tuple) else (strength,)
    if not all(isinstance(x, kind) for x in several):
        return None
    changed = tuple(change(x) for x in several)
    return changed if isinstance(strength, tuple) else changed[0]


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} levels" if len(value) > 4 else ", ".join(f"{x:g}" for x in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)
