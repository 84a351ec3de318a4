"""The Gaussian error linear unit."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import scipy.special
from numpy.polynomial import Chebyshev, Polynomial

from models.activation import Elementwise
from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.errors import InvalidInput


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
        below, density = normal_distribution(x)
        return x * below, below + x * density

    def curvature(self, x: Array, /) -> Array:
        if self.approximate:
            t, dg, ddg = _tanh_of_cubic(x)
            return (1.0 - t * t) * (dg + 0.5 * x * (ddg - 2.0 * t * dg * dg))
        return (2.0 - x * x) * _normal_density(x)


def normal_distribution(x: Array) -> tuple[Array, Array]:
    """Φ(x) and its density φ(x).

    SciPy's `erf` takes 15 ns for an entry, single precision or double. In single precision a
    polynomial takes its place: with z = |x| / 2^(1/2) and t = 1 / (1 + 0.4 z),

        Φ(-|x|) = erfc(z) / 2 = exp(-z²) t P(t) / 2

    where P of degree 10 has a relative error of 10⁻⁸, and exp(-z²) is there for φ anyway.
    """
    if isinstance(x, np.ndarray) and x.dtype == np.float32:
        e = np.exp(-0.5 * x * x)
        t = 1.0 / (1.0 + (0.4 * math.sqrt(0.5)) * np.abs(x))
        tail = np.full_like(t, _TAIL[-1])
        for coefficient in _TAIL[-2::-1]:
            tail *= t
            tail += coefficient
        tail *= t * e
        e *= math.sqrt(0.5 / math.pi)
        return tail + (x > 0) * (1.0 - 2.0 * tail), e  # faster than where, which branches
    return 0.5 * (1.0 + _erf(x * math.sqrt(0.5))), _normal_density(x)


def _fitted_tail() -> list[float]:
    """Coefficients of P / 2, the constant first, by interpolation at Chebyshev points."""

    def target(t: NumpyArray) -> NumpyArray:
        return 0.5 * scipy.special.erfcx((1.0 / t - 1.0) / 0.4) / t

    fit = Chebyshev.interpolate(target, 10, domain=[0, 1]).convert(kind=Polynomial)
    return [float(coefficient) for coefficient in fit.coef]


_TAIL = _fitted_tail()


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
        return scipy.special.erf(x).astype(x.dtype, copy=False)
    xp = namespace(x)
    if hasattr(xp, "erf"):
        return xp.erf(x)
    raise InvalidInput(
        f"{xp.__name__} has no error function, which GELU() needs. Use GELU(approximate=True)."
    )
