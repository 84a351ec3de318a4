"""Who takes part in an experiment: an optimizer, its knobs fixed, searched or borrowed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

from thermolinalg.errors import InvalidInput
from tngd.linsolve.factor_inverses import ThermodynamicInverse
from tngd.linsolve.relaxation import EulerRelaxation
from tngd.linsolve.thermodynamic import Thermodynamic
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.directions import Gradient
from tngd.optimizers.registry import optimizer
from tngd.optimizers.rules import Rate
from tngd.optimizers.transforms import Momentum
from tngd.reproduce.search import Range

PARTS: Mapping[str, Callable[..., Any]] = {
    "inverse": ThermodynamicInverse,
    "relaxation": EulerRelaxation,
}
"""Knobs that are records, stated as tables of their fields."""


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """An optimizer by the name of a registered system.

    Args:
        name: as reports call it.
        system: as `tngd.optimizer` calls it.
        fixed: knobs with their values.
        ranges: knobs that are searched, and from where to where.
        like: another entry, whose knobs as they were tuned it takes as its own.
    """

    name: str
    system: str
    fixed: Mapping[str, Any]
    ranges: Mapping[str, Range]
    like: str = ""

    def make(self, knobs: Mapping[str, Any]) -> Optimizer:
        """The optimizer with these knobs beside the fixed ones, which come first."""
        made = {**knobs, **self.fixed}
        for knob, part in PARTS.items():
            if isinstance(made.get(knob), Mapping):
                made[knob] = part(**made[knob])
        return optimizer(self.system, **made)


def read_entries(table: Mapping[str, Mapping[str, Any]]) -> dict[str, Entry]:
    """Entries as a file of settings states them.

        adam = {}                               as its own page says
        adam = {rate = [1e-4, 1e-1]}            the rate is searched
        tngd = {time = 50.0, like = "ngd"}      what was best for ngd, and a time
        tngd-short = {system = "tngd", time = 5.0}

    Raises:
        InvalidInput: an optimizer or a knob is unknown, or there is nobody whose knobs are taken.
    """
    entries = {name: _entry(name, dict(knobs)) for name, knobs in table.items()}
    for entry in entries.values():
        if entry.like and not entries.get(entry.like, entry).ranges:
            raise InvalidInput(
                f"{entry.name!r} is to be like {entry.like!r}, which is no entry that is tuned."
            )
        entry.make({knob: low for knob, (low, _) in entry.ranges.items()})  # a wrong knob fails now
    return entries


def _entry(name: str, knobs: dict[str, Any]) -> Entry:
    system, like = knobs.pop("system", name), knobs.pop("like", "")
    ranges = {knob: value for knob, value in knobs.items() if isinstance(value, tuple)}
    fixed = {knob: value for knob, value in knobs.items() if knob not in ranges}
    return Entry(name, system, fixed, ranges, like)


def flat_rate(made: Optimizer) -> float | None:
    """What a step multiplies the gradient by where the curvature is nothing, in the long run.

    There every damped method is gradient descent: with the rate r/λ for an exact solve, with
    r [(1 - e^(-λt))/λ + e^(-λt)] for a device that starts from the gradient. Momentum m makes that
    1/(1 - m) times as much. None for those whose steps have no such constant.
    """
    direction, gain = made.direction, 1.0
    plain = all(isinstance(each, Momentum) for each in (*made.before, *made.after))
    if not plain or not isinstance(made.rule, Rate):
        return None
    if not isinstance(direction, Gradient):
        damping = getattr(direction, "damping", None)
        if not isinstance(damping, float):
            return None
        solver = getattr(direction, "solver", None)
        device = solver if isinstance(solver, Thermodynamic) else None
        gain = 1 / damping if device is None else device.flat_gain(damping)
    for each in made.after:
        gain /= 1 - each.momentum if isinstance(each, Momentum) else 1
    return made.rate * gain
