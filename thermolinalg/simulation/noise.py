"""Standard normals for long runs, drawn by several threads and yet the same on any machine.

The stream is cut into pieces of PIECE numbers. Piece k has a generator of its own, so the numbers
do not depend on how many threads draw them, nor on the sizes in which they are asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeAlias, final

import numpy as np

from thermolinalg import threads
from thermolinalg.backend import Array, NumpyArray, like

PIECE = 2**15
"""Numbers in a piece: a third of a millisecond to draw, so that starting a generator is cheap."""

Task: TypeAlias = Callable[[], None]
Work: TypeAlias = "Sequence[Future[None]]"


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
        _wait(self._begin(z, ()))
        return self._given(z)

    def blocks(
        self,
        shape: tuple[int, ...],
        lengths: Sequence[int],
        after: Callable[[int, NumpyArray], Sequence[Task]],
    ) -> Iterator[Array]:
        """The next numbers in blocks (length, *shape), each made while the one before is in use.

        Once block k is drawn into z, the tasks after(k, z) are done on it, in threads as well. Two
        buffers take turns: a block holds its numbers until the next one is asked for.
        """
        buffers = [np.empty((max(lengths), *shape), self._dtype) for _ in lengths[:2]]
        blocks = [buffers[k % 2][:length] for k, length in enumerate(lengths)]
        made = self._begin(blocks[0], after(0, blocks[0]))
        for k, z in enumerate(blocks):
            _wait(made)
            if k + 1 < len(blocks):
                made = self._begin(blocks[k + 1], after(k + 1, blocks[k + 1]))
            yield self._given(z)

    def _begin(self, z: NumpyArray, after: Sequence[Task]) -> Work:
        drawn = _shared_out(self._tasks(z))
        return [*drawn, *_shared_out(after, drawn)]

    def _given(self, z: NumpyArray) -> Array:
        return z if isinstance(self._reference, np.ndarray) else like(z, self._reference)

    def _tasks(self, z: NumpyArray) -> list[Task]:
        flat = z.reshape(-1)  # a view
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


def _shared_out(
    tasks: Sequence[Task], first: "Sequence[Future[None]]" = ()
) -> "list[Future[None]]":
    """Every thread takes its share of the tasks; a single task is not worth a thread."""
    if not first and (len(tasks) <= 1 or threads.THREADS == 1):
        _run(tasks)
        return []
    shares = (tasks[k :: threads.THREADS] for k in range(min(threads.THREADS, len(tasks))))
    # The pool begins tasks in their order: those that wait never hold up those they wait for.
    return [threads.pool().submit(_run, share, first) for share in shares]


def _run(tasks: Sequence[Task], first: Work = ()) -> None:
    _wait(first)
    for task in tasks:
        task()


def _wait(futures: Work) -> None:
    for future in futures:
        future.result()
