"""Autocovariances, streamed: how the state now goes with the state some samples ago."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, namespace
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.measurement.observable import (
    Observable,
    average,
    finite,
    read_samples,
    require_alike,
)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Pairs:
    """Of each lag: how many pairs (x(t + lag), x(t)), the mean of either side, and their scatter.

    `tail` holds the last states (steps, chains, n) of the run, for the pairs that are to come.
    """

    lags: tuple[int, ...]
    counts: NumpyArray  # (lags,)
    later: Array  # (lags, n)
    earlier: Array  # (lags, n)
    scatter: Array  # (lags, n, n): the sum of (x(t + lag) - later)(x(t) - earlier)'
    tail: Array


@final
@dataclass(frozen=True, slots=True, init=False)
class Autocovariance(Observable[Pairs]):
    """Autocovariances (lags, n, n): entry k estimates Cov(x(t + lag_k dt), x(t)).

    It is the sample covariance of all pairs that many samples apart within a chain, either side
    about its own mean over the pairs, and divided by their number less one: what
    np.cov(x[lag:], x[:-lag]) has in its upper right, and at lag 0 `Covariance`. It would be
    unbiased if the pairs were independent; as they are not, m samples in all leave a bias of about
    -S τ/(m dt). A lag of which there are fewer than two pairs is NaN.

    Memory is that of the longest lag, and of a matrix (n, n) per lag; a block of samples costs a
    matrix product per lag. Merging is exact: it pairs no sample of one run with one of another,
    and what is added to a merged record begins a run of its own.

    Args:
        lags: in samples: an integer for all from 0 to that one, or which.

    Raises:
        InvalidInput: a lag is no integer >= 0, or there is none.
    """

    lags: tuple[int, ...]

    def __init__(self, lags: int | Iterable[int]) -> None:
        each = (
            lags if isinstance(lags, Iterable) else range(checks.count("lags", lags, least=0) + 1)
        )
        whole = tuple(checks.count("a lag", lag, least=0) for lag in each)
        if not whole:
            raise InvalidInput("lags is empty: name at least one, such as 0.")
        object.__setattr__(self, "lags", whole)

    def init(self, like: Array) -> Pairs:
        like = read_samples(like)
        n, xp = like.shape[-1], namespace(like)
        empty = xp.reshape(like, (-1, n))[:0, :]
        zero = xp.zeros_like(xp.sum(empty, axis=0))
        vectors = xp.stack([zero] * len(self.lags))
        matrices = vectors[:, :, None] * zero
        counts = np.zeros(len(self.lags), int)
        return Pairs(self.lags, counts, vectors, vectors, matrices, empty[:, None, :])

    def update(self, record: Pairs, samples: Array) -> Pairs:
        self._require_own(record)
        x, old = _continued(record.tail, read_samples(samples, record.later))
        if x.shape[0] == old:
            return record
        xp = namespace(x)
        mean = finite(_center(xp.reshape(x, (-1, x.shape[-1]))))
        centered = x - mean  # a large mean would drown the products
        found = [_pairs(centered, lag, max(old, lag)) for lag in self.lags]
        counts = np.array([count for count, *_ in found])
        later, earlier, scatter = (xp.stack(part) for part in list(zip(*found, strict=True))[1:])
        new = Pairs(self.lags, counts, mean + later, mean + earlier, finite(scatter), record.tail)
        kept = min(max(self.lags), x.shape[0])
        tail = xp.asarray(x[x.shape[0] - kept :, ...], copy=True)  # do not hold the whole block
        return _pooled(record, new, tail)

    def merge(self, one: Pairs, other: Pairs) -> Pairs:
        self._require_own(one)
        self._require_own(other)
        require_alike(one.later, other.later)
        return _pooled(one, other, one.tail[:0, ...])

    def leave(self, record: Pairs, leave: Callable[[Array], Array]) -> Pairs:
        transpose = namespace(record.scatter).matrix_transpose
        scatter = transpose(leave(transpose(leave(record.scatter))))
        means = leave(record.later), leave(record.earlier)
        return Pairs(record.lags, record.counts, *means, scatter, leave(record.tail))

    def value(self, record: Pairs) -> Array:
        enough = record.counts > 1
        divisors = np.where(enough, record.counts - 1, np.nan)
        return record.scatter / like(divisors, record.scatter)[:, None, None]

    def _require_own(self, record: Pairs) -> None:
        if record.lags != self.lags:
            raise InvalidInput(
                f"a record of lags {record.lags} is none of Autocovariance({self.lags}): use and "
                "merge records of the same lags."
            )


def _continued(tail: Array, samples: Array) -> tuple[Array, int]:
    """The samples after the tail of the run they go on from, and how long that tail is."""
    xp = namespace(samples)
    if samples.ndim == 2:  # one chain
        samples = samples[:, None, :]
    if samples.ndim != 3:
        raise ShapeMismatch(
            f"samples have shape {tuple(samples.shape)}; (steps, chains, n) in the order of time "
            "is needed, or (steps, n) of one chain."
        )
    if not tail.shape[0]:
        return samples, 0
    if tail.shape[1:] != samples.shape[1:]:
        raise ShapeMismatch(
            f"samples of {samples.shape[1]} chains in {samples.shape[2]} coordinates cannot go on "
            f"a run of {tail.shape[1]} chains in {tail.shape[2]}. Keep a record for each run and "
            "merge them."
        )
    return xp.concat([tail, samples], axis=0), tail.shape[0]


def _pairs(x: Array, lag: int, first: int) -> tuple[int, Array, Array, Array]:
    """The pairs whose later side comes from step `first` on: count, both means, scatter."""
    xp, steps, n = namespace(x), x.shape[0], x.shape[-1]
    first = min(first, steps)
    ends = (first, steps), (first - lag, steps - lag)
    later, earlier = (xp.reshape(x[max(a, 0) : max(b, 0), ...], (-1, n)) for a, b in ends)
    count = int(later.shape[0])
    a, b = _average(later), _average(earlier)
    return count, a, b, later.T @ earlier - count * a[:, None] * b


def _center(x: Array) -> Array:
    """The mean of rows (m, n): products are exact enough in double precision alone."""
    return _average(x) if x.dtype == namespace(x).float64 else average(x)


def _average(x: Array) -> Array:
    """The mean of rows (m, n), 0 of none; as a product, which is faster than a sum."""
    return namespace(x).ones_like(x[:, 0]) @ x / max(int(x.shape[0]), 1)


def _pooled(one: Pairs, other: Pairs, tail: Array) -> Pairs:
    """Both sets of pairs, by the update of Chan, Golub and LeVeque for two sides."""
    counts = one.counts + other.counts
    share = other.counts / np.maximum(counts, 1)
    weight = like(share, one.later)[:, None]
    across = like(one.counts * share, one.later)[:, None, None]
    later, earlier = other.later - one.later, other.earlier - one.earlier
    return Pairs(
        one.lags,
        counts,
        one.later + weight * later,
        one.earlier + weight * earlier,
        one.scatter + other.scatter + across * later[:, :, None] * earlier[:, None, :],
        tail,
    )
