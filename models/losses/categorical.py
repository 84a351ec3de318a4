"""Softmax along the last axis, at any number of positions, each with its weight.

A term has logits z (c,) and a weight w: w L with L = log Σ_k e^{z_k} - Σ_k q_k z_k, q the target
distribution, and p = softmax(z). Weights are (..., 1) or one number.
"""

import math
from typing import TypeAlias

import numpy as np

from thermolinalg.backend import Array, add_at, like, namespace, zeros

Weights: TypeAlias = Array | float


def softmax(z: Array, /) -> Array:
    """e^{z_k} / Σ_l e^{z_l} along the last axis, without overflow. z may be -inf: p is 0."""
    xp = namespace(z)
    e = xp.exp(z - xp.max(z, axis=-1, keepdims=True))
    e /= xp.sum(e, axis=-1, keepdims=True)
    return e


def cross_entropies(z: Array, labels: Array, smoothing: float = 0.0) -> Array:
    """L (...) for q = (1 - ε) onehot(label) + ε/c."""
    xp = namespace(z)
    z = z - xp.max(z, axis=-1, keepdims=True)
    chosen = xp.take_along_axis(z, labels[..., None], axis=-1)[..., 0]
    if smoothing:
        chosen = (1.0 - smoothing) * chosen + smoothing * xp.mean(z, axis=-1)
    return xp.log(xp.sum(xp.exp(z), axis=-1)) - chosen


def gradient(z: Array, labels: Array, w: Weights, smoothing: float = 0.0) -> Array:
    """w (p - q)."""
    u = softmax(z)
    if smoothing:
        u -= smoothing / z.shape[-1]
    u *= w
    return _without(u, labels, (1.0 - smoothing) * w)


def hessian(z: Array, v: Array, w: Weights) -> Array:
    """w (diag(p) - p p') v."""
    p = softmax(z)
    pv = p * v
    return w * (pv - p * namespace(z).sum(pv, axis=-1, keepdims=True))


def root(z: Array, w: Weights) -> Array:
    """R (..., c, c - 1): one column less than B = diag(s) - p s', s = √p, with B B' = H / w.

    H / w = diag(s) (I - s s') diag(s), and the columns but the first of the Householder reflection
    Q = I - h h' / h_0, h = s + e_0, which takes s to -e_0, span the complement of s. Hence
    R = √w diag(s) Q[:, 1:], that is

        R_0j = -√w s_0 s_j        R_ij = √w (s_i δ_ij - p_i s_j / (1 + s_0))

    with no division by what may be small, so probabilities that underflow do no harm.
    """
    xp = namespace(z)
    p = softmax(z)
    s = xp.sqrt(p)
    first, rest = s[..., :1], s[..., 1:]
    h = xp.concat([first, p[..., 1:] / (1.0 + first)], axis=-1)
    corner = like(np.eye(z.shape[-1])[:, 1:], z)
    return (corner - h[..., :, None]) * (_sqrt(w) * rest)[..., None, :]


def coordinates(z: Array, labels: Array, w: Weights, smoothing: float = 0.0) -> Array:
    """s (..., c - 1) with R s = w (p - q) for the root R, in closed form.

    As Q takes √p to -e_0, it is -√w Q[:, 1:]' v with v = q / √p, that is

        s_j = √w (√p_j (1 + v_0) / (1 + √p_0) - v_j)

    Where the probability of a label underflows there is no solution, and s is none.
    """
    xp = namespace(z)
    s = xp.sqrt(softmax(z))
    q = zeros(z.shape, z) + smoothing / z.shape[-1]
    v = _without(q, labels, smoothing - 1.0) / xp.where(s > 0, s, xp.ones_like(s))
    first = (1.0 + v[..., :1]) / (1.0 + s[..., :1])
    return _sqrt(w) * (first * s[..., 1:] - v[..., 1:])


def sampled(z: Array, w: Weights, rng: np.random.Generator) -> Array:
    """√w (p - onehot(label)) for labels drawn from p, whose second moment is w (diag(p) - p p')."""
    xp = namespace(z)
    p = softmax(z)
    uniform = like(rng.random((*z.shape[:-1], 1)), z)
    reached = xp.cumulative_sum(p, axis=-1)
    last = reached[..., -1:]  # in float32 a number may round up to 1, past all that is possible
    below = (reached[..., :-1] <= uniform * last) & (reached[..., :-1] < last)
    labels = xp.sum(xp.astype(below, xp.int64), axis=-1)
    p *= _sqrt(w)
    return _without(p, labels, _sqrt(w))


def placed(R: Array) -> Array:
    """Roots (b, t, c, r) of independent positions as one root (b, t, c, t r), block by block."""
    b, t, c, r = R.shape
    block = like(np.eye(t), R)[:, None, :, None]
    return namespace(R).reshape(R[:, :, :, None, :] * block, (b, t, c, t * r))


def _without(u: Array, labels: Array, w: Weights) -> Array:
    """u - w onehot(label), in place of u."""
    xp = namespace(u)
    rows = xp.reshape(u, (-1, u.shape[-1]))
    amount = -w if isinstance(w, float) else -xp.reshape(w, (-1,))
    return xp.reshape(add_at(rows, xp.reshape(labels, (-1,)), amount), u.shape)


def _sqrt(w: Weights) -> Weights:
    return math.sqrt(w) if isinstance(w, float) else namespace(w).sqrt(w)
