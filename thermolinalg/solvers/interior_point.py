"""A primal-dual interior point (Mehrotra 1992), its Newton steps taken by settling networks.

It follows Cx + s = d, s z = μ with μ -> 0, from any start. With W = diag(z/s) the step solves

    (P + C'WC) dx + A'dy = -r - C'((z u - c)/s),    A dx = -t

for the residuals r = Px + q + A'y + C'z, t = Ax - b, u = Cx + s - d, c = s z - σμ; then ds and dz
follow by products. Steps are inexact, and nothing is lost by it: residuals are computed anew each
time, and what stops the loop is a proof, not a small step.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import final

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import NotFinite, NotPositiveDefinite
from thermolinalg.solvers.certificate import (
    Farkas,
    Gap,
    bound_gap,
    find_farkas,
    find_ray,
)
from thermolinalg.solvers.convex import Convex
from thermolinalg.solvers.newton import Bench, OutOfTime, solve_newton

STEPS = 100
"""Most Newton steps; 10 to 25 are usual."""

PATIENCE = 8
"""Newton steps in a row that bring no better point before the search is given up."""

BOUNDARY = 0.99
"""Share of the way to the boundary that a step may go."""

PREDICT, CORRECT = 0.1, 1e-3
"""Residual that each half of a Newton step may leave, in units of μ."""

FEASIBLE = 1e-9
"""Largest violation of a constraint, in distances of the constraints from the origin."""


class QuadraticOutcome(Enum):
    """How the search for the least value ended. Every ending but STALLED comes with its proof."""

    CONVERGED = "the gap proves the wanted accuracy"
    INFEASIBLE = "no point meets all constraints, as the multipliers prove"
    UNBOUNDED = "the objective falls without end along the ray, which no constraint stops"
    BUDGET_SPENT = "time ran out first; the gap is still honest, give more time"
    STALLED = "steps no longer help; the gap is still honest, ask for less or rescale the problem"


@final
@dataclass(frozen=True, eq=False, slots=True)
class Point:
    """Where the search is: unknowns, slacks, and the multipliers of Ax = b and Cx <= d."""

    x: NumpyArray
    s: NumpyArray
    y: NumpyArray
    z: NumpyArray

    def moved(self, step: "Point", share: float) -> "Point":
        """A share of the way along a step."""
        return Point(
            self.x + share * step.x,
            self.s + share * step.s,
            self.y + share * step.y,
            self.z + share * step.z,
        )

    @property
    def mu(self) -> float:
        """The mean of s z, which is zero at the optimum."""
        return float(self.s @ self.z) / max(len(self.s), 1)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """The best point, what it proves, and how the search ended."""

    point: Point
    gap: Gap
    ending: QuadraticOutcome
    steps: int
    history: tuple[float, ...]  # gaps, relative to the size of the objective
    farkas: Farkas | None = None
    ray: NumpyArray | None = None


def follow(problem: Convex, rtol: float, bench: Bench) -> Found:
    """Walk to the optimum until the gap is within rtol, or until there is a proof of no optimum."""
    point = _origin(problem)
    best, gap, history, since = point, _gap(problem, point), list[float](), 0
    for taken in range(STEPS):
        if _good(gap, rtol):
            return Found(best, gap, QuadraticOutcome.CONVERGED, taken, tuple(history))
        if since >= PATIENCE:
            break
        try:
            step = _start(problem, bench) if taken == 0 else _step(problem, point, bench)
        except OutOfTime:
            return Found(best, gap, QuadraticOutcome.BUDGET_SPENT, taken, tuple(history))
        except (NotPositiveDefinite, NotFinite):  # the end of double precision
            break
        previous, point = point, step
        proof = _disproof(problem, point, previous)
        if proof is not None:
            ending = (
                QuadraticOutcome.INFEASIBLE
                if isinstance(proof, Farkas)
                else QuadraticOutcome.UNBOUNDED
            )
            farkas, ray = (proof, None) if isinstance(proof, Farkas) else (None, proof)
            gap = _gap(problem, point)
            return Found(point, gap, ending, taken + 1, tuple(history), farkas, ray)
        now = _gap(problem, point)
        history.append(now.gap / now.size)
        since += 1
        if taken == 0 or _merit(now) < _merit(gap):
            best, gap, since = point, now, 0
    ending = QuadraticOutcome.CONVERGED if _good(gap, rtol) else QuadraticOutcome.STALLED
    return Found(best, gap, ending, len(history), tuple(history))


def _gap(problem: Convex, point: Point) -> Gap:
    return bound_gap(problem, point.x, point.y, point.z)


def _good(gap: Gap, rtol: float) -> bool:
    return gap.gap <= rtol * gap.size and gap.primal <= FEASIBLE


def _merit(gap: Gap) -> float:
    return gap.gap / gap.size + gap.primal


def _origin(problem: Convex) -> Point:
    """Before anything is known."""
    rows = np.ones(len(problem.d))
    return Point(np.zeros(problem.n), rows, np.zeros(len(problem.b)), rows)


def _start(problem: Convex, bench: Bench) -> Point:
    """The least of x'Px/2 + q'x + |Cx - d|²/2 on Ax = b; slacks and multipliers made positive."""
    H, r = problem.P + problem.C.T @ problem.C, problem.C.T @ problem.d - problem.q
    x, y = solve_newton(H, problem.A, r, problem.b, PREDICT, bench)
    slack = problem.d - problem.C @ x
    return Point(x, _positive(slack), y, _positive(-slack))


def _positive(v: NumpyArray) -> NumpyArray:
    """v itself if it is positive, else moved up until it is, by at least as much as it is long."""
    lowest = float(np.min(v, initial=np.inf))
    size = max(1.0, float(np.max(np.abs(v), initial=0.0)))
    return v if lowest > 0.1 * size else v + size - min(lowest, 0.0)


def _step(problem: Convex, point: Point, bench: Bench) -> Point:
    """One predictor and one corrector on the same network."""
    H = problem.P + (problem.C.T * (point.z / point.s)) @ problem.C
    product = point.s * point.z
    if not len(product):
        return point.moved(_direction(problem, point, H, product, CORRECT, bench), 1.0)
    ahead = _direction(problem, point, H, product, PREDICT, bench)
    reached = point.moved(ahead, _share(point, ahead, 1.0)).mu
    centring = min(1.0, max(reached / point.mu, 0.0)) ** 3
    c = product + np.clip(ahead.s * ahead.z, -point.mu, point.mu) - centring * point.mu
    step = _direction(problem, point, H, c, CORRECT, bench)
    return point.moved(step, _share(point, step, BOUNDARY))


def _direction(
    problem: Convex, point: Point, H: NumpyArray, c: NumpyArray, forcing: float, bench: Bench
) -> Point:
    """The Newton step that changes s z by -c."""
    x, s, y, z = point.x, point.s, point.y, point.z
    r = problem.gradient(x) + problem.A.T @ y + problem.C.T @ z
    u = problem.C @ x + s - problem.d
    drive = -r - problem.C.T @ ((z * u - c) / s)
    t = problem.b - problem.A @ x
    dx, dy = solve_newton(H, problem.A, drive, t, forcing * point.mu, bench)
    ds = -u - problem.C @ dx
    return Point(dx, ds, dy, -(c + z * ds) / s)


def _share(point: Point, step: Point, most: float) -> float:
    """How much of a step keeps slacks and multipliers positive."""
    share = 1.0
    for value, change in ((point.s, step.s), (point.z, step.z)):
        falling = change < 0
        share = min(
            share, most * float(np.min(-value[falling] / change[falling], initial=math.inf))
        )
    return share


def _disproof(problem: Convex, point: Point, previous: Point) -> Farkas | NumpyArray | None:
    """A proof that there is no optimum, from where the search is or from where it is heading."""
    farkas = find_farkas(problem, point.y, point.z)
    if farkas is not None:
        return farkas
    if _gap(problem, point).primal > FEASIBLE:
        return None
    for v in (point.x, point.x - previous.x):
        ray = find_ray(problem, v)
        if ray is not None:
            return ray
    return None
