"""A large network, whose matrix is only multiplied: a sparse one, or an operator."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

from thermolinalg.backend import Array, is_dense, namespace
from thermolinalg.errors import NotPositiveDefinite
from thermolinalg.measurement.network_average import NetworkAverage
from thermolinalg.solvers.baseline import digital_sparse
from thermolinalg.solvers.budget import WINDOWS, Target, burn_in
from thermolinalg.solvers.encode import checked_sides
from thermolinalg.solvers.network import amplitude, as_sides, named
from thermolinalg.solvers.program import Program
from thermolinalg.theory.lanczos import bounds_by_products
from thermolinalg.theory.lowrank import LowRank
from thermolinalg.theory.operator import in_library, operator_size
from thermolinalg.theory.potential import overdamped

FINER = 100.0
"""By how much finer a target may become, if the run is refined, before drives pull too short."""


def is_operator(A: Any) -> bool:
    """Is it something with a shape and a product, but no array?"""
    return not is_dense(A) and hasattr(A, "shape") and hasattr(A, "__matmul__")


def operator_program(
    A: Any, b: Array, temperature: float, target: Target, bounds: tuple[float, float] | None
) -> Program:
    """The network of symmetric positive definite A with the drive b (n,), or drives b (n, k).

    Many replicas side by side cost fewer products than windows of one that are long enough to
    forget each other. Time is in units of one over the upper bound on the eigenvalues of A.

    Raises:
        InvalidInput: b has another shape, or is all zero; or bounds do not hold.
    """
    operator_size("A", A)
    sides = in_library(checked_sides(A, b), A)
    size, xp = amplitude(sides, target), namespace(sides)
    drives = sides / (size or 1.0)
    alone = drives if drives.ndim == 1 else xp.zeros_like(drives[:, 0])
    bounds = _bounds(A, alone) if bounds is None else bounds
    stiff = overdamped(A, alone, temperature=temperature, bounds=bounds)
    low, norm = stiff.slowest, stiff.fastest
    # As if A/norm were programmed, which an operator cannot be: in units of x larger by the norm.
    process = overdamped(
        A, stiff.b, temperature=temperature / norm, friction=norm, bounds=(low, norm)
    )
    drive = math.prod(sides.shape) ** 0.5 if size else 0.0
    program = Program(
        name=f"{named('solve', A, sides)}, only multiplied",
        process=process,
        readout=NetworkAverage(),
        start=xp.stack([xp.zeros_like(alone)] * WINDOWS),
        scale=size or 1.0,
        decode=_of_one_side,
        temperature=temperature,
        least=drive / norm,
        most=drive / low,
        baseline=partial(digital_sparse, A, sides),
        replicas=WINDOWS,
        unit=norm,
    )
    return program if drives.ndim == 1 else _of_sides(program, drives.T / norm, target)


def _bounds(A: Any, like: Array) -> tuple[float, float] | None:
    """Of a `LowRank` None, for it knows its own; of any other by products.

    Raises:
        NotPositiveDefinite: A has an eigenvalue that is not positive.
        InvalidInput: A is no symmetric matrix, or its condition is beyond what products can bound.
    """
    if isinstance(A, LowRank):
        return None
    low, high = bounds_by_products(A, like)
    if low <= 0:
        raise NotPositiveDefinite(
            f"A has an eigenvalue of about {low:.3g}, so that nothing draws x back along its "
            "eigenvector. Only multiplied, A must be positive definite: check its sign, or solve "
            "the normal equations, whose operator is A'A + r I."
        )
    return low, high


def _of_one_side(windows: Array) -> Array:
    return windows[:, 0, ...]


def _of_sides(program: Program, drives: Array, target: Target) -> Program:
    """The same network with drives (k, n) that share its noise, each given time to settle."""
    goal = replace(target, rtol=target.rtol / FINER, atol=target.atol / program.scale / FINER)
    lead = burn_in(goal, program.process.slowest, program.most)
    readout = NetworkAverage(drives, lead)
    arrange = partial(as_sides, matrix=True)
    return replace(program, readout=readout, arrange=arrange)
