"""What a point proves: bounds on the optimum, that there is no feasible point, or no least value.

Each is checked digitally against the caller's P, q, A, C by products alone; nothing measured has to
be believed. With w = Px + q + A'y + C'z, z >= 0, and m a lower bound on the eigenvalues of P, every
feasible u has

    f(u) >= f(x) + y'(Ax - b) + z'(Cx - d) + w'(u - x) + m |u - x|²/2.

A bound on a coordinate takes that entry of w upon its own multiplier, so that only entries of
coordinates without bounds are left.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.solvers.convex import Convex

HORIZON = 1e6
"""Where the proof must reach, in distances of the constraints from the origin."""

BEYOND_DOUBT = 1e3
"""How many times what rounding may have left a proof must be."""

NEARBY = 1e3
"""How far a bound on the optimum reaches where neither bounds nor curvature make it global."""


LEAST = 1e-6
"""Size of an objective, in the problem's units, below which it counts as zero."""


@final
@dataclass(frozen=True, slots=True)
class Gap:
    """|f(x) - f*| <= gap, against every feasible point within `reach` of x.

    Of a violated constraint, which may have put x below the optimum, to first order and twice.
    """

    gap: float
    reach: float
    size: float  # of the largest term of the objective: what a relative gap refers to
    primal: float  # largest violation of a constraint, as a distance
    dual: float  # largest entry of w that is left

    def distance(self, curvature: float) -> float:
        """At least |x - x*|, for m |x - x*|²/2 <= gap; infinite without curvature."""
        return math.sqrt(2 * self.gap / curvature) if curvature > 0 else math.inf


def bound_gap(problem: Convex, x: NumpyArray, y: NumpyArray, z: NumpyArray) -> Gap:
    """How far x may be from optimal, by the multipliers (y, z)."""
    w = problem.gradient(x) + problem.A.T @ y + problem.C.T @ z
    z, w = absorb(problem, z, w)
    equal, slack = problem.A @ x - problem.b, problem.d - problem.C @ x
    quadratic, linear = float(x @ (problem.P @ x)), float(problem.q @ x)
    size = max(abs(quadratic), abs(linear), float(z @ np.abs(problem.d)), LEAST)
    left, m, reach = float(np.linalg.norm(w)), problem.curvature, math.inf
    short = 0.0
    if left > 0 and m > 0:
        short = left**2 / (2 * m)
    elif left > 0:
        reach = NEARBY * max(1.0, float(np.linalg.norm(x)))
        short = left * reach
    # A point that is not quite feasible may lie below the optimum: by this much to first order.
    low = float(np.abs(y) @ np.abs(equal) + z @ np.maximum(-slack, 0))
    rounding = checks.rounding(problem.P) * size
    return Gap(
        gap=max(float(z @ slack - y @ equal), 0.0) + short + 2 * low + rounding,
        reach=reach,
        size=size,
        primal=max(float(np.abs(equal).max(initial=0)), float(np.max(-slack, initial=0.0))),
        dual=float(np.abs(w).max(initial=0)),
    )


def absorb(problem: Convex, z: NumpyArray, w: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """(z, w) with as much of w as possible moved to the multipliers z of the bounds."""
    z, first = z.copy(), problem.general
    low, high = problem.lower, problem.upper
    middle = first + len(low)
    under, over = np.zeros(problem.n), np.zeros(problem.n)
    under[low], over[high] = z[first:middle], z[middle:]
    w = _pay(over, w)
    w = -_pay(under, -w)
    has_low, has_high = np.zeros(problem.n, bool), np.zeros(problem.n, bool)
    has_low[low], has_high[high] = True, True
    push, pull = np.where(has_low, np.maximum(w, 0), 0), np.where(has_high, np.maximum(-w, 0), 0)
    under, over, w = under + push, over + pull, w - push + pull
    z[first:middle], z[middle:] = under[low], over[high]
    return z, w


def _pay(held: NumpyArray, w: NumpyArray) -> NumpyArray:
    """What is left of w once multipliers that pull the same way have given way to it, in place."""
    paid = np.minimum(held, np.maximum(w, 0))
    held -= paid
    return w - paid


@final
@dataclass(frozen=True, eq=False, slots=True)
class Farkas:
    """z >= 0 and A'y + C'z = w with b'y + d'z = -1: no feasible point is nearer to 0 than 1/|w|."""

    y: NumpyArray
    z: NumpyArray
    radius: float


def find_farkas(problem: Convex, y: NumpyArray, z: NumpyArray) -> Farkas | None:
    """The proof that there is no feasible point within the horizon, if (y, z) gives it."""
    z, w = absorb(problem, z, problem.A.T @ y + problem.C.T @ z)
    terms = np.concatenate([problem.b * y, problem.d * z])
    margin, doubt = -float(np.sum(terms)), checks.rounding(problem.P) * float(np.sum(np.abs(terms)))
    left = float(np.linalg.norm(w))
    if margin <= BEYOND_DOUBT * doubt or margin < HORIZON * left:
        return None
    return Farkas(y / margin, z / margin, margin / left if left else math.inf)


def find_ray(problem: Convex, v: NumpyArray) -> NumpyArray | None:
    """v with q'v = -1 along which, from any feasible point, the objective falls without end.

    Up to 1/HORIZON: so little does a step that gains 1 leave the constraints, or bend upwards.
    """
    v = v.copy()
    v[problem.lower] = np.maximum(v[problem.lower], 0)
    v[problem.upper] = np.minimum(v[problem.upper], 0)
    v[problem.fixed] = 0
    gain = -float(problem.q @ v)
    if gain <= 0:
        return None
    v = v / gain
    strain = (problem.P @ v, problem.A @ v, np.maximum(problem.C @ v, 0))
    worst = max(float(np.abs(part).max(initial=0)) for part in strain)
    return v if worst * HORIZON <= 1 else None
