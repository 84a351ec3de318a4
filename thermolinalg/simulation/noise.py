"""Standard normals for long runs, drawn by several threads and yet the same on any machine.

The stream is cut into pieces of PIECE numbers. Piece k has a generator of its own, so the numbers
do not depend on how many threads draw them, nor on the sizes in which they are asked for.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias, final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, like
from thermolinalg.threads import THREADS, share

PIECE = 2**15
"""Numbers in a piece: a third of a millisecond to draw, so that starting a generator is cheap."""

Task: TypeAlias = Callable[[], None]


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
        return self.fill(self.room(shape))

    def room(self, shape: tuple[int, ...]) -> NumpyArray:
        """An array that `fill` can fill again and again."""
        return np.empty(shape, self._dtype)

    def fill(self, z: NumpyArray) -> Array:
        """The next numbers of the stream, written over z."""
        tasks = self._tasks(z.reshape(-1))
        share([partial(_run, tasks[k::THREADS]) for k in range(min(THREADS, len(tasks)))])
        return z if isinstance(self._reference, np.ndarray) else like(z, self._reference)

    def _tasks(self, flat: NumpyArray) -> list[Task]:
        cuts = range(PIECE - self._used % PIECE, flat.size, PIECE)
        parts = np.split(flat, cuts) if flat.size > cuts.start else [flat]
        first, *rest = parts
        tasks: list[Task] = [partial(self._fill, self._open, first)]
        piece = self._used // PIECE
        for part in rest:
            piece += 1
            last = self._generator(piece) if part is rest[-1] else None  # some of it may be left
            tasks.append(partial(self._fill, last or piece, part))
            self._open = last or self._open
        self._used += flat.size
        if self._used % PIECE == 0:
            self._open = self._generator(self._used // PIECE)
        return tasks

    def _generator(self, piece: int) -> np.random.Generator:
        seed = np.random.SeedSequence(self._entropy, spawn_key=(piece,))
        return np.random.Generator(np.random.SFC64(seed))

    def _fill(self, source: np.random.Generator | int, part: NumpyArray) -> None:
        generator = self._generator(source) if isinstance(source, int) else source
        generator.standard_normal(out=part, dtype=self._dtype)


def _run(tasks: list[Task]) -> None:
    for task in tasks:
        task()
