"""A record of chains as diagnostics read it: in NumPy, in halves, some coordinates at a time.

Each chain counts as two, its halves: where the second half of a run differs from the first, they
disagree as chains that do not mix (Vehtari et al. 2021).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, to_numpy
from thermolinalg.errors import ShapeMismatch
from thermolinalg.measurement.stuck import is_stuck

SHORTEST = 4
"""Samples that a chain must have, so that its halves have a variance."""

BLOCK = 2**21
"""Numbers that are worked on at a time."""

FARTHEST = 1000
"""The largest exponent of a unit: 2 to this power, and to its negative, is still a number."""


@final
@dataclass(frozen=True, eq=False)
class Chains:
    """States (chains, samples, n), and the array in whose library results are given."""

    states: NumpyArray
    reference: Array

    @property
    def samples(self) -> int:
        """How many of each chain."""
        return int(self.states.shape[1])

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return int(self.states.shape[2])

    @property
    def total(self) -> int:
        """Samples of all chains."""
        return int(self.states.shape[0]) * self.samples

    @property
    def eps(self) -> float:
        """The rounding of the record."""
        return float(np.finfo(self.states.dtype).eps)

    @cached_property
    def unit(self) -> NumpyArray:
        """A power of 2 near the largest size (n,) of each coordinate, in which squares are safe."""
        largest = np.maximum(self.states.max(axis=(0, 1)), -self.states.min(axis=(0, 1)))
        exponent = np.frexp(largest.astype(float))[1]
        return np.ldexp(1.0, np.clip(exponent, -FARTHEST, FARTHEST))

    @property
    def mean(self) -> NumpyArray:
        """The mean (n,) over all chains."""
        sums = np.concatenate([x.sum(axis=(1, 2)) for _, x in self.halves()])
        if self.samples % 2:
            sums += (self.states[:, self.samples // 2] / self.unit).sum(axis=0)
        return self.unit * (sums / self.total)

    def halves(self) -> Iterator[tuple[slice, NumpyArray]]:
        """Half-chains (coordinates, 2 chains, samples//2) of some coordinates at a time, in `unit`.

        A middle sample that fits in neither half is left out.
        """
        half, together = self.samples // 2, max(1, BLOCK // max(1, self.total))
        for first in range(0, self.n, together):
            some = slice(first, min(first + together, self.n))
            x = np.moveaxis(self.states[:, :, some], 2, 0)
            both = np.empty((x.shape[0], 2 * x.shape[1], half))  # time runs fastest
            scale = 1 / self.unit[some, None, None]
            np.multiply(x[:, :, :half], scale, out=both[:, ::2])
            np.multiply(x[:, :, self.samples - half :], scale, out=both[:, 1::2])
            yield some, both

    @cached_property
    def extent(self) -> tuple[NumpyArray, NumpyArray]:
        """The lowest and the highest state (n, 2 chains) of each half-chain, in `unit`."""
        ends = [(x.min(axis=2), x.max(axis=2)) for _, x in self.halves()]
        lowest, highest = (np.concatenate(end) for end in zip(*ends, strict=True))
        return lowest, highest

    @property
    def stuck(self) -> NumpyArray:
        """In which coordinates (n,) a half-chain does not move, or by no more than rounding."""
        return is_stuck(*self.extent, self.eps).any(axis=1)

    def like(self, x: NumpyArray) -> Array:
        """A result in the library of the record."""
        return like(x, self.reference)


def read_chains(states: Array) -> Chains:
    """The chains of states (chains, samples, n), (samples, n) or (samples,).

    Raises:
        NotFinite: a state is NaN or infinite.
        ShapeMismatch: there is no chain, no sample or no coordinate, or another number of axes.
    """
    x = checks.real_array("states", states)
    if x.ndim not in {1, 2, 3} or 0 in x.shape:
        raise ShapeMismatch(
            f"states have shape {tuple(x.shape)}; (chains, samples, n), (samples, n) or (samples,) "
            "is needed, with at least one of each."
        )
    found = to_numpy(x)
    shape = (1,) * (3 - x.ndim) + found.shape if x.ndim > 1 else (1, -1, 1)
    return Chains(found.reshape(shape), x)
