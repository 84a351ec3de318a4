"""What the windows of a run say: their mean, how far off it may be, and whether they agree."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple, final

from scipy.special import fdtri, stdtrit  # scipy.stats would take 0.7 s to import

from thermolinalg.backend import Array, namespace

FALSE_ALARM = 1e-6
"""Probability that a run which did settle is called unsettled."""

AT_ONCE = 2**21
"""Numbers that are judged at a time, which bounds the memory that judging takes."""


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
        flat = xp.reshape(values, (K, -1))
        entries, shape = flat.shape[1], tuple(values.shape[1:])
        means, spreads, products, settled = [], [], 0.0, True
        for begin in range(0, entries, max(1, AT_ONCE // K)):
            some = flat[:, begin : min(begin + max(1, AT_ONCE // K), entries)]
            mean = xp.mean(some, axis=0)
            d = some - mean
            products = products + d @ d.T
            halves = [_gathered(part) for part in (d[: K // 2, :], d[K // 2 :, :])]
            settled = settled and _agreed(halves, factor, entries)
            means.append(mean)
            spreads.append(halves[0].squares + halves[1].squares)
        mean, spread = (xp.reshape(_joined(parts), shape) for parts in (means, spreads))
        return Reading(
            mean=mean,
            noise=spread * (factor * window / (K - 1)),
            time=K * window,
            dof=K - 1,
            directions=effective_directions(products, K, entries),
            settled=settled,
        )

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


def _agreed(halves: list[Half], factor: float, entries: int) -> bool:
    """Do the means of the two halves agree, entry by entry, within their error bars?

    The error bars come from the spread inside each half, which a gap between the halves, unlike the
    spread of the whole record, cannot hide in.
    """
    one, other = halves
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
