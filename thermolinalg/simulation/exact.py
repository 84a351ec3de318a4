"""The exact integrator for any stable drift and any diffusion: no step-size error."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from thermolinalg.simulation.integrator import EXACT, Integrator, LinearStep
from thermolinalg.theory.evolution import transition
from thermolinalg.theory.gaussian import square_root
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class Exact(Integrator):
    """Draws x(t + dt) from its exact law: O(n³ log(‖A‖dt)) to prepare, then O(n²) a step."""

    name: ClassVar[str] = "exact"
    error: ClassVar[str] = EXACT
    cost: ClassVar[str] = "O(n³ log(‖A‖dt)) for each dt; O(n²) a step"

    def refusal(self, process: Any) -> str | None:
        if isinstance(process, OU):
            return None
        return "needs the matrix A of a linear process: OU(A, b, D)"

    def prepare(self, process: OU, dt: float) -> LinearStep:
        self.require(process)
        law = transition(process, dt)
        return LinearStep(law.E, law.shift, square_root(law.C))
