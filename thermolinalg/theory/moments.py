"""What the likelihood of whole steps depends on: sums over the steps of each interval.

With z = (x0, 1) before a step and d = x1 - x0 across it, the residual is d - (E - I, shift) z: so
the sums of zz', dz' and dd' are all that a fit needs, however many the steps. Increments of data
near zero keep the digits that sums of squares lose; so the data are centered first.
"""

from typing import NamedTuple

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.theory.batches import both, log_det, outer, roots, transpose
from thermolinalg.theory.kalman import Pairs
from thermolinalg.theory.observations import Gaps, Observations
from thermolinalg.theory.propagators import Laws


class Moments(NamedTuple):
    """Sums over the steps of each interval."""

    steps: NumpyArray  # (intervals,)
    zz: NumpyArray  # (intervals, n + 1, n + 1)
    dz: NumpyArray  # (intervals, n, n + 1)
    dd: NumpyArray  # (intervals, n, n)


def moments_of_steps(data: Observations) -> Moments:
    """The sums over the steps from one whole row to the next."""
    bounds = data.bounds()
    sums = [
        _sums(data.states[rows], data.states[rows + 1])
        for rows in np.split(data.rows, bounds[1:-1])
    ]
    zz, dz, dd = (np.array(part) for part in zip(*sums, strict=True))
    return Moments(np.diff(bounds).astype(float), zz, dz, dd)


def moments_of_gaps(gaps: Gaps, pairs: Pairs, intervals: int) -> Moments:
    """The sums over the steps inside gaps, as expected given all the data."""
    real = gaps.real.T
    before, after, P, Q, across = (part[real] for part in pairs)
    z = np.concatenate([before, np.ones((len(before), 1))], axis=1)
    d = after - before
    zz = outer(z, z)
    zz[:, :-1, :-1] += P
    dz = outer(d, z)
    dz[:, :, :-1] += across - P
    dd = outer(d, d) + P + Q - both(across)
    parts = (np.ones(len(d)), zz, dz, dd)
    return Moments(*(_by_interval(part, gaps.interval.T[real], intervals) for part in parts))


class Score(NamedTuple):
    """Log density of the steps, and its slopes in their laws."""

    value: float
    slopes: Laws


def score(laws: Laws, moments: Moments) -> Score:
    """The log density of steps with these moments, as a function of their laws.

    -1/2 sum over the intervals of tr(C⁻¹R) + steps (log det C + n log 2π), where R is the sum of
    the squared residuals. Of complex laws only the slopes are found.

    Raises:
        LinAlgError: a covariance is not positive definite.
    """
    steps, zz, dz, dd = moments
    n = dd.shape[1]
    F = np.concatenate([laws.E - np.eye(n), laws.shift[:, :, None]], axis=2)
    rz = dz - F @ zz  # residuals with z
    R = dd - F @ transpose(dz) - rz @ transpose(F)
    inverse = np.linalg.inv(laws.C)
    in_F, CR = inverse @ rz, inverse @ R
    in_C = (CR @ inverse - steps[:, None, None] * inverse) / 2
    slopes = Laws(in_F[:, :, :-1], in_F[:, :, -1], both(in_C) / 2)
    if np.iscomplexobj(laws.C):
        return Score(0.0, slopes)
    energy = float(np.trace(CR, axis1=1, axis2=2).sum())
    value = -(energy + float(steps @ (log_det(roots(laws.C)) + n * np.log(2 * np.pi)))) / 2
    return Score(value, slopes)


def _sums(before: NumpyArray, after: NumpyArray) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
    z, d = np.concatenate([before, np.ones((len(before), 1))], axis=1), after - before
    return z.T @ z, d.T @ z, d.T @ d


def _by_interval(terms: NumpyArray, interval: NumpyArray, intervals: int) -> NumpyArray:
    """The sum of the terms of each interval."""
    sums = np.zeros((intervals, *terms.shape[1:]), terms.dtype)
    order = np.argsort(interval, kind="stable")
    present, starts = np.unique(interval[order], return_index=True)
    sums[present] = np.add.reduceat(terms[order], starts, axis=0)
    return sums
