"""The exact integrator for any stable drift and any diffusion: no step-size error."""

from dataclasses import dataclass
from typing import final

from thermolinalg.simulation.integrator import Integrator, LinearStep
from thermolinalg.theory.evolution import transition
from thermolinalg.theory.gaussian import square_root
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class Exact(Integrator):
    """Draws x(t + dt) from its exact law: O(n³ log(‖A‖dt)) to prepare, then O(n²) a step."""

    def prepare(self, process: OU, dt: float) -> LinearStep:
        law = transition(process, dt)
        return LinearStep(law.E, law.shift, square_root(law.C))
