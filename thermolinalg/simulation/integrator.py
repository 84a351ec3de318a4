"""The contract of an integrator, and the two kinds of prepared step that linear processes need.

`prepare` pays every cost that does not depend on the state. The step it returns works in the
coordinates that make stepping cheapest; all steps that one integrator prepares for one process
share them, so that a walk with irregular times enters and leaves them once.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, final

from thermolinalg.backend import Array
from thermolinalg.theory.modes import Modes
from thermolinalg.theory.process import OU


class Step(Protocol):
    """A prepared step over a fixed dt. States have any leading axes: (..., n)."""

    def enter(self, x: Array) -> Array:
        """The step's own coordinates of states x."""
        ...

    def color(self, z: Array) -> Array:
        """Standard normals turned into the kicks of as many steps: a whole block at a time."""
        ...

    def __call__(self, y: Array, kick: Array) -> Array:
        """The state after dt."""
        ...

    def leave(self, y: Array) -> Array:
        """The states at coordinates y."""
        ...


class Integrator(ABC):
    """A way to move an ensemble forward by dt."""

    @abstractmethod
    def prepare(self, process: OU, dt: float) -> Step:
        """Do everything that depends on the process and dt but not on the state."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class LinearStep:
    """x <- E x + shift + F z, in the original coordinates."""

    E: Array
    shift: Array
    F: Array

    def enter(self, x: Array) -> Array:
        return x

    def color(self, z: Array) -> Array:
        return z @ self.F.T + self.shift

    def __call__(self, y: Array, kick: Array) -> Array:
        return y @ self.E.T + kick

    def leave(self, y: Array) -> Array:
        return y


@final
@dataclass(frozen=True, eq=False, slots=True)
class ModeStep:
    """y <- decay y + shift + spread z, each normal mode on its own: O(n) a step."""

    modes: Modes
    decay: Array
    shift: Array
    spread: Array

    def enter(self, x: Array) -> Array:
        return self.modes.enter(x)

    def color(self, z: Array) -> Array:
        return z * self.spread + self.shift

    def __call__(self, y: Array, kick: Array) -> Array:
        return y * self.decay + kick

    def leave(self, y: Array) -> Array:
        return self.modes.leave(y)
