"""solve: x = A⁻¹b as the time average of a network that settles there, whatever A is."""

import math
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput, NotPositiveDefinite
from thermolinalg.solvers.baseline import digital_general, digital_solve
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.drift import drift_program
from thermolinalg.solvers.encode import right_hand_sides
from thermolinalg.solvers.estimate import Callback, Estimate
from thermolinalg.solvers.graph import is_graph, spring_network
from thermolinalg.solvers.leastsquares import normal_program
from thermolinalg.solvers.network import (
    amplitude,
    as_sides,
    linear_program,
    named,
    preconditioned_program,
)
from thermolinalg.solvers.operator import is_operator, operator_program
from thermolinalg.solvers.pipeline import run
from thermolinalg.solvers.program import Program
from thermolinalg.solvers.underdamped import MEAN, require_dynamics, with_inertia
from thermolinalg.streams import RNG, open_streams


def solve(
    A: Any,
    b: Array,
    /,
    *,
    rtol: float = 1e-2,
    atol: float = 0.0,
    confidence: float = 0.95,
    temperature: float = 1.0,
    precondition: Literal["diagonal"] | None = None,
    dynamics: Literal["overdamped", "underdamped"] = "overdamped",
    bounds: tuple[float, float] | None = None,
    max_time: float = math.inf,
    max_samples: float = math.inf,
    chains: int = 1,
    n_jobs: int = 1,
    device: Device | None = None,
    callback: Callback | None = None,
    rng: RNG = None,
) -> Estimate:
    """Solve Ax = b by letting dx = -(Ax - b)dt + noise settle, and averaging x over time.

    At rest the mean of x is A⁻¹b (Aifer et al. 2024; Donatella et al. 2024, equations 13-14). A
    symmetric positive definite A is such a network as it is; so is any other whose eigenvalues have
    positive real parts. What would not settle is solved by least squares, A'Ax = A'b, which has the
    square of A's condition. The plan aims at P(|x - A⁻¹b| <= atol + rtol |A⁻¹b|) >= confidence in
    the 2-norm (Frobenius for k sides).

    Args:
        A: (n, n): an array; or, for large n and symmetric positive definite, a scipy.sparse array,
            a `LowRank`, or anything with `.shape` and `@` such as a LinearOperator; or a
            `CouplingGraph`, or a networkx graph of springs: edges carry their stiffness `weight`
            (1), nodes their `stiffness` to the ground (0) and, if held, `clamp`, and A is the
            Laplacian of the weights + diag(stiffness). The answer is of the free nodes, in order.
        b: (n,), or (n, k) for k right-hand sides: they share one programming of the device and one
            noise, so that their errors are alike. Of a graph in the order of its nodes, such as
            `graph.force`, or a dict of nodes and their drives.
        rtol: wanted relative error.
        atol: wanted absolute error.
        confidence: probability with which the wanted error is to be met.
        temperature: of the noise, relative to a drive of root-mean-square 1. The averaging time is
            proportional to it: colder is better until the noise floor of a real device.
        precondition: "diagonal" programs A in units in which its diagonal is one, for a definite A
            whose unknowns differ in scale.
        dynamics: "underdamped" gives a dense definite A mass, and the friction that suits it: its
            memory grows with the square root of A's condition, and not with the condition.
        bounds: numbers 0 < low <= high between which all eigenvalues of an A lie that is only
            multiplied. Left out, `spectral_bounds` finds them, by products.
        max_time: stop after this analog time, in units of RC, with outcome BUDGET_SPENT.
        max_samples: stop after so many samples, likewise; an integrator's time counts as
            two for each relaxation time of the slowest mode.
        chains: independent runs that share the time, a power of two up to 32.
        n_jobs: workers that simulate the chains, by joblib; the answer does not depend on it.
        device: what runs it; `Device.ideal()` by default.
        callback: asked between parts of the run, with the `Estimate` so far; if what it returns is
            true the run stops there, with outcome STOPPED.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotPositiveDefinite: A is singular to working precision; the message says how nearly.
        NotSymmetric, ShapeMismatch, NotFinite, NotReal, InvalidInput: A, b or an option cannot be
            used; the message says why and what to do.
    """
    target = Target.checked(rtol, atol, confidence)
    control = Control(chains, n_jobs, max_time, max_samples)
    program = solve_program(
        A,
        b,
        target=target,
        temperature=temperature,
        precondition=precondition,
        dynamics=dynamics,
        bounds=bounds,
    )
    return run(program, target, Device.given(device), open_streams(rng), control, callback)


def solve_program(
    A: Any,
    b: Array,
    /,
    *,
    target: Target,
    temperature: float = 1.0,
    precondition: Literal["diagonal"] | None = None,
    dynamics: Literal["overdamped", "underdamped"] = "overdamped",
    bounds: tuple[float, float] | None = None,
) -> Program:
    """The problem as `solve` states it; same arguments, same errors."""
    temperature = checks.positive("temperature", temperature)
    if precondition not in {None, "diagonal"}:
        raise InvalidInput(f"precondition = {precondition!r} is unknown. Use 'diagonal' or None.")
    swings = require_dynamics(dynamics)
    if is_graph(A):
        A, b = spring_network(A, b)
    if is_operator(A):
        if swings:
            raise InvalidInput(
                "dynamics='underdamped' is for an A that is an array. Leave it out, or pass "
                "A.toarray() if that fits in memory."
            )
        if precondition:
            raise InvalidInput(
                "precondition is for an A that is an array. Scale the rows and columns of this one "
                "yourself: D A D y = D b, x = D y."
            )
        return operator_program(A, b, temperature, target, bounds)
    if bounds is not None:
        raise InvalidInput(
            "bounds are for an A that is only multiplied; of an array the eigenvalues are "
            "computed. Leave them out."
        )
    A = checks.square("A", A)
    return _program(A, right_hand_sides(A, b), temperature, target, precondition, swings)


def _program(
    A: Array, b: Array, temperature: float, target: Target, precondition: str | None, swings: bool
) -> Program:
    """The network that settles at the answer: A's own if it settles, else the normal equations'."""
    rows = b.T if b.ndim == 2 else b[None, :]
    symmetric = checks.is_symmetric(A)
    shape = partial(as_sides, matrix=b.ndim == 2)
    baseline = partial(digital_solve if symmetric else digital_general, A, b)
    if precondition:
        A = checks.symmetric("A", A, "Leave precondition out, which is for symmetric A.")
        program: Program | None = preconditioned_program(A, rows, temperature, target)
    elif symmetric:
        program = _if_definite(A, rows, temperature, target)
    else:
        program = drift_program(A, rows, temperature, target)
    if swings:
        program = with_inertia(program, MEAN)
    if program is None:
        program = _squared(A, b, temperature, target)
        baseline = partial(digital_general, A, b)
        return replace(program, name=f"{named('solve', A, b)} (least squares)", baseline=baseline)
    name = named("solve", A, b) + program.name
    return replace(
        program, name=name, arrange=shape, one_noise=rows.shape[0] > 1, baseline=baseline
    )


def _if_definite(A: Array, rows: Array, temperature: float, target: Target) -> Program | None:
    """The network of A itself; None where it would not settle, but A is not singular."""
    try:
        return linear_program(A, rows, temperature, target)
    except NotPositiveDefinite:
        xp = namespace(A)
        sizes = xp.abs(xp.linalg.eigvalsh(A))
        if float(xp.min(sizes)) <= checks.rounding(A) * float(xp.max(sizes)):
            raise
        return None


def _squared(A: Array, b: Array, temperature: float, target: Target) -> Program:
    """The network of the normal equations.

    Raises:
        NotPositiveDefinite: the square of A's condition is beyond working precision.
    """
    amplitude(b, target)
    try:
        return normal_program(A, b, 0.0, temperature, target)
    except InvalidInput as error:  # A'A is singular, or even A'b zero
        raise NotPositiveDefinite(
            f"A has a condition number of {_condition_number(A):.2g} and would not settle by "
            "itself; least squares square that, beyond working precision. Scale the rows and "
            "columns of A to similar sizes, or ask for a damped answer: lstsq(A, b, ridge=...)."
        ) from error


def _condition_number(A: Array) -> float:
    """The largest over the smallest singular value."""
    sizes = namespace(A).linalg.svdvals(A / (float(namespace(A).max(namespace(A).abs(A))) or 1.0))
    return float(sizes[0]) / float(sizes[-1]) if float(sizes[-1]) > 0 else math.inf
