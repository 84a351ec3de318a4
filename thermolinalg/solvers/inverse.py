"""inv: A⁻¹ as the covariance of the thermal noise of an undriven network."""

import math
from functools import partial

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.solvers.baseline import digital_inverse
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.encode import REMEDY, program_network
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.solvers.pipeline import Program, run
from thermolinalg.streams import RNG, open_streams


def inv(
    A: Array,
    /,
    *,
    rtol: float = 1e-1,
    atol: float = 0.0,
    confidence: float = 0.95,
    max_time: float = math.inf,
    device: Device | None = None,
    rng: RNG = None,
) -> Estimate:
    """Invert symmetric positive definite A: at rest, dx = -Ax dt + N(0, 2 dt) has x ~ N(0, A⁻¹).

    The mean of xx' tends to the answer (Aifer et al. 2024); its error does not depend on the
    temperature. The plan aims at P(|X - A⁻¹| <= atol + rtol |A⁻¹|) >= confidence in the Frobenius
    norm. It takes about 2(n + 1)/rtol² samples of n numbers, whatever the condition: at n = 2 some
    ten million for rtol = 1e-3, which is why the default is 0.1.

    Args:
        A: (n, n).
        rtol: wanted relative error.
        atol: wanted absolute error.
        confidence: probability with which the wanted error is to be met.
        max_time: stop after this analog time, in units of RC, with outcome BUDGET_SPENT.
        device: what runs it; `Device.ideal()` by default.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotSymmetric, NotPositiveDefinite, ShapeMismatch, NotFinite, NotReal, InvalidInput: A or an
            option cannot be used; the message says why and what to do.
    """
    target = Target.checked(rtol, atol, confidence)
    A = checks.symmetric("A", A, REMEDY)
    start = namespace(A).zeros_like(A[:1, :])
    process, size = program_network(A, start, 1.0)
    program = Program(
        name=f"inv, n = {process.n}",
        process=process,
        readout=SecondMoment(),
        start=start,
        scale=1 / size,
        decode=lambda windows: windows,
        temperature=1.0,
        least=1 / process.slowest,
        most=math.sqrt(process.n) / process.slowest,
        baseline=partial(digital_inverse, A),
    )
    return run(program, target, device or Device.ideal(), open_streams(rng), max_time)
