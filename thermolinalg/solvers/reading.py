"""What the windows of a run say: their mean, how far off it may be, and whether they agree."""

import math
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, final

import numpy as np
from scipy.special import fdtri, stdtrit  # scipy.stats would take 0.7 s to import

from thermolinalg.backend import Array, namespace
from thermolinalg.threads import one_blas_thread, share

FALSE_ALARM = 1e-6
"""Probability that a run which did settle is called unsettled."""

AT_ONCE = 2**19
"""Numbers that are judged at a time: pieces of this size are shared over the cores."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Reading:
    """The mean of a run and its error, measured by the spread of its windows.

    `noise` is the variance of the mean of a run of unit time, entry by entry; `time` is how long
    was read; `dof` are the degrees of freedom of `noise`, and `directions` the effective number
    ν = (tr C)²/tr C² of directions in which the mean errs (Satterthwaite). `settled` says that the
    first and the last half of the record agree.
    """

    mean: Array
    noise: Array
    time: float
    dof: int
    directions: float
    settled: bool

    @staticmethod
    def of(values: Array, window: float, factor: float = 1.0) -> "Reading":
        """Of windows (K, ...) of this length; `factor` makes up for their correlation."""
        xp, K = namespace(values), values.shape[0]
        flat, shape = xp.reshape(values, (K, -1)), tuple(values.shape[1:])
        entries, size = flat.shape[1], max(1, AT_ONCE // K)
        ends = [(k, min(k + size, entries)) for k in range(0, entries, size)]
        tasks = [partial(_judged, flat[:, start:end], factor, entries) for start, end in ends]
        with one_blas_thread() if len(tasks) > 1 else nullcontext():
            pieces = share(tasks) if isinstance(values, np.ndarray) else [task() for task in tasks]
        mean = xp.reshape(_joined([piece.mean for piece in pieces]), shape)
        spread = xp.reshape(_joined([piece.spread for piece in pieces]), shape)
        products = sum(piece.products for piece in pieces)
        return Reading(
            mean=mean,
            noise=spread * (factor * window / (K - 1)),
            time=K * window,
            dof=K - 1,
            directions=effective_directions(products, K, entries),
            settled=all(piece.settled for piece in pieces),
        )

    @staticmethod
    def of_sides(values: Array, window: float, factor: float = 1.0) -> "Reading":
        """Of windows (K, k, n) of k sides that met one noise, so that their errors are alike.

        They are judged by the first of them, once the first window tells that the starts, in which
        they differ, are forgotten.
        """
        xp = namespace(values)
        mean = xp.mean(values, axis=0)
        ahead = values[0, ...] - mean
        size = float(xp.max(xp.abs(mean))) + float(xp.max(xp.abs(ahead)))
        apart = float(xp.max(xp.abs(ahead - ahead[:1, :])))
        if apart > values.shape[0] * float(xp.finfo(values.dtype).eps) * size:
            return Reading.of(values, window, factor)
        one = Reading.of(values[:, :1, :], window, factor)
        return replace(one, mean=mean, noise=one.noise + 0 * mean)

    @property
    def stderr(self) -> Array:
        """Standard error of the mean, entry by entry."""
        return namespace(self.noise).sqrt(self.noise / self.time)

    @property
    def error(self) -> float:
        """Root-mean-square 2-norm error of the mean."""
        return math.sqrt(float(namespace(self.noise).sum(self.noise)) / self.time)

    @property
    def norm(self) -> float:
        """The 2-norm of the answer: of the mean, less what its error adds."""
        square = float(namespace(self.mean).sum(self.mean**2))
        return math.sqrt(max(square - self.error**2, 0.0))

    @property
    def stuck(self) -> bool:
        """Is there an entry that is not zero, and was the same in all windows, up to rounding?"""
        xp = namespace(self.mean)
        still = self.stderr <= float(xp.finfo(self.mean.dtype).eps) * xp.abs(self.mean)
        return bool(xp.any(still & (self.mean != 0)))

    def reach(self, confidence: float) -> float:
        """The error of another run as long that is exceeded with 1 - confidence only."""
        spare = self.directions * self.dof
        return self.error * math.sqrt(float(fdtri(self.directions, spare, confidence)))

    def scaled(self, factor: float) -> "Reading":
        """The same with so many times the noise."""
        return replace(self, noise=self.noise * factor)

    def __add__(self, other: "Reading") -> "Reading":
        """Of both runs together, each with the weight of its time."""
        time, dof = self.time + other.time, self.dof + other.dof
        share, weight = other.time / time, other.dof / dof
        return Reading(
            mean=self.mean + share * (other.mean - self.mean),
            noise=self.noise + weight * (other.noise - self.noise),
            time=time,
            dof=dof,
            directions=self.directions + weight * (other.directions - self.directions),
            settled=self.settled and other.settled and _agree(self, other),
        )


def effective_directions(products: Array, K: int, entries: int) -> float:
    """(tr C)²/tr C² from the products (K, K) of the deviations of windows from their mean."""
    xp = namespace(products)
    trace, square = float(xp.sum(xp.linalg.diagonal(products))), float(xp.sum(products**2))
    # Unbiased for tr C², from a sample covariance of K - 1 degrees of freedom.
    unbiased = (square - trace**2 / (K - 1)) / ((K - 2) * (K + 1) / (K - 1) ** 2)
    return min(max(trace**2 / unbiased, 1.0), float(entries)) if unbiased > 0 else float(entries)


class Piece(NamedTuple):
    """What windows say of some of the entries."""

    mean: Array
    spread: Array  # sum of squares of the deviations from it
    products: Array  # (K, K) of those deviations
    settled: bool


def _judged(windows: Array, factor: float, entries: int) -> Piece:
    mean = namespace(windows).mean(windows, axis=0)
    d, half = windows - mean, windows.shape[0] // 2
    one, other = _gathered(d[:half, :]), _gathered(d[half:, :])
    settled = _agreed(one, other, factor, entries)
    return Piece(mean, one.squares + other.squares, d @ d.T, settled)


class Half(NamedTuple):
    """Of half of the windows: how many, the mean of each entry, and its sum of squares."""

    windows: int
    mean: Array
    squares: Array

    def doubt(self, factor: float) -> Array:
        """The variance of the mean, by the spread inside this half."""
        inside = namespace(self.mean).clip(self.squares - self.windows * self.mean**2, 0.0, None)
        return inside * (factor / (self.windows * (self.windows - 1)))


def _gathered(d: Array) -> Half:
    xp = namespace(d)
    # No array of squares: fresh memory would cost more than the sums.
    return Half(d.shape[0], xp.mean(d, axis=0), xp.linalg.vecdot(d, d, axis=-2))


def _agreed(one: Half, other: Half, factor: float, entries: int) -> bool:
    """Do the means of the two halves agree, entry by entry, within their error bars?

    The error bars come from the spread inside each half, which a gap between the halves, unlike the
    spread of the whole record, cannot hide in.
    """
    limit = _limit(one.windows + other.windows - 2, entries)
    doubt = one.doubt(factor) + other.doubt(factor)
    return bool(namespace(doubt).all((one.mean - other.mean) ** 2 <= limit**2 * doubt))


def _agree(one: Reading, other: Reading) -> bool:
    xp = namespace(one.mean)
    limit = _limit(one.dof + other.dof, math.prod(one.mean.shape))
    return bool(
        xp.all((one.mean - other.mean) ** 2 <= limit**2 * (one.stderr**2 + other.stderr**2))
    )


def _limit(dof: int, entries: int) -> float:
    """By how many standard errors the largest of so many differences seldom differs from zero."""
    return -float(stdtrit(dof, FALSE_ALARM / (2 * entries)))


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else namespace(parts[0]).concat(parts)
