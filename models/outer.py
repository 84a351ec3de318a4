"""Gradients that are sums of outer products: of weights that multiply, at every position.

A layer that maps y_t = x_t W + c at T positions of every sample (T = 1 where a sample is one
vector) has, for sample n and cotangent k, the gradients

    in W: sum_t x_nt e_nkt'        in c: sum_t e_nkt

Dense and convolutional layers, projections and recurrent cells all do, each with its own x and e.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from models.gram import Need, Side, least_room, pieces, sample_major, tiled
from thermolinalg.backend import Array, namespace, zeros
from thermolinalg.errors import MemoryLimit


@final
@dataclass(frozen=True, eq=False, slots=True)
class Outer:
    """Factors of the gradient in one weight matrix, and in the bias behind it if there is one."""

    x: Array
    """(b, T, inputs)"""
    e: Array
    """(..., b, T, outputs)"""
    bias: bool = True


def summed(x: Array, e: Array) -> tuple[Array, Array]:
    """The gradients in W and c, summed over the samples."""
    xp = namespace(x, e)
    rows = math.prod(x.shape[:2])
    e = xp.reshape(e, (*e.shape[:-3], rows, e.shape[-1]))
    return xp.reshape(x, (rows, x.shape[-1])).T @ e, totals(e)


def per_sample(x: Array, e: Array) -> tuple[Array, Array]:
    """The gradients in W and c of each sample."""
    xp = namespace(x, e)
    if x.shape[-2] == 1:  # a product by broadcasting beats b matrix products of inner size 1
        return xp.matrix_transpose(x) * e, e[..., 0, :]
    return xp.matrix_transpose(x) @ e, totals(e)


def totals(e: Array) -> Array:
    """e summed over the second axis from the end, as a product: short rows add slowly otherwise."""
    return ((zeros((1, e.shape[-2]), e) + 1.0) @ e)[..., 0, :]


def squares(o: Outer, room: int) -> tuple[Array, Array]:
    """Squares of the per-sample gradients in W and c, summed over samples and cotangents.

    For T = 1 they are a product of squares, (x²)' Σ_k e_k². Else the gradients are formed, as many
    at a time as there is room for.
    """
    xp = namespace(o.x, o.e)
    if o.x.shape[1] == 1:
        x, e = o.x[:, 0, :], xp.sum(o.e[..., 0, :] ** 2, axis=0)
        return (x * x).T @ e, xp.sum(e, axis=0)
    size = o.x.shape[2] * o.e.shape[-1]
    W = c = None
    for x, e in pieces((o.x, o.e), room // (2 * size)):
        w, d = (xp.sum(g * g, axis=(0, 1)) for g in per_sample(x, e))
        W, c = (w, d) if W is None else (W + w, c + d)
    return W, c


def gram(left: Outer, right: Outer, room: int) -> Array:
    """Inner products of per-sample gradients, by the cheaper of two exact ways that has room.

    e is (r, b, T, outputs); rows and columns are sample-major. With N = b r rows the two ways cost,
    in multiplications,

        never formed   (N T)² (outputs + 1) + (b T)² inputs
        formed         N T inputs outputs + N² (inputs + 1) outputs

    For T = 1 the first wins, but for layers of one weight; the second is for long sequences
    through narrow layers.
    """
    _, b, T, outputs = left.e.shape
    N, inputs = b * left.e.shape[0], left.x.shape[2]
    unformed_cost = (N * T) ** 2 * (outputs + 1) + (b * T) ** 2 * inputs
    formed_cost = N * T * inputs * outputs + N**2 * (inputs + 1) * outputs
    ways = (unformed, formed) if unformed_cost <= formed_cost else (formed, unformed)
    same, first = right is left, (left.x, left.e)
    sides = first, first if same else (right.x, right.e)
    try:
        return ways[0](*sides, left.bias, room)
    except MemoryLimit:
        return ways[1](*sides, left.bias, room)


def gram_room(one: Outer) -> Callable[[int], int]:
    """The least room that `gram` does with, given how many cotangents each sample has."""
    _, _, T, outputs = one.e.shape
    formed_need = _formed_need(T, one.x.shape[2], outputs)
    return lambda q: min(
        least_room(formed_need, q), least_room(_unformed_need(T, outputs, q, q), q)
    )


def unformed(left: Side, right: Side, bias: bool, room: int) -> Array:
    """sum_ts (x_nt.x_ms + 1) (e_nkt.e_mls)."""
    r, _, T, outputs = left[1].shape
    need = _unformed_need(T, outputs, r, right[1].shape[0])
    return tiled(left, right, lambda a, b: _unformed(a, b, bias), need, room)


def _unformed_need(T: int, outputs: int, r: int, r2: int) -> Need:
    def need(rows: int, columns: int) -> int:
        products = rows * T * columns * T
        copies = (rows + columns) * T * outputs
        inputs = products // (r * r2) + products // r
        return products + inputs + copies

    return need


def _unformed(left: Side, right: Side, bias: bool) -> Array:
    xp = namespace(left[1])
    X, b, E, r = _flat(left)
    X2, b2, E2, r2 = (X, b, E, r) if right is left else _flat(right)
    T = left[1].shape[2]
    xx = X @ X2.T
    if bias:
        xx += 1.0
    xx = xp.reshape(xx, (b, 1, T, b2, 1, T))
    # Long rows make the in-place product as fast as memory: repeat the columns, broadcast the rows.
    xx = xp.reshape(xp.broadcast_to(xx, (b, 1, T, b2, r2, T)), (b, 1, T, b2 * r2 * T))
    K = xp.reshape(E @ E2.T, (b, r, T, b2 * r2 * T))
    K *= xx
    if T == 1:
        return xp.reshape(K, (b * r, b2 * r2))
    return xp.sum(xp.reshape(K, (b * r, T, b2 * r2, T)), axis=(1, 3))


def _flat(side: Side) -> tuple[Array, int, Array, int]:
    """x (b T, inputs), b, e (b r T, outputs), r."""
    x, e = side
    xp = namespace(x)
    r, b, T, outputs = e.shape
    E = xp.reshape(xp.permute_dims(e, (1, 0, 2, 3)), (b * r * T, outputs))
    return xp.reshape(x, (b * T, x.shape[2])), b, E, r


def formed(left: Side, right: Side, bias: bool, room: int) -> Array:
    """The same from the gradients themselves, of as many outputs at a time as there is room for."""
    inputs, outputs = left[0].shape[2], left[1].shape[3]
    need = _formed_need(left[1].shape[2], inputs, outputs)

    def tile(a: Side, b: Side) -> Array:
        rows, columns = (side[1].shape[0] * side[1].shape[1] for side in (a, b))
        some = outputs
        while some > 1 and need(rows, columns, some) > room:
            some = (some + 1) // 2
        total = _formed(a, b, bias, slice(0, some))
        for start in range(some, outputs, some):
            total += _formed(a, b, bias, slice(start, start + some))
        return total

    return tiled(left, right, tile, need, room)


def _formed_need(T: int, inputs: int, outputs: int) -> Callable[..., int]:
    def need(rows: int, columns: int, some: int = 1) -> int:
        each = 2 * (inputs + 1) + (T if T > 1 else 0)  # made once, brought in order once more
        return (rows + columns) * some * each + (rows * columns if some < outputs else 0)

    return need


def _formed(left: Side, right: Side, bias: bool, outputs: slice) -> Array:
    S = _gradients(left, bias, outputs)
    return S @ (S if left is right else _gradients(right, bias, outputs)).T


def _gradients(side: Side, bias: bool, outputs: slice) -> Array:
    xp = namespace(side[1])
    W, c = per_sample(side[0], side[1][..., outputs])
    W = xp.reshape(W, (*c.shape[:2], -1))
    if bias:
        W = xp.concat([W, c], axis=-1)  # under the same name, so that two of them are there at most
    return sample_major(W)
