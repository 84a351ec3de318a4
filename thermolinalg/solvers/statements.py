"""What each solver would program, and what is known of its rates beforehand: nothing runs."""

from typing import Any, NamedTuple, TypeAlias

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.exponential import expm_program
from thermolinalg.solvers.graph import is_graph, spring_network, stiffness_of
from thermolinalg.solvers.inverse import inv_program
from thermolinalg.solvers.leastsquares import lstsq_program
from thermolinalg.solvers.linear import solve_program
from thermolinalg.solvers.lyapunov import lyapunov_program
from thermolinalg.solvers.noise import level
from thermolinalg.solvers.operator import is_operator
from thermolinalg.solvers.outlook import Known
from thermolinalg.solvers.program import Program
from thermolinalg.streams import Streams
from thermolinalg.theory.balance import is_sparse
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.lowrank import LowRank
from thermolinalg.theory.operator import checked_bounds
from thermolinalg.theory.process import OU

Bounds: TypeAlias = tuple[float, float] | None

HOLD = 1e-8
"""Share by which bounds may miss an eigenvalue: eigenvalues are rounded too."""


class Stated(NamedTuple):
    """A program, what its forecast rests on, and where its rates come from."""

    program: Program
    known: Known
    rates: str


def state_solve(A: Any, b: Array, /, *, target: Target, bounds: Bounds, **knobs: Any) -> Stated:
    """A x = b. Bounds of an A that is only multiplied are the solver's own argument."""
    if is_graph(A):
        A, b = spring_network(A, b)
    if is_operator(A):
        program = solve_program(A, b, target=target, bounds=bounds, **knobs)
        return Stated(program, Known(), _source_of_operator(A, bounds))
    program = solve_program(A, b, target=target, **knobs)
    if bounds is not None:
        if not checks.is_symmetric(checks.square("A", A)) or knobs.get("precondition"):
            raise _useless("a symmetric A without a precondition")
        return _bounded(program, A, bounds)
    process = program.process
    symmetric = isinstance(process, Inertial) or (isinstance(process, OU) and process.modes)
    values = "eigenvalues" if symmetric else "singular values"
    if "least squares" in program.name:
        return Stated(program, Known(ridge=0.0), "all eigenvalues of A'A")
    scaled = ", scaled to a diagonal of one" if knobs.get("precondition") else ""
    return Stated(program, Known(), f"all {values} of A{scaled}")


def state_lstsq(A: Array, b: Array, /, *, target: Target, bounds: Bounds, **knobs: Any) -> Stated:
    """min |Ax - b|² + ridge |x|²: the ridge is told in units of the process."""
    if bounds is not None:
        raise _useless("solve and inv")
    program = lstsq_program(A, b, target=target, **knobs)
    A, ridge = checks.real_array("A", A), float(knobs.get("ridge", 0.0))
    gram = "A'A" if A.shape[0] >= A.shape[1] else "AA'"
    source = f"all eigenvalues of {gram}{' + ridge' if ridge else ''}"
    if A.shape[0] < A.shape[1]:
        return Stated(program, Known(), source)
    xp, largest = namespace(A), float(namespace(A).max(namespace(A).abs(A)))
    share = ridge / largest / largest
    trace = float(xp.sum((A / largest) ** 2)) + A.shape[1] * share
    rates = _trace(program)
    return Stated(program, Known(ridge=share * rates / trace), source)


def state_inv(A: Array, /, *, target: Target, bounds: Bounds, **knobs: Any) -> Stated:
    """A⁻¹, or parts of it."""
    A = stiffness_of(A)
    program = inv_program(A, target=target, **knobs)
    if bounds is not None:
        return _bounded(program, A, bounds)
    return Stated(program, Known(), "all eigenvalues of A")


def state_lyapunov(A: Array, Q: Array, /, *, target: Target, bounds: Bounds) -> Stated:
    """AS + SA' = Q."""
    if bounds is not None:
        raise _useless("solve and inv")
    program = lyapunov_program(A, Q, target=target)
    process = program.process
    assert isinstance(process, OU)
    known = process.modes is not None and level(process) is not None
    return Stated(program, Known(), "all eigenvalues of A" if known else "the decay of e^{-At}")


def state_expm(A: Array, t: float = 1.0, /, *, target: Target, bounds: Bounds) -> Stated:  # noqa: ARG001
    """e^{At}; of the start that is drawn nothing but the shape is used."""
    if bounds is not None:
        raise _useless("solve and inv")
    return Stated(expm_program(A, t, streams=Streams(0)), Known(), "all eigenvalues of A")


def _bounded(program: Program, A: Array, bounds: Bounds) -> Stated:
    """The same program, of whose rates bounds alone are to be used."""
    assert bounds is not None
    low, high = checked_bounds(bounds)
    process = program.process
    if isinstance(process, Inertial) or program.soft:
        raise InvalidInput(
            "the friction of dynamics='underdamped' and the modes of prethermalize are taken from "
            "the eigenvalues of A, so that bounds are not all that is known. Leave bounds out."
        )
    if not 0 < low <= high:
        raise InvalidInput(f"bounds = ({low:.3g}, {high:.3g}) must be 0 < low <= high.")
    A = checks.square("A", A)
    xp = namespace(A)
    largest = float(xp.max(xp.abs(A)))
    norm = largest * (float(xp.sum(xp.linalg.diagonal(A / largest))) / _trace(program))
    if low > process.slowest * norm * (1 + HOLD) or high < process.fastest * norm * (1 - HOLD):
        raise InvalidInput(
            f"bounds = ({low:.6g}, {high:.6g}) do not hold the eigenvalues of A, which reach from "
            f"{process.slowest * norm:.6g} to {process.fastest * norm:.6g}. Leave bounds out, or "
            "widen them."
        )
    return Stated(program, Known(bounds=(low / norm, high / norm)), "the bounds given")


def _trace(program: Program) -> float:
    """The sum of a process's rates, which tells how many times slower it is than the problem."""
    assert isinstance(program.process, OU)
    A = program.process.A
    return float(namespace(A).sum(namespace(A).linalg.diagonal(A)))


def _source_of_operator(A: Any, bounds: Bounds) -> str:
    if bounds is not None:
        return "the bounds given"
    if isinstance(A, LowRank):
        return "the low rank of A"
    discs = " and Gershgorin's discs" if is_sparse(A) else ""
    return f"bounds from Lanczos{discs}, which hold but for a chance of 1e-6"


def _useless(where: str) -> InvalidInput:
    return InvalidInput(
        f"bounds are for {where}. Leave them out: the rates of this A are computed."
    )
