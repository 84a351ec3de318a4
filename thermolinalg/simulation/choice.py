"""Which integrator: by name, or the cheapest exact one that a process allows."""

from thermolinalg.errors import InvalidInput
from thermolinalg.simulation.chebyshev import Chebyshev
from thermolinalg.simulation.euler import Euler
from thermolinalg.simulation.exact import Exact
from thermolinalg.simulation.integrator import Integrator
from thermolinalg.simulation.langevin import BAOAB
from thermolinalg.simulation.lattice import Lattice
from thermolinalg.simulation.symmetric import Symmetric
from thermolinalg.simulation.weak import Heun
from thermolinalg.theory.langevin import Langevin, Nonlinear
from thermolinalg.theory.operator import Network, Runnable
from thermolinalg.theory.process import OU

INTEGRATORS: dict[str, Integrator] = {
    "symmetric": Symmetric(),
    "exact": Exact(),
    "euler": Euler(),
}
"""For linear processes; the first two without step-size error."""

LARGE: dict[str, Integrator] = {"chebyshev": Chebyshev()}
"""For networks whose matrix is only multiplied; without step-size error."""

NONLINEAR: dict[str, Integrator] = {"heun": Heun(), "baoab": BAOAB(), "lattice": Lattice()}
"""For any force, with a step-size error. So is "euler"."""


def choose_integrator(process: Runnable) -> str:
    """Name of the cheapest valid integrator.

    Of a linear process "symmetric" under detailed balance, else "exact", and of a large network
    "chebyshev": all without step-size error. Of Langevin motion with mass "baoab", of any other
    nonlinear drift "heun".
    """
    if isinstance(process, Network):
        return "chebyshev"
    if isinstance(process, Langevin):
        return "baoab"
    if isinstance(process, Nonlinear):
        return "heun"
    return "exact" if process.modes is None else "symmetric"


def find_integrator(name: str, process: Runnable) -> Integrator:
    """The integrator of this name; "auto" chooses.

    Raises:
        InvalidInput: there is none of this name, or it is for other processes.
    """
    name = choose_integrator(process) if name == "auto" else name
    known = INTEGRATORS | LARGE | NONLINEAR
    if name not in known:
        raise InvalidInput(
            f"integrator = {name!r} is unknown. Use 'auto' or one of {', '.join(known)}."
        )
    wanted = {"symmetric": OU, "exact": OU, "chebyshev": Network}.get(name, object)
    if not isinstance(process, wanted):
        raise InvalidInput(
            f"integrator = {name!r} is for {wanted.__name__} processes. Use 'auto', which takes "
            f"{choose_integrator(process)!r} here."
        )
    return known[name]
