"""The thermodynamic linear solver of TNGD: program the device, let it relax, read it."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from tngd.curvature.contract import CurvatureAt
from tngd.linsolve.contract import Cost, LinearSolver, Memory, Solution
from tngd.linsolve.relaxation import Circuit, ExactRelaxation, Relaxation

Start = Literal["gradient", "zero", "carried"]


@final
@dataclass(frozen=True, slots=True)
class Thermodynamic(LinearSolver):
    """x relaxes under dx = -((C + damping I)x - g)dt + N(0, 2 noise dt) for `time`, then is read.

    `start` says where from:
        "gradient"  reset to g: time 0 gives g (gradient descent), infinite time the natural
            gradient, and any time between interpolates, mode by mode.
        "zero"      reset to 0: time 0 gives no step; a flat mode reaches (1 - e^{-λt})/λ of g.
        "carried"   left where the last step ended: a mode of curvature μ remembers
            e^{-(μ + damping) time} of its past, which is momentum, strongest where it is flat.

    With a carried state the device is not idle while the next gradient is computed: it goes on
    relaxing under the old problem for `delay`, and under the new one for `time` after that (the
    paper leaves open whether `time` includes the delay).

    Args:
        time: analog time t under the step's own problem, in units of RC.
        start: "gradient", "zero" or "carried".
        delay: analog time t_d under the previous problem, in units of RC; needs start="carried".
        noise: kappa0, half the diffusion constant. Carried noise adds up over steps where the
            curvature is flat; after a reset it does not.
        relaxation: how the device is simulated, `ExactRelaxation()` or `EulerRelaxation(step)`.
        device: whose clock and link are charged.
    """

    time: float = 50.0
    start: Start = "gradient"
    delay: float = 0.0
    noise: float = 0.0
    relaxation: Relaxation = ExactRelaxation()
    device: Device = Device.ideal()

    def __post_init__(self) -> None:
        for name in ("time", "delay", "noise"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name), zero=True))
        if not isinstance(self.relaxation, Relaxation):
            raise InvalidInput(
                f"relaxation = {self.relaxation!r} is not a Relaxation, such as "
                "ExactRelaxation() or EulerRelaxation(0.1)."
            )
        if self.start not in {"gradient", "zero", "carried"}:
            raise InvalidInput(f"start = {self.start!r} must be 'gradient', 'zero' or 'carried'.")
        if self.delay and self.start != "carried":
            raise InvalidInput(
                f"delay = {self.delay:g} has no effect when the state is reset to the "
                f"{self.start}. Use start='carried', or delay=0."
            )

    def solve(
        self,
        curvature: CurvatureAt,
        damping: float,
        gradient: Array,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        circuit = Circuit(curvature, damping, gradient, self.noise)
        x = self._initial_state(gradient, memory)
        value = self.relaxation.relax(circuit, x, self.time, rng)
        left = value
        if self.delay:  # from the read-out until the next upload, still under this problem
            left = self.relaxation.relax(circuit, value, self.delay, rng)
        return Solution(
            value, memory=left if self.start == "carried" else None, cost=self._cost(circuit)
        )

    def _initial_state(self, gradient: Array, memory: Memory) -> Array | None:
        """None stands for the gradient, from which a carried state starts, too."""
        if self.start == "zero":
            return namespace(gradient).zeros_like(gradient)
        return memory if self.start == "carried" else None

    def _cost(self, circuit: Circuit) -> Cost:
        """Three resistor arrays for J, H and J' are programmed (Donatella et al. 2024, app. C)."""
        p = circuit.gradient.shape[0]
        rows = circuit.curvature.samples * circuit.curvature.outputs
        numbers = rows * (rows + 2 * p) + 2 * p  # the arrays, the gradient in, the state out
        analog = self.time + self.delay
        seconds = self.device.transfer(numbers) + analog * self.device.time_constant
        return Cost(analog, seconds)
