"""Pooling of sequences and images: the largest entry of every window, or their mean."""

import math
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import ClassVar, TypeAlias, final

from models.composite import size_of
from models.layer import Named, Shape
from models.leaf import Parameterless
from models.setting import EVALUATION, Setting
from models.windows import PerAxis, Windows, per_axis
from thermolinalg.backend import Array, namespace, zeros
from thermolinalg.errors import InvalidInput

Chosen: TypeAlias = tuple[Array, Shape]
"""What pooling by the largest saves: which entry of each window that is, and the sample's shape."""


@dataclass(frozen=True)
class Pool(Parameterless):
    """Each channel over windows that slide along the axes in front of the channels.

    `stride` is the window where nothing else is said; `padding` is on each side.
    """

    axes: ClassVar[int]
    """How many axes a sample has in front of its channels."""

    window: PerAxis
    stride: PerAxis | None = None
    padding: PerAxis = 0

    windows: Windows = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = per_axis("window", self.window, self.axes, least=1)
        stride = size if self.stride is None else self.stride
        stride = per_axis("stride", stride, self.axes, least=1)
        padding = per_axis("padding", self.padding, self.axes, least=0)
        if any(2 * n > k for n, k in zip(padding, size, strict=True)):
            raise InvalidInput(
                f"padding = {self.padding} must be at most half of window = {self.window}, or some "
                "windows see padding alone."
            )
        ends = tuple((n, n) for n in padding)
        object.__setattr__(self, "windows", Windows(size, stride, (1,) * self.axes, ends))

    def output_shape(self, shape: Shape, /) -> Shape:
        return (*self.windows.positions(shape), shape[-1])

    def workspace(self, shape: Shape, /) -> int:
        return 4 * size_of(self.output_shape(shape)) + 3 * self.windows.padded_size(shape)


@dataclass(frozen=True)
class MaxPool(Pool):
    """The largest entry; of equal ones the first, which alone gets the cotangent."""

    def forward(
        self, _p: Named, x: Array, _setting: Setting = EVALUATION, /
    ) -> tuple[Array, Chosen]:
        xp = namespace(x)
        entries = self.windows.slices(self.windows.padded(x, -math.inf))
        y, *others = (xp.asarray(entry, copy=True) for entry in entries)  # gaps are slow to cross
        number = xp.int8 if len(others) < 2**7 else xp.int32  # fewer bytes are sooner done
        which = xp.zeros_like(y, dtype=number)
        for j, entry in enumerate(others, 1):
            # Maxima and products are several times as fast as a choice by `where`.
            which = xp.maximum(which, xp.astype(entry > y, number) * j)
            y = xp.maximum(y, entry)
        return y, (which, tuple(x.shape[1:]))

    def jvp(
        self, _p: Named, saved: Chosen, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, None]:
        if dx is None:
            return None, None
        which, _ = saved
        dy = zeros(which.shape, dx)
        for j, entry in enumerate(self.windows.slices(self.windows.padded(dx))):
            dy += entry * namespace(dx).astype(which == j, dx.dtype)
        return dy, None

    def backward(self, _p: Named, saved: Chosen, u: Array, /) -> Array:
        xp, (which, shape) = namespace(u), saved
        shape = (*u.shape[: -self.axes - 1], *shape)
        return self.windows.scattered(lambda j: u * xp.astype(which == j, u.dtype), shape, u)

    def backward_jvp(
        self, p: Named, saved: Chosen, _u: Array, _dp: Named, _dsaved: None, du: Array, /
    ) -> Array:
        return self.backward(p, saved, du)


@dataclass(frozen=True)
class AveragePool(Pool):
    """The mean of the entries, zeros of the padding among them."""

    def forward(
        self, _p: Named, x: Array, _setting: Setting = EVALUATION, /
    ) -> tuple[Array, Shape]:
        return self._mean(x), tuple(x.shape[1:])

    def jvp(
        self, _p: Named, _shape: Shape, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, None]:
        return (None if dx is None else self._mean(dx)), None

    def backward(self, _p: Named, shape: Shape, u: Array, /) -> Array:
        part = u / len(self.windows.offsets)
        return self.windows.scattered(lambda _: part, (*u.shape[: -self.axes - 1], *shape), u)

    def backward_jvp(
        self, p: Named, shape: Shape, _u: Array, _dp: Named, _dsaved: None, du: Array, /
    ) -> Array:
        return self.backward(p, shape, du)

    def _mean(self, x: Array) -> Array:
        entries = self.windows.slices(self.windows.padded(x))
        return reduce(add, entries) / len(entries)


@final
@dataclass(frozen=True)
class MaxPool1D(MaxPool):
    """The largest entry of each window of sequences (b, T, channels); of equal ones the first.

    Args:
        window: entries that a window has.
        stride: distance between windows; the window by default, so that none overlap.
        padding: entries on each side that are never the largest, at most half a window.

    Raises:
        InvalidInput: a number is out of range.
    """

    axes: ClassVar[int] = 1


@final
@dataclass(frozen=True)
class MaxPool2D(MaxPool):
    """The largest entry of each window of images (b, H, W, channels); of equal ones the first.

    Arguments are those of `MaxPool1D`, one integer for both axes or a tuple of two.
    """

    axes: ClassVar[int] = 2


@final
@dataclass(frozen=True)
class AveragePool1D(AveragePool):
    """The mean of each window of sequences (b, T, channels).

    Args:
        window: entries that a window has.
        stride: distance between windows; the window by default, so that none overlap.
        padding: zeros on each side, which count; at most half a window.

    Raises:
        InvalidInput: a number is out of range.
    """

    axes: ClassVar[int] = 1


@final
@dataclass(frozen=True)
class AveragePool2D(AveragePool):
    """The mean of each window of images (b, H, W, channels).

    Arguments are those of `AveragePool1D`, one integer for both axes or a tuple of two.
    """

    axes: ClassVar[int] = 2
