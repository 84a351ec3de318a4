"""Windows that slide along the axes of a sequence or an image: what convolution and pooling share.

Samples are (*lengths, channels). Along each axis the window at position i covers the entries
i stride + j dilation - low for j < size, where those outside are padding.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, TypeAlias, final

import numpy as np

from models.layer import Shape
from thermolinalg.backend import Array, namespace, window_view, zeros
from thermolinalg.errors import InvalidInput, ShapeMismatch

PerAxis: TypeAlias = int | tuple[int, ...]
"""One integer for all axes, or one for each."""


@final
@dataclass(frozen=True)
class Windows:
    """Windows of one size at regular distances; every field has an entry for each axis."""

    size: Shape
    stride: Shape
    dilation: Shape
    padding: tuple[tuple[int, int], ...]
    """Entries before the first (low) and behind the last."""

    @property
    def axes(self) -> int:
        return len(self.size)

    @cached_property
    def offsets(self) -> list[Shape]:
        """Where the entries of a window lie, seen from its first one."""
        steps = zip(self.size, self.dilation, strict=True)
        return list(product(*(range(0, k * d, d) for k, d in steps)))

    def positions(self, shape: Shape) -> Shape:
        """How many there are along each axis of a sample of this shape.

        Raises:
            ShapeMismatch: a sample has other axes, or is smaller than one window.
        """
        if len(shape) != self.axes + 1:
            raise ShapeMismatch(
                f"a window {self.size} slides over samples of {self.axes + 1} axes, the last for "
                f"the channels, but got samples of shape {shape}. Reshape them first."
            )
        reach = [(k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True)]
        spare = [n - r for n, r in zip(self._padded_lengths(shape), reach, strict=True)]
        if min(spare) < 0:
            raise ShapeMismatch(
                f"windows that reach over {tuple(reach)} entries do not fit into samples of shape "
                f"{shape} with padding {self.padding}. Pad more, or take a smaller window."
            )
        return tuple(n // s + 1 for n, s in zip(spare, self.stride, strict=True))

    def padded_size(self, shape: Shape) -> int:
        """Numbers in a sample of this shape with its padding."""
        return math.prod(self._padded_lengths(shape)) * shape[-1]

    def padded(self, x: Array, value: float = 0.0) -> Array:
        """The samples x (b, *lengths, channels) with padding; x itself where there is none."""
        if not any(map(any, self.padding)):
            return x
        shape = (*x.shape[: -self.axes - 1], *self._padded_lengths(x.shape), x.shape[-1])
        larger = zeros(shape, x)
        if value:
            larger += value
        larger[self._inner(shape)] = x
        return larger

    def slices(self, padded: Array) -> list[Array]:
        """One entry of every window at a time, (..., *positions, channels): views."""
        return [padded[index] for index in self._indices(padded.shape)]

    def patches(self, x: Array, groups: int = 1) -> Array:
        """What the windows see of x (b, *lengths, channels): (b, groups, positions, n).

        A group is as many consecutive channels as any other; n is entries times channels of one.
        What has one channel is copied along its positions, which lie side by side for longer.
        """
        xp, padded = namespace(x), self.padded(x)
        b, channels = x.shape[0], x.shape[-1] // groups
        split = xp.reshape(padded, (*padded.shape[:-1], groups, channels))
        seen = window_view(split, self.size, self.stride, self.dilation)
        if seen is None:
            parts = [split[(*index, slice(None))] for index in self._indices(padded.shape)]
            seen = xp.stack(parts, axis=-2)
        # (b, *positions, groups, *entries, channels), the entries along one axis or several
        k, n = self.axes + 1, len(self.offsets) * channels
        places, entries = tuple(range(1, k)), tuple(range(k + 1, seen.ndim))
        if x.shape[-1] == 1:
            found = xp.reshape(xp.permute_dims(seen, (*entries, 0, k, *places)), (n, b, 1, -1))
            return xp.permute_dims(found, (1, 2, 3, 0))
        return xp.reshape(xp.permute_dims(seen, (0, k, *places, *entries)), (b, groups, -1, n))

    def scattered(self, part: Callable[[int], Array], shape: Shape, like: Array) -> Array:
        """The adjoint of `slices(padded(x))`: each part added where its entries came from.

        Args:
            part: (..., *positions, channels) for entry j of the windows; one is there at a time.
            shape: of x.
            like: an array that sets library and dtype.
        """
        larger = zeros((*shape[: -self.axes - 1], *self._padded_lengths(shape), shape[-1]), like)
        for j, index in enumerate(self._indices(larger.shape)):
            if self.apart:
                larger[index] = part(j)  # takes half the time of a sum
            else:
                larger[index] += part(j)
        return larger[self._inner(larger.shape)]

    @property
    def apart(self) -> bool:
        """Does no entry lie in two windows?"""
        return set(self.dilation) == {1} and all(
            s >= k for s, k in zip(self.stride, self.size, strict=True)
        )

    def _padded_lengths(self, shape: Shape) -> Shape:
        lengths = shape[-self.axes - 1 : -1]
        return tuple(n + sum(pad) for n, pad in zip(lengths, self.padding, strict=True))

    def _inner(self, padded: Shape) -> tuple[Any, ...]:
        lengths = padded[-self.axes - 1 : -1]
        inner = (slice(low, n - high) for n, (low, high) in zip(lengths, self.padding, strict=True))
        return (..., *inner, slice(None))

    def _indices(self, padded: Shape) -> list[tuple[Any, ...]]:
        lengths = padded[-self.axes - 1 : -1]
        last = self.offsets[-1]
        indices = []
        for offset in self.offsets:
            axes = zip(offset, lengths, last, self.stride, strict=True)
            indices.append((..., *(slice(o, n - z + o, s) for o, n, z, s in axes), slice(None)))
        return indices


def per_axis(name: str, value: Any, axes: int, *, least: int) -> Shape:
    """One integer for each axis.

    Raises:
        InvalidInput: `value` is neither an integer nor a tuple of as many, or one is too small.
    """
    several = value if isinstance(value, tuple | list) else (value,) * axes
    integral = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in several)
    if len(several) != axes or not integral or min(several) < least:
        kind = "an integer" if axes == 1 else f"an integer or a tuple of {axes}"
        raise InvalidInput(f"{name} = {value!r} must be {kind}, of at least {least}.")
    return tuple(map(int, several))
