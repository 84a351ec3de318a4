"""The order in which the rows of a training set are visited.

Epoch k is a permutation that depends on the seed and on k only, so a run that stops after any
number of batches goes on exactly as if it had never stopped.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams


def batches(
    n: int, size: int, *, streams: Streams, epochs: int | None = None, done: int = 0
) -> Iterator[NumpyArray]:
    """Row numbers of one batch after another; the last batch of an epoch may be smaller.

    Args:
        n: number of rows.
        size: rows in a batch.
        streams: epoch k is shuffled by the stream ("shuffle", k).
        epochs: where to end, counted from the first epoch; None never ends.
        done: batches already taken, to go on from there.

    Raises:
        InvalidInput: a number is out of range.
    """
    for name, value, least in (("n", n, 1), ("size", size, 1), ("done", done, 0)):
        _require(name, value, least)
    if epochs is not None:
        _require("epochs", epochs, 0)
    return _visit(n, size, streams, epochs, done)


def epoch_length(n: int, size: int) -> int:
    """Number of batches in an epoch."""
    return -(-n // size)


def _visit(
    n: int, size: int, streams: Streams, epochs: int | None, done: int
) -> Iterator[NumpyArray]:
    first, skipped = divmod(done, epoch_length(n, size))
    for epoch in count(first) if epochs is None else range(first, epochs):
        order = streams.stream("shuffle", epoch).permutation(n)
        for begin in range(skipped * size, n, size):
            yield order[begin : begin + size]
        skipped = 0


def _require(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InvalidInput(f"{name} = {value!r} must be a whole number, {least} or more.")
