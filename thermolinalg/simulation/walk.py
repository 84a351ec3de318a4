"""The one loop: step an ensemble along a grid of times, in blocks of bounded memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.simulation.integrator import Integrator, Step
from thermolinalg.simulation.noise import NormalStream
from thermolinalg.simulation.recursion import advance
from thermolinalg.theory.operator import Runnable

BLOCK = 2**19
"""Numbers in a block of states: large enough for matrix products, small enough for the cache."""

LONG = 2**22
"""The same where steps are matrix products: the longer the block, the fewer small ones."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """Consecutive states (steps, chains, n) in the coordinates of the step that made them.

    They are overwritten once the next block is asked for: copy what is to be kept.
    """

    y: Array
    step: Step

    @property
    def states(self) -> Array:
        """The states (chains, steps, n) in the coordinates of the process."""
        return namespace(self.y).permute_dims(self.step.leave(self.y), (1, 0, 2))

    @property
    def last(self) -> Array:
        """The last states (chains, n), in the coordinates of the process."""
        return self.step.leave(self.y[-1, ...])


def walk(
    process: Runnable,
    x: Array,
    intervals: NumpyArray,
    integrator: Integrator,
    rng: np.random.Generator,
) -> Iterator[Block]:
    """States after each interval, in blocks, starting from x (chains, n).

    Intervals that agree up to rounding share one prepared step.
    """

    @lru_cache(maxsize=64)
    def prepared(dt: float) -> Step:
        return integrator.prepare(process, float(dt))

    dts = _rounded(intervals)
    if not dts.size:
        return
    step = prepared(dts[0])
    y = step.enter(x)
    chains, coordinates = y.shape
    size = LONG if getattr(step, "couples", False) else BLOCK
    length = max(1, size // (chains * coordinates))
    parts = [dts[start : start + length] for start in range(0, len(dts), length)]
    noise = NormalStream(rng, x)
    buffers = [noise.buffer((len(part), chains, coordinates)) for part in parts[:2]]
    block, done = noise.begin(buffers[0])(), 0
    for k, part in enumerate(parts, start=1):
        coming = None  # noise is drawn while the block before it is stepped
        if k < len(parts):
            coming = noise.begin(buffers[k % 2][: len(parts[k])])
        y = _advanced(y, part, block, done, prepared)
        done += len(part)
        states = Block(block, prepared(part[0]))
        block = coming() if coming else None  # waited for: the reader has every core to itself
        yield states


def _advanced(
    y: Array, part: NumpyArray, block: Array, done: int, prepared: Callable[[float], Step]
) -> Array:
    """The state after steps over these intervals. Spent noise is overwritten by the states."""
    for first, last in _runs(part):
        step, z = prepared(part[first]), block[first:last, ...]
        kicks = step.color(z)
        if kicks is not z:
            z[...] = kicks
        y = advance(step, y, z, done + first)
    return namespace(y).asarray(y, copy=True)


def _rounded(intervals: NumpyArray) -> NumpyArray:
    """To 12 decimal digits: what rounding made different on a regular grid is equal again."""
    kinds, which = np.unique(intervals, return_inverse=True)
    return np.array([float(f"{dt:.12e}") for dt in kinds.tolist()])[which]


def _runs(values: NumpyArray) -> Iterator[tuple[int, int]]:
    """Stretches [first, last) of equal values."""
    changes = np.flatnonzero(np.diff(values)) + 1
    return pairwise([0, *changes.tolist(), len(values)])
