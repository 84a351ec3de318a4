"""One hidden layer on a line, of which only the biases train; many seeds at once.

    f(x) = m^(-1/2) sum_r a_r relu(x - θ_r),  x in [-1, 1],  a_r = ±1 held still

after Gentile and Welper 2022, arXiv 2209.08399. On points in order, f and its gradient are sums
from the left and from the right, so that a step costs O(n + m) and not O(n m).
"""

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput

LIMIT_NORM = np.sqrt(2 / 3)
"""Hilbert-Schmidt norm on [-1, 1] of the kernel (1 + min(x, y))/2 of infinite width."""


@final
@dataclass(frozen=True, slots=True)
class Grid:
    """n points at equal distances, each with the weight 2/n.

    With these weights 1/2 |k|² is the mean of k² over the points, as a program's loss has it.

    Args:
        n: points.
        ends: are the first and the last at -1 and 1? Otherwise all are middles of n equal cells.
    """

    n: int
    ends: bool = False

    def __post_init__(self) -> None:
        if checks.count("n", self.n) < 2:
            raise InvalidInput(f"n = {self.n} must be at least 2: a grid has two points or more.")

    @property
    def gap(self) -> float:
        """From a point to the next."""
        return 2 / (self.n - 1) if self.ends else 2 / self.n

    @property
    def first(self) -> float:
        """The leftmost point."""
        return -1.0 if self.ends else -1.0 + self.gap / 2

    @property
    def x(self) -> NumpyArray:
        """The points (n,), from left to right."""
        return self.first + self.gap * np.arange(self.n)

    def norm(self, k: NumpyArray) -> NumpyArray:
        """The norm in L² of functions (..., n)."""
        return np.sqrt(2 * np.mean(k * k, axis=-1))


class Output(NamedTuple):
    """f (s, n), and the first point (s, m) to the right of each bias; n where there is none."""

    f: NumpyArray
    right: NumpyArray


@final
@dataclass(frozen=True, eq=False, slots=True)
class Ridges:
    """s networks of m neurons: signs (s, m), and the biases (s, m) that training starts from."""

    signs: NumpyArray
    start: NumpyArray

    def output(self, theta: NumpyArray, grid: Grid) -> Output:
        """f at the points, for biases (s, m)."""
        seeds, width = theta.shape
        place = (theta - grid.first) / grid.gap + 1
        right = np.clip(place, 0, grid.n).astype(np.intp)  # from 0 on, this rounds down
        bins = (right + (grid.n + 1) * np.arange(seeds)[:, None]).ravel()
        shape = (seeds, grid.n + 1)
        slope, offset = (
            np.bincount(bins, weights.ravel(), seeds * (grid.n + 1)).reshape(shape)[:, :-1]
            for weights in (self.signs, self.signs * theta)
        )
        f = np.cumsum(slope, axis=1) * grid.x
        f -= np.cumsum(offset, axis=1)
        return Output(f / np.sqrt(width), right)

    def gradient(self, residual: NumpyArray, right: NumpyArray) -> NumpyArray:
        """Of 1/2 |f - y|² in L², by the biases (s, m); the residual is f - y at the points."""
        seeds, n = residual.shape
        tail = np.zeros((seeds, n + 1))
        tail[:, :-1] = np.cumsum(residual[:, ::-1], axis=1)[:, ::-1]
        sums = np.take_along_axis(tail, right, axis=1)
        return -2 / (n * np.sqrt(right.shape[1])) * self.signs * sums


def draw(rng: np.random.Generator, seeds: int, width: int, *, paired: bool) -> Ridges:
    """Signs ±1 and biases in [-1, 1], all equally likely.

    Args:
        rng: draws.
        seeds: networks.
        width: neurons of each, even if they are paired.
        paired: two neurons of opposite signs share each bias, so that training starts from f = 0.
    """
    if paired and width % 2:
        raise InvalidInput(f"width = {width} must be even, so that neurons can be paired.")
    drawn = width // 2 if paired else width
    signs = rng.choice([-1.0, 1.0], (seeds, drawn))
    start = rng.uniform(-1, 1, (seeds, drawn))
    if paired:
        signs, start = np.hstack([signs, -signs]), np.hstack([start, start])
    return Ridges(signs, start)


def kernel_distance(theta: NumpyArray) -> NumpyArray:
    """|H_θ - H_∞| / |H_∞| in the Hilbert-Schmidt norm, for biases (s, m); a number (s,) for each.

    H_θ(x, y) is the share F of biases to the left of u = min(x, y), and H_∞ is (1 + u)/2. Pairs of
    points have the density 2 (1 - u) of u, so with v = 1 - u the square of the distance is the sum
    of the integrals of 2 v (v/2 - (1 - F))² from bias to bias. For independent biases that are
    equally likely everywhere, the mean of the square of this number is 1/m.
    """
    seeds, width = theta.shape
    one = np.ones((seeds, 1))
    edges = np.hstack([-one, np.sort(np.clip(theta, -1, 1), axis=1), one])
    missing = 1 - np.arange(width + 1) / width
    v, e = 1 - edges, missing
    high, low = v[:, :-1], v[:, 1:]
    pieces = _integral(high, e) - _integral(low, e)
    total: NumpyArray = np.sqrt(np.maximum(0.0, np.sum(pieces, axis=1))) / LIMIT_NORM
    return total


def _integral(v: NumpyArray, e: NumpyArray) -> NumpyArray:
    """Of 2 v (v/2 - e)², from 0."""
    return v**4 / 8 - 2 * e * v**3 / 3 + e**2 * v**2
