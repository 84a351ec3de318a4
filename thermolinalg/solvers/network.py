"""A symmetric network with drives: it settles where Ax = b, and its time average is the answer."""

import math
from dataclasses import replace
from functools import partial

from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput, NotPositiveDefinite
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.solvers.baseline import digital_solve
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.encode import program_network
from thermolinalg.solvers.program import Program, same


def amplitude(rows: Array, target: Target) -> float:
    """The root mean square of all drives.

    Raises:
        InvalidInput: it is zero, and only a relative error is wanted.
    """
    xp = namespace(rows)
    largest = float(xp.max(xp.abs(rows))) or 1.0  # squares of huge or tiny numbers overflow
    size = largest * math.sqrt(float(xp.mean((rows / largest) ** 2)))
    if size == 0 and target.atol == 0:
        raise InvalidInput(
            "b is zero, so the answer is zero, and noise never averages out to a relative error of "
            "it. Give atol > 0 to measure it all the same."
        )
    return size


def linear_program(A: Array, rows: Array, temperature: float, target: Target) -> Program:
    """The network that settles at A⁻¹b for each b of the rows (k, n): windows are (K, k, n).

    Raises:
        NotPositiveDefinite: A is singular to working precision, or indefinite.
        InvalidInput: all rows are zero, and only a relative error is wanted.
    """
    xp, size = namespace(A), amplitude(rows, target)
    process, norm = program_network(A, rows / (size or 1.0), temperature)
    drive = math.sqrt(math.prod(rows.shape)) if size else 0.0  # = |b|/size
    return Program(
        name="",
        process=process,
        readout=TimeAverage(one_noise=True),
        start=xp.zeros_like(rows),
        scale=(size or 1.0) / norm,
        decode=same,
        temperature=temperature,
        least=drive / process.fastest,
        most=drive / process.slowest,
        baseline=partial(digital_solve, A, rows.T),
    )


def preconditioned_program(A: Array, rows: Array, temperature: float, target: Target) -> Program:
    """The same in units in which the diagonal of A is one: DAD y = Db, x = Dy.

    That takes away what of the condition is only in the scales of the unknowns.

    Raises:
        NotPositiveDefinite: A is singular to working precision, or indefinite.
        InvalidInput: all rows are zero, and only a relative error is wanted.
    """
    xp = namespace(A)
    diagonal = xp.linalg.diagonal(A)
    lowest = float(xp.min(diagonal))
    if lowest <= 0:
        raise NotPositiveDefinite(
            f"A is not positive definite: its diagonal holds {lowest:.3g}, which no change of "
            "units makes positive. Leave precondition out, for least squares."
        )
    unit = 1 / xp.sqrt(diagonal)
    largest = float(xp.max(unit))
    unit = unit / largest
    program = linear_program(A * unit[:, None] * unit, rows * unit, temperature, target)
    return replace(
        program,
        decode=partial(_scaled, unit=unit),
        least=program.least * float(xp.min(unit)),
    )


def _scaled(windows: Array, *, unit: Array) -> Array:
    return windows * unit


def named(solver: str, A: Array, b: Array) -> str:
    """What a report calls the problem."""
    sides = f", {b.shape[1]} right-hand sides" if b.ndim == 2 else ""
    shape = f"n = {A.shape[1]}" if A.shape[0] == A.shape[1] else f"{A.shape[0]} x {A.shape[1]}"
    return f"{solver}, {shape}{sides}"


def as_sides(answers: Array, *, matrix: bool) -> Array:
    """Answers (..., k, n) as the caller gave the sides: (..., n, k), or (..., n) of a vector."""
    return namespace(answers).matrix_transpose(answers) if matrix else answers[..., 0, :]
