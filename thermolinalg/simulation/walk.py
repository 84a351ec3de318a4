"""The one loop: step an ensemble along a grid of times, in blocks of bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.simulation.integrator import Integrator, Step
from thermolinalg.simulation.noise import NormalStream
from thermolinalg.simulation.recursion import advance
from thermolinalg.theory.operator import Runnable

BLOCK = 2**20
"""Numbers in a block of states: large enough for matrix products, small enough for the cache."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """Consecutive states (steps, chains, n) in the coordinates of the step that made them."""

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
        return integrator.prepare(process, dt)

    dts = [_rounded(dt) for dt in intervals.tolist()]
    if not dts:
        return
    y = prepared(dts[0]).enter(x)
    chains, coordinates = y.shape
    length = max(1, BLOCK // (chains * coordinates))
    noise = NormalStream(rng, x)
    for start in range(0, len(dts), length):
        block = dts[start : start + length]
        z = noise.draw((len(block), chains, coordinates))
        for first, last in _runs(block):
            step, part = prepared(block[first]), z[first:last, ...]
            kicks = step.color(part)
            if kicks is not part:
                part[...] = kicks
            y = advance(
                step, y, part, start + first
            )  # the noise is spent: its place holds the states
        yield Block(z, prepared(block[0]))


def _rounded(dt: float) -> float:
    return float(f"{dt:.12e}")


def _runs(values: list[float]) -> Iterator[tuple[int, int]]:
    """Stretches [first, last) of equal values."""
    first = 0
    for k in range(1, len(values) + 1):
        if k == len(values) or values[k] != values[first]:
            yield first, k
            first = k
