"""Inner products of per-sample gradients, block by block, within a given room.

A side is some samples with cotangents: `left` gives the rows of a block, `right` its columns, both
ordered (sample, cotangent). Where both are the same object, half of the work is spared. Room counts
numbers, beside the result.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from thermolinalg.backend import Array, namespace, zeros
from thermolinalg.errors import MemoryLimit

Side: TypeAlias = tuple[Any, Array]
"""(x, u): arrays whose first axis is the samples, nested in tuples; cotangents u (r, b, ...)."""

Tile: TypeAlias = Callable[[Side, Side], Array]
"""The block of two sides, computed at once."""

Need: TypeAlias = Callable[[int, int], int]
"""Numbers in use beside the result, for so many rows and columns of it."""

Room: TypeAlias = Callable[[int, int], int]
"""The least room for a block of so many samples, with so many cotangents each."""


def taken(saved: Any, part: slice) -> Any:
    """What these samples saved: views."""
    if isinstance(saved, tuple):
        return tuple(taken(entry, part) for entry in saved)
    return saved[part, ...] if hasattr(saved, "dtype") else saved


def sample_major(rows: Array) -> Array:
    """(r, b, n) as (b r, n), rows ordered (sample, cotangent)."""
    r, b, n = rows.shape
    xp = namespace(rows)
    return xp.reshape(xp.permute_dims(rows, (1, 0, 2)), (b * r, n))


def no_gram(left: Side, right: Side) -> Array:
    """Inner products of no gradients at all."""
    return zeros((rows_of(left), rows_of(right)), left[1])


def rows_of(side: Side) -> int:
    """Number of rows that a side stands for."""
    r, b = side[1].shape[:2]
    return r * b


def least_room(need: Need, r: int) -> int:
    """What `tiled` does with, for r cotangents of each sample."""
    return _needed(need, r, r)


def tiled(left: Side, right: Side, tile: Tile, need: Need, room: int) -> Array:
    """The block of two sides from tiles of as many samples as the room allows.

    Args:
        left: the side of the rows.
        right: that of the columns.
        tile: computes the block of parts of them.
        need: numbers that it takes beside its result, for so many rows and columns.
        room: how many there are. A tile of several is copied to its place, so counts twice.

    Raises:
        MemoryLimit: there is no room for one sample against one sample.
    """
    (r_l, b_l), (r_r, b_r) = left[1].shape[:2], right[1].shape[:2]
    if need(r_l * b_l, r_r * b_r) <= room:
        return tile(left, right)
    m = max(b_l, b_r)
    while m > 1 and _needed(need, m * r_l, m * r_r) > room:
        m = (m + 1) // 2
    if (least := _needed(need, m * r_l, m * r_r)) > room:
        raise MemoryLimit(
            f"one block of inner products needs room for {least} numbers, and there is room for "
            f"{room}. Raise memory_limit, or pass roots with fewer columns."
        )
    block = zeros((r_l * b_l, r_r * b_r), left[1])
    for i in parts(b_l, m):
        part, own = part_of(left, i), slice(i.start * r_l, i.stop * r_l)
        for j in parts(b_r, m):
            if left is right and j.start < i.start:
                continue
            other = part if left is right and i == j else part_of(right, j)
            there = slice(j.start * r_r, j.stop * r_r)
            block[own, there] = tile(part, other)
            if left is right and i != j:
                block[there, own] = block[own, there].T
    return block


def parts(n: int, most: int) -> Iterator[slice]:
    """range(n) in slices of at most this length."""
    for start in range(0, n, most):
        yield slice(start, min(start + most, n))


def pieces(side: Side, pairs: int) -> Iterator[Side]:
    """A side in parts of at most so many pairs of a sample and a cotangent, but one at least."""
    saved, u = side
    r, b = u.shape[:2]
    m = min(b, max(1, pairs))
    q = max(1, pairs // m)
    for samples in parts(b, m):
        own = taken(saved, samples)
        for columns in parts(r, q):
            yield own, u[columns, samples, ...]


def part_of(side: Side, part: slice) -> Side:
    """These samples of a side: views."""
    saved, u = side
    return taken(saved, part), u[:, part, ...]


def _needed(need: Need, rows: int, columns: int) -> int:
    return need(rows, columns) + rows * columns
