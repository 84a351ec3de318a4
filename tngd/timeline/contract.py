"""The words of a timeline: how long things take, who may overlap, and who did what when."""

import math
from dataclasses import dataclass
from typing import Literal, final, get_args

from thermolinalg import checks
from thermolinalg.errors import InvalidInput

Machine = Literal["digital", "device"]
Mode = Literal["synchronous", "asynchronous", "pipelined"]
Kind = Literal[
    "gradient", "update", "upload", "relax (new problem)", "relax (old problem)", "read", "idle"
]


@final
@dataclass(frozen=True, slots=True)
class Durations:
    """How long the parts of a step take, in seconds; the relaxation in units of RC.

    Args:
        gradient: forward and backward pass, and whatever else is computed before an upload.
        upload: gradient and curvature to the device.
        time: analog time t under the step's own problem, in units of RC.
        read: the state from the device.
        update: of the parameters by what was read.
        time_constant: RC in seconds.
    """

    gradient: float
    upload: float = 0.0
    time: float = 50.0
    read: float = 0.0
    update: float = 0.0
    time_constant: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("gradient", "upload", "time", "read", "update"):
            value = checks.positive(name, getattr(self, name), zero=True)
            object.__setattr__(self, name, value)
        value = checks.positive("time_constant", self.time_constant)
        object.__setattr__(self, "time_constant", value)

    @property
    def relaxation(self) -> float:
        """Seconds of the relaxation."""
        return self.time * self.time_constant


@final
@dataclass(frozen=True, slots=True)
class Overlap:
    """What may happen at the same time.

        "synchronous"   one thing at a time: the device holds its state until the next problem.
        "asynchronous"  figure 1 of Donatella et al. (2024): from its reading to the next upload the
            device goes on under the old problem. The gradient still waits for the reading, without
            which its parameters are not known: a step takes no less time.
        "pipelined"     the next gradient is computed while the device relaxes, at parameters that
            lack that reading: gradients are one step stale, and a step takes less time.

    Args:
        mode: one of these.
        buffered: an upload goes to a second set of registers, and the old problem stays in force
            until the new one is whole. Otherwise the state is held while the arrays are written.
            No device here relaxes under arrays that are half new.

    Raises:
        InvalidInput: there is no such mode, or a device that waits has a buffer.
    """

    mode: Mode = "asynchronous"
    buffered: bool = False

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise InvalidInput(
                f"mode = {self.mode!r} must be one of: {', '.join(map(repr, get_args(Mode)))}."
            )
        if self.buffered and self.mode == "synchronous":
            raise InvalidInput(
                "buffered has no effect when the device waits for the upload. Use "
                "mode='asynchronous' or 'pipelined', or buffered=False."
            )


@final
@dataclass(frozen=True, slots=True)
class Activity:
    """What a machine does from begin to end, in seconds, for the problem of a step, from 1.

    An idle machine waits for that step; before the first it is step 0 that there is none of.
    """

    kind: Kind
    machine: Machine
    begin: float
    end: float
    step: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.begin


@final
@dataclass(frozen=True, slots=True)
class Timeline:
    """What both machines did in a number of steps; nothing of a machine overlaps, no gap is left.

    Transfers are on both lanes where they keep both machines busy.
    """

    durations: Durations
    overlap: Overlap
    steps: int
    activities: tuple[Activity, ...]

    def lane(self, machine: Machine) -> tuple[Activity, ...]:
        """What one machine did, in order."""
        if machine not in get_args(Machine):
            raise InvalidInput(f"machine = {machine!r} must be 'digital' or 'device'.")
        return tuple(each for each in self.activities if each.machine == machine)

    @property
    def seconds(self) -> float:
        """When the last step is done."""
        return max(each.end for each in self.activities)

    def spent(self, machine: Machine, *kinds: Kind) -> float:
        """Seconds that a machine spent on these kinds of activity."""
        return math.fsum(each.seconds for each in self.lane(machine) if each.kind in kinds)

    def utilisation(self, machine: Machine) -> float:
        """The part of the time in which a machine moves a step on.

        To be idle does not, and neither does relaxing under a problem that was already read.
        """
        lost = self.spent(machine, "idle", "relax (old problem)")
        return 1.0 - lost / self.seconds if self.seconds else 0.0

    @property
    def times(self) -> tuple[float, ...]:
        """Analog time under each step's own problem before it is read, in units of RC."""
        return self._analog("relax (new problem)", self.steps)

    @property
    def delays(self) -> tuple[float, ...]:
        """Analog time under each step's problem after it is read, until the next, in units of RC.

        The last step has no next one.
        """
        return self._analog("relax (old problem)", self.steps - 1)

    def _analog(self, kind: Kind, steps: int) -> tuple[float, ...]:
        spent = [0.0] * (self.steps + 1)
        for each in self.lane("device"):
            if each.kind == kind:
                spent[each.step] += each.seconds
        return tuple(seconds / self.durations.time_constant for seconds in spent[1 : steps + 1])
