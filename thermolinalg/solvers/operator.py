"""A large network, whose matrix is only multiplied: a sparse one, or an operator."""

from functools import partial
from typing import Any

import numpy as np

from thermolinalg.backend import Array, is_dense, namespace
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.sampled_mean import SampledMean
from thermolinalg.solvers.baseline import digital_sparse
from thermolinalg.solvers.budget import WINDOWS, Target
from thermolinalg.solvers.network import amplitude
from thermolinalg.solvers.program import Program
from thermolinalg.theory.operator import operand
from thermolinalg.theory.potential import overdamped


def is_operator(A: Any) -> bool:
    """Is it something with a shape and a product, but no array?"""
    return not is_dense(A) and hasattr(A, "shape") and hasattr(A, "__matmul__")


def operator_program(
    A: Any, b: Array, temperature: float, target: Target, bounds: tuple[float, float] | None
) -> Program:
    """The network of symmetric positive definite A with the drive b (n,).

    Many replicas side by side cost fewer products than windows of one that are long enough to
    forget each other. Time is in units of one over the upper bound on the eigenvalues of A.

    Raises:
        InvalidInput: b is no single vector, or all zero; or bounds are needed, or do not hold.
    """
    if np.ndim(b) != 1:
        raise InvalidInput(
            f"b has {np.ndim(b)} axes. With an A that is only multiplied, solve for one right-hand "
            "side (n,) at a time."
        )
    f = operand("b", b, A)
    size = amplitude(f, target)
    stiff = overdamped(A, f / (size or 1.0), temperature=temperature, bounds=bounds)
    low, norm = stiff.slowest, stiff.fastest
    # As if A/norm were programmed, which an operator cannot be: in units of x larger by the norm.
    process = overdamped(
        A, stiff.b, temperature=temperature / norm, friction=norm, bounds=(low, norm)
    )
    xp, n = namespace(f), process.n
    drive = n**0.5 if size else 0.0
    return Program(
        name=f"solve, n = {n}, only multiplied",
        process=process,
        readout=SampledMean(),
        start=xp.stack([xp.zeros_like(f)] * WINDOWS),
        scale=size or 1.0,
        decode=_of_one_side,
        temperature=temperature,
        least=drive / norm,
        most=drive / low,
        baseline=partial(digital_sparse, A, f),
        replicas=WINDOWS,
    )


def _of_one_side(windows: Array) -> Array:
    return windows[:, 0, :]
