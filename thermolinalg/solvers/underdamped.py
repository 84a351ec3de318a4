"""Inertia: the same answer from a network that swings, at the friction by which it gains most.

The time average of a network scatters as friction/a² over time, whether it swings or creeps: so the
friction is to be small, until memory gets long, below 2 a^{1/2} of the slowest mode a. There a
network of condition κ forgets in κ^{1/2} instead of κ, and averages in κ^{3/2} instead of κ².
"""

import math
from dataclasses import replace

from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput
from thermolinalg.solvers.program import Program
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU

MEAN = math.sqrt(2)
"""Friction, over the slowest angular frequency, at which means are read: 0.7 of critical damping.
Memory is within a tenth as short as at any friction, and the noise of a mean falls with it."""

SQUARE = 1.0
"""The same where squares are read: the time average of x² has the relative variance
(2/T)(1/friction + friction/a), least there."""


def require_dynamics(dynamics: str) -> bool:
    """Is it "underdamped"?

    Raises:
        InvalidInput: it is neither that nor "overdamped".
    """
    if dynamics not in {"overdamped", "underdamped"}:
        raise InvalidInput(
            f"dynamics = {dynamics!r} is unknown. Use 'underdamped' or leave it out."
        )
    return dynamics == "underdamped"


def with_inertia(program: Program | None, ratio: float) -> Program:
    """The program of a symmetric network, with mass 1 and this friction over its slowest frequency.

    Raises:
        InvalidInput: it is no network of springs.
    """
    network = program.process if program else None
    if program is None or not isinstance(network, OU) or network.modes is None:
        raise InvalidInput(
            "dynamics='underdamped' is for a dense symmetric positive definite A, which is masses "
            "and springs; this A is none. Leave it out."
        )
    process = Inertial(network, ratio * math.sqrt(network.slowest))
    return replace(
        program,
        name=f"{program.name}, underdamped",
        process=process,
        start=_at_rest(program.start),
    )


def _at_rest(x: Array) -> Array:
    """States (chains, 2n) at these positions, without velocity."""
    return namespace(x).concat([x, 0 * x], axis=-1)
