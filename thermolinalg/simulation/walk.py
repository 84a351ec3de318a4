"""The one loop: step an ensemble along a grid of times, in blocks of bounded memory."""

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from typing import TypeAlias, final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.simulation.integrator import Integrator, Step
from thermolinalg.simulation.noise import NormalStream, Task
from thermolinalg.simulation.recursion import LinearFlow, advance
from thermolinalg.theory.operator import Runnable
from thermolinalg.threads import one_blas_thread

BLOCK = 2**19
"""Numbers in a block of states: large enough for matrix products, small enough for the cache."""

LONG = 2**20
"""The same where a step is a matrix product: the longer the block, the fewer small ones."""

ROWS = 512
"""States whose noise is colored together: a matrix product that stays in the cache."""

ALONE = 512
"""Coordinates up to which the noise keeps all cores busy, and threads of BLAS only get in the way:
they wait for each other in a loop."""

KINDS = 64
"""Prepared steps that are kept."""

Prepared: TypeAlias = Callable[[float], Step]


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

    @lru_cache(maxsize=KINDS)
    def prepared(dt: float) -> Step:
        return integrator.prepare(process, float(dt))

    if not intervals.size:
        return
    first = prepared(_rounded(intervals[:1])[0])
    y = first.enter(x)
    parts = _parts(intervals, y, first)

    def after(k: int, z: NumpyArray) -> list[Task]:
        part = _rounded(parts[k])
        runs = _runs(part, z, prepared) if _colors_aside(part, y, first) else []
        return [partial(_color, step, rows) for step, kicks in runs for rows in _together(kicks)]

    blocks = NormalStream(rng, x).blocks(tuple(y.shape), [part.size for part in parts], after)
    done = 0
    with one_blas_thread() if y.shape[-1] <= ALONE else nullcontext():
        for raw, block in zip(parts, blocks, strict=True):
            part = _rounded(raw)
            aside = _colors_aside(part, y, first)
            for step, kicks in _runs(part, block, prepared):
                if not aside:
                    for rows in _together(kicks):
                        _color(step, rows)
                y = advance(step, y, kicks, done)  # written over the kicks
                done += kicks.shape[0]
            y = namespace(y).asarray(y, copy=True)
            yield Block(block, first)


def _parts(intervals: NumpyArray, y: Array, step: Step) -> list[NumpyArray]:
    """Views of the intervals of each block."""
    size = LONG if isinstance(step, LinearFlow) and step.couples else BLOCK
    length = max(1, size // max(1, math.prod(y.shape)))
    return [intervals[start : start + length] for start in range(0, len(intervals), length)]


def _rounded(intervals: NumpyArray) -> NumpyArray:
    """To 12 decimal digits: what rounding made different on a regular grid is equal again."""
    kinds, which = np.unique(intervals, return_inverse=True)
    return np.array([float(f"{dt:.12e}") for dt in kinds.tolist()])[which]


def _colors_aside(part: NumpyArray, y: Array, step: Step) -> bool:
    """Can threads make these kicks ahead of time? A user's own code is left out of that."""
    if not isinstance(step, LinearFlow) or not isinstance(y, np.ndarray):
        return False
    alone = not step.couples or y.shape[-1] <= ALONE
    return alone and len(np.unique(part)) <= KINDS


def _runs(part: NumpyArray, block: Array, prepared: Prepared) -> Iterator[tuple[Step, Array]]:
    """Stretches of equal intervals: their step, and what the block holds of them."""
    changes = np.flatnonzero(np.diff(part)) + 1
    for first, last in pairwise([0, *changes.tolist(), len(part)]):
        yield prepared(part[first]), block[first:last, ...]


def _together(kicks: Array) -> Iterator[Array]:
    """Views of a few rows each."""
    steps, chains = kicks.shape[:2]
    length = max(1, ROWS // chains)
    for start in range(0, steps, length):
        yield kicks[start : min(start + length, steps), ...]


def _color(step: Step, z: Array) -> None:
    kicks = step.color(z)
    if kicks is not z:
        z[...] = kicks
