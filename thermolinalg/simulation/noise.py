"""Standard normals for long runs, drawn by several threads and yet the same on any machine.

The stream is cut into pieces of PIECE numbers. Piece k has a generator of its own, so the numbers
do not depend on how many threads draw them, nor on the sizes in which they are asked for.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, like

PIECE = 2**15
"""Numbers in a piece: a third of a millisecond to draw, so that starting a generator is cheap."""

THREADS = min(8, os.cpu_count() or 1)
"""Threads that draw. The variates are all that a long run of a small system costs."""


@final
class NormalStream:
    """An endless stream of standard normals in the library and dtype of `reference`."""

    def __init__(self, rng: np.random.Generator, reference: Array) -> None:
        self._entropy = rng.integers(2**63, size=2).tolist()
        self._reference = reference
        single = str(reference.dtype).endswith("float32")
        self._dtype: type[np.float32] | type[np.float64] = np.float32 if single else np.float64
        self._used = 0  # numbers handed out so far
        self._open = self._generator(0)  # of the piece that is partly used

    def draw(self, shape: tuple[int, ...]) -> Array:
        """The next numbers of the stream."""
        z = np.empty(shape, self._dtype)
        flat = z.reshape(-1)
        cuts = range(PIECE - self._used % PIECE, flat.size, PIECE)
        parts = np.split(flat, cuts) if flat.size > cuts.start else [flat]
        first, *rest = parts
        self._fill(self._open, first)
        whole = (self._used + first.size) // PIECE
        sources = [self._generator(whole + k) for k in range(len(rest))]
        if len(rest) > 1 and THREADS > 1:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(self._fill, sources, rest))
        else:
            for source, part in zip(sources, rest, strict=True):
                self._fill(source, part)
        self._used += flat.size
        if sources:
            self._open = sources[-1]
        if self._used % PIECE == 0:
            self._open = self._generator(self._used // PIECE)
        return z if isinstance(self._reference, np.ndarray) else like(z, self._reference)

    def _generator(self, piece: int) -> np.random.Generator:
        seed = np.random.SeedSequence(self._entropy, spawn_key=(piece,))
        return np.random.Generator(np.random.SFC64(seed))

    def _fill(self, source: np.random.Generator, part: NumpyArray) -> None:
        source.standard_normal(out=part, dtype=self._dtype)
