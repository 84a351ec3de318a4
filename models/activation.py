"""Functions applied to every entry alone: ReLU, tanh and their like (`models.gelu` for GELU)."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeAlias, final

from models.composite import size_of
from models.layer import Named, Shape
from models.leaf import Parameterless
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, in_pieces, namespace, zeros
from thermolinalg.errors import InvalidInput

Point: TypeAlias = tuple[Array, Array]
"""What an activation saves: x and f'(x). The tangent is that of x alone."""


class Elementwise(Parameterless):
    """y = f(x), entry by entry. A subclass is f with its first two derivatives."""

    gain: ClassVar[float]
    """What the layer before multiplies its initial weights by, so that signals keep their size."""

    @abstractmethod
    def value_and_slope(self, x: Array, /) -> tuple[Array, Array]:
        """f(x) and f'(x)."""

    @abstractmethod
    def curvature(self, x: Array, /) -> Array:
        """f''(x)."""

    def output_shape(self, shape: Shape, /) -> Shape:
        return shape

    def workspace(self, shape: Shape, /) -> int:
        return 2 * size_of(shape)

    def forward(
        self, _p: Named, x: Array, _setting: Setting = EVALUATION, /
    ) -> tuple[Array, Point]:
        y, slope = in_pieces(self.value_and_slope, x)
        return y, (x, slope)

    def jvp(
        self, _p: Named, saved: Point, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, Array | None]:
        _, slope = saved
        return None if dx is None else slope * dx, dx

    def backward(self, _p: Named, saved: Point, u: Array, /) -> Array:
        _, slope = saved
        return u * slope

    def backward_jvp(
        self, _p: Named, saved: Point, u: Array, _dp: Named, dx: Array | None, du: Array, /
    ) -> Array:
        x, slope = saved
        if dx is None:
            return du * slope
        (curvature,) = in_pieces(lambda part: (self.curvature(part),), x)
        return du * slope + u * (curvature * dx)


@final
@dataclass(frozen=True)
class ReLU(Elementwise):
    """max(x, 0), with slope 0 at the kink."""

    gain: ClassVar[float] = math.sqrt(2.0)

    def value_and_slope(self, x: Array, /) -> tuple[Array, Array]:
        xp = namespace(x)
        return xp.maximum(x, zeros((), x)), xp.astype(x > 0, x.dtype)

    def curvature(self, x: Array, /) -> Array:
        return namespace(x).zeros_like(x)


@final
@dataclass(frozen=True)
class LeakyReLU(Elementwise):
    """x where it is positive, and slope x elsewhere, with that slope at the kink.

    Raises:
        InvalidInput: `slope` is not at least 0 and below 1.
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.slope < 1:
            raise InvalidInput(f"slope = {self.slope!r} must be at least 0 and below 1.")

    @property
    def gain(self) -> float:  # type: ignore[override]
        return math.sqrt(2.0 / (1.0 + self.slope**2))

    def value_and_slope(self, x: Array, /) -> tuple[Array, Array]:
        below = float(self.slope)
        slope = namespace(x).astype(x > 0, x.dtype) * (1.0 - below) + below
        return x * slope, slope

    def curvature(self, x: Array, /) -> Array:
        return namespace(x).zeros_like(x)


@final
@dataclass(frozen=True)
class Tanh(Elementwise):
    """The hyperbolic tangent."""

    gain: ClassVar[float] = 1.0

    def value_and_slope(self, x: Array, /) -> tuple[Array, Array]:
        y = namespace(x).tanh(x)
        return y, 1.0 - y * y

    def curvature(self, x: Array, /) -> Array:
        y = namespace(x).tanh(x)
        return -2.0 * y * (1.0 - y * y)


@final
@dataclass(frozen=True)
class Sigmoid(Elementwise):
    """σ(x) = 1 / (1 + exp(-x)), the logistic function."""

    gain: ClassVar[float] = 1.0

    def value_and_slope(self, x: Array, /) -> tuple[Array, Array]:
        y, below = logistic(x)
        return y, y * below

    def curvature(self, x: Array, /) -> Array:
        y, below = logistic(x)
        return y * below * (below - y)


@final
@dataclass(frozen=True)
class SiLU(Elementwise):
    """x σ(x), also called swish (Hendrycks and Gimpel 2016)."""

    gain: ClassVar[float] = math.sqrt(2.0)

    def value_and_slope(self, x: Array, /) -> tuple[Array, Array]:
        y, below = logistic(x)
        return x * y, y * (1.0 + x * below)

    def curvature(self, x: Array, /) -> Array:
        y, below = logistic(x)
        return y * below * (2.0 + x * (below - y))


@final
@dataclass(frozen=True)
class Softplus(Elementwise):
    """log(1 + exp(x)), a smooth rectifier, as max(x, 0) + log(1 + exp(-|x|))."""

    gain: ClassVar[float] = 1.0

    def value_and_slope(self, x: Array, /) -> tuple[Array, Array]:
        xp = namespace(x)
        y, _ = logistic(x)
        return xp.maximum(x, zeros((), x)) + xp.log1p(xp.exp(xp.minimum(x, -x))), y

    def curvature(self, x: Array, /) -> Array:
        y, below = logistic(x)
        return y * below


def logistic(x: Array) -> tuple[Array, Array]:
    """σ(x) and 1 - σ(x) = σ(-x), each to full relative precision, without overflow."""
    xp, zero = namespace(x), zeros((), x)
    up, down = xp.exp(xp.minimum(x, zero)), xp.exp(xp.minimum(-x, zero))  # one of them is 1
    both = 1.0 / (1.0 + up * down)
    return up * both, down * both
