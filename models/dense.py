"""The fully connected layer."""

import math
from dataclasses import dataclass, field
from typing import TypeAlias, final

import numpy as np

from models.checks import positive_integer
from models.composite import added, size_of
from models.layer import Named, Shape
from models.leaf import OuterLeaf
from models.outer import Outer
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import Streams

Input: TypeAlias = Array
"""What `Dense` saves: its input x, or the tangent of it."""


@final
@dataclass(frozen=True)
class Dense(OuterLeaf):
    """y = x W + c, for vectors x or at every position of a sequence of them, (b, ..., inputs).

    Starts from c = 0 and W_ij ~ N(0, gain² / inputs), which carries the variance of x through the
    layer (LeCun); gain = 2^(1/2) makes up for the half that a rectifier drops next (He).
    """

    inputs: int
    outputs: int
    bias: bool = True
    gain: float = field(default=1.0, repr=False)

    def __post_init__(self) -> None:
        positive_integer("inputs", self.inputs)
        positive_integer("outputs", self.outputs)
        if not 0 < self.gain < math.inf:
            raise InvalidInput(
                f"gain = {self.gain!r} cannot scale initial weights; pass a positive number."
            )

    def shapes(self) -> dict[str, Shape]:
        W: dict[str, Shape] = {"W": (self.inputs, self.outputs)}
        return W | {"c": (self.outputs,)} if self.bias else W

    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        W = streams.stream("W").standard_normal((self.inputs, self.outputs))
        W *= self.gain / math.sqrt(self.inputs)
        return {"W": W, "c": np.zeros(self.outputs)} if self.bias else {"W": W}

    def output_shape(self, shape: Shape, /) -> Shape:
        if not shape or shape[-1] != self.inputs:
            raise ShapeMismatch(
                f"{self!r} takes samples whose last axis has length {self.inputs}, but got samples "
                f"of shape {shape}. Reshape the input or change the layer."
            )
        return (*shape[:-1], self.outputs)

    def workspace(self, shape: Shape, /) -> int:
        return size_of(shape) + size_of(self.output_shape(shape))

    def forward(self, p: Named, x: Array, _setting: Setting = EVALUATION, /) -> tuple[Array, Input]:
        y = along_last(x, p["W"])
        if self.bias:
            y += p["c"]
        return y, x

    def jvp(self, p: Named, x: Input, dx: Array | None, dp: Named, /) -> tuple[Array, Input | None]:
        dy = None if dx is None else along_last(dx, p["W"])
        if dp:
            dy = added(dy, along_last(x, dp["W"]))
            if self.bias:
                dy += dp["c"]
        return dy, dx

    def backward(self, p: Named, _x: Input, u: Array, /) -> Array:
        return along_last(u, p["W"].T)

    def backward_jvp(
        self, p: Named, _x: Input, u: Array, dp: Named, _dx: Input | None, du: Array, /
    ) -> Array:
        moved = along_last(du, p["W"].T)
        return moved + along_last(u, dp["W"].T) if dp else moved

    def outers(self, _p: Named, x: Input, u: Array, /) -> list[Outer]:
        return [Outer(as_sequences(x, x.ndim), as_sequences(u, x.ndim), self.bias)]

    def outers_jvp(
        self, _p: Named, _x: Input, u: Array, _dp: Named, dx: Input | None, du: Array, /
    ) -> list[tuple[Array | None, Array]]:
        ndim = u.ndim if dx is None else dx.ndim
        return [(None if dx is None else as_sequences(dx, ndim), as_sequences(du, ndim))]

    def assembled(self, parts: list[tuple[Array, Array]], /) -> dict[str, Array]:
        [(W, c)] = parts
        return {"W": W, "c": c} if self.bias else {"W": W}


def along_last(x: Array, M: Array) -> Array:
    """x @ M as one matrix product, however many axes x has."""
    xp = namespace(x, M)
    rows = xp.reshape(x, (-1, x.shape[-1]))
    return xp.reshape(rows @ M, (*x.shape[:-1], M.shape[1]))


def as_sequences(a: Array, ndim: int) -> Array:
    """Positions of every sample as one axis, (..., b, T, n): T = 1 for vectors.

    Args:
        a: (..., b, *positions, n), with axes for many cotangents in front.
        ndim: how many axes there are without those in front.
    """
    lead = a.shape[: a.ndim - ndim]
    b, *positions, n = a.shape[a.ndim - ndim :]
    return namespace(a).reshape(a, (*lead, b, math.prod(positions), n))
