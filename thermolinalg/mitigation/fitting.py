"""A weighted polynomial through a few measured arrays: its value at zero, and does it fit?

With polynomials p_j that are orthogonal under the weights w at the points x (Forsythe 1957), the
fit of degree d has at zero the value Σ_i c_i y_i, c_i = w_i Σ_{j<=d} p_j(0) p_j(x_i)/|p_j|². What a
polynomial of this degree cannot say is in the contrasts k_j = Σ_i w_i p_j(x_i) y_i with j > d: they
are zero on average if it is the truth. What a contrast has beyond chance would move the value at
zero by k_j p_j(0)/|p_j|²: its root mean square over all entries belongs to the error bar, for at
zero a bend that the test does not see can be many times as large as the error of the fit.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import stdtrit

from thermolinalg.backend import Array, NumpyArray, namespace

FALSE_ALARM = 1e-6
"""Probability with which a polynomial that is the truth is called inconsistent."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Fitted:
    """The value at zero, its error bar, and by how many error bars the worst contrast is off."""

    value: Array
    stderr: Array
    dof: float
    worst: float
    allowed: float  # by chance

    @property
    def consistent(self) -> bool:
        """Can the polynomial be the truth?"""
        return self.worst <= self.allowed


def fit_at_zero(
    x: NumpyArray, y: Array, stderr: Array, dof: NumpyArray, degree: int
) -> tuple[Fitted, NumpyArray]:
    """The fit to y (m, ...) at points x (m,), and the weights c (m,) with which it is a sum.

    Args:
        x: distinct; more than degree + 1 of them.
        y: measured at each.
        stderr: of y, entry by entry.
        dof: of each error bar.
        degree: of the polynomial.
    """
    xp = namespace(y)
    noise = np.asarray([float(xp.mean(stderr[i, ...] ** 2)) for i in range(len(x))])
    w = noise.max() / noise if noise.min() > 0 else np.ones_like(noise)
    rows, at_zero = _orthogonal(x, w)
    squares = np.sum(w * rows**2, axis=1)
    c = w * ((at_zero / squares)[: degree + 1] @ rows[: degree + 1])
    value, spread = _combined(c, y, stderr)
    worst = hidden = 0.0
    for j in range(degree + 1, len(x)):
        off, error = _combined(w * rows[j], y, stderr)
        worst = max(worst, float(xp.max(xp.abs(off) / xp.clip(error, math.ulp(0.0), None))))
        beyond = max(float(xp.mean(off**2 - error**2)), 0.0)
        hidden += beyond * float(at_zero[j] / squares[j]) ** 2
    comparisons = math.prod(y.shape[1:]) * (len(x) - degree - 1)
    freedom = satterthwaite(c**2 * noise, dof)
    allowed = -float(stdtrit(min(dof), FALSE_ALARM / (2 * comparisons)))
    return Fitted(value, xp.sqrt(spread**2 + hidden), freedom, worst, allowed), c


def _orthogonal(x: NumpyArray, w: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """Polynomials (m, m) at the points, row j of degree j, and their values at zero (m,)."""
    rows, at_zero = [np.ones_like(x)], [1.0]
    for _ in range(len(x) - 1):
        new, zero = x * rows[-1], 0.0
        for p, p0 in zip(rows, at_zero, strict=True):
            part = np.sum(w * new * p) / np.sum(w * p * p)
            new, zero = new - part * p, zero - part * p0
        rows.append(new)
        at_zero.append(zero)
    return np.asarray(rows), np.asarray(at_zero)


def _combined(c: NumpyArray, y: Array, stderr: Array) -> tuple[Array, Array]:
    """The sum of c_i y_i over independent measurements, and its error bar."""
    xp = namespace(y)
    value = sum(float(ci) * y[i, ...] for i, ci in enumerate(c))
    variance = sum(float(ci) ** 2 * stderr[i, ...] ** 2 for i, ci in enumerate(c))
    return value, xp.sqrt(variance)


def satterthwaite(variances: NumpyArray, dof: NumpyArray) -> float:
    """Degrees of freedom of a sum of independent variances."""
    total = float(np.sum(variances))
    if total == 0:
        return float(min(dof))
    return total**2 / float(np.sum(variances**2 / dof))
