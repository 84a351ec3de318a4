"""The exact integrator for processes that obey detailed balance: independent AR(1) modes."""

from dataclasses import dataclass
from typing import final

from thermolinalg.backend import namespace
from thermolinalg.errors import InvalidInput
from thermolinalg.simulation.integrator import Integrator, ModeStep
from thermolinalg.theory.evolution import mode_transition
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class Symmetric(Integrator):
    """One `eigh` per process, then O(n) a step, and one matrix product per block of states."""

    def prepare(self, process: OU, dt: float) -> ModeStep:
        modes = process.modes
        if modes is None:
            raise InvalidInput(
                "integrator 'symmetric' needs detailed balance (AD = DA') and an invertible D, "
                "which this process lacks. Use integrator='exact', or 'auto'."
            )
        decay, response, variance = mode_transition(modes.rates, dt)
        shift = response * modes.enter(process.b)
        return ModeStep(modes, decay, shift, namespace(variance).sqrt(variance))
