"""What incomplete or noisy data say: the Kalman filter and smoother on exact transitions.

Many stretches of data are filtered side by side. Each begins at a known state; each step predicts
by the exact law of its interval and then learns what was seen:

    m <- E m + shift,      P <- E P E' + C;
    m <- m + K (x - m),    P <- (I - K) P (I - K)' + K R K',    K = P (P + R)⁻¹ of what was seen.

The smoother walks back (Rauch, Tung and Striebel 1965) and gives the law of every step given all
data. By Fisher's identity, the slope of the likelihood of the data is the slope of the likelihood
of whole steps, expected under that law: so its moments are all that a fit needs.
"""

from typing import NamedTuple

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.theory.batches import apply, log_det, outer, roots, transpose
from thermolinalg.theory.observations import Gaps
from thermolinalg.theory.propagators import Laws


class Filtered(NamedTuple):
    """Mean and covariance of the states, after each row was seen; and before it."""

    mean: NumpyArray  # (length + 1, stretches, n)
    cov: NumpyArray  # (length + 1, stretches, n, n)
    predicted_mean: NumpyArray  # (length, stretches, n)
    predicted_cov: NumpyArray
    log_likelihood: float


class Pairs(NamedTuple):
    """Given all the data, the law of both ends of each step: x0 before it, x1 after it."""

    before: NumpyArray  # (length, stretches, n)
    after: NumpyArray
    cov_before: NumpyArray  # (length, stretches, n, n)
    cov_after: NumpyArray
    cov_across: NumpyArray  # of x1 with x0


def kalman_filter(gaps: Gaps, laws: Laws, R: NumpyArray) -> Filtered:
    """Every stretch from its known first state to its end. R is the covariance of a reading.

    Raises:
        LinAlgError: what was seen has no density, because its covariance is singular.
    """
    m = gaps.states[:, 0].astype(laws.E.dtype)
    P = np.zeros((*m.shape, m.shape[1]), m.dtype)
    means, covs, predicted_means, predicted_covs, total = [m], [P], [], [], 0.0
    for k in range(gaps.interval.shape[1]):
        E, shift, C = (law[gaps.interval[:, k]] for law in laws)
        m = apply(E, m) + shift
        P = E @ P @ transpose(E) + C
        predicted_means.append(m)
        predicted_covs.append(P)
        m, P, gain = _learn(m, P, gaps.states[:, k + 1], gaps.seen[:, k + 1], R)
        total += gain
        means.append(m)
        covs.append(P)
    mean, cov = np.array(means), np.array(covs)
    return Filtered(mean, cov, np.array(predicted_means), np.array(predicted_covs), total)


def smooth(gaps: Gaps, laws: Laws, filtered: Filtered) -> Pairs:
    """The law of every step given all the data, by walking back through the filter's."""
    m, P = filtered.mean[-1], filtered.cov[-1]
    n, pairs = m.shape[1], []
    for k in reversed(range(gaps.interval.shape[1])):
        E = laws.E[gaps.interval[:, k]]
        now, spread = filtered.mean[k], filtered.cov[k]
        G = transpose(np.linalg.solve(filtered.predicted_cov[k], E @ spread))
        before = now + apply(G, m - filtered.predicted_mean[k])
        cov = (np.eye(n) - G @ E) @ spread + G @ P @ transpose(G)
        cov = (cov + transpose(cov)) / 2
        pairs.append((before, m, cov, P, P @ transpose(G)))
        m, P = before, cov
    return Pairs(*(np.array(part[::-1]) for part in zip(*pairs, strict=True)))


def _learn(
    m: NumpyArray, P: NumpyArray, x: NumpyArray, seen: NumpyArray, R: NumpyArray
) -> tuple[NumpyArray, NumpyArray, float]:
    """The law of the states after a row was seen, and that row's log density.

    An unseen entry is a reading of unit variance, as expected, of a coordinate tied to no other.
    """
    both = outer(seen, seen)
    I = np.eye(m.shape[1])
    V = np.where(both, P + R, I)
    surprise = np.where(seen, x - m, 0.0)
    white = np.linalg.solve(V, surprise[..., None])[..., 0]
    K = transpose(np.linalg.solve(V, np.where(seen[:, :, None], P, 0.0)))
    left = I - K  # K is zero in the columns of what was not seen
    P = left @ P @ transpose(left) + K @ R @ transpose(K)
    size = float(log_det(roots(V)).sum()) if np.isrealobj(V) else 0.0
    energy = float(np.sum(surprise * white).real)
    density = -(energy + size + seen.sum() * np.log(2 * np.pi)) / 2
    return m + apply(K, surprise), (P + transpose(P)) / 2, density
