"""expm: e^{At} as the memory of a noisy system, how its state goes with the state before."""

import math
from functools import partial

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, normals
from thermolinalg.device.circuit import RC
from thermolinalg.device.machine import Device
from thermolinalg.errors import DoesNotFit, InvalidInput
from thermolinalg.measurement.lagged import LaggedMoment
from thermolinalg.solvers.baseline import digital_expm
from thermolinalg.solvers.budget import BIAS, Target
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.encode import norm_bound
from thermolinalg.solvers.estimate import Callback, Estimate
from thermolinalg.solvers.pipeline import run
from thermolinalg.solvers.program import Program, same
from thermolinalg.streams import RNG, Streams, open_streams
from thermolinalg.theory.process import OU

DAMPING = 0.5
"""Rate at which every state contracts, at the least, per lag. A shift by d multiplies the noise by
e^{d} and divides its memory, so the time that an error takes goes with e^{2d}/d: least at 1/2."""


def expm(
    A: Array,
    t: float = 1.0,
    /,
    *,
    rtol: float = 1e-1,
    atol: float = 0.0,
    confidence: float = 0.95,
    max_time: float = math.inf,
    max_samples: float = math.inf,
    chains: int = 1,
    n_jobs: int = 1,
    device: Device | None = None,
    callback: Callback | None = None,
    rng: RNG = None,
) -> Estimate:
    """e^{At} for any real square A, as `scipy.linalg.expm(A * t)`.

    With M = αI - At the process dx = -Mx ds + N(0, (M + M') ds) has x ~ N(0, I) at rest and
    E[x(s + 1) x(s)'] = e^{-M}, so e^{At} = e^α E[x(s + 1) x(s)'] (Duffield et al. 2025). It starts
    at rest, and α = μ + 1/2, μ the largest eigenvalue of t(A + A')/2: such a process is stable, and
    no other shift takes less time where all modes are as slow as that. The plan aims at
    P(|X - e^{At}| <= atol + rtol |e^{At}|) >= confidence in the Frobenius norm.

    The noise of an entry is e^α times a mean of products of unit variance, so that it takes up to
    some 6 (n e^μ / (rtol |e^{At}|))² samples of n numbers. Of a normal A, be it symmetric or skew,
    |e^{At}| is at least e^μ. Where A is far from normal e^μ may be larger by any factor, and the
    answer drowns in noise: set `max_time` there, and see `docs/exponential.md`.

    Args:
        A: (n, n), stable or not, symmetric or not, singular or not.
        t: time, of either sign, but not 0.
        rtol: wanted relative error.
        atol: wanted absolute error.
        confidence: probability with which the wanted error is to be met.
        max_time: stop after this analog time, in units of RC, with outcome BUDGET_SPENT.
        max_samples: stop after so many samples, likewise; they are of all chains.
        chains: independent runs that share the time, a power of two up to 32.
        n_jobs: workers that simulate the chains, by joblib; the answer does not depend on it.
        device: what runs it; `Device.ideal()` by default.
        callback: asked between parts of the run, with the `Estimate` so far; if what it returns is
            true the run stops there, with outcome STOPPED.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        ShapeMismatch, NotFinite, NotReal, InvalidInput: A, t or an option cannot be used, or e^α is
            no number of A's precision; the message says why and what to do.
        DoesNotFit: the device cannot hold it, or swings before it settles.
    """
    machine, target = Device.given(device), Target.checked(rtol, atol, confidence)
    _require_overdamped(machine)
    control = Control(chains, n_jobs, max_time, max_samples)
    streams = open_streams(rng)
    program = expm_program(A, t, streams=streams)
    return run(program, target, machine, streams, control, callback)


def _require_overdamped(device: Device) -> None:
    if not isinstance(device.circuit, RC):
        raise DoesNotFit(
            "e^{At} is how a network without inertia goes with what it was, and the circuit of "
            f"this device, {device.circuit.kind!r}, swings: what it was a moment ago tells another "
            "function of A. Take an RC circuit."
        )


def expm_program(A: Array, t: float = 1.0, /, *, streams: Streams) -> Program:
    """The problem as `expm` states it, its start drawn from streams; same errors."""
    A = checks.square("A", A)
    t = checks.real_number("t", t)
    if t == 0:
        raise InvalidInput(
            "t = 0: e^{A 0} is the identity, and there is nothing to measure. Give another t."
        )
    M, shift = _drift(A, t)
    size = norm_bound(M)
    process = OU(M / size, namespace(A).zeros_like(M[0, :]), (M + M.T) / size)
    return Program(
        name=f"expm, n = {process.n}, t = {t:g}",
        process=process,
        readout=LaggedMoment(size),
        start=normals(streams.stream("equilibrium"), (1, process.n), A),
        scale=math.exp(shift),
        decode=same,
        temperature=1.0,
        least=_least(M, process.slowest * size),
        most=0.0,  # of what an unfinished burn-in leaves: it starts at equilibrium
        baseline=partial(digital_expm, A, t),
    )


def _drift(A: Array, t: float) -> tuple[Array, float]:
    """M = αI - At, with M + M' >= 2 DAMPING, and α."""
    xp, n = namespace(A), A.shape[0]
    largest = float(xp.max(xp.abs(A)))
    unit = A / (largest or 1.0) * math.copysign(1.0, t)  # A t may overflow where e^{At} need not
    factor = largest * abs(t)
    steepest = float(xp.max(xp.linalg.eigvalsh((unit + unit.T) / 2)))
    growth = factor * steepest if steepest else 0.0
    numbers = xp.finfo(A.dtype)
    most = math.log(float(numbers.max)) + math.log(float(numbers.eps))
    least = math.log(float(numbers.smallest_normal)) - math.log(float(numbers.eps))
    shift = growth + DAMPING
    if not least <= shift <= most:
        raise InvalidInput(
            f"e^{{At}} is measured in units of e^α with α = {shift:.4g}, the largest eigenvalue of "
            f"t(A + A')/2 and {DAMPING:g}, which in {A.dtype} is "
            f"{'too large' if shift > most else 'too small'} a number. Take a |t| some "
            f"{shift / (most if shift > most else least):.2g} times shorter and square the answer, "
            "or move the scale into a number of its own: e^{At} = e^{ct} e^{(A - cI)t}."
        )
    lost = factor * checks.rounding(A)
    if lost > BIAS * DAMPING:
        raise InvalidInput(
            f"A t is so large that its rounding, {lost:.1g}, is no longer small beside 1, and "
            "e^{At} has no digits left. Take a shorter t, or double precision."
        )
    return shift * like(xp.eye(n), A) - factor * unit, shift


def _least(M: Array, slowest: float) -> float:
    """A lower bound on |e^{-M}|: by its determinant e^{-tr M}, and by its spectral radius."""
    n = M.shape[0]
    trace = float(namespace(M).sum(namespace(M).linalg.diagonal(M)))
    return max(math.sqrt(n) * math.exp(-trace / n), math.exp(-slowest))
