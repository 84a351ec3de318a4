"""Functions applied to every entry alone: ReLU, tanh, GELU."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeAlias, final

import numpy as np
import scipy.special

from models.composite import size_of
from models.layer import Named, Shape
from models.leaf import Parameterless
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, namespace
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
        y, slope = self.value_and_slope(x)
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
        return du * slope if dx is None else du * slope + u * (self.curvature(x) * dx)


@final
@dataclass(frozen=True)
class ReLU(Elementwise):
    """max(x, 0), with slope 0 at the kink."""

    gain: ClassVar[float] = math.sqrt(2.0)

    def value_and_slope(self, x: Array, /) -> tuple[Array, Array]:
        xp = namespace(x)
        return xp.maximum(x, 0.0), xp.astype(x > 0, x.dtype)

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
class GELU(Elementwise):
    """x Φ(x), with Φ the standard normal distribution function (Hendrycks and Gimpel 2016).

    `approximate=True` is the authors' second form, x (1 + tanh(k (x + a x³))) / 2 with
    k = (2/π)^(1/2) and a = 0.044715, which runs on array libraries that have no `erf`.
    """

    approximate: bool = False
    gain: ClassVar[float] = math.sqrt(2.0)

    def value_and_slope(self, x: Array, /) -> tuple[Array, Array]:
        if self.approximate:
            t, dg, _ = _tanh_of_cubic(x)
            return 0.5 * x * (1.0 + t), 0.5 * (1.0 + t + x * (1.0 - t * t) * dg)
        below = 0.5 * (1.0 + _erf(x * math.sqrt(0.5)))
        return x * below, below + x * _normal_density(x)

    def curvature(self, x: Array, /) -> Array:
        if self.approximate:
            t, dg, ddg = _tanh_of_cubic(x)
            return (1.0 - t * t) * (dg + 0.5 * x * (ddg - 2.0 * t * dg * dg))
        return (2.0 - x * x) * _normal_density(x)


def _normal_density(x: Array) -> Array:
    return namespace(x).exp(-0.5 * x * x) * math.sqrt(0.5 / math.pi)


def _tanh_of_cubic(x: Array) -> tuple[Array, Array, Array]:
    """tanh(g), g' and g'' for g = k (x + a x³)."""
    k, a = math.sqrt(2.0 / math.pi), 0.044715
    xx = x * x
    return namespace(x).tanh(k * x * (1.0 + a * xx)), k * (1.0 + 3.0 * a * xx), 6.0 * k * a * x


def _erf(x: Array) -> Array:
    """The error function, which the Array API does not have."""
    if isinstance(x, np.ndarray):
        return scipy.special.erf(x)
    xp = namespace(x)
    if hasattr(xp, "erf"):
        return xp.erf(x)
    raise InvalidInput(
        f"{xp.__name__} has no error function, which GELU() needs. Use GELU(approximate=True)."
    )
