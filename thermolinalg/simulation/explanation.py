"""explain: which integrators take a process, which one "auto" is, and why."""

from dataclasses import dataclass
from typing import final

from thermolinalg.simulation.choice import INTEGRATORS, choose_integrator
from thermolinalg.simulation.integrator import EXACT
from thermolinalg.theory.operator import Runnable


@final
@dataclass(frozen=True, slots=True)
class Candidate:
    """An integrator before a process."""

    name: str
    refusal: str | None  # why it does not take the process
    error: str  # of a step, by its length
    cost: str


@final
@dataclass(frozen=True, slots=True)
class Explanation:
    """What `explain` returns; its text is a table. Candidates stand in the order of choice."""

    process: str
    integrator: str  # what "auto" takes
    candidates: tuple[Candidate, ...]

    def __str__(self) -> str:
        chosen = next(c for c in self.candidates if c.name == self.integrator)
        reason = (
            "the cheapest without step-size error"
            if chosen.error == EXACT
            else f"{chosen.error}, as none without step-size error takes this process"
        )
        rows = [("", "integrator", "step-size error", "cost, or why not")]
        rows += [_row(c, mark="*" if c is chosen else "") for c in self.candidates]
        table = [f"{mark:<2}{name:<12}{error:<17}{text}" for mark, name, error, text in rows]
        return "\n".join([self.process, f"'auto' takes {self.integrator!r}: {reason}.", *table])


def explain(process: Runnable) -> Explanation:
    """Which integrator "auto" takes for this process, and of every other one why it does or not.

    Raises:
        InvalidInput: nothing that can be run.
    """
    chosen = choose_integrator(process)
    candidates = (
        Candidate(i.name, i.refusal(process), i.error, i.cost) for i in INTEGRATORS.values()
    )
    return Explanation(repr(process), chosen, tuple(candidates))


def _row(c: Candidate, mark: str) -> tuple[str, str, str, str]:
    if c.refusal is None:
        return mark, c.name, c.error, c.cost
    return mark, c.name, "-", f"no: {c.refusal}"
