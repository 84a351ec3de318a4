"""A drift that is not symmetric, but stable: its network settles where Ax = b all the same."""

import math
from functools import partial

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.errors import Unstable
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.solvers.baseline import digital_general
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.encode import norm_bound
from thermolinalg.solvers.network import amplitude
from thermolinalg.solvers.program import Program, same
from thermolinalg.theory.forgetting import forgetting_rate
from thermolinalg.theory.process import OU


def drift_program(A: Array, rows: Array, temperature: float, target: Target) -> Program | None:
    """The process dx = -(Ax - b)dt + noise for each b of the rows (k, n); None if it never settles.

    Raises:
        InvalidInput: all rows are zero, and only a relative error is wanted.
    """
    xp, size, norm = namespace(A), amplitude(rows, target), norm_bound(A)
    noise = 2 * temperature * like(xp.eye(A.shape[0]), A)
    try:
        process = OU(A / norm, rows / (size or 1.0), noise)
    except Unstable:
        return None
    if process.slowest <= checks.rounding(A) * process.fastest:
        return None
    drive = math.sqrt(math.prod(rows.shape)) if size else 0.0
    rate, growth = forgetting_rate(process)
    return Program(
        name="",
        process=process,
        readout=TimeAverage(one_noise=True),
        start=xp.zeros_like(rows),
        scale=(size or 1.0) / norm,
        decode=same,
        temperature=temperature,
        least=drive,  # the norm of A is below 1 here
        most=drive * growth / rate,
        baseline=partial(digital_general, A, rows.T),
    )
