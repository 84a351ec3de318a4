"""Training as a timeline has it: the optimizer with the time, the delay and the gradients of it."""

from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import perf_counter

import numpy as np

from thermolinalg.errors import InvalidInput
from tngd.linsolve.chip import components
from tngd.linsolve.relaxation import Circuit
from tngd.linsolve.thermodynamic import Thermodynamic
from tngd.objective import Objective
from tngd.optimizers.contract import Optimizer, State
from tngd.optimizers.directions import Gradient, NaturalGradient
from tngd.timeline.contract import Durations, Overlap
from tngd.timeline.cycle import steady_cycle
from tngd.timeline.stale import Stale

REPEATS = 5
"""Measurements whose median is taken."""


def durations_of(
    optimizer: Optimizer,
    objective: Objective,
    *,
    gradient: float | None = None,
    update: float | None = None,
) -> Durations:
    """What a step on this batch takes: the device's part modelled, the digital part measured here.

    The device is the optimizer's. Its link carries the three arrays of Donatella et al. (2024,
    appendix C) and the gradient up, and the p numbers of its state down. For arrays that are
    computed in the background, as on a GPU, give the two digital durations.

    Args:
        optimizer: a `TNGD` or `TNGDAdam`.
        objective: a typical batch.
        gradient: seconds until an upload can begin; None measures the gradient and the curvature's
            rows, which take an array (b c, p).
        update: seconds of the update; None measures the optimizer's rule.

    Raises:
        InvalidInput: the optimizer's direction is not one that a device solves for.
    """
    natural, solver = _thermodynamic(optimizer)
    curvature = natural.curvature.at(objective, np.random.default_rng(0))
    circuit = Circuit(curvature, 0.0, objective.gradient, solver.noise)
    p, device = objective.gradient.shape[0], solver.device
    return Durations(
        gradient=_gradient_seconds(natural, objective) if gradient is None else gradient,
        upload=device.transfer(components(circuit) + p),
        time=solver.time,
        read=device.transfer(p),
        update=_update_seconds(optimizer, objective) if update is None else update,
        time_constant=device.time_constant,
    )


def on_timeline(
    optimizer: Optimizer, durations: Durations, overlap: Overlap = Overlap()
) -> Optimizer:
    """The optimizer that trains as a TNGD or TNGD-Adam does on this overlap.

    Its device relaxes for the time of the cycle, and a carried state goes on for its delay; after a
    reset there is none to go on with. Gradients of pipelined steps are one step stale.

    Raises:
        InvalidInput: the optimizer has no device, or one with another time than the durations, or
            a transform of gradients before it, which would not see the stale ones.
    """
    natural, solver = _thermodynamic(optimizer)
    for name, ours, theirs in (
        ("time", solver.time, durations.time),
        ("time_constant", solver.device.time_constant, durations.time_constant),
    ):
        if ours != theirs:
            raise InvalidInput(
                f"durations.{name} = {theirs:g}, and that of the optimizer's device is {ours:g}. "
                "Take durations_of(optimizer, objective), or change one of the two."
            )
    cycle = steady_cycle(durations, overlap)
    delay = cycle.delay if solver.start == "carried" else 0.0
    timed = replace(natural, solver=replace(solver, time=cycle.time, delay=delay))
    if not cycle.stale:
        return replace(optimizer, direction=timed)
    if optimizer.before:
        raise InvalidInput(
            f"optimizer {optimizer.name!r} transforms gradients before the device, and of a "
            "pipelined step they are stale. Put the transforms in `after`."
        )
    return replace(optimizer, direction=Stale(timed))


def _thermodynamic(optimizer: Optimizer) -> tuple[NaturalGradient, Thermodynamic]:
    direction = getattr(optimizer, "direction", None)
    if isinstance(direction, NaturalGradient) and isinstance(direction.solver, Thermodynamic):
        return direction, direction.solver
    raise InvalidInput(
        f"optimizer = {getattr(optimizer, 'name', optimizer)!r} has no device to wait for. Pass "
        "tngd.TNGD() or tngd.TNGDAdam()."
    )


def _gradient_seconds(natural: NaturalGradient, objective: Objective) -> float:
    def compute() -> None:
        fresh, rng = objective.moved(objective.params), np.random.default_rng(0)
        _ = fresh.gradient, natural.curvature.at(fresh, rng).rows

    return _median_seconds(compute)


def _update_seconds(optimizer: Optimizer, objective: Objective) -> float:
    rule = replace(optimizer, direction=Gradient())
    _ = objective.gradient  # known before the update begins
    return _median_seconds(lambda: rule.step(objective, State(), np.random.default_rng(0)))


def _median_seconds(compute: Callable[[], object]) -> float:
    taken = []
    for _ in range(REPEATS):
        begun = perf_counter()
        compute()
        taken.append(perf_counter() - begun)
    return median(taken)
