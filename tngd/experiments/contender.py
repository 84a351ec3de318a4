"""Who takes part in a comparison: an optimizer's fixed knobs, and where its rate is searched."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from thermolinalg import checks
from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.registry import optimizer

SEARCH = 5.0
"""Rates are searched from 1/SEARCH to SEARCH times the central one."""


@final
@dataclass(frozen=True, slots=True)
class Contender:
    """An optimizer, its fixed knobs, and the rate around which it is tuned."""

    name: str  # as reports call it
    rate: float
    knobs: tuple[tuple[str, Any], ...] = ()
    system: str = ""  # as `optimizer` calls it, where that differs from the name

    @property
    def called(self) -> str:
        """As `optimizer` calls it."""
        return self.system or self.name

    def rates(self, trials: int) -> list[float]:
        """`trials` rates, evenly spaced on a logarithmic scale around the central one."""
        if trials == 1:
            return [self.rate]
        spread = np.geomspace(1 / SEARCH, SEARCH, trials)
        return [float(f"{self.rate * factor:.3g}") for factor in spread]

    def optimizer(self, rate: float) -> Optimizer:
        """The optimizer at this rate."""
        return optimizer(self.called, rate=rate, **dict(self.knobs))

    def describe(self) -> str:
        """The fixed knobs, in words."""
        return ", ".join(f"{key}={value}" for key, value in self.knobs)


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("sgd", 0.6),
        Contender("momentum", 0.15, (("momentum", 0.9),)),
        Contender("nesterov", 0.15, (("momentum", 0.9),)),
        Contender("adam", 0.012, (("beta1", 0.9), ("beta2", 0.999))),
        Contender("adamw", 0.012, (("decay", 0.01),)),
        Contender("shampoo", 0.05),
        Contender("soap", 0.01),
        Contender("ngd", 0.8, (("damping", 0.3),)),
        Contender("ngd-cg", 0.8, (("damping", 0.3), ("iterations", 50))),
        Contender("hessian-free", 1.0, (("iterations", 50),)),
        Contender("kfac", 0.1, (("damping", 0.3),)),
        Contender("kfac-thermodynamic", 0.1, (("damping", 0.3),)),
        Contender("egn", 0.8, (("damping", 0.3),)),
        Contender("fngd", 0.3, (("damping", 1.0),)),
        Contender("q-newton", 0.01),
        Contender("tngd", 0.8, (("damping", 0.3), ("time", 20.0))),
        Contender("tngd-carried", 0.8, (("damping", 0.3), ("time", 2.0), ("start", "carried"))),
        Contender(
            "tngd-adam",
            0.003,
            (("damping", 0.3), ("time", 2.0), ("beta1", 0.0), ("beta2", 0.0)),
        ),
    )
}
"""Everyone who can be called by name."""

THERMODYNAMIC = ("tngd", "tngd-carried", "tngd-adam")
"""The systems that need a device."""

USUAL = ("sgd", "momentum", "adam", "ngd", "tngd", "tngd-carried", "tngd-adam")
"""Who takes part if nobody is named."""


def find_contenders(descriptions: Sequence[str], damping: float | None = None) -> list[Contender]:
    """The contenders so described: "adam", or with other knobs "tngd:damping=0.1:time=50".

    A knob `rate` is where the search for the rate is centred. `damping` replaces that of every
    contender that has one and does not describe its own.

    Raises:
        InvalidInput: a name or a knob is unknown, a description is repeated, or there is none.
    """
    if damping is not None:
        damping = checks.positive("damping", damping)
    return require_distinct([_contender(description, damping) for description in descriptions])


def _contender(description: str, damping: float | None) -> Contender:
    name, *settings = description.split(":")
    if name not in CONTENDERS:
        raise InvalidInput(f"optimizer {name!r} is unknown. There are: {', '.join(CONTENDERS)}.")
    usual = CONTENDERS[name]
    knobs = dict(usual.knobs)
    if damping is not None and "damping" in knobs:
        knobs["damping"] = damping
    knobs |= dict(_knob(setting) for setting in settings)
    rate = checks.positive("rate", knobs.pop("rate", usual.rate))
    contender = Contender(description, rate, tuple(knobs.items()), name)
    contender.optimizer(rate)  # a wrong knob fails now, not after the first hour
    return contender


def _knob(setting: str) -> tuple[str, Any]:
    key, equals, text = setting.partition("=")
    if not (key and equals and text):
        raise InvalidInput(
            f"{setting!r} is no knob. Write an optimizer's knobs as in tngd:damping=0.1:time=50, "
            "or leave the colon out."
        )
    try:
        return key, ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return key, text  # a word, such as start=carried


def require_distinct(contenders: Sequence[Contender]) -> list[Contender]:
    """At least one, and no two of one name, under which their trials would be mixed up.

    Raises:
        InvalidInput: there is none, or a name is repeated.
    """
    names = [contender.name for contender in contenders]
    if not names or len(set(names)) < len(names):
        raise InvalidInput("name at least one optimizer, and each one once.")
    return list(contenders)
