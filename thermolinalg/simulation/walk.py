"""The one loop: step an ensemble along a grid of times, in blocks of bounded memory."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace, normals
from thermolinalg.simulation.integrator import Integrator, Step
from thermolinalg.theory.process import OU

BLOCK = 2**20
"""Numbers in a block of states: large enough for matrix products, small enough for the cache."""


def walk(
    process: OU, x: Array, intervals: NumpyArray, integrator: Integrator, rng: np.random.Generator
) -> Iterator[Array]:
    """States after each interval, in blocks (chains, steps, n), starting from x (chains, n).

    Intervals that agree up to rounding share one prepared step.
    """

    @lru_cache(maxsize=64)
    def prepared(dt: float) -> Step:
        return integrator.prepare(process, dt)

    xp = namespace(x)
    chains, n = x.shape
    dts = [_rounded(dt) for dt in intervals.tolist()]
    length = max(1, BLOCK // (chains * n))
    if not dts:
        return
    coordinates = prepared(dts[0])
    y = coordinates.enter(x)
    for start in range(0, len(dts), length):
        block = dts[start : start + length]
        z = normals(rng, (len(block), chains, n), x)
        for first, last in _runs(block):
            step = prepared(block[first])
            kicks = step.color(z[first:last, ...])
            for k in range(last - first):
                y = step(y, kicks[k, ...])
                z[first + k, ...] = y  # the noise is spent: its place holds the states
        yield xp.permute_dims(coordinates.leave(z), (1, 0, 2))


def _rounded(dt: float) -> float:
    return float(f"{dt:.12e}")


def _runs(values: list[float]) -> Iterator[tuple[int, int]]:
    """Stretches [first, last) of equal values."""
    first = 0
    for k in range(1, len(values) + 1):
        if k == len(values) or values[k] != values[first]:
            yield first, k
            first = k
