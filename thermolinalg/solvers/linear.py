"""solve: x = A⁻¹b as the time average of a network that settles there."""

import math
from dataclasses import replace
from functools import partial

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.solvers.baseline import digital_solve
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.encode import REMEDY, program_network, right_hand_sides
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.solvers.pipeline import Program, run
from thermolinalg.streams import RNG, open_streams


def solve(
    A: Array,
    b: Array,
    /,
    *,
    rtol: float = 1e-2,
    atol: float = 0.0,
    confidence: float = 0.95,
    temperature: float = 1.0,
    max_time: float = math.inf,
    device: Device | None = None,
    rng: RNG = None,
) -> Estimate:
    """Solve Ax = b for symmetric positive definite A by letting dx = -(Ax - b)dt + noise settle.

    At rest x ~ N(A⁻¹b, temperature A⁻¹), so the time average of x tends to the answer (Aifer et al.
    2024; Donatella et al. 2024, equations 13-14). The plan aims at
    P(|x - A⁻¹b| <= atol + rtol |A⁻¹b|) >= confidence in the 2-norm (Frobenius for k sides).

    Args:
        A: (n, n).
        b: (n,), or (n, k) for k right-hand sides, which share one programming of the device.
        rtol: wanted relative error.
        atol: wanted absolute error.
        confidence: probability with which the wanted error is to be met.
        temperature: of the noise, relative to a drive of root-mean-square 1. The averaging time is
            proportional to it: colder is better until the noise floor of a real device.
        max_time: stop after this analog time, in units of RC, with outcome BUDGET_SPENT.
        device: what runs it; `Device.ideal()` by default.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotSymmetric, NotPositiveDefinite, ShapeMismatch, NotFinite, NotReal, InvalidInput: A, b or
            an option cannot be used; the message says why and what to do.
    """
    target = Target.checked(rtol, atol, confidence)
    A = checks.symmetric("A", A, REMEDY)
    b = right_hand_sides(A, b)
    rows = b.T if b.ndim == 2 else b[None, :]
    program = replace(
        linear_program(A, rows, checks.positive("temperature", temperature), target),
        name=named("solve", A, b),
        decode=partial(as_sides, matrix=b.ndim == 2),
        baseline=partial(digital_solve, A, b),
    )
    return run(program, target, device or Device.ideal(), open_streams(rng), max_time)


def linear_program(A: Array, rows: Array, temperature: float, target: Target) -> Program:
    """The network that settles at A⁻¹b for each b of the rows (k, n): windows are (K, k, n).

    Raises:
        NotPositiveDefinite: A is singular to working precision, or indefinite.
        InvalidInput: all rows are zero, and only a relative error is wanted.
    """
    xp = namespace(A)
    largest = float(xp.max(xp.abs(rows))) or 1.0  # squares of huge or tiny numbers overflow
    amplitude = largest * math.sqrt(float(xp.mean((rows / largest) ** 2)))
    if amplitude == 0 and target.atol == 0:
        raise InvalidInput(
            "b is zero, so the answer is zero, and noise never averages out to a relative error of "
            "it. Give atol > 0 to measure it all the same."
        )
    process, size = program_network(A, rows / (amplitude or 1.0), temperature)
    drive = math.sqrt(math.prod(rows.shape)) if amplitude else 0.0  # = |b|/amplitude
    return Program(
        name="",
        process=process,
        readout=TimeAverage(one_noise=True),
        start=xp.zeros_like(rows),
        scale=(amplitude or 1.0) / size,
        decode=lambda windows: windows,
        temperature=temperature,
        least=drive / process.fastest,
        most=drive / process.slowest,
        baseline=partial(digital_solve, A, rows.T),
    )


def named(solver: str, A: Array, b: Array) -> str:
    """What a report calls the problem."""
    sides = f", {b.shape[1]} right-hand sides" if b.ndim == 2 else ""
    shape = f"n = {A.shape[1]}" if A.shape[0] == A.shape[1] else f"{A.shape[0]} x {A.shape[1]}"
    return f"{solver}, {shape}{sides}"


def as_sides(windows: Array, *, matrix: bool) -> Array:
    """Windows (K, k, n) in the shape of the answers: (K, n, k), or (K, n) of a vector."""
    return namespace(windows).matrix_transpose(windows) if matrix else windows[:, 0, :]
