"""The exact integrator for processes that obey detailed balance: independent AR(1) modes."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from thermolinalg.simulation.integrator import EXACT, Integrator, ModeStep, mode_step
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class Symmetric(Integrator):
    """One `eigh` per process, then O(n) a step, and one matrix product per block of states."""

    name: ClassVar[str] = "symmetric"
    error: ClassVar[str] = EXACT
    cost: ClassVar[str] = "one eigh; O(n) a step, O(n²) a state that is read"

    def refusal(self, process: Any) -> str | None:
        if not isinstance(process, OU):
            return "needs the matrix A of a linear process: OU(A, b, D)"
        if process.modes is None:
            return "needs detailed balance (AD = DA') and an invertible D, which this process lacks"
        return None

    def prepare(self, process: OU, dt: float) -> ModeStep:
        self.require(process)
        assert process.modes is not None
        return mode_step(process.modes, process.b, 1.0, dt)
