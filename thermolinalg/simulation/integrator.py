"""The contract of an integrator, and the two kinds of prepared step that linear processes need.

`prepare` pays every cost that does not depend on the state. The step it returns works in the
coordinates that make stepping cheapest; all steps that one integrator prepares for one process
share them, so that a walk with irregular times enters and leaves them once.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, final

from thermolinalg.backend import Array, apply_rows, namespace
from thermolinalg.errors import InvalidInput
from thermolinalg.theory.evolution import mode_transition


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


EXACT = "none"
"""The `error` of an integrator whose steps have the law of the process, however long they are."""


class Integrator(ABC):
    """A way to move an ensemble forward by dt."""

    name: ClassVar[str]
    error: ClassVar[str]  # of a step, by its length
    cost: ClassVar[str]  # to prepare, and a step

    @abstractmethod
    def refusal(self, process: Any) -> str | None:
        """Why it does not take this process, as in "needs ..."; None if it does."""

    @abstractmethod
    def prepare(self, process: Any, dt: float) -> Step:
        """Do everything that depends on the process and dt but not on the state.

        Raises:
            InvalidInput: it does not take this process, or not in so long a step.
        """

    def require(self, process: Any) -> None:
        """Go on only with a process it takes.

        Raises:
            InvalidInput: it does not take this one.
        """
        reason = self.refusal(process)
        if reason is not None:
            raise InvalidInput(f"integrator {self.name!r} {reason}.")


class Coordinates(Protocol):
    """A change of coordinates that makes a process fall apart: each y moves on its own."""

    @property
    def rates(self) -> Array:
        """The relaxation rate of each coordinate."""
        ...

    def enter(self, x: Array) -> Array:
        """Coordinates of states (..., n)."""
        ...

    def leave(self, y: Array) -> Array:
        """States (..., n) of coordinates."""
        ...


@final
@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class LinearStep:
    """x <- E x + shift + F z, in the original coordinates."""

    E: Array
    shift: Array
    F: Array
    couples: ClassVar[bool] = True

    def enter(self, x: Array) -> Array:
        return x

    def color(self, z: Array) -> Array:
        kicks = apply_rows(z, self.F)
        kicks += self.shift
        return kicks

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
@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class ModeStep:
    """y <- decay y + shift + spread z, each coordinate on its own: O(1) for each, a step.

    A spread of None is 1.
    """

    modes: Coordinates
    decay: Array
    shift: Array
    spread: Array | None
    couples: ClassVar[bool] = False

    def enter(self, x: Array) -> Array:
        return self.modes.enter(x)

    def color(self, z: Array) -> Array:
        if self.spread is not None:
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


def mode_step(modes: Coordinates, b: Array, diffusion: float, dt: float) -> ModeStep:
    """The exact step of dy = -(rates y - enter(b)) dt + N(0, diffusion dt), entry by entry."""
    decay, response, variance = mode_transition(modes.rates, dt)
    spread = namespace(variance).sqrt(diffusion * variance)
    return ModeStep(modes, decay, response * modes.enter(b), spread)
