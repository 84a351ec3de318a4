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

from thermolinalg import checks
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
    Pilot,
    Plan,
    Target,
    burn_in,
    correction,
    read_pilot,
    summarise,
)
from thermolinalg.solvers.crew import Crew
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
    replicas: int = 1  # copies of the start that are simulated at once: a power of two


@final
@dataclass(frozen=True, slots=True)
class Control:
    """How a run is carried out.

    Args:
        chains: independent runs whose windows are pooled: a power of two, up to 32.
        n_jobs: workers that simulate them, as joblib understands it.
        max_time: most analog time of all chains together, in units of RC.
    """

    chains: int = 1
    n_jobs: int = 1
    max_time: float = math.inf

    def __post_init__(self) -> None:
        chains = checks.count("chains", self.chains)
        if chains > WINDOWS or WINDOWS % chains:
            raise InvalidInput(f"chains = {chains} must be a power of two, {WINDOWS} at most.")
        if isinstance(self.n_jobs, bool) or not isinstance(self.n_jobs, int) or self.n_jobs == 0:
            raise InvalidInput(
                f"n_jobs = {self.n_jobs!r} must be a number of workers, or -1 for one a core."
            )


def run(
    program: Program, target: Target, device: Device, streams: Streams, control: Control
) -> Estimate:
    """Burn in, run pilots to learn the noise, then average for as long as the target needs."""
    process, readout = program.process, program.readout
    copies = max(control.chains, program.replicas)  # runs whose noise is independent
    K = WINDOWS // copies
    rate = readout.correlation_rate(process)
    shortest = (RELAXATIONS if K > 1 else 1.0) / rate  # copies need no memory to fade
    goal = replace(target, atol=target.atol / program.scale)
    settle, window = burn_in(goal, rate, program.most), shortest
    _require_time(control.max_time, copies * (settle + 2 * K * window))

    rows = program.start.shape[0] // min(control.chains, program.replicas)
    crew = Crew.program(
        device, process, program.start[:rows, :], control.chains, control.n_jobs, streams
    )
    crew = crew.settle(settle)
    left, piloted = control.max_time / copies - settle, 0.0
    for _ in range(PILOTS):
        values, crew = crew.measure(readout, window, K)
        pilot = read_pilot(_decoded(program, values, K), _factor(rate, window, K))
        piloted, left = piloted + K * window, left - K * window
        growth = pilot.growth(goal)
        if growth == 1.0 or 2 * K * growth * window > left:
            break
        window *= growth
    wanted = goal.wanted(max(pilot.norm - 2 * pilot.error, program.least)) * (1 - BIAS)
    reach = pilot.reach(goal.confidence)
    slack = _slack(rate, window, K)
    longer = slack * (reach / wanted) ** 2 if reach > wanted else (reach / wanted) ** 2
    needed = max(window * longer, shortest)
    averaged = min(needed, left / K)
    values, crew = crew.measure(readout, averaged, K)

    plan = Plan(
        target=target,
        temperature=program.temperature,
        slowest=process.slowest,
        fastest=process.fastest,
        burn_in=copies * settle,
        pilot=copies * piloted,
        averaging=averaged * WINDOWS,
        windows=WINDOWS,
        expected_error=program.scale * reach * math.sqrt(slack * window / averaged),
    )
    factor, spent = _factor(rate, averaged, K), averaged < needed
    answers = _decoded(program, values, K)
    return _conclude(program, plan, goal, answers, factor, crew.ledger, streams.seed, spent)


def _decoded(program: Program, values: list[Array], K: int) -> Array:
    """The answer's windows (WINDOWS, ...) of all copies, in the order of time."""
    xp = namespace(values[0])
    copies = WINDOWS // (K * len(values))  # of each chain
    answers = []
    for x in values:
        each = xp.reshape(x, (K * copies, -1, *x.shape[2:])) if copies > 1 else x
        answers.append(program.decode(each))
    if len(answers) == 1:
        return answers[0]
    shape = answers[0].shape[1:]
    together = xp.stack([xp.reshape(x, (K, copies, *shape)) for x in answers], axis=1)
    return xp.reshape(together, (WINDOWS, *shape))


def _slack(rate: float, window: float, K: int) -> float:
    """By how much one window of so few correlation times understates the noise of a long one.

    The variance of an average over u = rate * window goes with (u - 1 + e^{-u})/u², which is below
    its tail 1/u; and in faster modes less so.
    """
    u = rate * window
    return 1.0 if K > 1 else 1 / (1 + math.expm1(-u) / u)


def _factor(rate: float, window: float, K: int) -> float:
    """What makes up for the correlation of windows of one run; a single one has none."""
    return correction(rate, window) if K > 1 else 1.0


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
    factor: float,
    ledger: Ledger,
    seed: int,
    spent: bool,
) -> Estimate:
    rate = program.readout.correlation_rate(program.process)
    value, stderr = summarise(values, factor)
    reached, outcome = judged(values, factor, goal, program.least, spent=spent)
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


def judged(
    values: Array, factor: float, goal: Target, least: float, *, spent: bool
) -> tuple[Pilot, Outcome]:
    """What window values say, and how their run ended; the answer's norm is `least` or more."""
    reached = read_pilot(values, factor)
    if not settled(values, factor):
        return reached, Outcome.NOT_SETTLED
    if spent:
        return reached, Outcome.BUDGET_SPENT
    met = reached.error <= goal.wanted(max(reached.norm, least))
    return reached, Outcome.CONVERGED if met else Outcome.MISSED


def settled(values: Array, factor: float) -> bool:
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
