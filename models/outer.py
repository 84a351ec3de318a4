"""Gradients that are sums of outer products, and their inner products.

A layer that maps y_t = x_t W + c at T positions of every sample (T = 1 where a sample is one
vector) has, for sample n and cotangent k, the gradients

    in W: sum_t x_nt e_nkt'        in c: sum_t e_nkt

Here x is (b, T, inputs) and e is (..., b, T, outputs).
"""

import math

import numpy as np

from thermolinalg.backend import Array, like, namespace


def summed(x: Array, e: Array) -> tuple[Array, Array]:
    """The gradients in W and c, summed over the samples."""
    xp = namespace(x, e)
    rows = math.prod(x.shape[:2])
    e = xp.reshape(e, (*e.shape[:-3], rows, e.shape[-1]))
    return xp.reshape(x, (rows, x.shape[-1])).T @ e, xp.sum(e, axis=-2)


def per_sample(x: Array, e: Array) -> tuple[Array, Array]:
    """The gradients in W and c of each sample."""
    xp = namespace(x, e)
    if x.shape[-2] == 1:  # a product by broadcasting beats b matrix products of inner size 1
        return xp.matrix_transpose(x) * e, e[..., 0, :]
    return xp.matrix_transpose(x) @ e, xp.sum(e, axis=-2)


def gram(x: Array, e: Array) -> Array:
    """Inner products of per-sample gradients, by the cheaper of two exact ways.

    e is (r, b, T, outputs); the result is (b r, b r), sample-major. With N = b r rows the two ways
    cost, in multiplications,

        never formed   (N T)² (outputs + 1) + (b T)² inputs
        formed         N T inputs outputs + N² (inputs + 1) outputs

    For T = 1 the first wins, but for layers of one weight; the second is for long sequences
    through narrow layers.
    """
    r, b, T, outputs = e.shape
    N, inputs = b * r, x.shape[2]
    unformed_cost = (N * T) ** 2 * (outputs + 1) + (b * T) ** 2 * inputs
    formed_cost = N * T * inputs * outputs + N**2 * (inputs + 1) * outputs
    e = namespace(e).permute_dims(e, (1, 0, 2, 3))
    return unformed(x, e) if unformed_cost <= formed_cost else formed(x, e)


def unformed(x: Array, e: Array) -> Array:
    """sum_ts (x_nt.x_ms + 1) (e_nkt.e_mls), for e (b, r, T, outputs)."""
    xp = namespace(x, e)
    b, r, T, outputs = e.shape
    E, X = xp.reshape(e, (b * r * T, outputs)), xp.reshape(x, (b * T, x.shape[2]))
    xx = xp.reshape(X @ X.T + 1.0, (b, 1, T, b, 1, T))
    # Long rows make the in-place product as fast as memory: repeat the columns, broadcast the rows.
    xx = xp.reshape(xp.broadcast_to(xx, (b, 1, T, b, r, T)), (b, 1, T, b * r * T))
    K = xp.reshape(E @ E.T, (b, r, T, b * r * T))
    K *= xx
    if T == 1:
        return xp.reshape(K, (b * r, b * r))
    return xp.sum(xp.reshape(K, (b * r, T, b * r, T)), axis=(1, 3))


def formed(x: Array, e: Array) -> Array:
    """The same from the gradients themselves, for e (b, r, T, outputs)."""
    xp = namespace(x, e)
    b, r, _, _ = e.shape
    W, c = per_sample(x[:, None, :, :], e)
    W, c = xp.reshape(W, (b * r, -1)), xp.reshape(c, (b * r, -1))
    K = W @ W.T
    K += c @ c.T
    return K


def no_gram(u: Array) -> Array:
    """Inner products of no gradients at all: (b r, b r) zeros, for u (r, b, ...)."""
    n = u.shape[0] * u.shape[1]
    return like(np.zeros((n, n)), u)
