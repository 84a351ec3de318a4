"""solve_lyapunov: AS + SA' = Q, as the covariance of a process with drift A and noise Q.

An indefinite Q is no noise. It is then Q = P - N with P and N its positive and negative parts, and
two such processes run side by side, S = S_P - S_N being read off windows of both. Of all splits
this has the least noise: tr P + tr N is least where P and N act on different directions. To shift Q
to Q + cI would add noise in every direction and subtract all of it again.
"""

import math
from collections.abc import Callable
from functools import partial

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, ShapeMismatch
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.solvers.baseline import digital_lyapunov
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.encode import norm_bound
from thermolinalg.solvers.estimate import Callback, Estimate
from thermolinalg.solvers.pipeline import run
from thermolinalg.solvers.program import Program, same
from thermolinalg.streams import RNG, open_streams
from thermolinalg.theory.forgetting import forgetting_rate
from thermolinalg.theory.process import OU


def solve_lyapunov(
    A: Array,
    Q: Array,
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
    """Solve AS + SA' = Q: at rest, dx = -Ax dt + N(0, Q dt) has x ~ N(0, S).

    The mean of xx' tends to the answer (Aifer et al. 2024). The plan aims at
    P(|S* - S| <= atol + rtol |S|) >= confidence in the Frobenius norm. Where Q is indefinite, the
    answer is the difference of two such means, at twice the cost and more where they nearly cancel.

    Args:
        A: (n, n), every eigenvalue with a positive real part; symmetric or not.
        Q: (n, n), symmetric; definite or not.
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
        Unstable, NotSymmetric, ShapeMismatch, NotFinite, NotReal, InvalidInput: A, Q or an option
            cannot be used; the message says why and what to do.
    """
    target = Target.checked(rtol, atol, confidence)
    control = Control(chains, n_jobs, max_time, max_samples)
    program = lyapunov_program(A, Q, target=target)
    return run(program, target, Device.given(device), open_streams(rng), control, callback)


def lyapunov_program(A: Array, Q: Array, /, *, target: Target) -> Program:
    """The problem as `solve_lyapunov` states it; same arguments, same errors."""
    A = checks.square("A", A)
    Q = like(checks.symmetric("Q", Q, "S is symmetric, and so is AS + SA'."), A)
    if Q.shape != A.shape:
        raise ShapeMismatch(f"Q has shape {tuple(Q.shape)}, but A has {tuple(A.shape)}.")
    return _program(A, Q, target)


def _program(A: Array, Q: Array, target: Target) -> Program:
    xp = namespace(A)
    size, noise = norm_bound(A), float(xp.max(xp.abs(Q))) or 1.0
    if not bool(xp.any(Q != 0)) and target.atol == 0:
        raise InvalidInput(
            "Q is zero, so the answer is zero, and noise never averages out to a relative error of "
            "it. Give atol > 0 to measure it all the same."
        )
    process, decode = _encode(A / size, Q / noise)
    strength = float(xp.linalg.matrix_norm(Q / noise))
    rate, growth = forgetting_rate(process)
    return Program(
        name=f"solve_lyapunov, n = {A.shape[0]}",
        process=process,
        readout=SecondMoment(),
        start=xp.zeros_like(process.A[:1, :]),
        scale=noise / size,
        decode=decode,
        temperature=1.0,
        least=strength / 2,  # |Q| <= 2 |A| |S|, and here |A| <= 1
        most=strength * growth**2 / rate,  # of the integral of |e^{-At}|² |Q|
        baseline=partial(digital_lyapunov, A, Q),
    )


def _encode(A: Array, Q: Array) -> tuple[OU, Callable[[Array], Array]]:
    """A process, and how S is read off its second moments: by the sign of Q."""
    still = namespace(A).zeros_like(A[0, :])
    if _is_noise(Q):
        return OU(A, still, Q), same
    if _is_noise(-Q):
        return OU(A, still, -Q), _negative
    return _side_by_side(A, Q)


def _is_noise(Q: Array) -> bool:
    try:
        checks.semidefinite("Q", Q)
    except NotPositiveDefinite:
        return False
    return True


def _side_by_side(A: Array, Q: Array) -> tuple[OU, Callable[[Array], Array]]:
    """Two uncoupled processes of drift A, one in the positive and one in the negative part of Q."""
    xp = namespace(A)
    values, V = xp.linalg.eigh(Q)
    parts = ((V * xp.sqrt(xp.clip(sign * values, 0.0, None))) for sign in (1.0, -1.0))
    positive, negative = (root @ root.T for root in parts)
    none = xp.zeros_like(A)

    def beside(one: Array, other: Array) -> Array:
        return xp.concat([xp.concat([one, none], axis=1), xp.concat([none, other], axis=1)])

    return (
        OU(beside(A, A), xp.zeros_like(xp.concat([A[0, :], A[0, :]])), beside(positive, negative)),
        _difference,
    )


def _negative(windows: Array) -> Array:
    return -windows


def _difference(windows: Array) -> Array:
    n = windows.shape[1] // 2
    return windows[:, :n, :n] - windows[:, n:, n:]
