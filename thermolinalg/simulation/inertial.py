"""The exact integrator for networks with inertia: independent pairs of position and velocity."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

from thermolinalg.backend import Array, like, namespace, to_numpy
from thermolinalg.simulation.integrator import EXACT, Integrator
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.oscillation import oscillation


@final
@dataclass(frozen=True, slots=True)
class Swinging(Integrator):
    """One `eigh` per process, then O(n) a step, and one matrix product per block of states."""

    name: ClassVar[str] = "swinging"
    error: ClassVar[str] = EXACT
    cost: ClassVar[str] = "one eigh; O(n) a step, O(n²) a state that is read"

    def refusal(self, process: Any) -> str | None:
        return None if isinstance(process, Inertial) else "needs a network with inertia: Inertial"

    def prepare(self, process: Inertial, dt: float) -> "SwingingStep":
        self.require(process)
        xp = namespace(process.A)
        unit = oscillation(to_numpy(process.modes.rates), process.friction, dt)
        force = process.modes.enter(process.b)
        response, root = like(unit.response, force), like(unit.root, force)
        shift = xp.concat([force * response[0, ...], force * response[1, ...]], axis=-1)
        return SwingingStep(process, dt, like(unit.flow, force)[:2, ...], shift, root[:2, :2, ...])


@final
@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class SwingingStep:
    """y <- flow y + shift + root z for each pair, in coordinates (x, v) of the normal modes."""

    process: Inertial
    dt: float
    pairs: Array  # (2, 2, n)
    shift: Array
    root: Array  # (2, 2, n), lower triangular
    couples: ClassVar[bool] = False

    def enter(self, x: Array) -> Array:
        return halves(x, self.process.modes.enter)

    def color(self, z: Array) -> Array:
        n = self.process.positions
        x, v = z[..., :n], z[..., n:]
        v *= self.root[1, 1, :]
        v += self.root[1, 0, :] * x
        x *= self.root[0, 0, :]
        z[..., :n], z[..., n:] = x, v  # a library may have copied them
        z += self.shift
        return z

    def __call__(self, y: Array, kick: Array) -> Array:
        return self.flow(y) + kick

    def flow(self, y: Array) -> Array:
        """Where the pairs swing to."""
        n, m = self.process.positions, self.pairs
        x, v = y[..., :n], y[..., n:]
        moved = [m[i, 0, :] * x + m[i, 1, :] * v for i in range(2)]
        return namespace(y).concat(moved, axis=-1)

    def repeated(self, times: int) -> "SwingingStep":
        """The homogeneous step, several times over."""
        far = self.dt * times
        flow = oscillation(to_numpy(self.process.modes.rates), self.process.friction, far).flow
        return replace(self, dt=far, pairs=like(flow, self.pairs)[:2, ...])

    def leave(self, y: Array) -> Array:
        return halves(y, self.process.modes.leave)


def halves(state: Array, change: Callable[[Array], Array]) -> Array:
    """Positions and velocities of states (..., 2n), each changed alike."""
    xp, n = namespace(state), state.shape[-1] // 2
    pair = xp.reshape(state, (*state.shape[:-1], 2, n))
    return xp.reshape(change(pair), state.shape)
