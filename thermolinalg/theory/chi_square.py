"""The law of S = Σ w_k z_k², z_k independent standard normals: the squared length of a Gaussian.

Its tail is an integral over a contour that passes the real axis at c, 0 < c < 1/(2 max w):

    P(S > x) = 1/(2πi) ∫ e^{K(s) - sx} ds/s,    K(s) = -½ Σ ln(1 - 2 w_k s)

(and for c < 0 it is P(S > x) - 1). Through the saddle K'(c) = x goes a path of steepest descent, on
which nothing oscillates; along a hyperbola that bends with it, around the branch cut, the
trapezoidal rule converges geometrically (Helstrom 1996; Weideman and Trefethen 2007). Beside it
stand bounds that need less.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from scipy.special import gammainccinv

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import InvalidInput, ShapeMismatch

STEP = 0.04
"""Of the trapezoidal rule, in the inverse hyperbolic sine of widths of the saddle."""

NODES = STEP * np.arange(160)
"""On one side; a few hundred widths away the integrand is below rounding."""

SLOPE = 0.5
"""Of the path far away: below 1, where the Gaussian that is a sum of many small terms decays."""

GROUPS = 512
"""Weights that are told apart: more of them are gathered by size, each group by its mean."""

HALVINGS = 60
"""Halvings of an interval: then it is one of rounding."""

ACCURACY = 1e-10
"""Relative, of a quantile."""

CONCENTRATED = 0.7848
"""From this confidence on a sum of given mean reaches farthest if one weight is all of it: a normal
variable squared exceeds 1.5364 times its mean with 1 - 0.7848 (Székely and Bakirov 2003)."""


@final
@dataclass(frozen=True, eq=False)
class ChiSquares:
    """The generalised chi-square Σ w_k z_k².

    Args:
        weights: (m,), none negative and one positive.
        counts: (m,) or one number, how often each stands in the sum.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    weights: Array
    counts: Array = 1.0

    def __post_init__(self) -> None:
        w = to_numpy(checks.real_array("weights", self.weights)).astype(np.float64)
        m = to_numpy(checks.real_array("counts", self.counts)).astype(np.float64)
        m = m + np.zeros_like(w) if m.ndim == 0 else m
        if w.ndim != 1 or w.shape != m.shape or not w.size:
            raise ShapeMismatch(f"weights and counts have shapes {w.shape} and {m.shape}; (m,).")
        if w.min() < 0 or m.min() < 0 or not (w * m).max() > 0:
            raise InvalidInput("weights must not be negative, and one must be positive.")
        held = (w > 0) & (m > 0)
        w, m = _gathered(w[held], m[held])
        object.__setattr__(self, "weights", w)
        object.__setattr__(self, "counts", m)

    @property
    def mean(self) -> float:
        """Σ w."""
        return float(self.weights @ self.counts)

    @property
    def variance(self) -> float:
        """2 Σ w²."""
        return float(2 * self.weights**2 @ self.counts)

    def exceeds(self, x: float) -> float:
        """P(S > x), to some twelve digits after the point."""
        x = checks.positive("x", x, zero=True)
        return min(1.0, max(0.0, self._tail(x / self._largest))) if x else 1.0

    def quantile(self, confidence: float) -> float:
        """The x with P(S <= x) = confidence."""
        wanted = 1 - checks.probability("confidence", confidence)
        low, high = 0.0, laurent_massart(self, confidence) / self._largest
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._tail(middle) > wanted else (low, middle)
            if high - low <= ACCURACY * high:
                break
        return high * self._largest

    @property
    def _largest(self) -> float:
        return float(self.weights.max())

    @cached_property
    def _unit(self) -> NumpyArray:
        return self.weights / self._largest

    def _tail(self, x: float) -> float:
        """P(S/max w > x). Left of the pole at zero the same integral is -P(S/max w <= x)."""
        u, m = self._unit, self.counts
        least = 0.25 / math.sqrt(float(u**2 @ m))  # from the pole; half the way to the branch cut
        saddle = self._saddle(x)
        c = math.copysign(max(abs(saddle), least), saddle)
        ahead = u / (1 - 2 * c * u)
        width = 1 / math.sqrt(2 * float(ahead**2 @ m))
        bend = 4 / 3 * float(ahead**3 @ m) * width**2  # half the curvature of the steepest descent
        reach = SLOPE / (2 * bend)
        y, slope = width * np.sinh(NODES), width * np.cosh(NODES)
        root = np.sqrt(1 + (y / reach) ** 2)
        s = c + SLOPE * reach * (root - 1) + 1j * y
        ds = (1 - 1j * SLOPE * y / (reach * root)) * slope  # over i
        exponent = -0.5 * (np.log1p(-2 * np.multiply.outer(s, u)) @ m) - s * x
        terms = (np.exp(exponent) / s * ds).real
        integral = float(terms.sum() - terms[0] / 2) * STEP / math.pi
        return integral if c > 0 else 1 + integral

    def _saddle(self, x: float) -> float:
        """c < 1/2 with K'(c) = x, in units of the largest weight."""
        u, m = self._unit, self.counts
        low, high = -0.5 * float(m.sum()) / x, 0.5  # each term of K'(c) is below -1/(2c), c < 0
        for _ in range(HALVINGS):
            c = (low + high) / 2
            low, high = (c, high) if float(u / (1 - 2 * c * u) @ m) < x else (low, c)
        return low


def markov(mean: float, confidence: float) -> float:
    """What any nonnegative number of this mean is below, with at least this confidence."""
    return mean / (1 - checks.probability("confidence", confidence))


def laurent_massart(law: ChiSquares, confidence: float) -> float:
    """What S is below with at least this confidence (Laurent and Massart 2000, lemma 1).

    P(S > Σw + 2 (s Σw²)^{1/2} + 2 s max w) <= e^{-s}.
    """
    return bounded(law.mean, law.variance / 2, float(law.weights.max()), confidence)


def bounded(total: float, squares: float, largest: float, confidence: float) -> float:
    """The same from upper bounds alone: on Σw, on Σw², and on max w."""
    s = -math.log1p(-checks.probability("confidence", confidence))
    return total + 2 * math.sqrt(s * squares) + 2 * s * largest


def one_direction(mean: float, confidence: float) -> float:
    """What S is below with at least this confidence, whatever its weights, if only Σw is known."""
    sure = max(checks.probability("confidence", confidence), CONCENTRATED)
    widest = mean * 2 * float(gammainccinv(0.5, 1 - sure))
    return min(widest, markov(mean, confidence))


def _gathered(w: NumpyArray, m: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """At most GROUPS weights of the same sum: those of about one size as their mean."""
    w, place = np.unique(w, return_inverse=True)
    m = np.bincount(place, weights=m)
    if len(w) <= GROUPS:
        return w, m
    logs = np.log(w / w[0])
    group = np.minimum((GROUPS * logs / logs[-1]).astype(int), GROUPS - 1)
    counts = np.bincount(group, weights=m, minlength=GROUPS)
    sums = np.bincount(group, weights=m * w, minlength=GROUPS)
    held = counts > 0
    return sums[held] / counts[held], counts[held]
