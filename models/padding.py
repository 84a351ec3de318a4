"""Sequences of different lengths in one batch: which positions are real, and what sums them up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, final

import numpy as np

from models.composite import Composite, pushed, size_of
from models.layer import Cotangents, Layer, Named, Place, Saved, Shape, Tree, WayBack
from models.leaf import Parameterless
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, namespace, zeros
from thermolinalg.errors import InvalidInput, ShapeMismatch


@final
@dataclass(frozen=True)
class Padded(Composite):
    """The same layer of tokens (T,), told that positions with the token `padding` are not real.

    Attention, means over positions and recurrent cells inside pass over them, and over those that
    the caller's own mask leaves out.

    Raises:
        InvalidInput: `layer` is not a layer that takes integers, or `padding` is no integer.
    """

    layer: Layer
    padding: int

    takes_integers = True

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Layer) or not self.layer.takes_integers:
            raise InvalidInput(f"layer = {self.layer!r} must be a layer that reads tokens.")
        if not isinstance(self.padding, int | np.integer):
            raise InvalidInput(f"padding = {self.padding!r} must be the number of a token.")

    def parts(self) -> dict[str, Layer]:
        return {"": self.layer}

    def made_of(self, parts: Mapping[str, Layer], /) -> Self:
        return type(self)(parts[""], self.padding)

    def output_shape(self, shape: Shape, /) -> Shape:
        return self.layer.output_shape(shape)

    def workspace(self, shape: Shape, /) -> int:
        return self.layer.workspace(shape)

    def forward(self, p: Tree, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, Saved]:
        return self.layer.forward(p, x, setting.with_mask(x != self.padding))

    def jvp(
        self, p: Tree, saved: Saved, dx: Array | None, dp: Tree, /
    ) -> tuple[Array | None, Saved]:
        return pushed(self.layer, p, saved, dx, dp)

    def way_back(self, at: Place, us: Cotangents, /, *, to_input: bool) -> WayBack:
        return (yield from self.layer.way_back(at, us, to_input=to_input))


@final
@dataclass(frozen=True)
class MeanPosition(Parameterless):
    """y = the mean of x_t over the real positions of a sequence (T, width); 0 if there is none."""

    def output_shape(self, shape: Shape, /) -> Shape:
        return (_sequence(self, shape)[1],)

    def workspace(self, shape: Shape, /) -> int:
        return size_of(shape) + shape[1]

    def forward(self, _p: Named, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, Array]:
        weights = _weights(x, setting.mask_of(x))
        return _weighted(weights, x), weights

    def jvp(
        self, _p: Named, weights: Array, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, None]:
        return None if dx is None else _weighted(weights, dx), None

    def backward(self, _p: Named, weights: Array, u: Array, /) -> Array:
        return weights @ u[..., None, :]

    def backward_jvp(
        self, p: Named, weights: Array, _u: Array, _dp: Named, _dx: None, du: Array, /
    ) -> Array:
        return self.backward(p, weights, du)


@final
@dataclass(frozen=True)
class FirstPosition(Parameterless):
    """y = x_0 of a sequence (T, width)."""

    def output_shape(self, shape: Shape, /) -> Shape:
        return (_sequence(self, shape)[1],)

    def workspace(self, shape: Shape, /) -> int:
        return size_of(shape) + shape[1]

    def forward(self, _p: Named, x: Array, _setting: Setting = EVALUATION, /) -> tuple[Array, int]:
        return x[:, 0, :], x.shape[1]

    def jvp(
        self, _p: Named, _length: int, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, None]:
        return None if dx is None else dx[:, 0, :], None

    def backward(self, _p: Named, length: int, u: Array, /) -> Array:
        x = zeros((*u.shape[:-1], length, u.shape[-1]), u)
        x[..., 0, :] = u
        return x

    def backward_jvp(
        self, p: Named, length: int, _u: Array, _dp: Named, _dx: None, du: Array, /
    ) -> Array:
        return self.backward(p, length, du)


def _weights(x: Array, mask: Array | None) -> Array:
    """(b, T, 1), the same for all real positions of a sample."""
    xp = namespace(x)
    if mask is None:
        return xp.ones_like(x[..., :1]) / x.shape[1]
    real = xp.astype(mask, x.dtype)[..., None]
    count = xp.sum(real, axis=1, keepdims=True)
    return real / xp.where(count == 0, xp.ones_like(count), count)


def _weighted(weights: Array, x: Array) -> Array:
    xp = namespace(x)
    return (xp.matrix_transpose(weights) @ x)[:, 0, :]


def _sequence(layer: Layer, shape: Shape) -> Shape:
    if len(shape) != 2:
        raise ShapeMismatch(
            f"{layer!r} takes samples (T, width), but got samples of shape {shape}."
        )
    return shape
