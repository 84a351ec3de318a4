"""The Gram matrix of a network's per-sample gradients, within a limit of memory.

Cotangents go back through the network for as many samples and columns at a time as there is room
for; a pair of such parts meets at every leaf and gives a block of the matrix. Half of what the
matrix leaves free is for cotangents and the block, half for the leaf.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, final

from models.composite import size_of
from models.gram import Room, no_gram, parts, taken
from models.layer import Layer, Place, Visit
from models.products import visits
from thermolinalg.backend import Array, namespace, zeros
from thermolinalg.errors import MemoryLimit

FREE = 2**28
"""Numbers that may be in use beside the matrix where nobody sets a limit."""

PARTS = 32
"""Parts at the most that are made of samples and columns: n of them are n (n + 1) / 2 blocks, and
with more, Python takes longer than NumPy."""

BUFFERS = 3 * 2**16
"""Bytes: NumPy walks over strided arrays through a buffer of 8192 entries for each operand, of
which its functions have two, and a result."""

OBJECTS = 2**20
"""Bytes for Python: frames and places, and the tuples that it keeps for the next ones, up to 2000
of each length, of which shapes and indices of thousands of blocks leave some hundreds of kB."""

VIEW = 2**10
"""Bytes for an array object without its numbers, and the tuple that holds it, on either side."""


@final
@dataclass(frozen=True)
class Task:
    """What one block of m samples with q cotangents each takes, in numbers.

    Args:
        batch: samples, and cotangents of each, of the whole matrix.
        workspace: of the way back, for each sample and cotangent.
        kept: cotangents at all leaves, likewise.
        rooms: the least that each leaf does with.
    """

    batch: tuple[int, int]
    workspace: int
    kept: int
    rooms: tuple[Room, ...]

    def at_hand(self, m: int, q: int) -> int:
        """Blocks that two leaves add, and cotangents that meet in them, from either side.

        Where one block is the whole matrix, its own numbers are those of the result.
        """
        twice = 1 if (m, q) == self.batch else 2
        return twice * ((m * q) ** 2 + m * q * self.workspace)

    def least(self, m: int, q: int) -> int:
        """With what the most demanding leaf needs beside."""
        return self.at_hand(m, q) + max((room(m, q) for room in self.rooms), default=0)

    def fits(self, m: int, q: int, free: int) -> bool:
        """Does it, with at least half for the leaves?"""
        return max(2 * self.at_hand(m, q), self.least(m, q)) <= free

    @cached_property
    def smallest(self) -> tuple[int, int]:
        """Samples and columns at a time that take least, of those that make few enough parts."""
        return min(self._choices(), key=lambda choice: self.least(*choice))

    def largest(self, free: int) -> tuple[int, int]:
        """As many as fit; at least `smallest`."""
        fitting = [choice for choice in self._choices() if self.fits(*choice, free)]
        return max(fitting, key=math.prod, default=self.smallest)

    def _choices(self) -> list[tuple[int, int]]:
        b, r = self.batch
        choices = product(_shares(b), _shares(r))
        return [(m, q) for m, q in choices if -(b // -m) * -(r // -q) <= PARTS]


def gram(
    layer: Layer, at: Place, u: Array, *, workspace: int, limit: int | None, held: int = 0
) -> Array:
    """S S' (b r, b r), rows ordered (sample, column), where row (n, k) of S is J_n' u_kn.

    Args:
        layer: the network.
        at: where.
        u: (r, b, *y.shape[1:]).
        workspace: what the way back has at hand for each sample and cotangent, as `layer` says.
        limit: bytes, the result included; None for the result and `FREE` numbers.
        held: bytes of the limit that are in use already.

    Raises:
        MemoryLimit: `limit` holds less than the result and the work on its smallest blocks.
    """
    r, b = u.shape[:2]
    itemsize = namespace(u).finfo(u.dtype).bits // 8
    task = Task((b, r), workspace, 0, ())
    if limit is None and task.fits(b, r, FREE):
        return block(visits(layer, at, (u,)), None, u, u, FREE - task.at_hand(b, r))
    task, result = _measured(layer, at, u, workspace), (b * r) ** 2
    beside = held + BUFFERS + OBJECTS + VIEW * _arrays(at.saved)
    free = FREE if limit is None else (limit - beside) // itemsize - result
    if limit is not None and (needs := task.least(*task.smallest)) > free:
        least = beside + itemsize * (result + needs)
        raise MemoryLimit(
            f"memory_limit = {limit} bytes is too low: the Gram matrix of {b} samples and {r} "
            f"columns takes {result * itemsize} bytes, and {least} bytes with the work on it in "
            "the smallest blocks. Raise the limit to that, or take fewer samples or columns."
        )
    m, q = task.largest(free)
    if (m, q) == (b, r):
        return block(visits(layer, at, (u,)), None, u, u, free - task.at_hand(b, r))
    return _assembled(layer, at, u, task, (m, q), free)


def block(
    rows: Iterable[Visit], columns: Iterable[Visit] | None, u: Array, u_right: Array, room: int
) -> Array:
    """Inner products of all per-sample gradients of one part with those of another.

    Args:
        rows: visits of the way back of the first part.
        columns: those of the other; None where that is the first part again.
        u: cotangents of the first.
        u_right: of the other.
        room: numbers that a leaf may use beside its result.
    """
    total = None
    pairs = ((v, v) for v in rows) if columns is None else zip(rows, columns, strict=True)
    for a, b in pairs:
        left = (a.at.saved, a.us[0])
        K = a.leaf.gram(a.at.p, left, left if a is b else (b.at.saved, b.us[0]), room)
        if total is None:
            total = K
        else:
            total += K  # in place: nothing else in a training step is as large
    return no_gram((None, u), (None, u_right)) if total is None else total


def _assembled(
    layer: Layer, at: Place, u: Array, task: Task, part: tuple[int, int], free: int
) -> Array:
    xp = namespace(u)
    r, b = u.shape[:2]
    m, q = part
    at_hand = task.at_hand(m, q)
    kept = at_hand + m * q * (task.kept - task.workspace)  # of the left side, all at once
    keeps = 2 * kept <= free and kept - at_hand + task.least(m, q) <= free
    room = free - max(at_hand, kept if keeps else 0)
    K = zeros((b, r, b, r), u)
    for i, (own, k) in enumerate(_parts(b, r, part)):
        left, u_left = _taken(at, own), u[k, own, ...]
        walk = list(visits(layer, left, (u_left,))) if keeps else None
        for j, (there, l) in enumerate(_parts(b, r, part)):
            if j < i:
                continue
            right, u_right = _taken(at, there), u[l, there, ...]
            rows = walk if walk is not None else visits(layer, left, (u_left,))
            columns = None if i == j else visits(layer, right, (u_right,))
            found = block(rows, columns, u_left, u_right, room)
            shape = (own.stop - own.start, k.stop - k.start)
            found = xp.reshape(found, (*shape, there.stop - there.start, l.stop - l.start))
            K[own, k, there, l] = found
            if i != j:
                K[there, l, own, k] = xp.permute_dims(found, (2, 3, 0, 1))
            del found, rows, columns  # before the next block needs their place
        del walk
    return xp.reshape(K, (b * r, b * r))


def _parts(b: int, r: int, part: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    m, q = part
    return ((own, k) for own in parts(b, m) for k in parts(r, q))


def _shares(n: int) -> Iterator[int]:
    """n, half of it and so on, down to 1."""
    while n > 1:
        yield n
        n = (n + 1) // 2
    yield 1


def _measured(layer: Layer, at: Place, u: Array, workspace: int) -> Task:
    """What the leaves need, found out on the way back of one sample with one cotangent."""
    r, b = u.shape[:2]
    kept, rooms = 0, []
    for visit in visits(layer, _taken(at, slice(0, 1)), (u[:1, :1, ...],)):
        rooms.append(visit.leaf.gram_room(visit.at.p, (visit.at.saved, visit.us[0])))
        kept += size_of(visit.us[0].shape)
    return Task((b, r), workspace, kept, tuple(rooms))


def _arrays(saved: Any) -> int:
    return sum(map(_arrays, saved)) if isinstance(saved, tuple) else 1


def _taken(at: Place, part: slice) -> Place:
    return Place(at.p, taken(at.saved, part), name=at.name)
