"""The exact solution in row space, for a gradient that is known as a combination of rows."""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import Array, like, namespace, to_numpy
from tngd.curvature.contract import CurvatureAt
from tngd.curvature.pullback import Pullback
from tngd.linsolve.contract import LinearSolver, Memory, Solution
from tngd.linsolve.woodbury import Woodbury, damped_solve

SLACK = 8.0
"""Roundings for each entry of a root, in what counts as rounding."""


@final
@dataclass(frozen=True, slots=True)
class RowSpace(LinearSolver):
    """x = S'(SS' + damping I)⁻¹ s with S's = g: a Gram matrix, a Cholesky and a vjp.

    The system of exact Gauss-Newton descent (Korbit et al. 2024), J'(Q J J' + b λ I)⁻¹ r, is not
    symmetric; this is its symmetric form, for Q_i = R_i R_i', S = R'J/√b and R_i s_i √b = u_i =
    dL_i/dz_i. Unlike `Woodbury` it divides nothing by the damping, so that small dampings cost no
    digits as long as the rows of S are independent, as with b r < p they mostly are. Where they
    depend on each other, what rounding leaves of S' on combinations that vanish is divided.

    `Woodbury` solves instead where there is no s: the gradient is not the objective's own, since a
    transform changed it; some u_i is not in the range of R_i as rounded, as where a label's
    probability is next to nothing; or the curvature is no pullback of a metric.
    """

    def solve(
        self,
        curvature: CurvatureAt,
        damping: float,
        gradient: Array,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        s = in_rows(curvature, gradient)
        if s is None:
            return Woodbury().solve(curvature, damping, gradient, memory, rng)
        weights = damped_solve(to_numpy(curvature.gram), damping, to_numpy(s))
        return Solution(curvature.root_adjoint(like(weights, gradient)))


def in_rows(curvature: CurvatureAt, gradient: Array) -> Array | None:
    """s (b r,) with S's = g; None where none is known."""
    if not isinstance(curvature, Pullback):
        return None
    objective = curvature.objective
    if gradient is not objective.gradient and not _same(gradient, objective.gradient):
        return None
    xp, b = namespace(gradient), objective.samples
    u = objective.loss.gradient(objective.output, objective.y) / b
    u = xp.reshape(u, (b, objective.outputs, 1))
    R = xp.reshape(curvature.roots, (b, objective.outputs, -1))
    if not bool(xp.all(xp.isfinite(R)) & xp.all(xp.isfinite(u))):
        return None
    s = _solved(R, u, 1 / b)
    return None if s is None else xp.reshape(s, (-1,))


def _solved(R: Array, u: Array, unit_size: float) -> Array | None:
    """s (b, r, 1) with R s = u for R (b, c, r), up to rounding; None where some u is out of range.

    Rows are brought to length 1 first, which leaves the s of a solvable system as they are. Those
    of softmax are as short as the root of a probability, but otherwise well-conditioned, so that
    normal equations do; one refinement makes the small entries of s, beside large ones, exact too.
    Entries of u may be what is left of differences of numbers as large as `unit_size`, as p - 1 is.
    """
    xp = namespace(R)
    eps = float(xp.finfo(R.dtype).eps)
    length = xp.sqrt(xp.sum(R * R, axis=-1, keepdims=True))
    length = xp.where(length > 0, length, xp.ones_like(length))
    unit = R / length
    back = xp.matrix_transpose(unit)
    values, V = xp.linalg.eigh(xp.matmul(back, unit))
    kept = values > R.shape[-1] * eps * values[:, -1:]
    inverse = xp.where(kept, 1.0 / xp.where(kept, values, xp.ones_like(values)), 0.0 * values)

    def best(right: Array) -> Array:
        along = xp.matmul(xp.matrix_transpose(V), xp.matmul(back, right / length))
        return xp.matmul(V, inverse[..., None] * along)

    s = best(u)
    s = s + best(u - xp.matmul(R, s))
    left = xp.sum((u - xp.matmul(R, s)) ** 2, axis=(1, 2))
    rounding = SLACK * (R.shape[1] + R.shape[2]) * eps
    within = left <= rounding**2 * (xp.sum(u * u, axis=(1, 2)) + unit_size**2)
    return s if bool(xp.all(within)) else None


def _same(a: Array, b: Array) -> bool:
    return bool(namespace(a, b).all(a == b))
