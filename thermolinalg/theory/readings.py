"""A process at rest that is read every dt: the exact law of what is measured of its memory.

Everything is of single coordinates, for those who compare measured curves with exact ones.
"""

from collections.abc import Sequence

import numpy as np

from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.theory.equilibrium import stationary_covariance
from thermolinalg.theory.evolution import transition
from thermolinalg.theory.process import OU
from thermolinalg.theory.refinement import EPS

NEAR = 8
"""Bins from 0 and π/dt within which a window lets ω and -ω meet."""

FORGOTTEN = 1e-6
"""Segments with less memory of each other, as a share of the variance, count as independent."""


def read_autocovariances(
    process: OU, coordinates: Sequence[int], dt: float, count: int
) -> NumpyArray:
    """Cov(x_i(t + j dt), x_i(t)) at rest (count, k), for j = 0, 1, ... and k coordinates i.

    The known lags are doubled by one more power of e^{-A dt}, until a whole doubling adds nothing
    but rounding; the rest is then set to zero.
    """
    S = stationary_covariance(process)[:, list(coordinates)]
    E = to_numpy(transition(process, dt).E).astype(float)
    known, size = S[None, :, :], np.abs(S).max(axis=0)
    while len(known) < count:
        later = E @ known
        if np.all(np.abs(later) <= EPS**2 * size):
            break
        known, E = np.concatenate([known, later]), E @ E
    values = np.zeros((count, S.shape[1]))
    found = known[:count, list(coordinates), np.arange(S.shape[1])]
    values[: len(found)] = found
    return values


def autocovariance_variances(exact: NumpyArray, lags: Sequence[int]) -> NumpyArray:
    """Variances (l, k) of autocovariances measured on one run of m readings, at l lags.

    What is measured is 1/(m - j) Σ_t x(t) x(t + j), x less its true mean. For a normal process
    products that are s apart have the covariance C(s)² + C(s + j) C(s - j) (Isserlis), and there
    are m - j - |s| pairs of them: Bartlett's formula (1946), without its limit of large m.

    Args:
        exact: autocovariances (m, k) of k coordinates, at lags 0 to m - 1.
        lags: the lags j, in readings, each below m.
    """
    m = len(exact)
    reach = int(np.flatnonzero(np.any(exact, axis=1)).max(initial=0)) + 1  # zero from there on
    variances = np.empty((len(lags), exact.shape[1]))
    for row, j in enumerate(lags):
        s = np.arange(min(m - j, reach + j))
        pairs = exact[s] ** 2 + exact[s + j] * exact[np.abs(s - j)]
        variances[row] = (np.where(s > 0, 2, 1) * (m - j - s) / (m - j) ** 2) @ pairs
    return variances


def welch_moments(
    process: OU, coordinates: Sequence[int], dt: float, window: NumpyArray, step: int, segments: int
) -> tuple[NumpyArray, NumpyArray]:
    """Mean and variance (f, k) of Welch's two-sided density of one run at rest, less its true mean.

    A segment's density is dt |X|² / Σw² with X = Σ_t w(t) x(t) e^{-iωt dt}, at ω = 2πf/(L dt) for
    f = 0 to L/2. Its mean is dt Σ_j ρ(j) C(j) e^{-iωj dt}, with ρ(j) = Σ_t w(t) w(t + j) / Σw²:
    what is read, blurred by the window. X is normal, so |X|² and |Y|² of two segments have the
    covariance |E XȲ|² + |E XY|² (Isserlis). The last is next to nothing except near 0 and π/dt,
    where ω and -ω meet: elsewhere it is left out.

    Args:
        process: the process.
        coordinates: which k of its coordinates.
        dt: time between readings.
        window: its weights (L,).
        step: readings from one segment's begin to the next.
        segments: how many are averaged.
    """
    L = len(window)
    C = read_autocovariances(process, coordinates, dt, (segments - 1) * step + L)
    scale, shared = dt / (window @ window), _shared(window[:, None])
    f, j = np.arange(L // 2 + 1), np.r_[:L, -L:0]
    edges = np.flatnonzero((f < NEAR) | (f > L // 2 - NEAR))
    waves = np.exp(-2j * np.pi / L * np.outer(np.arange(L), edges))
    mirrored = _shared(window[:, None] * waves)
    mean, variance = np.zeros((2, len(f), C.shape[1]))
    for s in range(segments):
        later = C[np.minimum(np.abs(s * step + j), len(C) - 1)]  # shared is 0 at the one cut off
        if np.all(np.abs(later) <= FORGOTTEN * C[0]):
            break
        alike = scale * np.fft.fft(shared * later, axis=0)[: L + 1 : 2]
        pairs = (1 if s == 0 else 2) * (segments - s) / segments**2
        mean = mean if s else alike.real
        variance += pairs * np.abs(alike) ** 2
        variance[edges] += pairs * np.abs(scale * mirrored.T @ later) ** 2
    return mean, variance


def _shared(v: NumpyArray) -> NumpyArray:
    """Σ_t v(t) v(t + j) of each column, no conjugate, for j = 0 to L - 1 and then -L to -1."""
    V = np.fft.fft(v, 2 * len(v), axis=0)
    return np.fft.ifft(V * np.roll(V[::-1], 1, axis=0), axis=0)
