"""Attention: every position reads from the others what its query asks for (Vaswani et al. 2017)."""

import math
from dataclasses import dataclass
from typing import TypeAlias, final

from models.branches import Parallel
from models.chain import Sequential
from models.checks import positive_integer
from models.dense import Dense
from models.dropout import Mask, drawn_mask, droppable, masked
from models.layer import Layer, Named, Shape
from models.leaf import Parameterless
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, namespace, positions, zeros
from thermolinalg.errors import InvalidInput, ShapeMismatch

Weighing: TypeAlias = tuple[Array, Array, Array, Mask]
"""What attention saves: x, weights P (b, H, T, T), y and the mask on P; or their tangents."""


@final
@dataclass(frozen=True)
class DotProductAttention(Parameterless):
    """y = P V with P = softmax(Q K' / n^(1/2)), in each of H heads of width n.

    A sample is Q, K and V next to each other, (T, 3 H n), each of them head by head; y is (T, H n).

    The weight of a position that is padding (`setting.mask`) is exactly 0, and with `causal` also
    that of one that comes later. Where nothing is left to read from, y is 0. In training, `dropout`
    is the part of the weights that are dropped, as by `Dropout`.
    """

    heads: int
    causal: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        positive_integer("heads", self.heads)
        droppable(self.dropout)

    def output_shape(self, shape: Shape, /) -> Shape:
        if len(shape) != 2 or shape[1] % (3 * self.heads):
            raise ShapeMismatch(
                f"{self!r} takes samples (T, 3 H n): queries, keys and values next to each other, "
                f"each of {self.heads} heads of width n. It got samples of shape {shape}."
            )
        return shape[0], shape[1] // 3

    def workspace(self, shape: Shape, /) -> int:
        T, width = self.output_shape(shape)
        return 9 * T * width + 3 * self.heads * T**2

    def forward(
        self, _p: Named, x: Array, setting: Setting = EVALUATION, /
    ) -> tuple[Array, Weighing]:
        Q, K, V = self._heads(x)
        P = _softmax(Q @ _T(K), _forbidden(x, setting.mask_of(x), self.causal))
        m = drawn_mask(setting, self.dropout, P)
        y = _merged(masked(P, m) @ V)
        return y, (x, P, y, m)

    def jvp(
        self, _p: Named, saved: Weighing, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, Weighing | None]:
        if dx is None:
            return None, None
        x, P, _, m = saved
        (Q, K, V), (dQ, dK, dV) = self._heads(x), self._heads(dx)
        dP = dQ @ _T(K) + Q @ _T(dK)
        dP = _through_softmax(P, dP, _dot(P, dP))
        dy = _merged(masked(dP, m) @ V + masked(P, m) @ dV)
        return dy, (dx, dP, dy, None)

    def backward(self, _p: Named, saved: Weighing, u: Array, /) -> Array:
        """Cotangents of Q, K and V: S K, S' Q and (m o P)' U, with m the mask of dropout.

        S is the cotangent of the scores before softmax, S = P o (m o U V' - d), where d, the row
        sums of P o m o U V', are those of U o Y (Dao et al. 2022).
        """
        x, P, y, m = saved
        Q, K, V = self._heads(x)
        U = self._split(u)
        S = _through_softmax(P, masked(U @ _T(V), m), _dot(U, self._split(y)))
        return self._joined(S @ K, _T(S) @ Q, _T(masked(P, m)) @ U)

    def backward_jvp(
        self, p: Named, saved: Weighing, u: Array, _dp: Named, dsaved: Weighing | None, du: Array, /
    ) -> Array:
        if dsaved is None:
            return self.backward(p, saved, du)
        (x, P, y, m), (dx, dP, dy, _) = saved, dsaved
        (Q, K, V), (dQ, dK, dV) = self._heads(x), self._heads(dx)
        U, dU, Y, dY = map(self._split, (u, du, y, dy))
        R = masked(U @ _T(V), m) - _dot(U, Y)
        dR = masked(dU @ _T(V) + U @ _T(dV), m) - _dot(dU, Y) - _dot(U, dY)
        S, dS = P * R, dP * R + P * dR
        A, dA = masked(P, m), masked(dP, m)
        return self._joined(dS @ K + S @ dK, _T(dS) @ Q + _T(S) @ dQ, _T(dA) @ U + _T(A) @ dU)

    def _heads(self, x: Array) -> tuple[Array, Array, Array]:
        """Q / n^(1/2), K and V, each (b, H, T, n)."""
        b, T, width = x.shape
        n = width // (3 * self.heads)
        xp = namespace(x)
        parts = xp.permute_dims(xp.reshape(x, (b, T, 3, self.heads, n)), (2, 0, 3, 1, 4))
        return parts[0, ...] * n**-0.5, parts[1, ...], parts[2, ...]

    def _split(self, u: Array) -> Array:
        """(..., T, H n) as (..., H, T, n): a view."""
        xp = namespace(u)
        u = xp.reshape(u, (*u.shape[:-1], self.heads, u.shape[-1] // self.heads))
        return _swapped(u)

    def _joined(self, Q: Array, K: Array, V: Array) -> Array:
        """Cotangents of what `_heads` returns as that of x, (..., b, T, 3 H n)."""
        xp = namespace(Q)
        *lead, heads, T, n = Q.shape
        x = zeros((*lead, T, 3, heads, n), Q)
        x[..., 0, :, :] = _swapped(Q)
        x[..., 0, :, :] *= n**-0.5
        x[..., 1, :, :] = _swapped(K)
        x[..., 2, :, :] = _swapped(V)
        return xp.reshape(x, (*lead, T, 3 * heads * n))


def self_attention(
    width: int,
    heads: int,
    *,
    causal: bool = False,
    query: Layer | None = None,
    key: Layer | None = None,
    value: Layer | None = None,
    output: Layer | None = None,
    dropout: float = 0.0,
) -> Sequential:
    """Self-attention of sequences (T, width): "qkv", "heads" and "output".

    "qkv" is one `Dense` layer to queries, keys and values next to each other. Where one of the
    three is given it is a `Parallel` of "q", "k" and "v" instead, whose weights are those of the
    one layer next to each other.

    Args:
        width: of a position, a multiple of `heads`.
        heads: that look at different things.
        causal: no position sees those that come later.
        query: a layer (T, width) to (T, width) in place of `Dense`, as `key` and `value`.
        key: likewise.
        value: likewise.
        output: likewise, for what follows the heads.
        dropout: part of the attention weights to drop in training.

    Raises:
        InvalidInput: the heads cannot share the width, or `dropout` is not below 1.
    """
    positive_integer("width", width)
    positive_integer("heads", heads)
    if width % heads:
        raise InvalidInput(
            f"width = {width} is not a multiple of heads = {heads}, so the heads cannot share it."
        )
    qkv: Layer = Dense(width, 3 * width)
    if any(layer is not None for layer in (query, key, value)):
        given = {"q": query, "k": key, "v": value}
        qkv = Parallel(
            {name: layer or Dense(width, width) for name, layer in given.items()}, "concat"
        )
    return Sequential(
        {
            "qkv": qkv,
            "heads": DotProductAttention(heads, causal, dropout),
            "output": output or Dense(width, width),
        }
    )


def _forbidden(x: Array, mask: Array | None, causal: bool) -> Array | None:
    """What is added to the scores (b, H, T, T): -inf where there is nothing to read, or 0."""
    xp = namespace(x)
    T, seen = x.shape[1], None
    if causal:
        at = positions(T, x)
        seen = at[:, None] >= at
    if mask is not None:
        keys = mask[:, None, None, :]
        seen = keys if seen is None else keys & seen
    if seen is None:
        return None
    zero = zeros((1,), x)
    return xp.where(seen, zero, zero - math.inf)


def _softmax(scores: Array, forbidden: Array | None) -> Array:
    """Over the last axis, in place; rows where all is forbidden are 0."""
    xp = namespace(scores)
    if forbidden is not None:
        scores += forbidden
    largest = xp.max(scores, axis=-1, keepdims=True)
    if forbidden is not None:
        largest = xp.where(xp.isfinite(largest), largest, xp.zeros_like(largest))
    scores -= largest
    P = xp.exp(scores)
    total = xp.sum(P, axis=-1, keepdims=True)
    if forbidden is not None:
        total = xp.where(total == 0, xp.ones_like(total), total)
    P /= total
    return P


def _through_softmax(P: Array, R: Array, d: Array) -> Array:
    """P o (R - d), in place of R; the Jacobian of softmax, which is symmetric."""
    R -= d
    R *= P
    return R


def _dot(a: Array, b: Array) -> Array:
    """Inner products along the last axis, which stays."""
    return namespace(a).sum(a * b, axis=-1, keepdims=True)


def _T(a: Array) -> Array:
    return namespace(a).matrix_transpose(a)


def _swapped(a: Array) -> Array:
    """(..., H, T, n) from (..., T, H, n), or back: a view."""
    axes = tuple(range(a.ndim))
    return namespace(a).permute_dims(a, (*axes[:-3], axes[-2], axes[-3], axes[-1]))


def _merged(y: Array) -> Array:
    """(..., H, T, n) as (..., T, H n)."""
    y = _swapped(y)
    return namespace(y).reshape(y, (*y.shape[:-2], y.shape[-2] * y.shape[-1]))
