"""The numbers of a sample in another shape."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TypeAlias, final

from models.checks import positive_integer
from models.composite import size_of
from models.layer import Named, Shape
from models.leaf import Parameterless
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import ShapeMismatch

Shapes: TypeAlias = tuple[Shape, Shape]
"""What a reshaping saves: the shapes of one sample of x and of y."""


class Reshaping(Parameterless):
    """y holds the numbers of x in their order. A subclass says in which shape."""

    @abstractmethod
    def output_shape(self, shape: Shape, /) -> Shape: ...

    def workspace(self, shape: Shape, /) -> int:
        return 2 * size_of(shape)

    def forward(
        self, _p: Named, x: Array, _setting: Setting = EVALUATION, /
    ) -> tuple[Array, Shapes]:
        shapes = tuple(x.shape[1:]), self.output_shape(tuple(x.shape[1:]))
        return _reshaped(x, shapes[0], shapes[1]), shapes

    def jvp(
        self, _p: Named, shapes: Shapes, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, None]:
        return None if dx is None else _reshaped(dx, shapes[0], shapes[1]), None

    def backward(self, _p: Named, shapes: Shapes, u: Array, /) -> Array:
        return _reshaped(u, shapes[1], shapes[0])

    def backward_jvp(
        self, p: Named, shapes: Shapes, _u: Array, _dp: Named, _dx: None, du: Array, /
    ) -> Array:
        return self.backward(p, shapes, du)


@final
@dataclass(frozen=True)
class Reshape(Reshaping):
    """Samples of this shape: Reshape((28, 28, 1)) makes images of vectors of 784 numbers.

    Raises:
        InvalidInput: `shape` has an entry that is not a positive integer.
    """

    shape: Shape

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        for i, length in enumerate(self.shape):
            positive_integer(f"shape[{i}]", length)

    def output_shape(self, shape: Shape, /) -> Shape:
        if math.prod(shape) != math.prod(self.shape):
            raise ShapeMismatch(
                f"{self!r} takes samples of {math.prod(self.shape)} numbers, but got samples of "
                f"shape {shape}, which have {math.prod(shape)}. Change one of the shapes."
            )
        old, new = (tuple(n for n in axes if n != 1) for axes in (shape, self.shape))
        if len(shape) == len(self.shape) and old != new and sorted(old) == sorted(new):
            raise ShapeMismatch(
                f"{self!r} got samples of shape {shape}, the same axes in another order, and would "
                "mix them up. Transpose them: np.moveaxis(x, 1, -1) moves channels last."
            )
        return self.shape


@final
@dataclass(frozen=True)
class Flatten(Reshaping):
    """Samples as vectors: what stands between convolutions and `Dense` layers."""

    def output_shape(self, shape: Shape, /) -> Shape:
        return (math.prod(shape),)


def _reshaped(a: Array, old: Shape, new: Shape) -> Array:
    """Samples of shape `old` in shape `new`; axes in front are kept."""
    return namespace(a).reshape(a, (*a.shape[: a.ndim - len(old)], *new))
