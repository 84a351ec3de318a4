"""What a solver states: a process, what is read of it, and how the answer follows from that."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, final

from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.readout import Readout
from thermolinalg.solvers.baseline import Digital
from thermolinalg.solvers.budget import BIAS, WINDOWS, Target, burn_in
from thermolinalg.solvers.prethermal import SoftModes
from thermolinalg.streams import Streams
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.operator import Network
from thermolinalg.theory.process import OU

Decode: TypeAlias = Callable[[Array], Array]
"""From windows (K, ...) of a readout to those of an answer: linear, each window by itself.

A function of a module or a `partial` of one, so that a run can be saved."""


def same(windows: Array) -> Array:
    """The windows as they are read."""
    return windows


@final
@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """A problem in the device's units: answer = scale * mean of decode(readout at rest).

    Everything but `scale` is in those units, in which numbers are neither huge nor tiny. The
    error is measured after `decode`, where the answer is.

    Raises:
        InvalidInput: `scale` is no number of the states' precision.
    """

    name: str
    process: OU | Network | Inertial
    readout: Readout
    start: Array  # initial states (chains, n)
    scale: float
    decode: Decode
    temperature: float
    least: float  # lower and upper bounds on |answer|/scale, from the spectrum
    most: float
    baseline: Callable[..., Digital]  # (value, products=matrix-vector products spent)
    arrange: Decode = same  # of the answer and its error, into the caller's shape
    one_noise: bool = False  # of answers (k, n): do they differ in their drives alone?
    replicas: int = 1  # copies of the start that are simulated at once: a power of two
    soft: SoftModes | None = None  # modes with which each chain starts at rest, all others at zero
    unit: float = 1.0  # of states and drives, in the device's

    def __post_init__(self) -> None:
        numbers = namespace(self.start).finfo(self.start.dtype)
        if not float(numbers.smallest_normal) <= self.scale <= float(numbers.max):
            raise InvalidInput(
                f"the answer is measured in units of {self.scale:.3g}, which is no number of "
                f"{self.start.dtype}. Scale the problem, and the answer back by hand."
            )

    @property
    def rate(self) -> float:
        """A lower bound on the rate at which what is read forgets its past."""
        return self.readout.correlation_rate(self.process)

    @property
    def interval(self) -> float:
        """Time between samples."""
        return self.readout.interval(self.process)

    def designed(self, device: Device) -> "Program":
        """The program whose process moves as this device was designed: what a run is planned by."""
        process: Any = device.nominal(self.process)
        return self if process is self.process else replace(self, process=process)

    @property
    def drives(self) -> Array | None:
        """Those that are switched on one after the other, while it is read."""
        return getattr(self.readout, "drives", None)

    def burn_in(self, goal: Target) -> float:
        """Time after which the start is forgotten, as far as the target in these units asks."""
        if self.soft is None:
            return burn_in(goal, self.rate, self.most)
        return self.soft.rest(BIAS * goal.relative(self.most))

    def starts(self, chains: int, streams: Streams) -> list[Array]:
        """The states (rows, n) that each chain starts from."""
        if self.soft is None:
            return [self.start[: self.start.shape[0] // min(chains, self.replicas), :]] * chains
        drawn = self.soft.start(chains, temperature=self.temperature, rng=streams.stream("soft"))
        return [drawn[k : k + 1, :] for k in range(chains)]

    def read(self, values: list[Array], count: int) -> Array:
        """The answer's windows of all copies in the order of time, from `count` a copy.

        `values` are those of each chain, (count, rows, ...), its copies next to each other.
        """
        xp = namespace(values[0])
        copies = WINDOWS // (self.windows(len(values)) * len(values))  # of each chain
        answers = []
        for x in values:
            each = xp.reshape(x, (count * copies, -1, *x.shape[2:])) if copies > 1 else x
            answers.append(self.decode(each))
        if len(answers) == 1:
            return answers[0]
        shape = answers[0].shape[1:]
        together = xp.stack([xp.reshape(x, (count, copies, *shape)) for x in answers], axis=1)
        return xp.reshape(together, (count * copies * len(values), *shape))

    def windows(self, chains: int) -> int:
        """How many windows each copy is read for."""
        return WINDOWS // max(chains, self.replicas)
