"""A measured answer, its error bar, how the run ended, and what it cost."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeAlias, final

import numpy as np
from scipy.special import stdtrit

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, namespace, to_numpy
from thermolinalg.device.driving import is_exact
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.device.naming import title_of
from thermolinalg.errors import InvalidInput
from thermolinalg.solvers.baseline import Digital
from thermolinalg.solvers.budget import WINDOWS, Plan, Target
from thermolinalg.solvers.entries import Entries
from thermolinalg.solvers.reading import Reading
from thermolinalg.solvers.report import Block, Report
from thermolinalg.solvers.saving import save

KEPT = 2**22
"""Numbers of windows that are kept for a picture of the error; more are dropped once judged."""

SHOWN = 0.95
"""Probability with which the interval that a notebook shows covers an entry."""


class Outcome(Enum):
    """How a run ended. Not an error: every outcome comes with an Estimate."""

    CONVERGED = "the wanted error was reached"
    BUDGET_SPENT = "time ran out first; the error bar is still honest, give more time"
    STOPPED = "a callback stopped it; the error bar is still honest, refine() goes on"
    MISSED = "the error came out larger than wanted, as its honest error bar says; run it again"
    STUCK = "readings never change: the converter's step or range hides them; widen or refine it"
    NOT_SETTLED = "the two halves of the record disagree; lengthen the burn-in"


def judged(reading: Reading, goal: Target, least: float, *, spent: bool, device: Device) -> Outcome:
    """How a run ended that read this; the answer's norm is `least` or more."""
    if not reading.settled:
        return Outcome.NOT_SETTLED
    if device.converter is not None and reading.stuck:
        return Outcome.STUCK
    if spent:
        return Outcome.BUDGET_SPENT
    met = reading.error <= goal.wanted(max(reading.norm, least))
    return Outcome.CONVERGED if met else Outcome.MISSED


class History(NamedTuple):
    """How an answer came about: what it was after each of these averaging times (RC)."""

    times: NumpyArray  # (m,)
    values: Array  # (m, ...)

    @staticmethod
    def of(stretches: list[tuple[Array | None, float]], scale: float = 1.0) -> "History":
        """Running means of windows (K, ...) of stretches that took these times.

        Raises:
            InvalidInput: there is none, or windows were not kept.
        """
        total, time, times, values = 0.0, 0.0, [], []
        for windows, length in stretches:
            if windows is None:
                raise InvalidInput(
                    "no windows of this run are kept: an answer is kept window by window up to "
                    f"{KEPT // WINDOWS} entries. Ask a callback for what it wants to see."
                )
            window = length / windows.shape[0]
            for k in range(windows.shape[0]):
                total, time = total + window * windows[k, ...], time + window
                times.append(time)
                values.append(scale * (total / time))
        if not values:
            raise InvalidInput("the run was stopped before it read anything of the answer.")
        return History(np.asarray(times), namespace(values[0]).stack(values))


class Continuable(Protocol):
    """A run that stands where an answer was read from it, and can go on."""

    @property
    def device(self) -> Device:
        """What ran it."""

    @property
    def time(self) -> float:
        """Analog time it has taken, in RC: burn-in, pilots and all that was read."""

    def history(self) -> History:
        """The answer after each window."""

    def refined(
        self,
        target: Target,
        max_time: float | None,
        max_samples: float | None,
        n_jobs: int | None,
        callback: "Callback | None",
    ) -> "Estimate":
        """The answer once it has gone on to another target."""


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
    run: Continuable | None = None

    def refine(
        self,
        *,
        rtol: float | None = None,
        atol: float | None = None,
        confidence: float | None = None,
        max_time: float | None = None,
        max_samples: float | None = None,
        n_jobs: int | None = None,
        callback: "Callback | None" = None,
    ) -> "Estimate":
        """The answer after the run has gone on, to a smaller error or to where it was bound.

        What was read before counts. A run that was stopped goes on to the answer that it would
        have given; this estimate stays what it is, and can be refined again, to the same numbers.

        Args:
            rtol: wanted relative error; None leaves it.
            atol: wanted absolute error; None leaves it.
            confidence: with which they are to be met; None leaves it.
            max_time: most analog time from here on, in RC; None is no limit, and of a run that was
                stopped the one that it was given.
            max_samples: most samples from here on, likewise.
            n_jobs: workers that simulate the chains; None leaves it.
            callback: asked between parts of the run, as in the solver.

        Raises:
            InvalidInput: the run cannot go on, or an argument cannot be used.
        """
        if self.run is None:
            raise InvalidInput(
                f"the answer of {self.problem} keeps no run to go on with. Solve it again for the "
                "error that is wanted."
            )
        old = self.plan.target
        target = Target.checked(
            old.rtol if rtol is None else rtol,
            old.atol if atol is None else atol,
            old.confidence if confidence is None else confidence,
        )
        if target == old and self.outcome is Outcome.CONVERGED:
            return self
        return self.run.refined(target, max_time, max_samples, n_jobs, callback)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, run and all, whole or not at all; `tla.load` reads it.

        Raises:
            OutputError: the file cannot be written.
        """
        save(self, path)

    @property
    def history(self) -> History:
        """How the value came about, window by window.

        Raises:
            InvalidInput: the run keeps no windows, or they were too large to keep.
        """
        if self.run is None:
            raise InvalidInput(f"the answer of {self.problem} keeps no windows of its run.")
        return self.run.history()

    @property
    def time(self) -> float:
        """Analog time that the run has taken, in RC: burn-in, pilots and averaging."""
        return self.plan.time if self.run is None else self.run.time

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

    def __float__(self) -> float:
        """The value of an answer that is one number."""
        return float(to_numpy(self.value))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(to_numpy(self.value), dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        norm = _norm(self.value)
        return (
            f"Estimate({self.problem}, shape {tuple(self.value.shape)}, {self.outcome.name}, "
            f"norm {norm:.4g}, error {self.error:.2g}, ess {self.ess:.3g})"
        )

    def __str__(self) -> str:
        return str(self._report())

    def _repr_html_(self) -> str:
        return self._report().html

    def _caveat(self) -> list[str]:
        """What an error bar cannot say: it knows of noise alone."""
        device = None if self.run is None else self.run.device
        if device is None or is_exact(device):
            return []
        return [
            f"{title_of(device)}: its own errors are in no error bar;",
            "of solve and inv, error_budget predicts them",
        ]

    def _report(self) -> Report:
        """What it says of itself; the digital solvers are timed for it, now."""
        plan, goal, norm = self.plan, self.plan.target, _norm(self.value)
        relative = f" = {self.error / norm:.2g} of its norm" if norm else ""
        before = plan.burn_in + plan.pilot
        read = 0.0 if math.isclose(self.time, before) else self.time - before
        blocks = (
            Block.of(
                "wanted",
                f"error <= {goal.atol:g} + {goal.rtol:g} |answer| "
                f"with probability {goal.confidence:g}",
            ),
            Block.of(
                "planned",
                f"burn-in {plan.burn_in:.3g} RC, pilot {plan.pilot:.3g} RC",
                f"averaging {plan.averaging:.3g} RC in {plan.windows} windows",
                f"from rates {plan.slowest:.3g} to {plan.fastest:.3g} per RC",
                f"at temperature {plan.temperature:g}",
                f"expected error <= {plan.expected_error:.3g} with that probability",
            ),
            Block.of(
                "happened",
                f"took {self.time:.3g} RC, {read:.3g} RC of it for the answer",
                f"norm {norm:.6g}",
                f"root-mean-square error {self.error:.3g}{relative}",
                f"effective samples {self.ess:.3g} of the slowest mode",
            ),
            Block.of("device", *self._caveat(), self.ledger),
            Block.of("digital", self.digital),
            Block.of("repeat", f"rng={self.seed}"),
        )
        half = self.interval(SHOWN)[1] - self.value
        entries = Entries.of(self.value, half, f"± covers an entry with probability {SHOWN:g}")
        return Report(self.problem, self.outcome, blocks, entries)


def _norm(x: Array) -> float:
    """The 2-norm, of numbers whose squares may overflow too."""
    xp = namespace(x)
    largest = float(xp.max(xp.abs(x)))
    return largest * float(xp.sum((x / (largest or 1.0)) ** 2)) ** 0.5


Callback: TypeAlias = Callable[[Estimate], Any]
"""What a solver asks between parts of a run, with the answer so far: whether to stop (if true).

To stop as soon as the error bar looks small enough makes it too small: by how much, it cannot know.
"""
