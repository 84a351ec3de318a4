"""A mean and its error bar in fixed memory, whatever the correlation of the samples.

A run is cut into batches. Once these are longer than the memory of the process their means are
nearly independent, so that their spread measures the error of the mean. How long that is need not
be known: when the store is full neighbours are merged, and batches become twice as long.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from scipy.special import ndtri

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, to_numpy
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.measurement.average import Average
from thermolinalg.measurement.observable import (
    Covariance,
    Mean,
    Moments,
    Observable,
    average,
    read_samples,
    total,
)
from thermolinalg.measurement.stuck import is_stuck, warn_of_memory, warn_of_stuck

SCATTERED = 1000
"""Coordinates up to which the scatter of the samples is kept unless one says otherwise."""

CHANCE = 1e-4
"""Probability with which independent batches are said to resemble their neighbours."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """Chains that run side by side: batch means, less the state in which each chain began.

    A chain that stays where it is has exactly zero for them, and a large mean costs no digits.
    """

    origin: Array  # (chains, n)
    means: Array  # (batches, chains, n)
    length: int  # samples in a batch
    rest: Array  # (chains, n), the sum of the samples that do not fill a batch yet
    waiting: int  # how many of these there are


@final
@dataclass(frozen=True, eq=False, slots=True)
class Batches:
    """Runs, the last of which may go on, and the moments of all their samples."""

    runs: tuple[Run, ...]
    open: bool
    moments: Moments


@final
@dataclass(frozen=True, slots=True)
class BatchMeans(Observable[Batches]):
    """The mean of each coordinate with its standard error and effective size: an `Average`.

    The error bar is honest once batches are long against the memory of the process; it is then
    known to 1/sqrt(2 dof) of itself. Where neighbouring batches resemble each other they are not,
    and the value warns of it. Memory is that of `batches` states of each chain.

    Merging keeps runs side by side, each with its store, so that it is exact in any order; the
    value brings all to the length of the longest batch. A run too short for one such batch adds to
    the mean alone. What is added to a merged record begins a run of its own.

    Many chains need no short batches: the value doubles them for as long as `batches`/2 are left of
    all chains together. So many chains, however short, become one batch each: their spread is an
    error bar that knows nothing of the memory.

    Args:
        batches: how many each chain stores, at most. Once full it has half as many or more.
        ess: find the effective size too, for which the scatter (n, n) of all samples is kept; None
            does so for n <= 1000.

    Warns:
        ShortRecord: neighbouring batches resemble each other, so that the error bar is too small.
        StuckRecord: a coordinate does not move in some chain.

    Raises:
        InvalidInput: batches is no integer >= 4, or ess is none of True, False and None.
    """

    batches: int = 64
    ess: bool | None = None

    def __post_init__(self) -> None:
        checks.count("batches", self.batches, least=4)
        if not (self.ess is None or isinstance(self.ess, bool)):
            raise InvalidInput(f"ess = {self.ess!r} must be True, False or None.")

    def _moments(self, n: int) -> Observable[Moments]:
        ess = n <= SCATTERED if self.ess is None else self.ess
        return Covariance() if ess else Mean()

    def init(self, like: Array) -> Batches:
        n = np.shape(like)[-1] if np.ndim(like) else 0
        return Batches((), False, self._moments(n).init(like))

    def update(self, record: Batches, samples: Array) -> Batches:
        samples = read_samples(samples)
        x = samples[:, None, :] if samples.ndim == 2 else samples  # one chain
        if x.ndim != 3 or (record.open and x.shape[1:] != record.runs[-1].origin.shape):
            raise ShapeMismatch(
                f"samples have shape {tuple(samples.shape)}; (steps, chains, n) in the order of "
                "time is needed, with the same chains in every block. Keep a record for each run "
                "and merge them."
            )
        if x.shape[0] == 0:
            return record
        moments = self._moments(x.shape[-1]).update(record.moments, x)
        done, run = (record.runs[:-1], record.runs[-1]) if record.open else (record.runs, _begun(x))
        run = _extended(run, x - run.origin)
        while run.means.shape[0] >= self.batches:
            run = _doubled(run)
        return Batches((*done, run), True, moments)

    def merge(self, one: Batches, other: Batches) -> Batches:
        moments = self._moments(one.moments.mean.shape[0]).merge(one.moments, other.moments)
        return Batches(one.runs + other.runs, False, moments)

    def leave(self, record: Batches, leave: Callable[[Array], Array]) -> Batches:
        runs = tuple(
            replace(run, origin=leave(run.origin), means=leave(run.means), rest=leave(run.rest))
            for run in record.runs
        )
        return Batches(
            runs,
            record.open,
            self._moments(record.moments.mean.shape[0]).leave(record.moments, leave),
        )

    def value(self, record: Batches) -> Average:
        mean, count = Mean().value(record.moments), record.moments.count
        xp, unknown = namespace(mean), mean + float("nan")
        runs = _common(record.runs, self.batches / 2)
        batches = sum(_count(run) for run in runs)
        length = min((run.length for run in runs), default=1)
        if batches < 2:
            return Average(mean, unknown, unknown, count, batches, length)
        squared = _spread(runs, mean) / count
        stuck = xp.any(xp.stack([_stuck(run) for run in record.runs]), axis=0) | (squared == 0)
        warn_of_stuck(to_numpy(stuck))
        _warn_of_memory(runs, mean, stuck)
        stderr = xp.where(stuck, unknown, xp.sqrt(squared))
        if isinstance(record.moments.scatter, float):  # it was not kept
            return Average(mean, stderr, unknown, count, batches, length)
        variance = xp.linalg.diagonal(Covariance().value(record.moments))
        ess = xp.where(stuck, 0 * variance, variance) / xp.where(stuck, 1 + 0 * squared, squared)
        return Average(mean, stderr, ess, count, batches, length)


def _begun(x: Array) -> Run:
    origin = namespace(x).asarray(x[0, ...], copy=True)  # do not hold the whole block
    return Run(origin, x[:0, ...], 1, 0 * origin, 0)


def _extended(run: Run, x: Array) -> Run:
    """The run with samples x (steps, chains, n) added, in batches of the same length."""
    xp, missing = namespace(x), run.length - run.waiting
    if x.shape[0] < missing:
        return replace(run, rest=run.rest + total(x), waiting=run.waiting + x.shape[0])
    first = (run.rest + total(x[:missing, ...])) / run.length
    whole = (x.shape[0] - missing) // run.length
    last = missing + whole * run.length
    cut = xp.reshape(x[missing:last, ...], (whole, run.length, *x.shape[1:]))
    means = xp.concat([run.means, first[None, ...], average(cut, axis=1)], axis=0)
    return Run(run.origin, means, run.length, total(x[last:, ...]), x.shape[0] - last)


def _doubled(run: Run) -> Run:
    """The same run in batches of twice the length; one without a partner waits for another."""
    pairs, odd = divmod(run.means.shape[0], 2)
    means = (run.means[0 : 2 * pairs : 2, ...] + run.means[1 : 2 * pairs : 2, ...]) / 2
    rest = run.rest + run.means[-1, ...] * run.length if odd else run.rest
    return Run(run.origin, means, 2 * run.length, rest, run.waiting + odd * run.length)


def _common(runs: tuple[Run, ...], least: float) -> list[Run]:
    """The runs in batches of one length, as long as leaves so many of them in all.

    What is left over of a chain that is a single batch belongs to it. Runs that are shorter than a
    batch are left out.
    """
    length = max((run.length for run in runs), default=1)
    found = [_lengthened(run, length) for run in runs]
    longer = [_doubled(run) for run in found]
    while sum(map(_count, longer)) >= least:
        found, longer = longer, [_doubled(run) for run in longer]
    return [_filled(run) for run in found if _count(run)]


def _lengthened(run: Run, length: int) -> Run:
    while run.length < length:
        run = _doubled(run)
    return run


def _filled(run: Run) -> Run:
    if run.means.shape[0] > 1:
        return run
    length = run.length + run.waiting
    means = run.means * (run.length / length) + run.rest / length
    return Run(run.origin, means, length, 0 * run.rest, 0)


def _count(run: Run) -> int:
    """Batches of all chains."""
    return int(run.means.shape[0]) * int(run.means.shape[1])


def _spread(runs: list[Run], reference: Array) -> Array:
    """The variance (n,) of batch means, each weighed by its length: that of a single sample."""
    parts = [run.means + (run.origin - reference) for run in runs]
    xp, n = namespace(reference), reference.shape[0]
    x = xp.concat([xp.reshape(part, (-1, n)) for part in parts], axis=0)
    lengths = np.repeat([float(run.length) for run in runs], [_count(run) for run in runs])
    weights = like(lengths, x)[:, None]
    x = x - xp.sum(weights * x, axis=0) / float(lengths.sum())
    return xp.sum(weights * x * x, axis=0) / (len(lengths) - 1)


def _warn_of_memory(runs: list[Run], reference: Array, stuck: Array) -> None:
    """Say so if batches resemble their neighbours by more than chance allows (Bonferroni)."""
    xp, pairs = namespace(reference), sum(_count(run) - run.means.shape[1] for run in runs)
    if pairs < 4:
        return
    together, alone = 0.0 * reference, 0.0 * reference
    for run in runs:
        x = run.means + (run.origin - reference)
        together = together + xp.sum(x[1:, ...] * x[:-1, ...], axis=(0, 1))
        alone = alone + xp.sum(x * x, axis=(0, 1))
    moves = (alone > 0) & ~stuck
    likeness = float(xp.max(xp.where(moves, together, 0.0) / xp.where(moves, alone, 1.0)))
    if likeness > -float(ndtri(CHANCE / reference.shape[0])) / pairs**0.5:
        warn_of_memory(likeness)


def _stuck(run: Run) -> Array:
    """In which coordinates (n,) a chain does not move from batch to batch."""
    xp = namespace(run.means)
    if run.means.shape[0] < 2:  # nobody can tell
        return xp.zeros(run.origin.shape[1], dtype=xp.bool)
    x = run.origin + run.means
    still = is_stuck(xp.min(x, axis=0), xp.max(x, axis=0), float(xp.finfo(x.dtype).eps))
    return xp.any(still, axis=0)
