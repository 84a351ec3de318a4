"""From a user's symmetric positive definite matrix to a network that a device can hold.

A device has a largest conductance, so the matrix is programmed as A/‖A‖, with ‖A‖ its 2-norm to a
few per cent: the fastest mode then relaxes in one RC, and times mean the same for every problem.
"""

import math
from typing import Any

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, normals
from thermolinalg.errors import NotPositiveDefinite, ShapeMismatch, Unstable
from thermolinalg.streams import Streams
from thermolinalg.theory.potential import overdamped
from thermolinalg.theory.process import OU

REMEDY = (
    "Only a symmetric matrix is a network of springs or resistors at equilibrium. Of any other A, "
    "solve(A, I) is the inverse, column by column."
)

POWER_STEPS = 20
"""Products with A spent on its norm."""

START = Streams(0)
"""Where they start: always at the same place, for encoding is not a matter of chance."""


def program_network(A: Array, drives: Array, temperature: float) -> tuple[OU, float]:
    """The overdamped process of A/‖A‖ with drives (k, n), and the norm ‖A‖ that was divided out.

    Raises:
        NotPositiveDefinite: A is singular to working precision, or indefinite.
    """
    xp = namespace(A)
    largest = float(xp.max(xp.abs(A)))
    if largest == 0:
        raise NotPositiveDefinite("A is zero: it has no inverse, and nothing would pull x back.")
    unit = A / largest  # squares of huge or tiny entries overflow
    norm = _norm(unit)
    unit /= norm
    try:
        process = overdamped(unit, drives, temperature=temperature)
    except Unstable:
        lowest = float(xp.min(xp.linalg.eigvalsh(unit)))
        raise _not_definite(lowest, largest * norm) from None
    if process.slowest <= checks.rounding(A) * process.fastest:
        raise _not_definite(process.slowest / process.fastest, largest * norm)
    return process, largest * norm


def norm_bound(A: Array) -> float:
    """An upper bound on the 2-norm of any A, by the largest sums of rows and columns."""
    xp = namespace(A)
    rows, columns = (float(xp.max(xp.sum(xp.abs(A), axis=axis))) for axis in (0, 1))
    return math.sqrt(rows) * math.sqrt(columns) or 1.0


def _norm(A: Array) -> float:
    """The 2-norm of symmetric A to a few per cent, by power iteration."""
    xp = namespace(A)
    estimate = float(xp.max(xp.sum(xp.abs(A), axis=0))) / math.sqrt(A.shape[0])  # a lower bound
    v = normals(START.stream(), (A.shape[0],), A)  # no pattern of A is at right angles to noise
    for _ in range(POWER_STEPS):
        length = math.sqrt(float(xp.sum(v**2)))
        if length == 0:
            break
        v = A @ (v / length)
        estimate = max(estimate, math.sqrt(float(xp.sum(v**2))))
    return estimate


def _not_definite(lowest: float, size: float) -> NotPositiveDefinite:
    """What to say of a smallest eigenvalue `lowest` times the norm `size`."""
    singular = abs(lowest) < 1e-10
    kind = "singular to working precision" if singular else "indefinite"
    ridge = size * max(1e-3, -2 * lowest)
    condition = f"about {1 / abs(lowest):.2g}" if lowest else "infinity"
    remedy = (
        "If only the scales of the unknowns differ, solve with precondition='diagonal'. "
        if singular
        else ""
    )
    return NotPositiveDefinite(
        f"A is {kind}: its smallest eigenvalue is {lowest * size:.3g} and its norm about "
        f"{size:.3g}, a condition number of {condition}, so that mode never settles. "
        f"{remedy}If a damped answer will do, add a ridge: "
        f"A + r I with r = {ridge:.1g}, say."
    )


def right_hand_sides(A: Array, b: Array) -> Array:
    """b (n,) or (n, k), checked, in the library of the array A."""
    return like(checked_sides(A, b), A)


def checked_sides(A: Any, b: Array) -> Array:
    """b (n,) or (n, k), checked."""
    n = int(A.shape[0])
    b = checks.real_array("b", b)
    if b.ndim not in {1, 2} or b.shape[0] != n or 0 in b.shape:
        raise ShapeMismatch(f"b has shape {tuple(b.shape)}; ({n},) or ({n}, k) is needed.")
    return b
