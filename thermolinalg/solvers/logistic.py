"""logistic_posterior: Bayesian logistic regression by a mass that moves in a potential.

With labels y in {0, 1}, logits Xθ and the prior N(m, P⁻¹), the potential

    U(θ) = Σ_i [ln(1 + e^{x_i'θ}) - y_i x_i'θ] + (θ - m)'P(θ - m)/2

has curvature of at most Λ = X'X/4 + P. In the units of φ = d (θ - m), d² = ‖.‖ diag(Λ) with ‖.‖
such that the largest curvature is 1, Langevin motion at temperature 1 rests in e^{-U}, and a step
of its integrator BAOAB is stable below 2. Its bias falls with the square of the step and is not
taken on trust: mean and variance are measured at a step and at half of it, until they agree.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, final

import numpy as np
from scipy.special import stdtrit

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.measurement.average import Average
from thermolinalg.measurement.diagnosis import Diagnosis, RecordOutcome, diagnose
from thermolinalg.solvers.budget import (
    BIAS,
    RELAXATIONS,
    WINDOWS,
    Target,
    correction,
)
from thermolinalg.solvers.estimate import Outcome
from thermolinalg.solvers.logistic_motion import (
    Clock,
    design_rows,
    far_apart,
    motion_of,
    read_problem,
    run_motion,
    sigmoid,
)
from thermolinalg.solvers.reading import Reading
from thermolinalg.streams import RNG, open_streams

STEP = 0.5
"""First step: a quarter of what is stable."""

HALVINGS = 6
"""Most times that the step is halved because a bias was seen."""

SEEN = 1e-3
"""Probability with which a bias is seen where there is none; it costs one more halving."""

PILOT, SETTLE = 600, 200
"""Samples of each chain in the first pilot and before it, half a time of the slowest mode apart."""

GROWTH, PILOTS = 2.0, 20
"""How much longer each pilot is than the one before, and how many there are at most."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class LogisticPosterior:
    """What `logistic_posterior` returns; `np.asarray(posterior)` is the mean of the weights.

    `mean` is an `Average` with error bars, `draws` the states (chains, samples, n) it was taken of,
    `diagnosis` what that record is worth. `step_bias` is the bias of the mean that is left by a
    step of this length, as extrapolated from twice the step: (n,), as noisy as the mean itself.
    `time` is what each chain took, in units of the fastest oscillation; `rng=seed` repeats the run.
    """

    mean: Average
    outcome: Outcome
    draws: Array
    diagnosis: Diagnosis
    step: float
    step_bias: Array
    time: float
    seed: int
    factor: float  # on the variance between windows, as in `correction`
    ledger: Ledger

    def predict(self, X: Array, /) -> Average:
        """Probability (m,) of the label 1 at rows X (m, n): the mean over the posterior.

        The error bar is that of the measurement: the spread of the posterior is in the mean.

        Raises:
            ShapeMismatch, NotFinite, NotReal: X cannot be used.
        """
        X = like(design_rows(X), self.draws)
        if X.shape[1] != self.draws.shape[2]:
            raise ShapeMismatch(
                f"X has rows of {X.shape[1]} numbers; there are {self.draws.shape[2]} weights."
            )
        return _averaged(sigmoid(self.draws @ X.T), self.factor)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.mean.__array__(dtype, copy)

    def __repr__(self) -> str:
        chains, samples, n = self.draws.shape
        return (
            f"LogisticPosterior(n={n}, {self.outcome.name}, {chains} chains of {samples} draws, "
            f"step {self.step:g}, time {self.time:.3g})"
        )

    def __str__(self) -> str:
        left = float(namespace(self.step_bias).max(abs(self.step_bias / self.mean.stderr)))
        return (
            f"{self!r}: {self.outcome.value}\nbias by the step, extrapolated: at most {left:.2g} "
            f"error bars, of which its own noise is about half of one\n{self.diagnosis}"
        )


def logistic_posterior(
    X: Array,
    y: Array,
    /,
    *,
    prior_precision: Array = 1.0,
    prior_mean: Array | None = None,
    rtol: float = 1e-1,
    confidence: float = 0.95,
    chains: int = 4,
    max_time: float = math.inf,
    device: Device | None = None,
    rng: RNG = None,
) -> LogisticPosterior:
    """The posterior of logistic regression, by Langevin motion in its potential.

    The plan aims at P(|mean - truth| <= rtol (tr cov)^{1/2}) >= confidence, the width being that of
    the posterior, as in `gaussian_posterior`. Chains start far apart; pilots run until the chains
    agree, and tell how long to average.

    Args:
        X: (m, n), a row for each label; add a column of ones for an intercept.
        y: (m,), labels 0 and 1, or False and True.
        prior_precision: of the Gaussian prior: a number, (n,) or (n, n), positive definite.
        prior_mean: (n,); None is zero.
        rtol: wanted error in units of the posterior's width.
        confidence: probability with which the wanted error is to be met.
        chains: how many run side by side.
        max_time: for each chain, in units of the fastest oscillation; less than is needed gives the
            outcome BUDGET_SPENT.
        device: what runs it; `Device.ideal()` by default. Its motion is not linear, so that of a
            real device only limits, a converter and an offset of the temperature are known.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        DoesNotFit: the device cannot hold it.
        NotPositiveDefinite, NotSymmetric, ShapeMismatch, NotFinite, NotReal, InvalidInput: an
            argument cannot be used; the message says why and what to do.
    """
    goal, max_time = Target.checked(rtol, 0.0, confidence), checks.limit("max_time", max_time)
    chains, streams = checks.count("chains", chains), open_streams(rng)
    device = Device.given(device)
    motion = motion_of(*read_problem(X, y, prior_precision, prior_mean), device)
    clock = Clock(device, motion, chains)
    go = partial(run_motion, motion, clock, streams)
    pilot = _explored(go, far_apart(motion, chains, streams), motion.rate, max_time)
    batches = math.ceil(WINDOWS / chains)  # windows of each chain
    needed, factor = _needed(pilot, goal)
    interval = STEP * math.ceil(max(pilot.memory / 8, STEP) / STEP)
    averaged = min(needed, (max_time - pilot.spent) / (2 * batches))
    samples = batches * max(1, int(averaged / interval))
    final = _refined(go, pilot, samples, interval, factor, max_time)

    begun, draws = perf_counter(), final.draws
    reading = Reading.of(_windows(draws, batches), averaged, factor)
    if final.biased or not reading.settled:
        outcome = Outcome.NOT_SETTLED
    elif averaged < needed:
        outcome = Outcome.BUDGET_SPENT
    else:
        met = reading.error <= goal.rtol * _width(draws)
        outcome = Outcome.CONVERGED if met else Outcome.MISSED
    mean, found = _averaged(draws, factor), diagnose(draws, dt=interval)
    clock.ledger = clock.ledger.add("digital", perf_counter() - begun, "measured")
    return LogisticPosterior(
        mean=mean,
        outcome=outcome,
        draws=draws,
        diagnosis=found,
        step=final.step,
        step_bias=final.bias,
        time=final.spent,
        seed=streams.seed,
        factor=factor,
        ledger=clock.ledger,
    )


class Explored(NamedTuple):
    """The last pilot: weights, states to go on from, its windows, memory, and the time so far."""

    draws: Array
    state: Array
    window: float
    memory: float  # the longest autocorrelation time
    spent: float


class Refined(NamedTuple):
    """The run with the shortest step, and how it differs from the one with twice that step."""

    draws: Array
    step: float
    bias: Array  # left by this step
    biased: bool  # beyond chance
    spent: float


def _explored(go: Callable[..., Any], start: Array, rate: float, max_time: float) -> Explored:
    """Let chains forget their start, then run pilots until they agree and are long enough."""
    batches = math.ceil(WINDOWS / start.shape[0])
    interval, samples = STEP * math.ceil(0.5 / rate / STEP), PILOT
    spent, least = SETTLE * interval, (SETTLE + 3 * PILOT) * interval
    if max_time < least:
        raise InvalidInput(
            f"max_time = {max_time:.3g} is too short to measure anything: burn-in, a pilot and two "
            f"equally long runs take {least:.3g} here. Give at least that."
        )
    _, state = go(start, SETTLE, interval, STEP, "settle")
    for k in range(PILOTS):
        draws, state = go(state, samples, interval, STEP, f"pilot {k}")
        spent += samples * interval
        found = diagnose(draws, dt=interval)
        memory = float(namespace(draws).max(found.autocorrelation_time))
        window = samples * interval / batches
        long = window >= RELAXATIONS * memory / 2
        reliable = long and found.outcome is RecordOutcome.RELIABLE
        if reliable or spent + 3 * GROWTH * samples * interval > max_time:
            break
        samples = math.ceil(GROWTH * samples)
    return Explored(draws, state, window, memory, spent)


def _refined(
    go: Callable[..., Any],
    pilot: Explored,
    samples: int,
    interval: float,
    factor: float,
    max_time: float,
) -> Refined:
    """Run as long with half the step, until that makes no difference that can be seen."""
    time, step = samples * interval, STEP
    draws, state = go(pilot.state, samples, interval, step, "whole step")
    spent = pilot.spent + time
    for k in range(HALVINGS):
        coarse, step = _moments(draws, factor), step / 2
        draws, state = go(state, samples, interval, step, f"half step {k}")
        spent += time
        fine = _moments(draws, factor)
        biased = _differ(coarse, fine)
        if not biased or spent + time > max_time:
            break
    return Refined(draws, step, (coarse[0].mean - fine[0].mean) / 3, biased, spent)


def _windows(draws: Array, batches: int) -> Array:
    """Averages (batches chains, n) over windows, the earlier ones first."""
    xp, (chains, samples, n) = namespace(draws), draws.shape
    length = samples // batches
    cut = xp.reshape(draws[:, : batches * length, :], (chains, batches, length, n))
    return xp.reshape(xp.permute_dims(xp.mean(cut, axis=2), (1, 0, 2)), (-1, n))


def _averaged(draws: Array, factor: float) -> Average:
    xp, (chains, samples, _) = namespace(draws), draws.shape
    batches = math.ceil(WINDOWS / chains)
    reading = Reading.of(_windows(draws, batches), 1.0, factor)  # in units of a window
    ess = xp.var(draws, axis=(0, 1)) / reading.stderr**2
    windows, length = batches * chains, samples // batches
    return Average(reading.mean, reading.stderr, ess, chains * samples, windows, length)


def _moments(draws: Array, factor: float) -> tuple[Average, Average]:
    """The mean of each weight, and its variance, which a long step shows first."""
    mean = _averaged(draws, factor)
    return mean, _averaged((draws - mean.mean) ** 2, factor)


def _width(draws: Array) -> float:
    """The root of the trace of the posterior's covariance."""
    xp = namespace(draws)
    return math.sqrt(float(xp.sum(xp.var(draws, axis=(0, 1)))))


def _needed(pilot: Explored, goal: Target) -> tuple[float, float]:
    """How long windows must be for the wanted error, and the correction of their spread."""
    draws, window, rate = pilot.draws, pilot.window, 2 / pilot.memory
    values = _windows(draws, math.ceil(WINDOWS / draws.shape[0]))
    found = Reading.of(values, window, correction(rate, max(window, 2 / rate)))
    ratio = found.reach(goal.confidence) / (goal.rtol * _width(draws) * (1 - BIAS))
    needed = max(window * ratio**2, RELAXATIONS / rate)
    return needed, correction(rate, needed)


def _differ(one: tuple[Average, ...], other: tuple[Average, ...]) -> bool:
    """Do averages differ in any entry by more than chance allows?"""
    for a, b in zip(one, other, strict=True):
        entries = len(one) * a.mean.shape[0]
        limit = -float(stdtrit(a.dof + b.dof, SEEN / (2 * entries)))
        far = (a.mean - b.mean) ** 2 > limit**2 * (a.stderr**2 + b.stderr**2)
        if bool(namespace(far).any(far)):
            return True
    return False
