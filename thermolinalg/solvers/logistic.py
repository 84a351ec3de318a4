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
from typing import Any, NamedTuple, final

import numpy as np
from scipy.special import stdtrit

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, normals
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, ShapeMismatch
from thermolinalg.measurement.average import Average
from thermolinalg.measurement.diagnosis import Diagnosis, RecordOutcome, diagnose
from thermolinalg.simulation.simulate import simulate
from thermolinalg.solvers.budget import (
    BIAS,
    RELAXATIONS,
    WINDOWS,
    Target,
    correction,
)
from thermolinalg.solvers.estimate import Outcome
from thermolinalg.solvers.reading import Reading
from thermolinalg.streams import RNG, Streams, open_streams
from thermolinalg.theory.langevin import Langevin

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

    def predict(self, X: Array, /) -> Average:
        """Probability (m,) of the label 1 at rows X (m, n): the mean over the posterior.

        The error bar is that of the measurement: the spread of the posterior is in the mean.

        Raises:
            ShapeMismatch, NotFinite, NotReal: X cannot be used.
        """
        X = like(_design(X), self.draws)
        if X.shape[1] != self.draws.shape[2]:
            raise ShapeMismatch(
                f"X has rows of {X.shape[1]} numbers; there are {self.draws.shape[2]} weights."
            )
        return _averaged(_sigmoid(self.draws @ X.T), self.factor)

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
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotPositiveDefinite, NotSymmetric, ShapeMismatch, NotFinite, NotReal, InvalidInput: an
            argument cannot be used; the message says why and what to do.
    """
    goal, max_time = Target.checked(rtol, 0.0, confidence), checks.limit("max_time", max_time)
    chains, streams = checks.count("chains", chains), open_streams(rng)
    motion = _motion(*_read_problem(X, y, prior_precision, prior_mean))
    go = partial(_run, motion, streams)
    pilot = _explored(go, _start(motion, chains, streams), motion.rate, max_time)
    batches = math.ceil(WINDOWS / chains)  # windows of each chain
    needed, factor = _needed(pilot, goal)
    interval = STEP * math.ceil(max(pilot.memory / 8, STEP) / STEP)
    averaged = min(needed, (max_time - pilot.spent) / (2 * batches))
    samples = batches * max(1, int(averaged / interval))
    final = _refined(go, pilot, samples, interval, factor, max_time)

    draws = final.draws
    reading = Reading.of(_windows(draws, batches), averaged, factor)
    if final.biased or not reading.settled:
        outcome = Outcome.NOT_SETTLED
    elif averaged < needed:
        outcome = Outcome.BUDGET_SPENT
    else:
        met = reading.error <= goal.rtol * _width(draws)
        outcome = Outcome.CONVERGED if met else Outcome.MISSED
    return LogisticPosterior(
        mean=_averaged(draws, factor),
        outcome=outcome,
        draws=draws,
        diagnosis=diagnose(draws, dt=interval),
        step=final.step,
        step_bias=final.bias,
        time=final.spent,
        seed=streams.seed,
        factor=factor,
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


class Motion(NamedTuple):
    """The process over (φ, v), and the way back to the weights θ = mean + φ/unit."""

    process: Langevin
    unit: Array
    mean: Array
    rate: float  # root of the smallest bound on the curvature: the largest is 1


def _design(X: Array) -> Array:
    X = checks.real_array("X", X)
    if X.ndim != 2 or 0 in X.shape:
        raise ShapeMismatch(f"X has shape {tuple(X.shape)}; (m, n) with m, n >= 1 is needed.")
    return X


def _read_problem(
    X: Array, y: Array, precision: Array, mean: Array | None
) -> tuple[Array, Array, Array, Array]:
    X = _design(X)
    xp, (m, n) = namespace(X), X.shape
    if str(getattr(y, "dtype", "")).endswith("bool"):
        y = like(y, X)
    y = like(checks.vector("y", y, m), X)
    if not bool(xp.all((y == 0) | (y == 1))):
        raise InvalidInput("y holds labels other than 0 and 1. Code two classes as 0 and 1.")
    mean = xp.zeros_like(X[0, :]) if mean is None else checks.vector("prior_mean", mean, n)
    P = like(checks.real_array("prior_precision", precision), X)
    if P.ndim < 2:
        if tuple(P.shape) not in {(), (n,)}:
            raise ShapeMismatch(
                f"prior_precision has shape {tuple(P.shape)}; a number, ({n},) or ({n}, {n}) is "
                "needed."
            )
        checks.positive("the smallest prior_precision", xp.min(P))
        P = (P + xp.zeros_like(X[0, :]))[:, None] * like(xp.eye(n), X)
    P = checks.semidefinite("prior_precision", P)
    if tuple(P.shape) != (n, n):
        raise ShapeMismatch(f"prior_precision has shape {tuple(P.shape)}; ({n}, {n}) is needed.")
    values = xp.linalg.eigvalsh(P)
    if float(values[0]) <= checks.rounding(P) * float(values[-1]):
        raise NotPositiveDefinite(
            "prior_precision is singular, and labels that a plane divides would then leave weights "
            "without bound. Add a small multiple of the identity."
        )
    return X, y, P, like(mean, X)


def _motion(X: Array, y: Array, P: Array, mean: Array) -> Motion:
    xp = namespace(X)
    bound = X.T @ X / 4 + P
    d = xp.sqrt(xp.linalg.diagonal(bound))
    curvatures = xp.linalg.eigvalsh(bound / d[:, None] / d)
    low, high = float(curvatures[0]), float(curvatures[-1])
    unit = d * math.sqrt(high)
    W, Q, offset = X / unit, P / unit[:, None] / unit, X @ mean

    def force(u: Array) -> Array:
        return (y - _sigmoid(u @ W.T + offset)) @ W - u @ Q

    rate = math.sqrt(low / high)
    process = Langevin(force, xp.ones_like(unit), friction=rate)
    return Motion(process, unit, mean, rate)


def _sigmoid(t: Array) -> Array:
    return (1 + namespace(t).tanh(t / 2)) / 2


def _start(motion: Motion, chains: int, streams: Streams) -> Array:
    """Positions twice as far apart as the softest mode of the bound would have them."""
    xp, n = namespace(motion.unit), motion.process.positions
    z = normals(streams.stream("start"), (2, chains, n), motion.unit)
    return xp.concat([2 * z[0, ...] / motion.rate, z[1, ...]], axis=-1)


def _run(
    motion: Motion,
    streams: Streams,
    state: Array,
    samples: int,
    interval: float,
    step: float,
    name: str,
) -> tuple[Array, Array]:
    """Weights (chains, samples, n), an interval apart, and the last states (chains, 2n)."""
    seed = streams.child(name).seed
    times, chains = interval * np.arange(samples + 1), state.shape[0]
    run = simulate(motion.process, times, x0=state, chains=chains, step=step, rng=seed)
    position, _ = motion.process.split(run.states[:, 1:, :])
    return motion.mean + position / motion.unit, run.states[:, -1, :]


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
