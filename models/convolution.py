"""Convolutions of sequences and images: one weight matrix for every window."""

import math
from dataclasses import KW_ONLY, dataclass, field, fields
from functools import cached_property
from typing import ClassVar, Literal, TypeAlias, final

import numpy as np

from models.checks import positive_integer
from models.composite import added, size_of
from models.dense import along_last
from models.layer import Named, Shape
from models.leaf import OuterLeaf
from models.outer import Outer
from models.setting import EVALUATION, Setting
from models.windows import PerAxis, Windows, per_axis
from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import Streams

Padding: TypeAlias = PerAxis | Literal["same", "valid"]

Seen: TypeAlias = tuple[Array, Shape]
"""What a convolution saves: patches, and the shape of a sample. Its tangent is that of patches."""


@dataclass(frozen=True, repr=False)
class Convolution(OuterLeaf):
    """y_i = c + sum_j x_(i stride + j dilation - padding) W_j, at every position i.

    W is (*kernel, inputs / groups, outputs). With groups, the channels of x and y are split in as
    many parts, and each part of y sees its own part of x. Forward saves patches: the n = entries of
    the kernel times inputs / groups numbers that each window sees.

    Starts from c = 0 and W ~ N(0, gain² / n), as `Dense` does.
    """

    axes: ClassVar[int]
    """How many axes a sample has in front of its channels."""

    inputs: int
    outputs: int
    kernel: PerAxis
    _: KW_ONLY
    stride: PerAxis = 1
    padding: Padding = 0
    dilation: PerAxis = 1
    groups: int = 1
    bias: bool = True
    gain: float = field(default=1.0, repr=False)

    windows: Windows = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs", "groups"):
            positive_integer(name, getattr(self, name))
        if self.inputs % self.groups or self.outputs % self.groups:
            raise InvalidInput(
                f"groups = {self.groups} must divide inputs = {self.inputs} and "
                f"outputs = {self.outputs}."
            )
        if not 0 < self.gain < math.inf:
            raise InvalidInput(
                f"gain = {self.gain!r} cannot scale initial weights; pass a positive number."
            )
        kernel, stride, dilation = (
            per_axis(name, getattr(self, name), self.axes, least=1)
            for name in ("kernel", "stride", "dilation")
        )
        ends = self._ends(kernel, stride, dilation)
        object.__setattr__(self, "windows", Windows(kernel, stride, dilation, ends))

    @cached_property
    def matrix(self) -> Shape:
        """(groups, n, outputs / groups): the shape of W as one matrix for each group."""
        n = math.prod(self.windows.size) * self.inputs // self.groups
        return self.groups, n, self.outputs // self.groups

    def __repr__(self) -> str:
        """Without what is as it is by default."""
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.repr}
        defaults = {f.name: f.default for f in fields(self)}
        said = (f"{name}={value!r}" for name, value in shown.items() if value != defaults[name])
        return f"{type(self).__name__}({', '.join(said)})"

    def shapes(self) -> dict[str, Shape]:
        W: dict[str, Shape] = {
            "W": (*self.windows.size, self.inputs // self.groups, self.outputs),
        }
        return W | {"c": (self.outputs,)} if self.bias else W

    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        W = streams.stream("W").standard_normal(self.shapes()["W"])
        W *= self.gain / math.sqrt(self.matrix[1])
        return {"W": W, "c": np.zeros(self.outputs)} if self.bias else {"W": W}

    def output_shape(self, shape: Shape, /) -> Shape:
        if shape[-1:] != (self.inputs,):
            raise ShapeMismatch(
                f"{self!r} takes samples whose last axis, the channels, has length {self.inputs}, "
                f"but got samples of shape {shape}. Move the channels last or change the layer."
            )
        return (*self.windows.positions(shape), self.outputs)

    def workspace(self, shape: Shape, /) -> int:
        y = self.output_shape(shape)
        part = math.prod(y[:-1]) * self.inputs
        copies = 2 if self.groups > 1 else 1
        # NumPy adds to a strided view through buffers of up to three times what is added.
        return copies * (size_of(y) + part) + 3 * part + self.windows.padded_size(shape)

    def forward(self, p: Named, x: Array, _setting: Setting = EVALUATION, /) -> tuple[Array, Seen]:
        shape = tuple(x.shape[1:])
        patches = self.windows.patches(x, self.groups)
        y = self._multiplied(patches, p["W"], shape)
        if self.bias:
            y += p["c"]
        return y, (patches, shape)

    def jvp(
        self, p: Named, saved: Seen, dx: Array | None, dp: Named, /
    ) -> tuple[Array, Array | None]:
        patches, shape = saved
        dpatches = None if dx is None else self.windows.patches(dx, self.groups)
        dy = None if dpatches is None else self._multiplied(dpatches, p["W"], shape)
        if dp:
            dy = added(dy, self._multiplied(patches, dp["W"], shape))
            if self.bias:
                dy += dp["c"]
        return dy, dpatches

    def backward(self, p: Named, saved: Seen, u: Array, /) -> Array:
        # One small product for each entry of the kernel is as fast as one large one for all, which
        # would take as much room as patches do, for every cotangent.
        xp = namespace(u)
        groups, n, outputs = self.matrix
        entries = math.prod(self.windows.size)
        Ws = xp.reshape(self._matrices(p["W"]), (groups, entries, n // entries, outputs))
        us = self._by_group(u)

        def part(j: int) -> Array:
            back = _swapped(_grouped(us, xp.matrix_transpose(Ws[:, j, ...])))
            return xp.reshape(back, (*u.shape[:-1], self.inputs))

        return self.windows.scattered(part, (*u.shape[: -self.axes - 1], *saved[1]), u)

    def backward_jvp(
        self, p: Named, saved: Seen, u: Array, dp: Named, _dpatches: Array | None, du: Array, /
    ) -> Array:
        moved = self.backward(p, saved, du)
        return moved + self.backward(dp, saved, u) if dp else moved

    def outers(self, _p: Named, saved: Seen, u: Array, /) -> list[Outer]:
        es = self._by_group(u)
        return [Outer(saved[0][:, j, ...], es[..., j, :, :], self.bias) for j in range(self.groups)]

    def outers_jvp(
        self, _p: Named, _saved: Seen, _u: Array, _dp: Named, dpatches: Array | None, du: Array, /
    ) -> list[tuple[Array | None, Array]]:
        des = self._by_group(du)
        return [
            (None if dpatches is None else dpatches[:, j, ...], des[..., j, :, :])
            for j in range(self.groups)
        ]

    def assembled(self, parts: list[tuple[Array, Array]], /) -> dict[str, Array]:
        W, c = (_side_by_side(list(halves)) for halves in zip(*parts, strict=True))
        W = namespace(W).reshape(W, (*W.shape[:-2], *self.shapes()["W"]))
        return {"W": W, "c": c} if self.bias else {"W": W}

    def _multiplied(self, patches: Array, W: Array, shape: Shape) -> Array:
        """W applied at every position of samples of this shape."""
        xp = namespace(patches)
        y = _swapped(_grouped(patches, self._matrices(W)))
        return xp.reshape(y, (y.shape[0], *self.windows.positions(shape), self.outputs))

    def _matrices(self, W: Array) -> Array:
        """W as (groups, n, outputs / groups)."""
        xp = namespace(W)
        groups, n, outputs = self.matrix
        return xp.permute_dims(xp.reshape(W, (n, groups, outputs)), (1, 0, 2))

    def _by_group(self, u: Array) -> Array:
        """u (..., *positions, outputs) as (..., groups, T, outputs / groups)."""
        lead = u.shape[: -self.axes - 1]
        T = math.prod(u.shape[-self.axes - 1 : -1])
        shape = (*lead, T, self.groups, self.outputs // self.groups)
        return _swapped(namespace(u).reshape(u, shape))

    def _ends(self, kernel: Shape, stride: Shape, dilation: Shape) -> tuple[tuple[int, int], ...]:
        """Padding before and behind, along each axis."""
        if self.padding == "same":
            if max(stride) > 1:
                raise InvalidInput(
                    f'padding = "same" keeps the length, but stride = {stride} shortens it. Give '
                    "the padding as a number."
                )
            reach = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
            return tuple((n // 2, n - n // 2) for n in reach)
        if isinstance(self.padding, str) and self.padding != "valid":
            raise InvalidInput(f'padding = {self.padding!r} must be numbers, "same" or "valid".')
        pads = 0 if self.padding == "valid" else self.padding
        return tuple((n, n) for n in per_axis("padding", pads, self.axes, least=0))


@final
@dataclass(frozen=True, repr=False)
class Conv1D(Convolution):
    """The convolution of sequences (b, T, inputs): see `Convolution`.

    A mask changes nothing: positions that are padding are convolved as they are.

    Args:
        inputs, outputs: channels, the last axis.
        kernel: entries that a window has; W is (kernel, inputs / groups, outputs).
        stride: distance between windows.
        padding: zeros on each side; "valid" for none, or "same" for as many as keep the length, the
            odd one behind.
        dilation: distance between the entries of a window.
        groups: parts in which the channels are split.
        bias: is there a c?
        gain: of the initial weights; 2^(1/2) before a ReLU.

    Raises:
        InvalidInput: a number is out of range, `groups` does not divide the channels, or the
            padding is "same" with a stride.
    """

    axes: ClassVar[int] = 1


@final
@dataclass(frozen=True, repr=False)
class Conv2D(Convolution):
    """The convolution of images (b, H, W, inputs): see `Convolution`.

    Arguments are those of `Conv1D`, one integer for both axes or a tuple of two; W is
    (height, width, inputs / groups, outputs).
    """

    axes: ClassVar[int] = 2


def _grouped(x: Array, W: Array) -> Array:
    """x (..., groups, T, n) times W (groups, n, m)."""
    return along_last(x, W[0, ...]) if W.shape[0] == 1 else x @ W


def _swapped(a: Array) -> Array:
    """(..., groups, T, n) as (..., T, groups, n), or back."""
    last = a.ndim - 1
    return namespace(a).permute_dims(a, (*range(last - 2), last - 1, last - 2, last))


def _side_by_side(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else namespace(parts[0]).concat(parts, axis=-1)
