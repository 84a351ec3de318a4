"""solve_qp: convex quadratic programmes, by an interior point whose Newton systems settle."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, floating, like, to_numpy
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.solvers.baseline import DigitalQuadratic, digital_quadratic
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.certificate import absorb
from thermolinalg.solvers.convex import Convex, read_convex
from thermolinalg.solvers.feasibility import optimise
from thermolinalg.solvers.interior_point import Found
from thermolinalg.solvers.newton import Bench
from thermolinalg.solvers.quadratic_solution import QuadraticSolution
from thermolinalg.streams import RNG, open_streams


def solve_qp(
    P: Array,
    q: Array,
    /,
    *,
    G: Array | None = None,
    h: Array | None = None,
    A: Array | None = None,
    b: Array | None = None,
    lower: Any = None,
    upper: Any = None,
    rtol: float = 1e-3,
    confidence: float = 0.95,
    temperature: float = 1.0,
    max_time: float = math.inf,
    device: Device | None = None,
    rng: RNG = None,
) -> QuadraticSolution:
    """Minimise x'Px/2 + q'x over Gx <= h, Ax = b, lower <= x <= upper, by letting networks settle.

    A primal-dual interior point; each of its Newton systems is programmed as a network and measured
    at rest, as in `solve` (Lipka-Bartosik et al. 2024), again and again for what noise left over.
    The digital machine beside it only multiplies. It stops once it has a proof, of the wanted
    accuracy, of infeasibility or of unboundedness: the stated errors are certain.

    Args:
        P: (n, n), symmetric positive semidefinite; zero for a linear programme.
        q: (n,).
        G: (m, n), rows of inequalities.
        h: (m,).
        A: (p, n), rows of equalities; they may depend on one another.
        b: (p,).
        lower: bounds (n,), or one number for all coordinates; -inf for none.
        upper: likewise; inf for none. Where bounds coincide, the coordinate is fixed.
        rtol: wanted gap between objective and optimum, relative to the largest of x'Px, q'x and
            the multipliers' term (to a millionth of what these could be, where all are zero).
        confidence: probability with which each network meets its own rough error; it decides how
            long a network is averaged, not whether the final proof holds.
        temperature: of the noise, as in `solve`: colder is faster, down to the burn-in.
        max_time: stop after this analog time, in units of RC, all networks together, with outcome
            BUDGET_SPENT.
        device: what runs it; `Device.ideal()` by default.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotSymmetric, NotPositiveDefinite, ShapeMismatch, NotFinite, NotReal, InvalidInput: an
            argument cannot be used; the message says why and what to do.
    """
    rtol = checks.positive("rtol", rtol)
    Target.checked(rtol, 0.0, confidence)
    temperature = checks.positive("temperature", temperature)
    max_time = checks.limit("max_time", max_time)
    if max_time <= 0:
        raise InvalidInput(f"max_time = {max_time} must be > 0; leave it out for no limit.")
    problem = read_convex(P, q, G, h, A, b, lower, upper)
    streams = open_streams(rng)
    bench = Bench(Device.given(device), streams, temperature, confidence, max_time)
    found = optimise(problem, rtol, bench)
    parts = [_as_given(part) for part in (P, q, G, h, A, b, lower, upper)]
    baseline = partial(digital_quadratic, *parts)
    return _report(problem, found, bench, rtol, floating(P), baseline)


def _as_given(part: Any) -> Any:
    return None if part is None else np.asarray(to_numpy(part), float)


def _report(
    problem: Convex,
    found: Found,
    bench: Bench,
    rtol: float,
    reference: Array,
    baseline: Callable[[Any], DigitalQuadratic],
) -> QuadraticSolution:
    """What was found, in the caller's units and library."""
    length, energy, gap, point = problem.length, problem.energy, found.gap, found.point
    if found.farkas is None:
        balance = problem.gradient(point.x) + problem.A.T @ point.y + problem.C.T @ point.z
        multipliers = problem.multipliers(point.y, absorb(problem, point.z, balance)[0])
        radius = None
    else:
        farkas = found.farkas
        multipliers = problem.multipliers(farkas.y / energy, farkas.z / energy)
        radius = farkas.radius * length
    return QuadraticSolution(
        problem=f"solve_qp, n = {problem.n}, {len(problem.b)} equalities, "
        f"{len(problem.d)} inequalities",
        value=like(point.x * length, reference),
        outcome=found.ending,
        objective=problem.objective(point.x) * energy,
        gap=gap.gap * energy,
        error=gap.distance(problem.curvature) * length,
        reach=gap.reach * length,
        multipliers={name: like(value, reference) for name, value in multipliers.items()},
        radius=radius,
        ray=None if found.ray is None else like(found.ray * (length / energy), reference),
        primal_residual=gap.primal * length,
        dual_residual=gap.dual * energy / length,
        rtol=rtol,
        temperature=bench.temperature,
        steps=found.steps,
        networks=bench.networks,
        time=bench.time,
        history=found.history,
        ledger=bench.ledger,
        seed=bench.streams.seed,
        baseline=baseline,
    )
