"""The thermodynamic linear solver of TNGD: program the device, let it relax, read it."""

import math
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace, normals
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams
from tngd.curvature.contract import CurvatureAt
from tngd.linsolve.charging import charged
from tngd.linsolve.chip import alive, drive_unit, programmed, require_held, require_simulated
from tngd.linsolve.contract import LinearSolver, Memory, Solution
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
        device: what it runs on. Its bits, mismatch, dead nodes and temperatures change what is
            programmed, its drift the noise, as the device's clock goes on from step to step, and
            its converter and floor what is read, in units of the gradient's root mean square. An
            ideal one changes nothing.

    Raises:
        DoesNotFit: the device has a part that a training cannot be run with, or (in solve) cannot
            hold the problem.
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
        object.__setattr__(self, "device", Device.given(self.device))
        require_simulated(self.device, self.relaxation, self.noise)

    def solve(
        self,
        curvature: CurvatureAt,
        damping: float,
        gradient: Array,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        asked = Circuit(curvature, damping, gradient, self.noise)
        require_held(asked, self.device.limits)
        begun = perf_counter()
        circuit = programmed(asked, self.device, rng)
        cost = charged(asked, self.device, self.time + self.delay)
        if circuit is not asked:  # the array was formed
            cost = cost.with_digital(perf_counter() - begun)
        drifting = self.device.drift is not None
        state, clock = memory or (None, 0.0) if drifting else (memory, 0.0)
        x = self._initial_state(circuit.gradient, state)
        value = self._relaxed(circuit, x, clock, self.time, rng)
        left = value
        if self.delay:  # from the read-out until the next upload, still under this problem
            left = self._relaxed(circuit, value, clock + self.time, self.delay, rng)
        kept = left if self.start == "carried" else None
        return Solution(
            self._read(value, drive_unit(circuit.gradient), rng),
            memory=(kept, clock + cost.analog_time) if drifting else kept,
            cost=cost,
        )

    def flat_gain(self, damping: float) -> float:
        """What becomes of a constant gradient where C is nothing, in the long run.

        An exact solver gives 1/damping. A time multiplies the learning rate, too: other optimizers
        are to be given the chance of such a rate.
        """
        if self.start == "carried":
            return 1 / damping
        left = math.exp(-damping * self.time)
        return (1 - left) / damping + (left if self.start == "gradient" else 0.0)

    def _initial_state(self, gradient: Array, memory: Memory) -> Array | None:
        """None stands for the gradient, from which a carried state starts, too."""
        if self.start == "zero":
            return namespace(gradient).zeros_like(gradient)
        return memory if self.start == "carried" else None

    def _relaxed(
        self, circuit: Circuit, x: Array | None, clock: float, time: float, rng: np.random.Generator
    ) -> Array:
        """The state after a time, at the mean temperature of that time; dead nodes stay at zero."""
        if self.device.drift is not None:
            factor = self.device.drift.factor(clock, clock + time)
            circuit = replace(circuit, noise=circuit.noise * factor)
        x = self.relaxation.relax(circuit, x, time, rng)
        keep = alive(x.shape[0], self.device, x) if circuit.noise else None
        return x if keep is None else x * keep

    def _read(self, x: Array, unit: float, rng: np.random.Generator) -> Array:
        """What the converter says of a state, and the device's systematic error."""
        converter, floor, xp = self.device.converter, self.device.floor, namespace(x)
        if converter is not None and not converter.exact:
            x = unit * converter.read(x / unit, rng)
        if floor:
            way = normals(Streams(self.device.chip).stream("floor"), tuple(x.shape), x)
            x = x + floor * float(xp.sum(x * x) / xp.sum(way * way)) ** 0.5 * way
        return x
