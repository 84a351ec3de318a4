"""Optimizers by name: `optimizer("tngd", rate=0.1)`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any, final

from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.egn import EGN
from tngd.optimizers.fngd import FNGD
from tngd.optimizers.hessian_free import HessianFree
from tngd.optimizers.kfac import KFAC, ThermodynamicKFAC
from tngd.optimizers.qnewton import QNewton
from tngd.optimizers.shampoo import Shampoo
from tngd.optimizers.soap import SOAP
from tngd.optimizers.systems import NGD, NGDCG, SGD, TNGD, Adam, AdamW, TNGDAdam


@final
@dataclass(frozen=True)
class _System:
    """Who makes it, and defaults that differ from its own."""

    make: Callable[..., Optimizer]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def knobs(self) -> list[str]:
        return list(signature(self.make).parameters)


SYSTEMS = {
    "sgd": _System(SGD),
    "momentum": _System(SGD, {"rate": 0.05, "momentum": 0.9}),
    "nesterov": _System(SGD, {"rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "adam": _System(Adam),
    "adamw": _System(AdamW),
    "ngd": _System(NGD),
    "ngd-cg": _System(NGDCG),
    "tngd": _System(TNGD),
    "tngd-carried": _System(TNGD, {"rate": 0.5, "damping": 1.0, "time": 1.0, "start": "carried"}),
    "tngd-adam": _System(TNGDAdam),
    "kfac": _System(KFAC),
    "kfac-thermodynamic": _System(ThermodynamicKFAC),
    "hessian-free": _System(HessianFree),
    "egn": _System(EGN),
    "fngd": _System(FNGD),
    "q-newton": _System(QNewton),
    "shampoo": _System(Shampoo),
    "soap": _System(SOAP),
}


def optimizer(name: str, **knobs: Any) -> Optimizer:
    """The optimizer of this name, with the given knobs in place of its defaults.

    Raises:
        InvalidInput: there is none of this name, or it has no such knob.
    """
    if name not in SYSTEMS:
        raise InvalidInput(f"optimizer {name!r} is unknown. There are: {', '.join(SYSTEMS)}.")
    system = SYSTEMS[name]
    for knob in knobs:
        if knob not in system.knobs:
            raise InvalidInput(
                f"optimizer {name!r} has no knob {knob!r}. It has: {', '.join(system.knobs)}."
            )
    return replace(system.make(**{**system.defaults, **knobs}), name=name)


def list_optimizers() -> list[str]:
    """Names that `optimizer` knows."""
    return list(SYSTEMS)
