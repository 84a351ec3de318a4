"""Damping: a number, or a rule that finds it from how well the quadratic model did."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput
from tngd.curvature.matrix import CurvatureMatrix
from tngd.linsolve.lanczos import spectral_weights
from tngd.optimizers.contract import Memory, Taken


class Damping(ABC):
    """λ of every step: found before it, learnt from after it."""

    @abstractmethod
    def value(self, curvature: CurvatureMatrix, gradient: Array, memory: Memory) -> float:
        """λ for this step."""

    @abstractmethod
    def learn(self, memory: Memory, taken: Taken) -> Memory:
        """What to remember of a step."""


@final
@dataclass(frozen=True, slots=True)
class LevenbergMarquardt(Damping):
    """λ falls where the quadratic model was right, and rises where it was not.

    With the ratio ρ of the change of the loss and what the model promised, λ is multiplied by
    `down` where ρ > high, by `up` where ρ < low, the loss is no number or no step was taken. Every
    look costs a forward pass and a curvature product.

        LevenbergMarquardt()            3/2 and 2/3 around 1/4 and 3/4 (Martens 2010)
        LevenbergMarquardt.gentle()     1.01 and 0.99 (Korbit et al. 2024, after Kiros)

    Args:
        start: λ of the first step.
        low, high: of ρ.
        up, down: factors of λ.
        every: steps between looks.
        least, most: where λ ends.
    """

    start: float = 1.0
    low: float = 0.25
    high: float = 0.75
    up: float = 3 / 2
    down: float = 2 / 3
    every: int = 1
    least: float = 1e-8
    most: float = 1e8

    def __post_init__(self) -> None:
        for name in ("start", "up", "down", "least", "most"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name)))
        checks.count("every", self.every)
        if not self.low < self.high:
            raise InvalidInput(f"low = {self.low:g} must be below high = {self.high:g}.")
        if not self.down <= 1 <= self.up:
            raise InvalidInput(
                f"down = {self.down:g} must be at most 1 and up = {self.up:g} at least 1."
            )

    @staticmethod
    def gentle(start: float = 1.0) -> "LevenbergMarquardt":
        """Slow changes, as exact Gauss-Newton descent states them (Korbit et al. 2024)."""
        return LevenbergMarquardt(start, up=1.01, down=0.99)

    def value(self, curvature: CurvatureMatrix, gradient: Array, memory: Memory) -> float:
        del curvature, gradient
        return self.start if memory is None else float(memory)

    def learn(self, memory: Memory, taken: Taken) -> Memory:
        damping = self.start if memory is None else float(memory)
        if taken.at.step % self.every:
            return damping
        if not (math.isfinite(taken.value) and taken.ratio >= self.low):  # NaN: no step was taken
            return min(self.most, damping * self.up)
        return max(self.least, damping * self.down) if taken.ratio > self.high else damping


@final
@dataclass(frozen=True, slots=True)
class TrustRegion(Damping):
    """The least λ whose solution |(C + λ I)⁻¹ g| is within a radius, that follows the model.

    λ is the root of the secular equation in a Krylov space of C and g (Gould et al. 1999): that
    takes `products` products with C, and any solver may follow. The radius doubles where ρ > 3/4
    and the step reached it, and becomes a quarter of itself where ρ < 1/4.

    Args:
        radius: of the first step.
        least: λ at the least, where the whole solution is within the radius.
        products: dimension of that space; the length is exact where it is the rank of C or more.
    """

    radius: float = 1.0
    least: float = 1e-6
    products: int = 50

    def __post_init__(self) -> None:
        for name in ("radius", "least"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name)))
        checks.count("products", self.products)

    def value(self, curvature: CurvatureMatrix, gradient: Array, memory: Memory) -> float:
        radius = self.radius if memory is None else float(memory)
        mu, squares = spectral_weights(curvature.matvec, gradient, self.products)

        def length(damping: float) -> float:
            return math.sqrt(float(np.sum(squares / (mu + damping) ** 2)))

        low, high = self.least, self.least
        if not length(low) > radius:
            return low
        while length(high) > radius:
            low, high = high, 10 * high
        while high > low * (1 + 1e-6):  # far finer than a radius that moves by factors of 2
            middle = math.sqrt(low * high)
            low, high = (middle, high) if length(middle) > radius else (low, middle)
        return high

    def learn(self, memory: Memory, taken: Taken) -> Memory:
        radius = self.radius if memory is None else float(memory)
        if not math.isfinite(taken.value) or taken.ratio < 0.25:
            return radius / 4
        reached = taken.at.damping > self.least
        return 2 * radius if taken.ratio > 0.75 and reached else radius
