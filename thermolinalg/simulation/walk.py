"""The one loop: step an ensemble along a grid of times, in blocks of bounded memory."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.simulation.integrator import Integrator, Step
from thermolinalg.simulation.noise import NormalStream
from thermolinalg.simulation.recursion import LinearFlow, advance
from thermolinalg.simulation.white import whitened
from thermolinalg.theory.operator import Moving

BLOCK = 3 * 2**20
"""Numbers in a block of states: as few blocks as 24 MiB allow, for they end in small operations."""

MANY = 32
"""States for each coordinate from which on it pays to prepare a step of one dt further."""

AT_HAND = 2**20
"""Numbers that are stepped while they are in the cache."""

TOGETHER = 2**17
"""Numbers of noise colored together: enough for a matrix product, few enough for the cache."""


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
    process: Moving,
    x: Array,
    intervals: NumpyArray,
    integrator: Integrator,
    rng: np.random.Generator,
) -> Iterator[Block]:
    """States after each interval, in blocks, starting from x (chains, n).

    Intervals that agree up to rounding share one prepared step.
    """
    if not intervals.size:
        return
    alone = intervals.size * x.shape[0] >= MANY * process.n and _regular(intervals)

    @lru_cache(maxsize=64)
    def prepared(dt: float) -> Step:
        step = integrator.prepare(process, float(dt))
        return whitened(step) if alone else step

    first = prepared(_rounded(intervals[:1])[0])
    y = first.enter(x)
    length = max(1, BLOCK // math.prod(y.shape))
    noise = NormalStream(rng, x)
    room = noise.room((min(length, intervals.size), *y.shape))
    for start in range(0, intervals.size, length):
        dts = _rounded(intervals[start : start + length])
        block = noise.fill(room[: dts.size])
        for begin, end in _runs(dts):
            step, z = prepared(dts[begin]), block[begin:end, ...]
            y = _stepped(step, y, z, start + begin)
        y = namespace(y).asarray(y, copy=True)
        yield Block(block, first)


def _regular(intervals: NumpyArray) -> bool:
    """Are they all equal, up to rounding?"""
    return len(set(_rounded(np.array([intervals.min(), intervals.max()])).tolist())) == 1


def _rounded(intervals: NumpyArray) -> NumpyArray:
    """To 12 decimal digits: what rounding made different on a regular grid is equal again."""
    kinds, which = np.unique(intervals, return_inverse=True)
    return np.array([float(f"{dt:.12e}") for dt in kinds.tolist()])[which]


def _runs(values: NumpyArray) -> Iterator[tuple[int, int]]:
    """Stretches [first, last) of equal values."""
    changes = np.flatnonzero(np.diff(values)) + 1
    return pairwise([0, *changes.tolist(), len(values)])


def _stepped(step: Step, y: Array, z: Array, done: int) -> Array:
    """The state after a step for each row of noise; kicks, then states are written over it."""
    if isinstance(step, LinearFlow) and step.couples:  # the longer, the larger the products
        for rows in _cut(z, TOGETHER):
            _color(step, rows)
        return advance(step, y, z, done)
    for rows in _cut(z, AT_HAND):
        _color(step, rows)
        y = advance(step, y, rows, done)
        done += rows.shape[0]
    return y


def _cut(z: Array, numbers: int) -> Iterator[Array]:
    """Views of some steps each, of about so many numbers."""
    length = max(1, numbers // math.prod(z.shape[1:]))
    for start in range(0, z.shape[0], length):
        yield z[start : min(start + length, z.shape[0]), ...]


def _color(step: Step, z: Array) -> None:
    kicks = step.color(z)
    if kicks is not z:
        z[...] = kicks
