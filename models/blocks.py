"""The Gram matrix of a network's per-sample gradients, within a limit of memory.

Cotangents go back through the network for as many samples and columns at a time as there is room
for; a pair of such parts meets at every leaf and gives a block of the matrix. Half of what the
matrix leaves free is for cotangents and the block, half for the leaf.
"""

from itertools import product

from models.gram import no_gram, parts, taken
from models.layer import Layer, Place
from models.products import visits
from thermolinalg.backend import Array, keep_freed_memory, namespace, zeros
from thermolinalg.errors import MemoryLimit

FREE = 2**28
"""Numbers that may be in use beside the matrix where nobody sets a limit."""


def gram(layer: Layer, at: Place, u: Array, *, workspace: int, limit: int | None) -> Array:
    """S S' (b r, b r), rows ordered (sample, column), where row (n, k) of S is J_n' u_kn.

    Args:
        layer: the network.
        at: where.
        u: (r, b, *y.shape[1:]).
        workspace: what the way back has at hand for each sample and cotangent, as `layer` says.
        limit: bytes, the result included; None for the result and `FREE` numbers.

    Raises:
        MemoryLimit: `limit` holds less than the result and one sample against another.
    """
    keep_freed_memory()
    r, b = u.shape[:2]
    itemsize = namespace(u).finfo(u.dtype).bits // 8
    result = (b * r) ** 2
    free = FREE if limit is None else limit // itemsize - result
    m, q = _part(b, r, workspace, free)
    if m == 0:
        raise MemoryLimit(
            f"memory_limit = {limit} bytes is too low: the Gram matrix of {b} samples and {r} "
            f"columns takes {result * itemsize} bytes, and one sample against another "
            f"{2 * _at_hand(1, 1, b, r, workspace) * itemsize} bytes more. Raise it, or take "
            "fewer samples or columns."
        )
    room = free - _at_hand(m, q, b, r, workspace)
    if (m, q) == (b, r):
        return block(layer, at, at, u, u, room)
    return _assembled(layer, at, u, m, q, room)


def block(layer: Layer, left: Place, right: Place, u: Array, u_right: Array, room: int) -> Array:
    """Inner products of all per-sample gradients of one part with those of another."""
    total, same = None, left is right and u is u_right
    walk = visits(layer, left, (u,))
    across = walk if same else visits(layer, right, (u_right,))
    pairs = ((visit, visit) for visit in walk) if same else zip(walk, across, strict=True)
    for a, b in pairs:
        rows = (a.at.saved, a.us[0])
        columns = rows if a is b else (b.at.saved, b.us[0])
        K = a.leaf.gram(a.at.p, rows, columns, room)
        if total is None:
            total = K
        else:
            total += K  # in place: nothing else in a training step is as large
    return no_gram((None, u), (None, u_right)) if total is None else total


def _assembled(layer: Layer, at: Place, u: Array, m: int, q: int, room: int) -> Array:
    xp = namespace(u)
    r, b = u.shape[:2]
    K = zeros((b, r, b, r), u)
    some = list(product(parts(b, m), parts(r, q)))
    for i, (rows, k) in enumerate(some):
        left, u_left = _taken(at, rows), u[k, rows, ...]
        for columns, l in some[i:]:
            same = columns is rows and l is k
            right, u_right = (left, u_left) if same else (_taken(at, columns), u[l, columns, ...])
            part = block(layer, left, right, u_left, u_right, room)
            shape = (rows.stop - rows.start, k.stop - k.start)
            part = xp.reshape(part, (*shape, columns.stop - columns.start, l.stop - l.start))
            K[rows, k, columns, l] = part
            if not same:
                K[columns, l, rows, k] = xp.permute_dims(part, (2, 3, 0, 1))
    return xp.reshape(K, (b * r, b * r))


def _taken(at: Place, part: slice) -> Place:
    return Place(at.p, taken(at.saved, part), name=at.name)


def _part(b: int, r: int, workspace: int, free: int) -> tuple[int, int]:
    """Samples and columns at a time; (0, 0) where there is no room for one of each."""
    m, q = b, r
    while _at_hand(m, q, b, r, workspace) > free // 2:
        if m > 1:
            m = (m + 1) // 2
        elif q > 1:
            q = (q + 1) // 2
        else:
            return 0, 0
    return m, q


def _at_hand(m: int, q: int, b: int, r: int, workspace: int) -> int:
    """Numbers of the blocks that two leaves add, and of the cotangents that meet in them.

    Where one block is the whole matrix, its own numbers are those of the result.
    """
    twice = 1 if (m, q) == (b, r) else 2
    return twice * ((m * q) ** 2 + m * q * workspace)
