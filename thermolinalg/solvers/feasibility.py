"""What to do when an interior point gets stuck: ask why, by programmes that have an optimum.

* The feasible point nearest to 0, unless there is none.
* The point that comes nearest to feasible. Where |Ax - b|² + |(Cx - d)₊|² is least and not zero,
  its gradient A'y + C'z with y = Ax - b and z = (Cx - d)₊ is zero while b'y + d'z is
  -(|y|² + |z|²), which is Farkas' proof that no point is feasible.
* The shortest ray: v with q'v = -1, Pv = 0, Av = 0 and Cv <= 0, unless there is none.
"""

from dataclasses import replace

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.solvers.certificate import bound_gap, find_farkas, find_ray
from thermolinalg.solvers.convex import Convex, unit_rows
from thermolinalg.solvers.interior_point import FEASIBLE, Found, Point, QuadraticOutcome, follow
from thermolinalg.solvers.newton import Bench

NEAREST = 1e-6
"""Relative gap of the nearest point and of the shortest ray, of which any other is as good."""

CLOSE = 1e-10
"""Relative gap of the point nearest to feasible: a proof needs digits."""

NOWHERE = np.zeros(0, int)


def optimise(problem: Convex, rtol: float, bench: Bench) -> Found:
    """Walk to the optimum; if the way ends before it, prove that there is none."""
    found = follow(problem, rtol, bench)
    for ask in (_feasible, _infeasible, _unbounded):
        if found.ending is not QuadraticOutcome.STALLED:
            break
        found = ask(problem, found, bench)
    return found


def _feasible(problem: Convex, found: Found, bench: Bench) -> Found:
    """With a feasible point, if there is one and it is not yet found."""
    if found.gap.primal <= FEASIBLE:
        return found
    near = follow(_shortest(problem, problem.A, problem.b, problem.d), NEAREST, bench)
    if near.ending in {QuadraticOutcome.INFEASIBLE, QuadraticOutcome.BUDGET_SPENT}:
        return replace(
            found, ending=near.ending, farkas=near.farkas, steps=found.steps + near.steps
        )
    if near.gap.primal > FEASIBLE:
        return replace(found, steps=found.steps + near.steps)
    return _moved(problem, found, near, near.point.x)


def _infeasible(problem: Convex, found: Found, bench: Bench) -> Found:
    """With the proof that no point is feasible, if there is one, and the point nearest to it."""
    if found.gap.primal <= FEASIBLE:
        return found
    near = follow(_elastic(problem), CLOSE, bench)
    if near.ending is QuadraticOutcome.BUDGET_SPENT:
        return replace(found, ending=near.ending, steps=found.steps + near.steps)
    x = near.point.x[: problem.n]
    farkas = find_farkas(problem, problem.A @ x - problem.b, near.point.z)
    found = _moved(problem, found, near, x)
    return (
        found
        if farkas is None
        else replace(found, farkas=farkas, ending=QuadraticOutcome.INFEASIBLE)
    )


def _unbounded(problem: Convex, found: Found, bench: Bench) -> Found:
    """With a ray, if there is one and the point that it starts from is feasible."""
    if found.gap.primal > FEASIBLE or not problem.q.any():
        return found
    rows, sides, _ = unit_rows(
        np.concatenate([problem.P, problem.A, problem.q[None, :]]),
        np.concatenate([np.zeros(problem.n + len(problem.b)), [-1.0]]),
    )
    best = follow(_shortest(problem, rows, sides, np.zeros_like(problem.d)), NEAREST, bench)
    found = replace(found, steps=found.steps + best.steps)
    if best.ending is QuadraticOutcome.BUDGET_SPENT:
        return replace(found, ending=best.ending)
    ray = find_ray(problem, best.point.x)
    return found if ray is None else replace(found, ending=QuadraticOutcome.UNBOUNDED, ray=ray)


def _moved(problem: Convex, found: Found, near: Found, x: NumpyArray) -> Found:
    """What is found, at another point."""
    old = found.point
    point = Point(x, np.maximum(problem.d - problem.C @ x, 0), old.y, old.z)
    gap = bound_gap(problem, x, old.y, old.z)
    return replace(found, point=point, gap=gap, steps=found.steps + near.steps)


def _shortest(problem: Convex, A: NumpyArray, b: NumpyArray, d: NumpyArray) -> Convex:
    """Minimise |x|²/2 on Ax = b, Cx <= d."""
    nothing = np.zeros(problem.n)
    return replace(problem, P=np.eye(problem.n), q=nothing, A=A, b=b, d=d, curvature=1.0)


def _elastic(problem: Convex) -> Convex:
    """Minimise |Ax - b|²/2 + |u|²/2 over (x, u) with Cx - u <= d."""
    A, (m, n), length = problem.A, problem.C.shape, np.sqrt(2)
    return replace(
        problem,
        P=np.block([[A.T @ A, np.zeros((n, m))], [np.zeros((m, n)), np.eye(m)]]),
        q=np.concatenate([-A.T @ problem.b, np.zeros(m)]),
        A=np.zeros((0, n + m)),
        b=np.zeros(0),
        C=np.concatenate([problem.C, -np.eye(m)], axis=1) / length,
        d=problem.d / length,
        curvature=0.0,
        lower=NOWHERE,
        upper=NOWHERE,
        fixed=NOWHERE,
    )
