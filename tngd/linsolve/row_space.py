"""The exact solution in row space, for a gradient that is known as a combination of rows."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from thermolinalg.backend import Array, like, namespace, to_numpy
from tngd.curvature.contract import CurvatureAt
from tngd.curvature.pullback import Pullback
from tngd.linsolve.contract import LinearSolver, Memory, RightSide, Solution
from tngd.linsolve.woodbury import Woodbury, damped_solve

SLACK = 8.0
"""Roundings for each entry of a root, in what counts as rounding."""


@final
@dataclass(frozen=True, slots=True)
class RowSpace(LinearSolver):
    """x = S'(SS' + damping I)⁻¹ s with S's = g: a Gram matrix, a Cholesky and a vjp; no g.

    The system of exact Gauss-Newton descent (Korbit et al. 2024), J'(Q J J' + b λ I)⁻¹ r, is not
    symmetric; this is its symmetric form, for Q_i = R_i R_i', S = R'J/√b and R_i s_i √b = u_i =
    dL_i/dz_i. Unlike `Woodbury` it divides nothing by the damping, so that small dampings cost no
    digits as long as the rows of S are independent, as with b r < p they mostly are. Where they
    depend on each other, what rounding leaves of S' on combinations that vanish is divided.

    `Woodbury` solves instead where there is no s: the gradient is not the objective's own, since a
    transform changed it; some u_i is not in the range of R_i as rounded, as where a label's
    probability is next to nothing; or the curvature is no pullback of a metric.
    """

    asks_gradient: ClassVar[bool] = False

    def solve(
        self,
        curvature: CurvatureAt,
        damping: float,
        gradient: Array,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        own = isinstance(curvature, Pullback) and _same(gradient, curvature.objective.gradient)
        solution = _pushed_through(curvature, damping) if own else None
        return solution or Woodbury().solve(curvature, damping, gradient, memory, rng)

    def solve_for(
        self,
        curvature: CurvatureAt,
        damping: float,
        right: RightSide,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        solution = _pushed_through(curvature, damping) if right.own else None
        return solution or Woodbury().solve(curvature, damping, right.gradient, memory, rng)


def _pushed_through(curvature: CurvatureAt, damping: float) -> Solution | None:
    """S'(SS' + damping I)⁻¹ s for the objective's own gradient; None where no s is known."""
    if not isinstance(curvature, Pullback) or (s := in_rows(curvature)) is None:
        return None
    weights = damped_solve(to_numpy(curvature.gram), damping, to_numpy(s))
    return Solution(curvature.root_adjoint(like(weights, s)))


def in_rows(curvature: Pullback) -> Array | None:
    """s (b r,) with S's the objective's gradient; None where none is known."""
    objective = curvature.objective
    xp, b = namespace(objective.output), objective.samples
    u = objective.loss.gradient(objective.output, objective.y) / b
    u = xp.reshape(u, (b, objective.outputs, 1))
    R = xp.reshape(curvature.roots, (b, objective.outputs, -1))
    if not bool(xp.all(xp.isfinite(R)) & xp.all(xp.isfinite(u))):
        return None
    s = _stated(curvature)
    if s is None:
        s = _solved(R, u)
    return xp.reshape(s, (-1,)) if _is_solution(R, s, u, 1 / b) else None


def _stated(curvature: Pullback) -> Array | None:
    """s (b, r, 1), where the loss knows it."""
    s = curvature.coordinates() if curvature.coordinates else None
    return None if s is None else s[..., None] / math.sqrt(curvature.samples)


def _solved(R: Array, u: Array) -> Array:
    """s (b, r, 1) with R s nearest to u, for R (b, c, r).

    Rows are brought to length 1 first, which leaves the s of a solvable system as they are. Those
    of softmax are as short as the root of a probability, but otherwise well-conditioned, so that
    normal equations do; one refinement makes the small entries of s, beside large ones, exact too.
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
    return s + best(u - xp.matmul(R, s))


def _is_solution(R: Array, s: Array, u: Array, unit_size: float) -> bool:
    """R s = u up to rounding; else some u is out of range.

    Entries of u may be what is left of differences of numbers as large as `unit_size`, as p - 1 is.
    """
    xp = namespace(R)
    left = xp.sum((u - xp.matmul(R, s)) ** 2, axis=(1, 2))
    rounding = SLACK * (R.shape[1] + R.shape[2]) * float(xp.finfo(R.dtype).eps)
    within = left <= rounding**2 * (xp.sum(u * u, axis=(1, 2)) + unit_size**2)
    return bool(xp.all(within))


def _same(a: Array, b: Array) -> bool:
    return a is b or bool(namespace(a, b).all(a == b))
