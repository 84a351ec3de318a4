"""Huber's loss: quadratic for small residuals, linear for outliers."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.special

from models.losses.checks import needed
from models.losses.separable import Separable
from thermolinalg.backend import Array, like, namespace
from thermolinalg.checks import positive


@final
@dataclass(frozen=True)
class Huber(Separable):
    """L = Σ_k h(z_k - y_k), h(r) = r²/2 where |r| <= δ, else δ |r| - δ²/2 (Huber 1964).

    The slope is r held to [-δ, δ]. The Hessian is diag(|r| <= δ), which needs y; at the kinks of
    the slope, |r| = δ, it is 1 from within and 0 from without, and counts as 1.

    The density of targets is e^{-h(r)}/Z: a Gaussian with exponential tails. Its information is the
    same at all z, E[slope²] = E[h''] = P(|r| <= δ) = κ, so the Fisher is κ times the identity, and
    not the Hessian.

    Args:
        delta: δ, from which on a residual is an outlier.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", positive("delta", self.delta))

    def term(self, z: Array, y: Array, /) -> Array:
        slope = self.slope(z, y)
        return slope * (z - y - 0.5 * slope)

    def slope(self, z: Array, y: Array, /) -> Array:
        return namespace(z).clip(z - y, -self.delta, self.delta)

    def curvature(self, z: Array, y: Array | None, /) -> Array:
        y = needed(y, "the Hessian of Huber's loss depends on it")
        xp = namespace(z)
        return xp.astype(xp.abs(z - y) <= self.delta, z.dtype)

    def information(self, z: Array, /) -> Array:
        return namespace(z).full_like(z, self.inside)

    def score(self, z: Array, rng: np.random.Generator, /) -> Array:
        """The slope at residuals drawn by inversion of their distribution function.

        Residuals in a tail, with probability (1 - κ)/2 for each, all have the slope ±δ.
        """
        within = (rng.random(tuple(z.shape)) - 0.5) / self.inside  # beyond ±1/2 in the tails
        normal = 0.5 + np.clip(within, -0.5, 0.5) * math.erf(self.delta / math.sqrt(2.0))
        slope = np.clip(scipy.special.ndtri(normal), -self.delta, self.delta)
        return like(slope, z)

    @property
    def inside(self) -> float:
        """κ, the probability that a residual is no outlier."""
        middle = math.sqrt(2.0 * math.pi) * math.erf(self.delta / math.sqrt(2.0))
        return middle / (middle + 2.0 * math.exp(-self.delta * self.delta / 2.0) / self.delta)
