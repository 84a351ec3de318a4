"""Which integrator: by name, or the cheapest exact one that a process allows."""

from thermolinalg.errors import InvalidInput
from thermolinalg.simulation.euler import Euler
from thermolinalg.simulation.exact import Exact
from thermolinalg.simulation.integrator import Integrator
from thermolinalg.simulation.symmetric import Symmetric
from thermolinalg.theory.process import OU

INTEGRATORS: dict[str, Integrator] = {
    "symmetric": Symmetric(),
    "exact": Exact(),
    "euler": Euler(),
}


def choose_integrator(process: OU) -> str:
    """Name of the cheapest exact integrator: "symmetric" under detailed balance, else "exact"."""
    return "exact" if process.modes is None else "symmetric"


def find_integrator(name: str, process: OU) -> Integrator:
    """The integrator of this name; "auto" chooses.

    Raises:
        InvalidInput: there is none of this name.
    """
    name = choose_integrator(process) if name == "auto" else name
    if name not in INTEGRATORS:
        raise InvalidInput(
            f"integrator = {name!r} is unknown. Use 'auto' or one of {', '.join(INTEGRATORS)}."
        )
    return INTEGRATORS[name]
