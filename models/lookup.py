"""Gradients of tables that are looked up: rows added where the tokens say.

A layer that maps token i_t to row i_t of a table W, at T positions of every sample, has for sample
n and cotangent k the gradient sum_t δ(i_nt) e_nkt', with δ(i) the unit vector of token i.
"""

import math
from collections.abc import Callable

from models.gram import Need, Room, Side, least_room, parts, rows_of, sample_major, tiled
from thermolinalg.backend import Array, namespace, positions, sum_by_index
from thermolinalg.errors import MemoryLimit


def summed(ids: Array, e: Array, tokens: int) -> Array:
    """The gradient (..., tokens, width), summed over the samples.

    Args:
        ids: (b, T), from 0 to tokens - 1.
        e: (..., b, T, width).
        tokens: number of rows of the table.
    """
    xp = namespace(e)
    rows = math.prod(ids.shape)
    e = xp.reshape(e, (*e.shape[:-3], rows, e.shape[-1]))
    return sum_by_index(e, xp.reshape(ids, (rows,)), tokens)


def per_sample(ids: Array, e: Array, tokens: int) -> Array:
    """The gradient (..., b, tokens, width) of each sample."""
    b = ids.shape[0]
    apart = ids + tokens * positions(b, ids)[:, None]
    each = summed(apart, e, b * tokens)
    return namespace(e).reshape(each, (*e.shape[:-3], b, tokens, e.shape[-1]))


def gram(left: Side, right: Side, tokens: int, room: int) -> Array:
    """Inner products of per-sample gradients, by the cheaper of two exact ways that has room.

    A side is (ids, e) with e (r, b, T, width); rows and columns are sample-major. With N = b r rows
    the two ways cost, in multiplications,

        never formed   (N T)² width
        formed         N² tokens width
    """
    _, _, T, width = left[1].shape

    def rows(side: Side, some: slice) -> Array:
        return per_sample(side[0], side[1][..., some], tokens)

    if tokens < T**2:
        return formed(left, right, rows, (tokens, width), room)
    try:
        return unformed(left, right, room)
    except MemoryLimit:
        return formed(left, right, rows, (tokens, width), room)


def gram_room(one: Side, tokens: int) -> Room:
    """The least room that `gram` does with; `one` is a sample with a cotangent."""
    _, _, T, width = one[1].shape
    formed_need = _formed_need((tokens, width), T + 1)

    def room(_: int, q: int) -> int:
        ways = [least_room(formed_need, q)]
        if tokens >= T**2:
            ways.append(least_room(_unformed_need(T, width, q, q), q))
        return min(ways)

    return room


def unformed(left: Side, right: Side, room: int) -> Array:
    """sum_ts [i_nt = i_ms] (e_nkt.e_mls)."""
    r, _, T, width = left[1].shape
    need = _unformed_need(T, width, r, right[1].shape[0])
    return tiled(left, right, _unformed, need, room)


def _unformed_need(T: int, width: int, r: int, r2: int) -> Need:
    def need(rows: int, columns: int) -> int:
        products = rows * T * columns * T
        return 2 * products + products // (r * r2) + (rows + columns) * T * width

    return need


def _unformed(left: Side, right: Side) -> Array:
    xp = namespace(left[1])
    (ids, e), (ids2, e2) = left, right
    (r, b, T, _), (r2, b2, _, _) = e.shape, e2.shape
    K = xp.reshape(_sample_major(e) @ _sample_major(e2).T, (b, r, T, b2, r2, T))
    alike = ids[:, None, :, None, None, None] == ids2[:, None, :]
    K *= xp.astype(alike, K.dtype)
    return xp.reshape(xp.sum(K, axis=(2, 5)), (b * r, b2 * r2))


def _sample_major(e: Array) -> Array:
    xp = namespace(e)
    return xp.reshape(xp.permute_dims(e, (1, 0, 2, 3)), (-1, e.shape[3]))


def formed(
    left: Side,
    right: Side,
    gradients: Callable[[Side, slice], Array],
    shape: tuple[int, int],
    room: int,
) -> Array:
    """The same from the gradients themselves, of as many columns at a time as there is room for.

    Args:
        left: the side of the rows.
        right: that of the columns.
        gradients: from a side to some columns of its per-sample gradients, (r, b, tokens, some).
        shape: of one gradient, (tokens, width).
        room: a count of numbers.
    """
    width = shape[1]
    need = _formed_need(shape, _given(left[1], width))

    def tile(a: Side, b: Side) -> Array:
        some = width
        while some > 1 and need(rows_of(a), rows_of(b), some) > room:
            some = (some + 1) // 2
        total = None
        for part in parts(width, some):
            S = flat(a, part)
            K = S @ (S if a is b else flat(b, part)).T
            if total is None:
                total = K
            else:
                total += K
        return total

    def flat(side: Side, part: slice) -> Array:
        G = gradients(side, part)
        return sample_major(namespace(G).reshape(G, (*G.shape[:2], -1)))

    return tiled(left, right, tile, need, room)


def formed_room(one: Side, shape: tuple[int, int]) -> Callable[[int], int]:
    """The least room that `formed` does with, given how many cotangents each sample has."""
    need = _formed_need(shape, _given(one[1], shape[1]))
    return lambda q: least_room(need, q)


def _given(u: Array, width: int) -> int:
    """Cotangents for one column."""
    return math.prod(u.shape[2:]) // width + 1


def _formed_need(shape: tuple[int, int], given: int) -> Callable[..., int]:
    tokens, width = shape

    def need(rows: int, columns: int, some: int = 1) -> int:
        each = 2 * (tokens + given)  # made once, brought in order once more
        return (rows + columns) * some * each + (rows * columns if some < width else 0)

    return need
