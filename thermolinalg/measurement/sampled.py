"""What is read of states at regular times, in blocks that end where windows end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from tqdm import tqdm

from thermolinalg.backend import Array, namespace
from thermolinalg.measurement.observed import Observed
from thermolinalg.simulation.choice import choose_integrator, find_integrator
from thermolinalg.simulation.walk import Block, walk
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.operator import Moving


class Seen(Protocol):
    """A change of coordinates of what is read."""

    def enter(self, x: Array) -> Array:
        """The coordinates of readings x."""
        ...

    def leave(self, y: Array) -> Array:
        """The readings at coordinates y."""
        ...


@final
@dataclass(frozen=True, eq=False, slots=True)
class Readings:
    """Consecutive readings (steps, chains, m) in the coordinates of `step`, of a block of states.

    They are overwritten once the next block is asked for: copy what is to be kept.
    """

    y: Array
    step: Seen
    block: Block  # the states, which may be more than is read of them

    @property
    def last(self) -> Array:
        """The last states (chains, n), in the coordinates of the process."""
        return self.block.last


@final
@dataclass(frozen=True, slots=True)
class Plain:
    """Readings in the coordinates of the process itself."""

    def enter(self, x: Array) -> Array:
        return x

    def leave(self, y: Array) -> Array:
        return y


def coordinates_read(process: Moving | Observed) -> int:
    """How many numbers an instrument reads of a state: of motion with inertia the positions.

    Of a network with a past it is the present.
    """
    if isinstance(process, Clocked):
        return process.network.n
    return process.positions if isinstance(process, Inertial | Observed) else process.n


def sampled(
    process: Moving | Observed,
    x: Array,
    dt: float,
    samples: int,
    count: int,
    rng: np.random.Generator,
) -> Iterator[tuple[int, Readings]]:
    """Run on from x (chains, n) for `count` windows of so many readings, dt apart.

    Each block comes with the number of its window. All share one prepared step, and so one set of
    coordinates; as those of `walk`, they are overwritten once the next is asked for.
    """
    moving = process.process if isinstance(process, Observed) else process
    integrator = find_integrator(choose_integrator(moving), moving)
    intervals = np.broadcast_to(dt, (count * samples,))  # one number in memory
    done = 0
    with tqdm(desc="measuring", total=count, delay=1, disable=None, leave=False) as progress:
        for block in walk(moving, x, intervals, integrator, rng):
            begin, steps = 0, block.y.shape[0]
            while begin < steps:
                window = done // samples
                end = min(steps, begin + (window + 1) * samples - done)
                piece = Block(block.y[begin:end, ...], block.step)
                yield window, _read(process, piece, rng)
                done, begin = done + end - begin, end
                progress.update(done // samples - window)


def _read(process: Moving | Observed, block: Block, rng: np.random.Generator) -> Readings:
    if isinstance(process, Observed):
        states = block.step.leave(block.y)
        seen = namespace(states).asarray(states, copy=True)  # what is read stays as it was
        return Readings(process.seen(seen, rng), Plain(), block)
    if isinstance(process, Clocked):
        return _read(Observed(process, process.network.n), block, rng)
    if isinstance(process, Inertial):
        seen = block.y[..., : process.positions]
        return Readings(seen, process.modes, block)
    return Readings(block.y, block.step, block)
