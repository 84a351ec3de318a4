"""Second moments about zero, sampled: (1/m) Σ x x' over each window, or some entries of it."""

import math
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, namespace
from thermolinalg.measurement.observable import congruent, total
from thermolinalg.measurement.observed import Observed
from thermolinalg.measurement.readout import Readout
from thermolinalg.measurement.sampled import Seen, coordinates_read, sampled
from thermolinalg.products import squares
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU

Linear: TypeAlias = OU | Inertial | Observed
"""Of motion with inertia the positions are read."""

PER_RELAXATION = 2.0
"""Samples per relaxation time of the slowest mode: more cost the digital side more and narrow the
error bar by less than a tenth."""

TOGETHER = 2**18
"""Products of entries that are held at a time."""


@final
@dataclass(frozen=True, slots=True)
class SecondMoment(Readout):
    """Averages of x x': values (count, n, n). Equals the covariance where the mean is zero.

    The state is sampled twice per relaxation time of the slowest mode: sampling faster costs the
    digital side more and narrows the error bar by less than a tenth.
    """

    per_relaxation: float = PER_RELAXATION

    def correlation_rate(self, process: Linear) -> float:
        return 2 * process.slowest  # x x' forgets twice as fast as x

    def numbers(self, process: Linear, window: float) -> int:
        return coordinates_read(process) * _samples(process, window, self.per_relaxation)

    def windows(
        self, process: Linear, x: Array, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        samples = _samples(process, window, self.per_relaxation)
        n = coordinates_read(process)
        values = zeros(x, count, n, n)
        for k, block in sampled(process, x, window / samples, samples, count, rng):
            values[k, ...] += squares(namespace(x).reshape(block.y, (-1, n)))
        # Out of the step's coordinates once a window, not once a sample.
        for k in range(count):
            values[k, ...] = congruent(values[k, ...], block.step.leave) / (samples * x.shape[0])
        return values, block.last


@final
@dataclass(frozen=True, eq=False, slots=True)
class MomentEntries(Readout):
    """Averages of x_i x_j for the pairs (m, 2) of (i, j) that are asked: values (count, m).

    No matrix (n, n) is summed up or kept for a window. Of each sample only those coordinates are
    read that stand in a pair.
    """

    pairs: NumpyArray
    per_relaxation: float = PER_RELAXATION

    def correlation_rate(self, process: Linear) -> float:
        return 2 * process.slowest

    def numbers(self, process: Linear, window: float) -> int:
        read = len(np.unique(self.pairs))
        return read * _samples(process, window, self.per_relaxation)

    def windows(
        self, process: Linear, x: Array, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        xp = namespace(x)
        samples = _samples(process, window, self.per_relaxation)
        read, places = np.unique(self.pairs, return_inverse=True)
        rows, columns = (xp.asarray(p) for p in places.reshape(self.pairs.shape).T)
        values, gather = zeros(x, count, len(self.pairs)), None
        rest = max(1, TOGETHER // len(self.pairs))
        for k, block in sampled(process, x, window / samples, samples, count, rng):
            if gather is None:
                gather = xp.take(_leaving(block.step, process), xp.asarray(read), axis=1)
            y = xp.reshape(block.y, (-1, coordinates_read(process)))
            for begin in range(0, y.shape[0], rest):
                z = y[begin : min(begin + rest, y.shape[0]), :] @ gather
                products = xp.take(z, rows, axis=1) * xp.take(z, columns, axis=1)
                values[k, ...] += total(products)
        return values / (samples * x.shape[0]), block.last


@final
@dataclass(frozen=True, slots=True)
class MomentTrace(Readout):
    """Averages of |x|²: values (count,), the trace of the second moment.

    Where the coordinates in which the process is stepped are at right angles, as are the normal
    modes of a symmetric network in noise that is the same everywhere, a sample costs O(n).
    """

    per_relaxation: float = PER_RELAXATION

    def correlation_rate(self, process: Linear) -> float:
        return 2 * process.slowest

    def numbers(self, process: Linear, window: float) -> int:
        return coordinates_read(process) * _samples(process, window, self.per_relaxation)

    def windows(
        self, process: Linear, x: Array, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        xp = namespace(x)
        samples = _samples(process, window, self.per_relaxation)
        values, weights = zeros(x, count), None
        for k, block in sampled(process, x, window / samples, samples, count, rng):
            y = xp.reshape(block.y, (-1, coordinates_read(process)))
            if weights is None:
                weights = _lengths(block.step, process)
            if weights.ndim == 1:
                values[k] += xp.sum(total(y**2) * weights)
            else:
                values[k] += xp.sum(total((y @ weights) * y))
        return values / (samples * x.shape[0]), block.last


def zeros(reference: Array, *shape: int) -> Array:
    """An array of zeros to be written to, with the library, device and dtype of `reference`."""
    return like(np.zeros(shape), reference)


def _samples(process: Linear, window: float, per_relaxation: float) -> int:
    return max(1, math.ceil(window * process.slowest * per_relaxation))


def _leaving(step: Seen, process: Linear) -> Array:
    """The matrix B' with x = y B' for the coordinates y of a step."""
    return step.leave(like(np.eye(coordinates_read(process)), process.reference))


def _lengths(step: Seen, process: Linear) -> Array:
    """The matrix W with |x|² = yWy'; its diagonal (n,) alone where the rest is rounding."""
    xp, B = namespace(process.reference), _leaving(step, process)
    W = B @ B.T
    lengths = xp.linalg.diagonal(W)
    off = xp.abs(W) * (1 - like(np.eye(coordinates_read(process)), W))
    return lengths if float(xp.max(off)) <= checks.rounding(W) * float(xp.max(lengths)) else W
