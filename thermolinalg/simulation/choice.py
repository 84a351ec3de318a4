"""Which integrator: by name, or the first of the table that takes the process."""

from thermolinalg.errors import InvalidInput
from thermolinalg.simulation.chebyshev import Chebyshev
from thermolinalg.simulation.clocked import Clockwork
from thermolinalg.simulation.euler import Euler
from thermolinalg.simulation.exact import Exact
from thermolinalg.simulation.inertial import Swinging
from thermolinalg.simulation.integrator import Integrator
from thermolinalg.simulation.langevin import BAOAB
from thermolinalg.simulation.lattice import Lattice
from thermolinalg.simulation.lowrank import DiagonalPlusLowRank
from thermolinalg.simulation.symmetric import Symmetric
from thermolinalg.simulation.weak import Heun
from thermolinalg.theory.operator import Moving

INTEGRATORS: dict[str, Integrator] = {
    integrator.name: integrator
    for integrator in (
        DiagonalPlusLowRank(),
        Symmetric(),
        Swinging(),
        Chebyshev(),
        Exact(),
        Clockwork(),
        BAOAB(),
        Heun(),
        Lattice(),
        Euler(),
    )
}
"""In the order in which "auto" asks them: those without step-size error first, cheapest first; then
the others, smallest error first. Each says itself what it takes."""


def choose_integrator(process: Moving) -> str:
    """Name of the cheapest integrator without step-size error that takes the process.

    Of a linear process "symmetric" under detailed balance, else "exact"; of a large network
    "lowrank" where it is a number on the diagonal plus low rank, else "chebyshev"; of a network
    with inertia "swinging"; of one that ticks "clockwork". No integrator of a nonlinear process is
    free of error: of Langevin motion with mass "baoab", under noise that depends on the state
    "euler", else "heun".
    `explain` says why.

    Raises:
        InvalidInput: nothing that can be run.
    """
    for name, integrator in INTEGRATORS.items():
        if integrator.refusal(process) is None:
            return name
    raise InvalidInput(
        f"process has the type {type(process).__name__}, which no integrator runs. Use an OU, "
        "Network, Inertial, Nonlinear, Multiplicative or Langevin."
    )


def find_integrator(name: str | Integrator, process: Moving) -> Integrator:
    """The integrator of this name, or this one itself; "auto" chooses.

    Raises:
        InvalidInput: there is none of this name, or it does not take this process.
    """
    if isinstance(name, Integrator):
        name.require(process)
        return name
    if name == "auto":
        return INTEGRATORS[choose_integrator(process)]
    if not isinstance(name, str) or name not in INTEGRATORS:
        raise InvalidInput(
            f"integrator = {name!r} is unknown. Use 'auto' or one of {', '.join(INTEGRATORS)}."
        )
    reason = INTEGRATORS[name].refusal(process)
    if reason is not None:
        raise InvalidInput(
            f"integrator {name!r} {reason}. Use 'auto', which takes {choose_integrator(process)!r} "
            "here."
        )
    return INTEGRATORS[name]
