"""Where in a sequence a vector stands, which attention alone cannot tell."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from models.checks import positive_integer
from models.composite import size_of
from models.gram import Need, Room, Side, least_room, sample_major, tiled
from models.layer import Leaf, Named, Shape
from models.leaf import Parameterless
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, NumpyArray, like, namespace, zeros
from thermolinalg.errors import ShapeMismatch
from thermolinalg.streams import Streams


@final
@dataclass(frozen=True)
class Positional(Leaf):
    """y_t = x_t + P_t, for sequences (T, width) with T <= length.

    Starts from P_ij ~ N(0, 1/(16 width)): vectors a quarter as long as those of tokens, so that
    what is said outweighs where.
    """

    length: int
    width: int

    def __post_init__(self) -> None:
        positive_integer("length", self.length)
        positive_integer("width", self.width)

    def shapes(self) -> dict[str, Shape]:
        return {"P": (self.length, self.width)}

    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        P = streams.stream("P").standard_normal((self.length, self.width))
        return {"P": P / (4.0 * math.sqrt(self.width))}

    def output_shape(self, shape: Shape, /) -> Shape:
        if len(shape) != 2 or shape[1] != self.width:
            raise ShapeMismatch(
                f"{self!r} takes samples (T, {self.width}), but got samples of shape {shape}."
            )
        if shape[0] > self.length:
            raise ShapeMismatch(
                f"{self!r} has vectors for {self.length} positions, but got a sequence of "
                f"{shape[0]}. Cut the sequence, or make the layer longer."
            )
        return shape

    def workspace(self, shape: Shape, /) -> int:
        return 2 * size_of(shape)

    def forward(self, p: Named, x: Array, _setting: Setting = EVALUATION, /) -> tuple[Array, Array]:
        return x + self._used(p["P"], x), x

    def jvp(self, _p: Named, x: Array, dx: Array | None, dp: Named, /) -> tuple[Array | None, None]:
        if dp:
            dx = (namespace(x).zeros_like(x) if dx is None else dx) + self._used(dp["P"], x)
        return dx, None

    def backward(self, _p: Named, _x: Array, u: Array, /) -> Array:
        return u

    def backward_jvp(
        self, _p: Named, _x: Array, _u: Array, _dp: Named, _dx: None, du: Array, /
    ) -> Array:
        return du

    def gradient(self, _p: Named, _x: Array, u: Array, /) -> dict[str, Array]:
        return {"P": self._filled(namespace(u).sum(u, axis=-3))}

    def gradient_jvp(
        self, p: Named, x: Array, _u: Array, _dp: Named, _dx: None, du: Array, /
    ) -> dict[str, Array]:
        return self.gradient(p, x, du)

    def per_sample(self, _p: Named, _x: Array, u: Array, /) -> dict[str, Array]:
        return {"P": self._filled(u)}

    def gram(self, _p: Named, left: Side, right: Side, room: int, /) -> Array:
        """u.u, whatever the length."""

        def rows(side: Side) -> Array:
            u = side[1]
            return sample_major(namespace(u).reshape(u, (*u.shape[:2], -1)))

        def tile(a: Side, b: Side) -> Array:
            S = rows(a)
            return S @ (S if a is b else rows(b)).T

        return tiled(left, right, tile, _need(left), room)

    def gram_room(self, _p: Named, one: Side, /) -> Room:
        need = _need(one)
        return lambda _, q: least_room(need, q)

    def _used(self, P: Array, x: Array) -> Array:
        return P[: x.shape[1], :]

    def _filled(self, u: Array) -> Array:
        """Zeros for the positions beyond the end."""
        if u.shape[-2] == self.length:
            return u
        P = zeros((*u.shape[:-2], self.length, self.width), u)
        P[..., : u.shape[-2], :] = u
        return P


@final
@dataclass(frozen=True)
class Sinusoidal(Parameterless):
    """y_t = x_t + s_t, for sequences of any length and even width (Vaswani et al. 2017).

    s_t,2i = sin(t / 10000^(2i/width)) and s_t,2i+1 the cosine of the same.
    """

    def output_shape(self, shape: Shape, /) -> Shape:
        if len(shape) != 2 or shape[1] % 2:
            raise ShapeMismatch(
                f"Sinusoidal takes samples (T, width) of even width, but got {shape}."
            )
        return shape

    def workspace(self, shape: Shape, /) -> int:
        return 2 * size_of(shape)

    def forward(self, _p: Named, x: Array, _setting: Setting = EVALUATION, /) -> tuple[Array, None]:
        return x + like(_waves(*x.shape[1:]), x), None

    def jvp(
        self, _p: Named, _saved: None, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, None]:
        return dx, None

    def backward(self, _p: Named, _saved: None, u: Array, /) -> Array:
        return u

    def backward_jvp(
        self, _p: Named, _saved: None, _u: Array, _dp: Named, _dx: None, du: Array, /
    ) -> Array:
        return du


def _need(side: Side) -> Need:
    size = size_of(side[1].shape[2:])
    return lambda rows, columns: (rows + columns) * size


def _waves(length: int, width: int) -> NumpyArray:
    rates = 10_000.0 ** (-np.arange(0, width, 2) / width)
    angles = np.arange(length)[:, None] * rates
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, width)
