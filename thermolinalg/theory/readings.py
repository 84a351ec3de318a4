"""A process at rest that is read every dt: the exact law of what is measured of its memory.

Everything is of single coordinates, for those who compare measured curves with exact ones.
"""

from collections.abc import Sequence

import numpy as np

from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.theory.equilibrium import stationary_covariance
from thermolinalg.theory.evolution import transition
from thermolinalg.theory.gaussian import square_root
from thermolinalg.theory.process import OU
from thermolinalg.theory.refinement import EPS


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


def read_density(
    process: OU, coordinates: Sequence[int], dt: float, frequency: NumpyArray
) -> NumpyArray:
    """Two-sided spectral density (f, k) at rest of the readings of k coordinates.

    It is dt Σ_j e^{-iωj dt} Cov(x(j dt), x(0)) = Σ_k S(ω + 2πk/dt): all frequencies that readings
    cannot tell from ω, folded onto it. Readings are an autoregression x(t + dt) = E x(t) + N(0, C),
    so it is the diagonal of dt (1 - E e^{-iθ})⁻¹ C (1 - E e^{-iθ})⁻ᴴ with θ = ω dt.

    Args:
        process: the process.
        coordinates: which k of its coordinates.
        dt: time between readings.
        frequency: angular frequencies ω (f,).
    """
    step = transition(process, dt)
    E, C = to_numpy(step.E).astype(float), to_numpy(step.C).astype(float)
    turn = np.exp(-1j * np.asarray(frequency, float) * dt)
    response = np.linalg.inv(np.eye(process.n) - turn[:, None, None] * E)[:, list(coordinates)]
    return dt * (np.abs(response @ square_root(C)) ** 2).sum(axis=2)
