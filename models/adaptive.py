"""Pooling to as many positions as one asks for, whatever the size of the image."""

from dataclasses import dataclass, field
from typing import ClassVar, final

from models.composite import size_of
from models.layer import Named, Shape
from models.leaf import Parameterless
from models.setting import EVALUATION, Setting
from models.windows import PerAxis, per_axis
from thermolinalg.backend import Array, namespace, zeros
from thermolinalg.errors import ShapeMismatch


@dataclass(frozen=True)
class AdaptiveAveragePool(Parameterless):
    """Each channel averaged over bins, n along an axis of L entries.

    Bin i holds the entries from floor(i L / n) up to, but without, ceil((i + 1) L / n), so bins
    share one where n does not divide L. PyTorch has the same.
    """

    axes: ClassVar[int]
    """How many axes a sample has in front of its channels."""

    outputs: PerAxis
    bins: Shape = field(init=False, repr=False)

    def __post_init__(self) -> None:
        bins = per_axis("outputs", self.outputs, self.axes, least=1)
        object.__setattr__(self, "bins", bins)

    def output_shape(self, shape: Shape, /) -> Shape:
        if len(shape) != self.axes + 1:
            raise ShapeMismatch(
                f"{self!r} takes samples of {self.axes + 1} axes, the last for the channels, but "
                f"got samples of shape {shape}. Reshape them first."
            )
        return (*self.bins, shape[-1])

    def workspace(self, shape: Shape, /) -> int:
        steps = [size_of((*shape[:k], *self.bins[k:], shape[-1])) for k in range(self.axes + 1)]
        # NumPy adds to a strided view through buffers of up to three times what is added.
        return sum(steps) + 3 * max(steps)

    def forward(
        self, _p: Named, x: Array, _setting: Setting = EVALUATION, /
    ) -> tuple[Array, Shape]:
        return self._averaged(x), tuple(x.shape[1:])

    def jvp(
        self, _p: Named, _shape: Shape, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, None]:
        return (None if dx is None else self._averaged(dx)), None

    def backward(self, _p: Named, shape: Shape, u: Array, /) -> Array:
        for axis, (length, n) in enumerate(zip(shape, self.bins, strict=False)):
            u = self._spread(u, axis - self.axes - 1, length, n)
        return u

    def backward_jvp(
        self, p: Named, shape: Shape, _u: Array, _dp: Named, _dsaved: None, du: Array, /
    ) -> Array:
        return self.backward(p, shape, du)

    def _averaged(self, x: Array) -> Array:
        xp = namespace(x)
        for axis, n in zip(range(-self.axes - 1, -1), self.bins, strict=True):
            parts = [x[_along(axis, part)] for part in bins(x.shape[axis], n)]
            x = xp.concat([xp.mean(part, axis=axis, keepdims=True) for part in parts], axis=axis)
        return x

    def _spread(self, u: Array, axis: int, length: int, n: int) -> Array:
        shape = list(u.shape)
        shape[axis] = length
        x = zeros(tuple(shape), u)
        for i, part in enumerate(bins(length, n)):
            x[_along(axis, part)] += u[_along(axis, slice(i, i + 1))] / (part.stop - part.start)
        return x


@final
@dataclass(frozen=True)
class AdaptiveAveragePool1D(AdaptiveAveragePool):
    """The means of so many bins of sequences (b, T, channels): (b, outputs, channels).

    `AdaptiveAveragePool1D(1)` is the mean of all positions.
    """

    axes: ClassVar[int] = 1


@final
@dataclass(frozen=True)
class AdaptiveAveragePool2D(AdaptiveAveragePool):
    """The means of so many bins of images (b, H, W, channels): (b, *outputs, channels).

    `outputs` is one integer for both axes or a tuple of two; `AdaptiveAveragePool2D(1)` is the mean
    of each channel.
    """

    axes: ClassVar[int] = 2


def bins(length: int, n: int) -> list[slice]:
    """n bins over as many entries."""
    return [slice(i * length // n, -(-(i + 1) * length // n)) for i in range(n)]


def _along(axis: int, part: slice) -> tuple[object, ...]:
    """The index of a part along an axis counted from the last."""
    return (..., part, *(slice(None),) * (-axis - 1))
