"""The contract of an integrator, and the two kinds of prepared step that linear processes need.

`prepare` pays every cost that does not depend on the state. The step it returns works in the
coordinates that make stepping cheapest; all steps that one integrator prepares for one process
share them, so that a walk with irregular times enters and leaves them once.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, final

from thermolinalg.backend import Array, apply_rows, namespace
from thermolinalg.theory.modes import Modes


class Step(Protocol):
    """A prepared step over a fixed dt. States have any leading axes: (..., n)."""

    def enter(self, x: Array) -> Array:
        """The step's own coordinates of states x."""
        ...

    def color(self, z: Array) -> Array:
        """Standard normals (steps, chains, n) turned into kicks, in their place where possible."""
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
    def prepare(self, process: Any, dt: float) -> Step:
        """Do everything that depends on the process and dt but not on the state.

        Which kinds of process it takes is the integrator's to say.
        """


@final
@dataclass(frozen=True, eq=False, slots=True)
class LinearStep:
    """x <- E x + shift + F z, in the original coordinates."""

    E: Array
    shift: Array
    F: Array
    couples: ClassVar[bool] = True

    def enter(self, x: Array) -> Array:
        return x

    def color(self, z: Array) -> Array:
        return apply_rows(z, self.F) + self.shift

    def __call__(self, y: Array, kick: Array) -> Array:
        return apply_rows(y, self.E) + kick

    def flow(self, y: Array) -> Array:
        """E x."""
        return apply_rows(y, self.E)

    def repeated(self, times: int) -> "LinearStep":
        """The homogeneous step, several times over."""
        return replace(self, E=namespace(self.E).linalg.matrix_power(self.E, times))

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
    couples: ClassVar[bool] = False

    def enter(self, x: Array) -> Array:
        return self.modes.enter(x)

    def color(self, z: Array) -> Array:
        z *= self.spread
        z += self.shift
        return z

    def __call__(self, y: Array, kick: Array) -> Array:
        return y * self.decay + kick

    def flow(self, y: Array) -> Array:
        """e^{-at} y."""
        return y * self.decay

    def repeated(self, times: int) -> "ModeStep":
        """The homogeneous step, several times over."""
        return replace(self, decay=self.decay**times)

    def leave(self, y: Array) -> Array:
        return self.modes.leave(y)
