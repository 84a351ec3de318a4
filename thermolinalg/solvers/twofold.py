"""One run, two answers: the mean and the covariance of a network at rest, each with its error bar.

A covariance about a mean that is measured too is no average of windows by itself. With m_k and S_k
the averages of u = x - center and of uu' over window k, m the mean of the m_k,

    C_k = S_k - m_k m' - m m_k' + mm' + V,    V the measured covariance of m,

average to the covariance without bias, and their spread is its error (to first order in 1/time).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, final

import numpy as np

from thermolinalg.backend import Array, namespace
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device, Running
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.centered import CenteredMoments
from thermolinalg.measurement.snapshot import Snapshot
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
    growth,
)
from thermolinalg.solvers.estimate import Estimate, judged
from thermolinalg.solvers.reading import Reading
from thermolinalg.streams import Streams
from thermolinalg.theory.process import OU

MEMORY = 1e-3
"""Correlation of a draw with the one before it, at most."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Twofold:
    """A network, and how the answers are read off the mean and the covariance of its rest.

    `mean` and `cov` take windows (K, n) and (K, n, n), each by itself, and the first is affine, the
    second linear plus a constant. `least` is a lower bound on |cov|.
    """

    name: str
    process: OU
    mean: Callable[[Array], Array]
    cov: Callable[[Array], Array]
    least: float
    baselines: tuple[Callable[[Array], Digital], Callable[[Array], Digital]]


class Twin(NamedTuple):
    """The two answers, and states (draws, n) that are as good as independent."""

    mean: Estimate
    cov: Estimate
    draws: Array


class Sight(NamedTuple):
    """What a stretch of the run says of both answers, and a better center."""

    mean: Reading
    cov: Reading
    trace: Reading  # of the covariance
    center: Array

    @property
    def spread(self) -> tuple[float, float]:
        """The root of the trace of the covariance: as measured, and two error bars below."""
        trace = max(float(self.trace.mean), 0.0)
        least = max(trace - 2 * self.trace.error, trace / 10)
        return math.sqrt(trace), math.sqrt(least)


def run_twofold(
    program: Twofold,
    rtol: float,
    confidence: float,
    draws: int,
    device: Device,
    streams: Streams,
    max_time: float,
) -> Twin:
    """Measure both answers: |mean - truth| <= rtol spread and |cov - truth| <= rtol |truth|."""
    process, rng = program.process, streams.stream("thermal")
    rate, goal = process.slowest, Target(rtol, 0.0, confidence)
    settle, window, apart = _burn_in(process, goal), RELAXATIONS / rate, -math.log(MEMORY) / rate
    least = settle + 2 * WINDOWS * window + draws * apart
    if not max_time >= least:  # also refuses NaN
        raise InvalidInput(
            f"max_time = {max_time:.3g} RC is too short to measure anything: burn-in, a pilot, an "
            f"equally long run and {draws} draws take {least:.3g} RC here. Give at least that."
        )
    running = device.program(process, namespace(process.b).zeros_like(process.b))
    running = device.settle(running, settle, rng)
    left, piloted, center = max_time - settle - draws * apart, 0.0, running.states[0, :]
    for _ in range(PILOTS):
        pilot, running = _read(program, device, running, center, window, rng)
        piloted, left, center = piloted + WINDOWS * window, left - WINDOWS * window, pilot.center
        longer = growth(pilot.cov, goal)
        if longer == 1.0 or 2 * WINDOWS * longer * window > left:
            break
        window *= longer
    reaches, needed = _needed(pilot, goal, window, program.least)
    needed = max(needed, RELAXATIONS / rate)
    averaged = min(needed, left / WINDOWS)
    sight, running = _read(program, device, running, center, averaged, rng)
    taken = running.states[:0, :]
    if draws:
        taken, running = device.measure(running, Snapshot(), apart, draws, rng)
        taken = program.mean(taken[:, 0, :])

    goals = Target(0.0, rtol * sight.spread[0], confidence), goal
    answers = []
    for k, reading in enumerate((sight.mean, sight.cov)):
        plan = Plan(
            target=goals[k],
            temperature=1.0,
            slowest=rate,
            fastest=process.fastest,
            burn_in=settle,
            pilot=piloted,
            averaging=averaged * WINDOWS,
            windows=WINDOWS,
            expected_error=reaches[k] * math.sqrt(window / averaged),
        )
        title = f"{program.name}, {('mean', 'covariance')[k]}"
        spent = averaged < needed
        made = partial(_concluded, reading, plan, running.ledger)
        answers.append(made(title, streams.seed, spent, program.baselines[k]))
    return Twin(answers[0], answers[1], taken)


def _burn_in(process: OU, goal: Target) -> float:
    """Until the start at 0 is forgotten, by the mean and by the covariance, which is twice as fast.

    The spread of the rest is at least that of its slowest mode, slowest^{-1/2}.
    """
    xp, rate = namespace(process.b), process.slowest
    farthest = math.sqrt(float(xp.sum(process.b**2))) / rate
    near = Target(0.0, goal.rtol / math.sqrt(rate), goal.confidence)
    return max(burn_in(near, rate, farthest), burn_in(goal, 2 * rate, 1.0))


def _read(
    program: Twofold,
    device: Device,
    running: Running,
    center: Array,
    window: float,
    rng: np.random.Generator,
) -> tuple[Sight, Running]:
    values, running = device.measure(running, CenteredMoments(center), window, WINDOWS, rng)
    rate = program.process.slowest
    factors = correction(rate, window), correction(2 * rate, window)
    xp = namespace(values)
    m, S = values[:, 0, :], values[:, 1:, :]
    mean = xp.mean(m, axis=0)
    stray = m - mean
    V = stray.T @ stray * (factors[0] / (WINDOWS * (WINDOWS - 1)))
    cross = m[:, :, None] * mean
    C = S - cross - xp.matrix_transpose(cross) + mean[:, None] * mean + V
    covs = program.cov(C)
    sight = Sight(
        mean=Reading.of(program.mean(center + m), window, factors[0]),
        cov=Reading.of(covs, window, factors[1]),
        trace=Reading.of(xp.linalg.trace(covs), window, factors[1]),
        center=center + mean,
    )
    return sight, running


def _needed(
    pilot: Sight, goal: Target, window: float, least: float
) -> tuple[tuple[float, float], float]:
    """Errors of a run like the pilot at the wanted confidence, and how long windows must be."""
    mean, cov = pilot.mean, pilot.cov
    norm = max(cov.norm - 2 * cov.error, cov.norm / 10, least)
    wanted = goal.rtol * (1 - BIAS) * pilot.spread[1], goal.wanted(norm) * (1 - BIAS)
    reaches = mean.reach(goal.confidence), cov.reach(goal.confidence)
    most = max(
        reach / error if error else math.inf for reach, error in zip(reaches, wanted, strict=True)
    )
    return reaches, window * most**2


def _concluded(
    reading: Reading,
    plan: Plan,
    ledger: Ledger,
    name: str,
    seed: int,
    spent: bool,
    baseline: Callable[[Array], Digital],
) -> Estimate:
    return Estimate(
        problem=name,
        value=reading.mean,
        stderr=reading.stderr,
        ess=plan.slowest * plan.averaging / 2,
        dof=reading.dof,
        outcome=judged(reading, plan.target, 0.0, spent=spent),
        plan=plan,
        ledger=ledger,
        seed=seed,
        baseline=baseline,
    )
