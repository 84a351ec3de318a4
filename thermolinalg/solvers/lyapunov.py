"""solve_lyapunov: AS + SA' = Q, as the covariance of a process with drift A and noise Q."""

import math
from functools import partial

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.solvers.baseline import digital_lyapunov
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.solvers.pipeline import Program, run
from thermolinalg.streams import RNG, open_streams
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
    device: Device | None = None,
    rng: RNG = None,
) -> Estimate:
    """Solve AS + SA' = Q: at rest, dx = -Ax dt + N(0, Q dt) has x ~ N(0, S).

    The mean of xx' tends to the answer (Aifer et al. 2024). The plan aims at
    P(|S* - S| <= atol + rtol |S|) >= confidence in the Frobenius norm.

    Args:
        A: (n, n), every eigenvalue with a positive real part; symmetric or not.
        Q: (n, n), symmetric positive semidefinite.
        rtol: wanted relative error.
        atol: wanted absolute error.
        confidence: probability with which the wanted error is to be met.
        max_time: stop after this analog time, in units of RC, with outcome BUDGET_SPENT.
        device: what runs it; `Device.ideal()` by default.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        Unstable, NotSymmetric, NotPositiveDefinite, ShapeMismatch, NotFinite, NotReal,
        InvalidInput: A, Q or an option cannot be used; the message says why and what to do.
    """
    target = Target.checked(rtol, atol, confidence)
    A = checks.square("A", A)
    Q = like(checks.semidefinite("Q", Q), A)
    if Q.shape != A.shape:
        raise ShapeMismatch(f"Q has shape {tuple(Q.shape)}, but A has {tuple(A.shape)}.")
    program = _program(A, Q, target)
    return run(program, target, device or Device.ideal(), open_streams(rng), max_time)


def _program(A: Array, Q: Array, target: Target) -> Program:
    xp = namespace(A)
    size, noise = norm_bound(A), float(xp.max(xp.abs(Q))) or 1.0
    if not bool(xp.any(Q != 0)) and target.atol == 0:
        raise InvalidInput(
            "Q is zero, so the answer is zero, and noise never averages out to a relative error of "
            "it. Give atol > 0 to measure it all the same."
        )
    start = xp.zeros_like(A[:1, :])
    process = OU(A / size, start[0, :], Q / noise)
    strength = float(xp.linalg.matrix_norm(Q / noise))
    return Program(
        name=f"solve_lyapunov, n = {process.n}",
        process=process,
        readout=SecondMoment(),
        start=start,
        scale=noise / size,
        decode=lambda windows: windows,
        temperature=1.0,
        least=strength / 2,  # |Q| <= 2 |A| |S|, and here |A| <= 1
        most=strength / (2 * process.slowest),
        baseline=partial(digital_lyapunov, A, Q),
    )


def norm_bound(A: Array) -> float:
    """An upper bound on the 2-norm, by the largest sums of rows and columns."""
    xp = namespace(A)
    rows, columns = (float(xp.max(xp.sum(xp.abs(A), axis=axis))) for axis in (0, 1))
    return math.sqrt(rows) * math.sqrt(columns) or 1.0
