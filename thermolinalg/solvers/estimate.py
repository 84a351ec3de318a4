"""A measured answer, its error bar, how the run ended, and what it cost."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, final

import numpy as np
from scipy.special import stdtrit

from thermolinalg import checks
from thermolinalg.backend import Array, namespace, to_numpy
from thermolinalg.device.ledger import Ledger
from thermolinalg.solvers.baseline import Digital
from thermolinalg.solvers.budget import Plan


class Outcome(Enum):
    """How a run ended. Not an error: every outcome comes with an Estimate."""

    CONVERGED = "the wanted error was reached"
    BUDGET_SPENT = "time ran out first; the error bar is still honest, give more time"
    MISSED = "the error came out larger than wanted, as its honest error bar says; run it again"
    NOT_SETTLED = "the two halves of the record disagree; lengthen the burn-in"


@final
@dataclass(frozen=True, eq=False, slots=True)
class Estimate:
    """What every solver returns: `value` is the answer, `np.asarray(estimate)` too.

    `stderr` has the shape of `value` and accounts for the correlation of the samples; `ess` is the
    number of independent samples that the run amounts to in its slowest mode, by that mode's
    relaxation rate (0 if nothing moved); `dof` are the degrees
    of freedom of the error bar. `seed` repeats the run. Printing gives the full report.
    """

    problem: str
    value: Array
    stderr: Array
    ess: float
    dof: float
    outcome: Outcome
    plan: Plan
    ledger: Ledger
    seed: int
    baseline: Callable[[Any], Digital]

    def interval(self, confidence: float = 0.95) -> tuple[Array, Array]:
        """Lower and upper ends of the interval that covers each entry with this probability."""
        reach = float(stdtrit(self.dof, 0.5 + checks.probability("confidence", confidence) / 2))
        return self.value - reach * self.stderr, self.value + reach * self.stderr

    @property
    def error(self) -> float:
        """Root-mean-square 2-norm (Frobenius) error of the value, as measured."""
        return _norm(self.stderr)

    @property
    def digital(self) -> Digital:
        """The same problem solved digitally on this machine, timed now: never used for `value`."""
        return self.baseline(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(to_numpy(self.value), dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        norm = _norm(self.value)
        return (
            f"Estimate({self.problem}, shape {tuple(self.value.shape)}, {self.outcome.name}, "
            f"norm {norm:.4g}, error {self.error:.2g}, ess {self.ess:.3g})"
        )

    def __str__(self) -> str:
        plan, goal, norm = self.plan, self.plan.target, _norm(self.value)
        relative = f" = {self.error / norm:.2g} of its norm" if norm else ""
        rows = [
            ("wanted", f"error <= {goal.atol:g} + {goal.rtol:g} |answer|"),
            ("", f"with probability {goal.confidence:g}"),
            ("planned", f"burn-in {plan.burn_in:.3g} RC, pilot {plan.pilot:.3g} RC"),
            ("", f"averaging {plan.averaging:.3g} RC in {plan.windows} windows"),
            ("", f"from rates {plan.slowest:.3g} to {plan.fastest:.3g} per RC"),
            ("", f"at temperature {plan.temperature:g}"),
            ("expected", f"error <= {plan.expected_error:.3g} with that probability"),
            ("measured", f"norm {norm:.6g}, root-mean-square error {self.error:.3g}{relative}"),
            ("", f"effective samples {self.ess:.3g} of the slowest mode"),
            *_labelled("device", str(self.ledger)),
            *_labelled("digital", str(self.digital)),
            ("repeat", f"rng={self.seed}"),
        ]
        title = f"{self.problem}: {self.outcome.name}, {self.outcome.value}"
        return "\n".join([title, *(f"  {label:<9} {text}" for label, text in rows)])


def _norm(x: Array) -> float:
    """The 2-norm, of numbers whose squares may overflow too."""
    xp = namespace(x)
    largest = float(xp.max(xp.abs(x)))
    return largest * float(xp.sum((x / (largest or 1.0)) ** 2)) ** 0.5


def _labelled(label: str, text: str) -> list[tuple[str, str]]:
    first, *rest = text.splitlines()
    return [(label, first), *(("", line) for line in rest)]
