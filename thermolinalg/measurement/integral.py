"""The analog integrator: (1/T) ∫ x dt over each window, without step-size error.

The pair (x(T), ∫ x dt) is jointly Gaussian given x(0), so a window of any length is one exact step.
"""

from dataclasses import dataclass
from typing import final
from weakref import WeakKeyDictionary

import numpy as np

from thermolinalg.backend import Array, NumpyArray, like, namespace, normals, to_numpy
from thermolinalg.measurement.clocked import clocked_windows
from thermolinalg.measurement.observed import Observed
from thermolinalg.measurement.readout import Readout
from thermolinalg.measurement.sampled import coordinates_read
from thermolinalg.measurement.swings import swinging_windows
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.evolution import mode_transition, propagate
from thermolinalg.theory.forgetting import forgetting_rate
from thermolinalg.theory.gaussian import square_root
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class TimeAverage(Readout):
    """Time averages of the state, of motion with inertia of its positions: (count, chains, n).

    With `one_noise` chains that differ in their drives meet the same noise, which is drawn once.
    """

    one_noise: bool = False

    def correlation_rate(self, process: OU | Inertial | Clocked | Observed) -> float:
        if isinstance(process, Observed):
            return self.correlation_rate(process.process)
        if isinstance(process, Inertial | Clocked) or process.modes:
            return process.slowest
        return forgetting_rate(process)[0]

    def numbers(self, process: OU | Inertial | Clocked | Observed, window: float) -> int:  # noqa: ARG002 (one a window)
        return coordinates_read(process)

    def windows(
        self,
        process: OU | Inertial | Clocked | Observed,
        x: Array,
        window: float,
        count: int,
        rng: np.random.Generator,
    ) -> tuple[Array, Array]:
        if isinstance(process, Observed):
            values, x = self.windows(process.process, x, window, count, rng)
            return process.seen(values, rng), x
        if isinstance(process, Inertial):
            return swinging_windows(process, x, window, count, rng, one_noise=self.one_noise)
        if isinstance(process, Clocked):
            return clocked_windows(process, x, window, count, rng, one_noise=self.one_noise)
        run = _general_windows if process.modes is None else _mode_windows
        return run(process, x, window, count, rng, one_noise=self.one_noise)


def _mode_windows(
    process: OU,
    x: Array,
    window: float,
    count: int,
    rng: np.random.Generator,
    *,
    one_noise: bool = False,
) -> tuple[Array, Array]:
    """Noise apart from what the drives do, so that noise that is shared is read once."""
    modes = process.modes
    assert modes is not None
    noisy = x[:1, :] if one_noise else x
    noise, moved = _noise_alone(modes.rates, window, count, noisy, rng)
    decay, response, _ = mode_transition(modes.rates, window)
    rest = _rest(process)
    ahead = x - rest
    rounding = namespace(x).finfo(x.dtype).eps * (_largest(rest) + _largest(ahead))
    if one_noise and _largest(ahead - ahead[:1, :]) <= 2 * rounding:
        ahead = ahead[:1, :]  # what is left of the start is noise, which all chains share
    seen, ahead = _fading(modes.enter(ahead), response / window, decay, count, rounding)
    joint = ahead.shape == moved.shape  # then it leaves the modes with the noise, at no cost
    if joint:
        for k, area in enumerate(seen):
            noise[k, ...] += area
    if not joint:
        values = modes.leave(noise) + rest
        for k, area in enumerate(seen):
            values[k, ...] += modes.leave(area)
        return values, modes.leave(moved + ahead) + rest
    # In one product, which reads the basis once.
    left = modes.leave(namespace(x).concat([noise, (moved + ahead)[None, ...]]))
    return left[:-1, ...] + rest, left[-1, ...] + rest


def _fading(
    ahead: Array, share: Array, decay: Array, count: int, rounding: float
) -> tuple[list[Array], Array]:
    """What windows see of how far modes are from rest, while it is not lost in rounding."""
    seen: list[Array] = []
    while len(seen) < count and _largest(ahead) > rounding:
        seen.append(ahead * share)
        ahead = ahead * decay
    return seen, ahead


def _rest(process: OU) -> Array:
    """Where its states would come to rest without noise: x* in x* + e^{-At}(x - x*), their motion.

    It moves what is simulated, exactly and for any t; the answer is read off noisy windows.
    """
    if process not in _RESTS:
        modes = process.modes
        assert modes is not None
        _RESTS[process] = modes.leave(modes.enter(process.b) / modes.rates)
    return _RESTS[process]


_RESTS: WeakKeyDictionary[OU, Array] = WeakKeyDictionary()
"""Kept as long as their processes: a run asks for them at every stretch, of all its drives."""


def _noise_alone(
    rates: Array, window: float, count: int, like: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Averages (count, chains, n) of undriven modes that start at zero, and the last states."""
    xp = namespace(like)
    decay, response, variance = mode_transition(rates, window)
    # Given y(0), the end state and the integral are correlated: regress the second on the first.
    slope = response**2 / 2 / variance
    rest = integral_variance(rates, window) - slope * response**2 / 2
    kicks = normals(rng, (2, count, *like.shape), like)
    ends, areas = kicks[0, ...], kicks[1, ...]
    ends = ends * xp.sqrt(variance)
    areas = areas * xp.sqrt(xp.clip(rest, 0.0, None)) + slope * ends
    y = xp.zeros_like(like)
    for k in range(count):
        areas[k, ...] += response * y
        y = decay * y + ends[k, ...]
    return areas / window, y


def _largest(x: Array) -> float:
    xp = namespace(x)
    return float(xp.max(xp.abs(x)))


def integral_variance(rates: Array, t: float) -> Array:
    """Variance of ∫₀ᵗ y ds for dy = -a y dt + N(0, dt) and a known y(0).

    It is (u - 2(1 - e^{-u}) + (1 - e^{-2u})/2) / a³ with u = at: a difference that cancels to u³/3
    for small u, where its Taylor series is summed instead.
    """
    xp = namespace(rates)
    u = rates * t
    direct = u + 2 * xp.expm1(-u) - xp.expm1(-2 * u) / 2
    small = xp.where(u < 0.5, u, 0.0 * u)
    series, power = 0.0 * u, -small * small / 2
    for k in range(3, 20):  # term k: (-u)^k/k! (2 - 2^{k-1}); the last is 1e-16 of the first
        power = power * (-small) / k
        series = series + power * (2 ** (k - 1) - 2)
    return xp.where(u < 0.5, series, direct) / rates**3


def _general_windows(
    process: OU,
    x: Array,
    window: float,
    count: int,
    rng: np.random.Generator,
    *,
    one_noise: bool = False,
) -> tuple[Array, Array]:
    """The same for any drift: one exact step of the process that carries (x, ∫ x dt / window)."""
    n, xp = process.n, namespace(x)
    E, shift, root = (like(part, x) for part in _general_law(process, window))
    chains = 1 if one_noise else x.shape[0]
    noise = normals(rng, (count, chains, 2 * n), x) @ root.T + shift
    averages = like(xp.empty((count, *x.shape)), x)
    for k in range(count):
        pair = x @ E.T + noise[k, ...]
        x = pair[:, :n]
        averages[k, ...] = pair[:, n:]
    return averages, x


def _general_law(process: OU, window: float) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
    """E, shift and a root of the covariance of (x, ∫ x dt / window) after a window, given x."""
    known, law = _LAWS.get(process, (0.0, None))
    if law is None or known != window:
        n = process.n
        A, D = np.zeros((2 * n, 2 * n)), np.zeros((2 * n, 2 * n))
        A[:n, :n], A[n:, :n] = to_numpy(process.A), -np.eye(n) / window
        D[:n, :n], b = to_numpy(process.D), to_numpy(process.b)
        whole = propagate(A, np.concatenate([b, np.zeros_like(b)], axis=-1), D, window)
        law = whole.E[:, :n], whole.shift, square_root(whole.C)
        _LAWS[process] = window, law
    return law


_LAWS: WeakKeyDictionary[OU, tuple[float, tuple[NumpyArray, NumpyArray, NumpyArray]]] = (
    WeakKeyDictionary()
)
"""The last law of each process: all chains of a run ask for the same one."""
