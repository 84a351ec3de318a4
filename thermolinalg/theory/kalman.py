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
    means, covs, predicted_means, predicted_covs, readings = [m], [P], [], [], []
    for k in range(gaps.interval.shape[1]):
        E, shift, C = (law[gaps.interval[:, k]] for law in laws)
        m = apply(E, m) + shift
        P = E @ P @ transpose(E) + C
        predicted_means.append(m)
        predicted_covs.append(P)
        m, P, reading = _learn(m, P, gaps.states[:, k + 1], gaps.seen[:, k + 1], R)
        readings.append(reading)
        means.append(m)
        covs.append(P)
    mean, cov = np.array(means), np.array(covs)
    value = _log_density(readings, int(gaps.seen[:, 1:].sum())) if np.isrealobj(mean) else 0.0
    return Filtered(mean, cov, np.array(predicted_means), np.array(predicted_covs), value)


def smooth(gaps: Gaps, laws: Laws, filtered: Filtered) -> Pairs:
    """The law of every step given all the data, by walking back through the filter's."""
    mean, cov, predicted_mean, predicted_cov, _ = filtered
    E = laws.E[gaps.interval.T]
    back = transpose(np.linalg.solve(predicted_cov, E @ cov[:-1]))  # how far news travels back
    rest = cov[:-1] - back @ E @ cov[:-1]
    means, covs = [mean[-1]], [cov[-1]]
    for k in reversed(range(len(back))):
        G = back[k]
        means.append(mean[k] + apply(G, means[-1] - predicted_mean[k]))
        P = rest[k] + G @ covs[-1] @ transpose(G)
        covs.append((P + transpose(P)) / 2)
    m, P = np.array(means[::-1]), np.array(covs[::-1])
    return Pairs(m[:-1], m[1:], P[:-1], P[1:], P[1:] @ transpose(back))


class _Reading(NamedTuple):
    """What a row told beyond what was predicted, and the covariance of that: 1 where unseen."""

    surprise: NumpyArray
    V: NumpyArray


def _learn(
    m: NumpyArray, P: NumpyArray, x: NumpyArray, seen: NumpyArray, R: NumpyArray
) -> tuple[NumpyArray, NumpyArray, _Reading]:
    """The law of the states after a row was seen, and that row.

    An unseen entry is a reading of unit variance, as expected, of a coordinate tied to no other.
    """
    I = np.eye(m.shape[1])
    V = np.where(outer(seen, seen), P + R, I)
    surprise = np.where(seen, x - m, 0.0)
    K = transpose(np.linalg.solve(V, np.where(seen[:, :, None], P, 0.0)))
    left = I - K  # K is zero in the columns of what was not seen
    P = left @ P @ transpose(left) + K @ R @ transpose(K)
    return m + apply(K, surprise), (P + transpose(P)) / 2, _Reading(surprise, V)


def _log_density(readings: list[_Reading], numbers: int) -> float:
    surprise, V = (np.array(part) for part in zip(*readings, strict=True))
    L = roots(V)
    energy = float(np.sum(np.linalg.solve(L, surprise[..., None]) ** 2))
    return -(energy + float(log_det(L).sum()) + numbers * np.log(2 * np.pi)) / 2
