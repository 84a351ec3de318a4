"""Do chains agree with each other, and each with itself later on? The split-chain diagnostic R̂.

With W the mean variance within half-chains of m samples and B the variance of their means,

    R̂ = sqrt(((m - 1)/m W + B)/W),

which falls to 1 as chains forget where they began (Gelman et al. 2013, section 11.4).
"""

import numpy as np
from scipy.special import ndtri

from thermolinalg.backend import Array, NumpyArray
from thermolinalg.measurement.chains import SHORTEST, Chains, read_chains
from thermolinalg.measurement.stuck import is_stuck, warn_of_short, warn_of_stuck


def rhat(states: Array, /, *, ranks: bool = False) -> Array:
    """R̂ (n,) of each coordinate: 1 where half-chains agree; above 1.01 they do not yet.

    Chains that are all stuck give infinity if they differ and NaN if not, with a `StuckRecord`
    warning; fewer than four samples in a chain give NaN and a `ShortRecord` warning.

    Args:
        states: (chains, samples, n), (samples, n) or (samples,), as in `effective_sample_size`.
        ranks: take the ranks of the samples, and of their distances from the median, as normal
            scores, and the larger R̂ of both: it needs no finite variance, and sees chains of
            different width (Vehtari et al. 2021). It sorts: many times the cost.

    Raises:
        NotFinite: a state is NaN or infinite.
        ShapeMismatch: the states have another shape.
    """
    chains = read_chains(states)
    if chains.samples < SHORTEST:
        warn_of_short(chains.samples, SHORTEST)
        return chains.like(np.full(chains.n, np.nan))
    warn_of_stuck(chains.stuck)
    return chains.like(split_rhat(chains, ranks=ranks))


def split_rhat(chains: Chains, *, ranks: bool = False) -> NumpyArray:
    """R̂ (n,) of chains that are long enough."""
    measured = _rank_rhat if ranks else _rhat
    found = np.concatenate([measured(x) for _, x in chains.halves()])
    # Where every half-chain is stuck their width is rounding, with which R̂ must not compare.
    lowest, highest = chains.extent
    still = is_stuck(lowest, highest, chains.eps).all(axis=1)
    alike = is_stuck(lowest.min(axis=1), highest.max(axis=1), chains.eps)
    return np.where(still, np.where(alike, np.nan, np.inf), found)


def _rhat(x: NumpyArray) -> NumpyArray:
    """R̂ (k,) of half-chains (k, chains, m)."""
    m = x.shape[2]
    within, between = x.var(axis=2, ddof=1).mean(axis=1), x.mean(axis=2).var(axis=1, ddof=1)
    still = within == 0
    return np.sqrt((m - 1) / m + between / np.where(still, 1.0, within))


def _rank_rhat(x: NumpyArray) -> NumpyArray:
    return np.maximum(_rhat(_scores(x)), _rhat(_scores(_folded(x))))


def _folded(x: NumpyArray) -> NumpyArray:
    """Distances from the median of each coordinate."""
    return np.abs(x - np.median(x, axis=(1, 2), keepdims=True))


def _scores(x: NumpyArray) -> NumpyArray:
    """Normal scores of the ranks of (k, chains, m) in each coordinate; ties share a rank (Blom)."""
    return np.stack([ndtri((_ranks(each) - 0.375) / (each.size + 0.25)) for each in x])


def _ranks(x: NumpyArray) -> NumpyArray:
    _, places, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places].reshape(x.shape)
