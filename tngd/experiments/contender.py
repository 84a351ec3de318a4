"""Who takes part in a comparison: an optimizer's fixed knobs, and where its rate is searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.systems import optimizer

SEARCH = 10.0
"""Rates are searched from 1/SEARCH to SEARCH times the central one."""


@final
@dataclass(frozen=True, slots=True)
class Contender:
    """An optimizer by name, its knobs, and the rate around which it is tuned."""

    name: str
    rate: float
    knobs: tuple[tuple[str, Any], ...] = ()

    def rates(self, trials: int) -> list[float]:
        """`trials` rates, evenly spaced on a logarithmic scale around the central one."""
        if trials == 1:
            return [self.rate]
        spread = np.geomspace(1 / SEARCH, SEARCH, trials)
        return [float(f"{self.rate * factor:.3g}") for factor in spread]

    def optimizer(self, rate: float) -> Optimizer:
        """The optimizer at this rate."""
        return optimizer(self.name, rate=rate, **dict(self.knobs))

    def describe(self) -> str:
        """The fixed knobs, in words."""
        return ", ".join(f"{key}={value}" for key, value in self.knobs)


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("sgd", 0.3),
        Contender("momentum", 0.1, (("momentum", 0.9),)),
        Contender("nesterov", 0.1, (("momentum", 0.9),)),
        Contender("adam", 0.01, (("beta1", 0.9), ("beta2", 0.999))),
        Contender("ngd", 0.3, (("damping", 0.1),)),
        Contender("ngd-cg", 0.3, (("damping", 0.1), ("iterations", 50))),
        Contender("tngd", 0.3, (("damping", 0.1), ("time", 50.0))),
        Contender("tngd-adam", 0.003, (("damping", 1.0), ("time", 0.4))),
    )
}
"""Everyone who can be called by name."""

USUAL = ("sgd", "momentum", "adam", "ngd", "tngd", "tngd-adam")
"""Who takes part if nobody is named."""


def find_contenders(names: list[str]) -> list[Contender]:
    """The contenders of these names, in order.

    Raises:
        InvalidInput: a name is unknown or repeated, or there is none.
    """
    for name in names:
        if name not in CONTENDERS:
            raise InvalidInput(
                f"optimizer {name!r} is unknown. There are: {', '.join(CONTENDERS)}."
            )
    return require_distinct([CONTENDERS[name] for name in names])


def require_distinct(contenders: Sequence[Contender]) -> list[Contender]:
    """At least one, and no two of one name, under which their trials would be mixed up.

    Raises:
        InvalidInput: there is none, or a name is repeated.
    """
    names = [contender.name for contender in contenders]
    if not names or len(set(names)) < len(names):
        raise InvalidInput("name at least one optimizer, and each one once.")
    return list(contenders)
