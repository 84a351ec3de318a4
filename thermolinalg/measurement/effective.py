"""How many independent samples a record is worth, from the record alone.

Correlations are summed up to where chance drowns them, by the initial monotone positive sequence
of Geyer (1992) over all chains, as Stan does (Vehtari et al. 2021, section 3). With W the variance
within half-chains, V that of all and C_t the autocovariance of half-chains about their own means,

    ρ_t = 1 - (W - C_t)/V,   τ = 1 + 2 Σ ρ_t,   effective size = samples/τ.

Where chains disagree V exceeds W, no ρ_t falls to 0, and little is left of the size.
"""

from typing import NamedTuple

import numpy as np
import scipy.fft

from thermolinalg.backend import Array, NumpyArray
from thermolinalg.measurement.chains import SHORTEST, Chains, read_chains
from thermolinalg.measurement.stuck import warn_of_short, warn_of_stuck


class Size(NamedTuple):
    """Of each coordinate (n,): effective size for the mean, and variance in squared units."""

    effective: NumpyArray
    variance: NumpyArray


def effective_sample_size(states: Array, /) -> Array:
    """Effective size (n,) for the mean of each coordinate, of samples in a row.

    A chain is stuck where half of it does not move, or by no more than rounding: such a
    coordinate has effective size 0, and a `StuckRecord` warning tells. Fewer than four samples in
    a chain give NaN and a `ShortRecord` warning.

    Args:
        states: (chains, samples, n) such as `Trajectory.states`, or (samples, n) or (samples,) of
            one chain.

    Raises:
        NotFinite: a state is NaN or infinite.
        ShapeMismatch: the states have another shape.
    """
    chains = read_chains(states)
    if chains.samples < SHORTEST:
        warn_of_short(chains.samples, SHORTEST)
        return chains.like(np.full(chains.n, np.nan))
    warn_of_stuck(chains.stuck)
    return chains.like(measured_size(chains).effective)


def measured_size(chains: Chains) -> Size:
    """The effective size of chains that are long enough; 0 where they are stuck."""
    effective, variance, stuck = np.zeros(chains.n), np.zeros(chains.n), chains.stuck
    for some, x in chains.halves():
        within, between, C = _moments(x)
        variance[some] = total = C[:, 0] + between
        total = np.where(stuck[some], 1.0, total)[:, None]
        rho = 1 - (within[:, None] - C) / total
        rho[:, 0] = 1.0
        size = chains.total / np.maximum(_autocorrelation_time(rho), 1 / np.log10(chains.total))
        effective[some] = np.where(stuck[some], 0.0, size)
    return Size(effective, variance)


def _moments(x: NumpyArray) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
    """Of half-chains (k, chains, m): W (k,), the variance of their means (k,), and C (k, m)."""
    m = x.shape[2]
    means = x.mean(axis=2)
    x = x - means[:, :, None]
    # The spectrum of all chains at once: one transform back serves them all.
    length = scipy.fft.next_fast_len(2 * m, real=True)
    spectrum = scipy.fft.rfft(x, length, axis=2)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=1)
    C = scipy.fft.irfft(power, length, axis=1)[:, :m] / m
    return C[:, 0] * m / (m - 1), means.var(axis=1, ddof=1), C


def _autocorrelation_time(rho: NumpyArray) -> NumpyArray:
    """1 + 2 Σ ρ_t (k,) of correlations (k, m), up to the first pair of lags whose sum is not > 0.

    Sums of neighbours ρ_{2j} + ρ_{2j+1} of a reversible chain are positive and fall with j.
    """
    even = rho[:, 0 : rho.shape[1] // 2 * 2 : 2]
    pairs = even + rho[:, 1::2]
    kept = np.logical_and.accumulate(pairs > 0, axis=1)
    falling = np.minimum.accumulate(np.where(kept, pairs, 0.0), axis=1)
    # Of the first pair that is dropped the even one may still be positive: half of it counts.
    count = kept.sum(axis=1)
    last = np.take_along_axis(even, np.minimum(count, even.shape[1] - 1)[:, None], axis=1)[:, 0]
    last = np.where(count < even.shape[1], np.maximum(last, 0.0), 0.0)
    return 2 * falling.sum(axis=1) - 1 + last
