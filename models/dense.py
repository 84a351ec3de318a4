"""The fully connected layer."""

import math
from dataclasses import dataclass, field
from typing import TypeAlias, final

import numpy as np

from models import outer
from models.checks import positive_integer
from models.layer import Layer, Named, Shape
from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import Streams

Input: TypeAlias = Array
"""What `Dense` saves: its input x, or the tangent of it."""


@final
@dataclass(frozen=True)
class Dense(Layer):
    """y = x W + c, for vectors x or at every position of a sequence of them, (b, ..., inputs).

    Starts from c = 0 and W_ij ~ N(0, gain² / inputs), which carries the variance of x through the
    layer (LeCun); gain = 2^(1/2) makes up for the half that a rectifier drops next (He).
    """

    inputs: int
    outputs: int
    gain: float = field(default=1.0, repr=False)

    def __post_init__(self) -> None:
        positive_integer("inputs", self.inputs)
        positive_integer("outputs", self.outputs)
        if not 0 < self.gain < math.inf:
            raise InvalidInput(
                f"gain = {self.gain!r} cannot scale initial weights; pass a positive number."
            )

    def shapes(self) -> dict[str, Shape]:
        return {"W": (self.inputs, self.outputs), "c": (self.outputs,)}

    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        W = streams.stream("W").standard_normal((self.inputs, self.outputs))
        W *= self.gain / math.sqrt(self.inputs)
        return {"W": W, "c": np.zeros(self.outputs)}

    def output_shape(self, shape: Shape, /) -> Shape:
        if not shape or shape[-1] != self.inputs:
            raise ShapeMismatch(
                f"{self!r} takes samples whose last axis has length {self.inputs}, but got samples "
                f"of shape {shape}. Reshape the input or change the layer."
            )
        return (*shape[:-1], self.outputs)

    def forward(self, p: Named, x: Array, /) -> tuple[Array, Input]:
        return _along_last(x, p["W"]) + p["c"], x

    def jvp(self, p: Named, x: Input, dx: Array | None, dp: Named, /) -> tuple[Array, Input | None]:
        dy = _along_last(x, dp["W"]) + dp["c"]
        return dy if dx is None else dy + _along_last(dx, p["W"]), dx

    def backward(self, p: Named, _x: Input, u: Array, /) -> Array:
        return _along_last(u, p["W"].T)

    def gradient(self, _p: Named, x: Input, u: Array, /) -> dict[str, Array]:
        W, c = outer.summed(*_as_sequences(x, u))
        return {"W": W, "c": c}

    def per_sample(self, _p: Named, x: Input, u: Array, /) -> dict[str, Array]:
        W, c = outer.per_sample(*_as_sequences(x, u))
        return {"W": W, "c": c}

    def gram(self, _p: Named, x: Input, u: Array, /) -> Array:
        return outer.gram(*_as_sequences(x, u))

    def backward_jvp(
        self, p: Named, _x: Input, u: Array, dp: Named, _dx: Input | None, du: Array, /
    ) -> Array:
        return _along_last(du, p["W"].T) + _along_last(u, dp["W"].T)

    def gradient_jvp(
        self, p: Named, x: Input, u: Array, _dp: Named, dx: Input | None, du: Array, /
    ) -> dict[str, Array]:
        tangent = self.gradient(p, x, du)
        if dx is not None:
            tangent["W"] = tangent["W"] + self.gradient(p, dx, u)["W"]
        return tangent


def _along_last(x: Array, M: Array) -> Array:
    """x @ M as one matrix product, however many axes x has."""
    xp = namespace(x, M)
    rows = xp.reshape(x, (-1, x.shape[-1]))
    return xp.reshape(rows @ M, (*x.shape[:-1], M.shape[1]))


def _as_sequences(x: Array, u: Array) -> tuple[Array, Array]:
    """x as (b, T, inputs) and its cotangents as (..., b, T, outputs); T = 1 for vectors."""
    xp = namespace(x, u)
    b, T = x.shape[0], math.prod(x.shape[1:-1])
    lead = u.shape[: u.ndim - x.ndim]
    return xp.reshape(x, (b, T, x.shape[-1])), xp.reshape(u, (*lead, b, T, u.shape[-1]))
