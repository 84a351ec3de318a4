"""The exact log density of observed trajectories, over irregular times and with missing entries."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.linalg

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, to_numpy
from thermolinalg.errors import Degenerate, ShapeMismatch
from thermolinalg.theory.batches import apply, log_det, roots
from thermolinalg.theory.equilibrium import stationary
from thermolinalg.theory.evolution import mode_transition
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.kalman import kalman_filter
from thermolinalg.theory.modes import Modes
from thermolinalg.theory.observations import Observations, Start, observe, read_trajectories
from thermolinalg.theory.process import OU, single
from thermolinalg.theory.propagators import Coefficients, propagators, with_start

BLOCK = 2**18
"""Numbers in a block of whitened states or of propagators: what the cache holds."""

MANY = 4
"""So many steps of one length are worth a matrix product of their own."""


def log_likelihood(
    process: OU, ts: Any, xs: Any, /, *, start: Start = "given", noise: Array | None = None
) -> float:
    """The log density of observed states in nats, all trajectories together.

    Exact for any times: no step-size error. Computed by NumPy in float64, whatever library the
    arrays live in.

    Args:
        process: whose law it is.
        ts: times (m,), strictly increasing; or a list with the times of each trajectory.
        xs: states (m, n), or (trajectories, m, n), or a list of trajectories, which may differ in
            length. NaN marks a missing entry, which is integrated out.
        start: "given" for the density of all rows after the first, given the first; "stationary" if
            the first state is drawn from the equilibrium; or the Gaussian that it is drawn from.
        noise: covariance (n, n) of an independent error in every reading; start must then be a law,
            as no state is known exactly. None: readings are exact.

    Raises:
        Degenerate: the states have no density, because too little noise reaches them.
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    n = single(process).n
    trajectories = read_trajectories(ts, xs)
    if (width := trajectories[0].states.shape[1]) != n:
        raise ShapeMismatch(f"xs has {width} coordinates; the process has {n}.")
    R = reading_error(noise, n)
    data = observe(trajectories, start, noisy=noise is not None)
    law = stationary(process) if start == "stationary" else start
    try:
        total = _steps(process, data) + _gaps(process, data, law, R)
    except np.linalg.LinAlgError as error:
        raise Degenerate(_NO_DENSITY) from error
    if isinstance(law, Gaussian):
        total += float(np.sum(to_numpy(law.log_prob(like(_first_rows(data), law.cov)))))
    return total


def reading_error(noise: Array | None, n: int) -> NumpyArray:
    """The covariance of a reading, as NumPy; zero if there is none."""
    R = np.zeros((n, n)) if noise is None else to_numpy(checks.semidefinite("noise", noise))
    if R.shape != (n, n):
        raise ShapeMismatch(f"noise has shape {R.shape}; ({n}, {n}) is needed.")
    return R.astype(float)


def _first_rows(data: Observations) -> NumpyArray:
    """The whole rows that are drawn from the law of the start."""
    return data.states[data.rows[np.isinf(data.intervals[data.interval])] + 1]


def _steps(process: OU, data: Observations) -> float:
    """The log density of the whole steps of finite length."""
    steps = int(np.isfinite(data.intervals[data.interval]).sum())
    if steps == 0:
        return 0.0
    if process.modes is not None:
        energy = _mode_energy(process.modes, process.b, data, steps)
    else:
        energy = _energy(_coefficients(process), data, steps)
    return -(energy + steps * process.n * np.log(2 * np.pi)) / 2


def _mode_energy(modes: Modes, b: Array, data: Observations, steps: int) -> float:
    """By normal modes: every coordinate of y = U'L⁻¹x is an AR(1) sequence of its own.

    One matrix product for all data, then O(n) a step, a cache's worth of rows at a time.
    """
    rates, dual = to_numpy(modes.rates).astype(float), to_numpy(modes.dual).astype(float)
    drive, total = dual @ to_numpy(b), -2 * steps * float(np.linalg.slogdet(dual)[1])
    interval = np.full(len(data.states), -1)
    interval[data.rows[:steps]] = data.interval[:steps]
    for block in _blocks(len(interval) - 1, len(rates)):
        begins = interval[block] >= 0
        present, k = np.unique(interval[block][begins], return_inverse=True)
        times: Any = data.intervals[present, None]
        decay, response, variance = mode_transition(rates, times)
        total += float(np.log(variance).sum(axis=1) @ np.bincount(k, minlength=len(present)))
        if len(present) == 1:
            k = k[:1]  # one law for all steps needs no copies
        y = data.states[block.start : block.stop + 1] @ dual.T
        before, after = (y[:-1], y[1:]) if begins.all() else (y[:-1][begins], y[1:][begins])
        residual = after - decay[k] * before
        residual -= (response * drive)[k]
        total += float(np.vdot(residual, residual / variance[k]))
    return total


def _energy(process: Coefficients, data: Observations, steps: int) -> float:
    """By batched transitions of the original coordinates: any A."""
    x, bounds, total = data.states, data.bounds(), 0.0
    counts = np.diff(bounds)
    for block in _blocks(int(data.interval[steps - 1]) + 1, data.n**2):
        laws = propagators(process, data.intervals[block]).laws
        L, many = roots(laws.C), counts[block] >= MANY
        total += float(log_det(L) @ counts[block])
        for k in np.flatnonzero(many):  # all steps of one length by one matrix product
            rows = data.rows[bounds[block.start + k] : bounds[block.start + k + 1]]
            residual = x[rows + 1] - x[rows] @ laws.E[k].T - laws.shift[k]
            total += float(np.sum(scipy.linalg.solve_triangular(L[k], residual.T, lower=True) ** 2))
        among = slice(bounds[block.start], bounds[block.stop])
        few = ~many[data.interval[among] - block.start]
        rows, k = data.rows[among][few], data.interval[among][few] - block.start
        residual = x[rows + 1] - apply(laws.E[k], x[rows]) - laws.shift[k]
        total += float(np.sum(np.linalg.solve(L[k], residual[:, :, None]) ** 2))
    return total


def _gaps(process: OU, data: Observations, start: Start, R: NumpyArray) -> float:
    """The log density of the incomplete rows, by the Kalman filter."""
    if not data.gaps:
        return 0.0
    times = data.intervals[np.isfinite(data.intervals)]
    laws = propagators(_coefficients(process), times).laws
    laws = with_start(laws, start if isinstance(start, Gaussian) else None)
    return sum(kalman_filter(gaps, laws, R).log_likelihood for gaps in data.gaps)


def _coefficients(process: OU) -> Coefficients:
    return Coefficients(*(to_numpy(x).astype(float) for x in (process.A, process.b, process.D)))


_NO_DENSITY = (
    "the observed states have no density under this process: some combination of coordinates moves "
    "without noise, so that its covariance over a step is singular up to rounding. Add a little "
    "diffusion to D, say how exact the readings are (noise=), or use longer intervals."
)


def _blocks(count: int, size: int) -> Iterator[slice]:
    length = max(1, BLOCK // size)
    for first in range(0, count, length):
        yield slice(first, min(first + length, count))
