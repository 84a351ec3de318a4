"""Streaming observables: their memory does not grow with the number of samples.

`init`, `update` with a block of samples, `merge` two halves of the work, `value`. Merging is exact,
so chains and machines can measure in parallel (Chan, Golub and LeVeque 1983).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, final

from thermolinalg import checks
from thermolinalg.backend import Array, floating, namespace
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch
from thermolinalg.products import squares

Record = TypeVar("Record")

CANCELLED = 64.0
"""How many times its scatter a sum of squares may be: six bits are lost in the difference."""


class Observable(ABC, Generic[Record]):
    """Something to measure on samples, kept as a record of fixed size.

    Samples come as (steps, chains, n), and blocks of them, in the order of time: an observable may
    keep the end of a block for the beginning of the next. To `Mean` and `Covariance` order means
    nothing, and any leading axes will do. Samples that are not finite raise `NotFinite`; those of
    another dimension, and records that do not go together, another `InvalidInput`.
    """

    @abstractmethod
    def init(self, like: Array) -> Record:
        """The record of no samples; `like` (..., n) gives library, dtype and dimension."""

    @abstractmethod
    def update(self, record: Record, samples: Array) -> Record:
        """The record with the samples that come next added."""

    @abstractmethod
    def merge(self, one: Record, other: Record) -> Record:
        """The record of both sets of samples."""

    @abstractmethod
    def leave(self, record: Record, leave: Callable[[Array], Array]) -> Record:
        """The record in other coordinates, into which `leave` linearly takes states (..., n)."""

    @abstractmethod
    def value(self, record: Record) -> Array:
        """What the record says."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Moments:
    """Count, mean (n,) and, where kept, scatter (n, n): the sum of (x - mean)(x - mean)'."""

    count: int
    mean: Array
    scatter: Array


@final
@dataclass(frozen=True, slots=True)
class Mean(Observable[Moments]):
    """The sample mean (n,)."""

    def init(self, like: Array) -> Moments:
        return Moments(0, _zero(like), 0.0)

    def update(self, record: Moments, samples: Array) -> Moments:
        x = _rows(read_samples(samples, record.mean))
        if x.shape[0] == 0:
            return record
        return self.merge(record, Moments(x.shape[0], finite(average(x)), 0.0))

    def merge(self, one: Moments, other: Moments) -> Moments:
        require_alike(one.mean, other.mean)
        count = one.count + other.count
        weight = other.count / max(count, 1)
        return Moments(count, one.mean + weight * (other.mean - one.mean), 0.0)

    def leave(self, record: Moments, leave: Callable[[Array], Array]) -> Moments:
        return Moments(record.count, leave(record.mean), 0.0)

    def value(self, record: Moments) -> Array:
        return record.mean if record.count else record.mean + float("nan")


@final
@dataclass(frozen=True, slots=True)
class Covariance(Observable[Moments]):
    """The unbiased sample covariance (n, n), about the sample mean."""

    def init(self, like: Array) -> Moments:
        zero = _zero(like)
        return Moments(0, zero, zero[:, None] * zero)

    def update(self, record: Moments, samples: Array) -> Moments:
        x = _rows(read_samples(samples, record.mean))
        if x.shape[0] == 0:
            return record
        mean = finite(average(x))
        return self.merge(record, Moments(x.shape[0], mean, finite(_scatter(x, mean))))

    def merge(self, one: Moments, other: Moments) -> Moments:
        require_alike(one.mean, other.mean)
        if isinstance(one.scatter, float) or isinstance(other.scatter, float):
            raise InvalidInput("one record has no scatter: merge records of the same observable.")
        count = one.count + other.count
        gap = other.mean - one.mean
        weight = other.count / max(count, 1)
        between = one.count * weight * gap[:, None] * gap[None, :]
        return Moments(count, one.mean + weight * gap, one.scatter + other.scatter + between)

    def leave(self, record: Moments, leave: Callable[[Array], Array]) -> Moments:
        return Moments(record.count, leave(record.mean), congruent(record.scatter, leave))

    def value(self, record: Moments) -> Array:
        nan = float("nan")
        return record.scatter / (record.count - 1) if record.count > 1 else record.scatter + nan


def _scatter(x: Array, mean: Array) -> Array:
    """Σ (x - mean)(x - mean)', without a centered copy of x where the mean is of no account."""
    xp = namespace(x)
    about_zero = squares(x)
    scatter = about_zero - x.shape[0] * mean[:, None] * mean[None, :]
    left, whole = xp.linalg.diagonal(scatter), xp.linalg.diagonal(about_zero)
    if bool(xp.all(whole <= CANCELLED * left)):
        return scatter
    return squares(x - mean)


def congruent(M: Array, leave: Callable[[Array], Array]) -> Array:
    """B M B' for the B with leave(y) = y B'."""
    return leave(leave(M).T).T


def read_samples(samples: Array, like: Array = None) -> Array:
    """Samples (..., n) of real numbers; of as many coordinates as `like` (..., n), if there is one.

    Whether they are finite is left to `finite` sums of them, which spares a look at each.
    """
    x = floating(samples) if hasattr(samples, "shape") else checks.real_array("samples", samples)
    n = x.shape[-1] if x.ndim else 0
    if n == 0 or (like is not None and n != like.shape[-1]):
        needed = "n >= 1" if like is None else f"n = {like.shape[-1]}, as in the record,"
        raise ShapeMismatch(
            f"samples have shape {tuple(x.shape)}; (..., n) with {needed} is needed."
        )
    checks.real_array("samples", _rows(x)[:0, :])  # their dtype
    return x


def require_alike(one: Array, other: Array) -> None:
    """The means of two records have as many coordinates."""
    if one.shape != other.shape:
        raise ShapeMismatch(
            f"records of {one.shape[-1]} and of {other.shape[-1]} coordinates cannot be merged."
        )


def finite(sums: Array) -> Array:
    """Sums over samples, which are finite only if each sample is."""
    xp = namespace(sums)
    if not bool(xp.all(xp.isfinite(sums))):
        raise NotFinite(
            "samples hold NaN or infinite entries, or numbers whose sums or squares overflow. "
            "Remove them, or measure in another unit."
        )
    return sums


def total(x: Array, axis: int = 0) -> Array:
    """The sum along an axis, in double precision: in single a million leave three digits."""
    xp = namespace(x)
    if x.dtype == xp.float64:
        return xp.sum(x, axis=axis)
    return xp.astype(xp.sum(x, axis=axis, dtype=xp.float64), x.dtype)


def average(x: Array, axis: int = 0) -> Array:
    """The mean along an axis, right to rounding however many samples there are; 0 of none."""
    return total(x, axis) / max(int(x.shape[axis]), 1)


def _rows(x: Array) -> Array:
    return namespace(x).reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _zero(samples: Array) -> Array:
    rows = _rows(read_samples(samples))
    return total(rows[:0, :])
