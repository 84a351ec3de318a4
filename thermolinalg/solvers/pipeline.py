"""Run a programmed process until the mean of a readout is known to the wanted error.

Every solver is: encode its problem as a `Program`, call `run`, and return the Estimate. This file
is the one path from a process to an answer.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias, final

from scipy.special import stdtrit

from thermolinalg.backend import Array, namespace
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.readout import Readout
from thermolinalg.solvers.baseline import Digital
from thermolinalg.solvers.budget import (
    BIAS,
    PILOTS,
    RELAXATIONS,
    WINDOWS,
    Plan,
    Target,
    burn_in,
    correction,
    read_pilot,
    summarise,
)
from thermolinalg.solvers.estimate import Estimate, Outcome
from thermolinalg.streams import Streams
from thermolinalg.theory.operator import Network
from thermolinalg.theory.process import OU

FALSE_ALARM = 1e-6
"""Probability that a run which did settle is called NOT_SETTLED."""


Decode: TypeAlias = Callable[[Array], Array]
"""From windows (K, ...) of a readout to those of an answer: linear, each window by itself."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """A problem in the device's units: answer = scale * mean of decode(readout at rest).

    Everything but `scale` is in those units, in which numbers are neither huge nor tiny. The
    error is measured after `decode`, where the answer is.
    """

    name: str
    process: OU | Network
    readout: Readout
    start: Array  # initial states (chains, n)
    scale: float
    decode: Decode
    temperature: float
    least: float  # lower and upper bounds on |answer|/scale, from the spectrum
    most: float
    baseline: Callable[..., Digital]  # (value, products=matrix-vector products spent)
    replicas: int = 1  # independent copies of the start: a power of two, up to WINDOWS

    @property
    def windows(self) -> int:
        """Windows of each replica."""
        return WINDOWS // self.replicas

    @property
    def shortest(self) -> float:
        """The shortest window, in correlation times: replicas need no memory to fade."""
        return RELAXATIONS if self.windows > 1 else 1.0


def run(
    program: Program, target: Target, device: Device, streams: Streams, max_time: float
) -> Estimate:
    """Burn in, run pilots to learn the noise, then average for as long as the target needs."""
    process, readout, K = program.process, program.readout, program.windows
    rng = streams.stream("thermal")
    rate = readout.correlation_rate(process)
    goal = replace(target, atol=target.atol / program.scale)
    settle, window = burn_in(goal, rate, program.most), program.shortest / rate
    _require_time(max_time, program.replicas * (settle + 2 * K * window))

    running = device.program(process, program.start)
    running = device.settle(running, settle, rng)
    left, piloted = max_time / program.replicas - settle, 0.0
    for _ in range(PILOTS):
        values, running = device.measure(running, readout, window, K, rng)
        pilot = read_pilot(_decoded(program, values), _factor(program, window))
        piloted, left = piloted + K * window, left - K * window
        growth = pilot.growth(goal)
        if growth == 1.0 or 2 * K * growth * window > left:
            break
        window *= growth
    wanted = goal.wanted(max(pilot.norm - 2 * pilot.error, program.least)) * (1 - BIAS)
    reach = pilot.reach(goal.confidence)
    needed = max(window * (reach / wanted) ** 2, program.shortest / rate)
    averaged = min(needed, left / K)
    values, running = device.measure(running, readout, averaged, K, rng)

    plan = Plan(
        target=target,
        temperature=program.temperature,
        slowest=process.slowest,
        fastest=process.fastest,
        burn_in=program.replicas * settle,
        pilot=program.replicas * piloted,
        averaging=averaged * WINDOWS,
        windows=WINDOWS,
        expected_error=program.scale * reach * math.sqrt(window / averaged),
    )
    spent = averaged < needed
    values = _decoded(program, values)
    return _conclude(program, plan, goal, values, running.ledger, streams.seed, spent)


def _decoded(program: Program, values: Array) -> Array:
    """Windows of the answer, of all replicas: those that were read earlier come first."""
    if program.replicas > 1:
        shape = (values.shape[0] * program.replicas, -1, *values.shape[2:])
        values = namespace(values).reshape(values, shape)
    return program.decode(values)


def _factor(program: Program, window: float) -> float:
    """What makes up for the correlation of windows; replicas have none."""
    if program.windows == 1:
        return 1.0
    return correction(program.readout.correlation_rate(program.process), window)


def _require_time(max_time: float, least: float) -> None:
    if not max_time >= least:  # also refuses NaN
        raise InvalidInput(
            f"max_time = {max_time:.3g} RC is too short to measure anything: burn-in, a pilot and "
            f"an equally long run take {least:.3g} RC here. Give at least that, or a coarser rtol."
        )


def _conclude(
    program: Program,
    plan: Plan,
    goal: Target,
    values: Array,
    ledger: Ledger,
    seed: int,
    spent: bool,
) -> Estimate:
    rate = program.readout.correlation_rate(program.process)
    factor = _factor(program, plan.averaging / WINDOWS)
    value, stderr = summarise(values, factor)
    reached = read_pilot(values, factor)
    if not _settled(values, factor):
        outcome = Outcome.NOT_SETTLED
    elif spent:
        outcome = Outcome.BUDGET_SPENT
    else:
        met = reached.error <= goal.wanted(max(reached.norm, program.least))
        outcome = Outcome.CONVERGED if met else Outcome.MISSED
    return Estimate(
        problem=program.name,
        value=program.scale * value,
        stderr=program.scale * stderr,
        ess=rate * plan.averaging / 2 if reached.error > 0 else 0.0,
        dof=WINDOWS - 1,
        outcome=outcome,
        plan=plan,
        ledger=ledger,
        seed=seed,
        baseline=partial(program.baseline, products=plan.time * plan.fastest),
    )


def _settled(values: Array, factor: float) -> bool:
    """Do the two halves of the record agree, entry by entry, within their error bars?

    The error bars come from the spread inside each half, which a gap between the halves, unlike the
    spread of the whole record, cannot hide in.
    """
    xp = namespace(values)
    half = values.shape[0] // 2
    first, first_error = summarise(values[:half, ...], factor)
    second, second_error = summarise(values[half:, ...], factor)
    entries = math.prod(first.shape)
    limit = -float(stdtrit(values.shape[0] - 2, FALSE_ALARM / (2 * entries)))
    return bool(xp.all((first - second) ** 2 <= limit**2 * (first_error**2 + second_error**2)))
