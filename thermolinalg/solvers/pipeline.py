"""Run a programmed process until the mean of a readout is known to the wanted error.

Every solver is: encode its problem as a `Program`, call `run`, and return the Estimate. This file
is the one path from a process to an answer.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import final

from scipy.special import stdtrit

from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device, Running
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.readout import Readout
from thermolinalg.solvers.baseline import Digital
from thermolinalg.solvers.budget import (
    BIAS,
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
from thermolinalg.theory.process import OU

FALSE_ALARM = 1e-6
"""Probability that a run which did settle is called NOT_SETTLED."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """A problem in the device's units: answer = scale * (mean of the readout at rest)."""

    name: str
    process: OU
    readout: Readout
    start: Array  # initial states (chains, n)
    scale: float
    decode: Callable[[Array], Array]  # from the readout's shape to the answer's
    temperature: float
    least: float  # lower and upper bounds on |answer|, from the spectrum
    most: float
    baseline: Callable[..., Digital]  # (value, products=matrix-vector products spent)


def run(
    program: Program, target: Target, device: Device, streams: Streams, max_time: float
) -> Estimate:
    """Burn in, run a pilot to learn the noise, then average for as long as the target needs."""
    process, readout = program.process, program.readout
    rng = streams.stream("thermal")
    rate = readout.correlation_rate(process)
    shortest = RELAXATIONS / rate
    settle = burn_in(target, rate, program.most)
    longest = _longest_window(max_time, settle, shortest)

    running = device.program(process, program.start)
    running = device.settle(running, settle, rng)
    values, running = device.measure(running, readout, shortest, WINDOWS, rng)
    pilot = read_pilot(program.scale * values, correction(rate, shortest))
    wanted = target.atol + target.rtol * max(pilot.norm, program.least)
    reach = pilot.reach(target.confidence)
    needed = shortest * max((reach / (wanted * (1 - BIAS))) ** 2, 1.0)
    window = min(needed, longest)
    values, running = device.measure(running, readout, window, WINDOWS, rng)

    plan = Plan(
        target=target,
        temperature=program.temperature,
        slowest=process.slowest,
        fastest=process.fastest,
        burn_in=settle,
        pilot=shortest * WINDOWS,
        averaging=window * WINDOWS,
        windows=WINDOWS,
        expected_error=reach * math.sqrt(shortest / window),
    )
    spent = window < needed
    return _conclude(program, plan, program.scale * values, running, streams.seed, spent)


def _longest_window(max_time: float, settle: float, shortest: float) -> float:
    least = settle + 2 * WINDOWS * shortest
    if not max_time >= least:  # also refuses NaN
        raise InvalidInput(
            f"max_time = {max_time:.3g} RC is too short to measure anything: burn-in, a pilot and "
            f"an equally long run take {least:.3g} RC here. Give at least that, or a coarser rtol."
        )
    return (max_time - settle) / WINDOWS - shortest


def _conclude(
    program: Program, plan: Plan, values: Array, running: Running, seed: int, spent: bool
) -> Estimate:
    rate, window = program.readout.correlation_rate(program.process), plan.averaging / WINDOWS
    factor = correction(rate, window)
    value, stderr = summarise(values, factor)
    outcome = Outcome.BUDGET_SPENT if spent else Outcome.CONVERGED
    if not _settled(values, factor):
        outcome = Outcome.NOT_SETTLED
    moving = bool(namespace(stderr).any(stderr > 0))
    return Estimate(
        problem=program.name,
        value=program.decode(value),
        stderr=program.decode(stderr),
        ess=rate * plan.averaging / 2 if moving else 0.0,
        dof=WINDOWS - 1,
        outcome=outcome,
        plan=plan,
        ledger=running.ledger,
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
