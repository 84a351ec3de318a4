"""The optimizers of the field, each a composition of slots with its published defaults.

`optimizer("tngd", rate=0.1)` builds one by name.
"""

from collections.abc import Callable
from typing import Any

from thermolinalg.errors import InvalidInput
from tngd.linsolve.cg import CG
from tngd.linsolve.contract import LinearSolver
from tngd.linsolve.relaxation import ExactRelaxation, Relaxation
from tngd.linsolve.thermodynamic import Start, Thermodynamic
from tngd.linsolve.woodbury import Woodbury
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.directions import Gradient, NaturalGradient
from tngd.optimizers.rules import Adaptive, Momentum


def SGD(rate: float = 0.1, *, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent, with heavy-ball or Nesterov momentum."""
    return Optimizer("sgd", Gradient(), Momentum(rate, momentum, nesterov))


def Adam(
    rate: float = 1e-3, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    """Adam (Kingma and Ba 2015)."""
    return Optimizer("adam", Gradient(), Adaptive(rate, beta1, beta2, epsilon))


def NGD(
    rate: float = 0.1,
    *,
    damping: float = 0.1,
    momentum: float = 0.0,
    solver: LinearSolver = Woodbury(),
) -> Optimizer:
    """Natural gradient descent on the damped Gauss-Newton matrix; solved by Woodbury or CG()."""
    return Optimizer(
        "ngd", NaturalGradient(solver=solver, damping=damping), Momentum(rate, momentum)
    )


def TNGD(
    rate: float = 0.1,
    *,
    damping: float = 0.1,
    time: float = 50.0,
    start: Start = "gradient",
    delay: float = 0.0,
    noise: float = 0.0,
    momentum: float = 0.0,
    relaxation: Relaxation = ExactRelaxation(),
) -> Optimizer:
    """Thermodynamic natural gradient descent (Donatella et al. 2024).

    `time`, `start`, `delay` and `noise` are explained in `Thermodynamic`.
    """
    solver = Thermodynamic(time, start, delay, noise, relaxation)
    return Optimizer(
        "tngd", NaturalGradient(solver=solver, damping=damping), Momentum(rate, momentum)
    )


def TNGDAdam(
    rate: float = 1e-3,
    *,
    damping: float = 1.0,
    time: float = 0.4,
    start: Start = "gradient",
    delay: float = 0.0,
    noise: float = 0.0,
    beta1: float = 0.0,
    beta2: float = 0.0,
    epsilon: float = 1e-8,
    relaxation: Relaxation = ExactRelaxation(),
) -> Optimizer:
    """TNGD with Adam's rule on the device's answer.

    The paper's beta1 = beta2 = 0 make it sign descent on the natural gradient; give (0.9, 0.999)
    for the moving averages of Adam.
    """
    solver = Thermodynamic(time, start, delay, noise, relaxation)
    direction = NaturalGradient(solver=solver, damping=damping)
    return Optimizer("tngd-adam", direction, Adaptive(rate, beta1, beta2, epsilon))


SYSTEMS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "momentum": lambda rate=0.05, momentum=0.9: SGD(rate, momentum=momentum),
    "nesterov": lambda rate=0.05, momentum=0.9: SGD(rate, momentum=momentum, nesterov=True),
    "adam": Adam,
    "ngd": NGD,
    "ngd-cg": lambda rate=0.1, damping=0.1, **knobs: NGD(rate, damping=damping, solver=CG(**knobs)),
    "tngd": TNGD,
    "tngd-carried": lambda rate=0.5, damping=1.0, time=1.0, start="carried", **knobs: TNGD(
        rate, damping=damping, time=time, start=start, **knobs
    ),
    "tngd-adam": TNGDAdam,
}


def optimizer(name: str, **knobs: Any) -> Optimizer:
    """The optimizer of this name, with the given knobs in place of its defaults.

    Raises:
        InvalidInput: there is none of this name, or it has no such knob.
    """
    if name not in SYSTEMS:
        raise InvalidInput(f"optimizer {name!r} is unknown. There are: {', '.join(SYSTEMS)}.")
    try:
        made = SYSTEMS[name](**knobs)
    except TypeError as error:
        raise InvalidInput(f"optimizer {name!r} cannot be made from {knobs}: {error}.") from error
    return Optimizer(name, made.direction, made.rule)


def list_optimizers() -> list[str]:
    """Names that `optimizer` knows."""
    return list(SYSTEMS)
