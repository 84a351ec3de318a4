"""The analog integrator: (1/T) ∫ x dt over each window, without step-size error.

The pair (x(T), ∫ x dt) is jointly Gaussian given x(0), so a window of any length is one exact step.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import Array, like, namespace, normals, to_numpy
from thermolinalg.measurement.readout import Readout
from thermolinalg.theory.evolution import mode_transition, propagate
from thermolinalg.theory.gaussian import square_root
from thermolinalg.theory.modes import Modes
from thermolinalg.theory.process import OU


@final
@dataclass(frozen=True, slots=True)
class TimeAverage(Readout):
    """Time averages of the state: values (count, chains, n)."""

    def correlation_rate(self, process: OU) -> float:
        return process.slowest

    def numbers(self, process: OU, window: float) -> int:  # noqa: ARG002 (one a window)
        return process.n

    def windows(
        self, process: OU, x: Array, window: float, count: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        if process.modes is None:
            return _general_windows(process, x, window, count, rng)
        return _mode_windows(process.modes, process.b, x, window, count, rng)


def _mode_windows(
    modes: Modes, b: Array, x: Array, window: float, count: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    xp = namespace(x)
    drive = modes.enter(b)
    decay, response, variance = mode_transition(modes.rates, window)
    # Given y(0), the end state and the integral are correlated: regress the second on the first.
    slope = response**2 / 2 / variance
    rest = integral_variance(modes.rates, window) - slope * response**2 / 2
    kicks = normals(rng, (2, count, *x.shape), x)
    end_noise = kicks[0, ...] * xp.sqrt(variance)
    area_noise = slope * end_noise + kicks[1, ...] * xp.sqrt(xp.clip(rest, 0.0, None))
    starts = xp.empty_like(end_noise)
    y = modes.enter(x)
    for k in range(count):
        starts[k, ...] = y
        y = decay * y + response * drive + end_noise[k, ...]
    forced = drive / modes.rates * (window - response)
    averages = (response * starts + forced + area_noise) / window
    return modes.leave(averages), modes.leave(y)


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
    process: OU, x: Array, window: float, count: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """The same for any drift: one exact step of the process that carries (x, ∫ x dt / window)."""
    n, xp = process.n, namespace(x)
    A, D = np.zeros((2 * n, 2 * n)), np.zeros((2 * n, 2 * n))
    A[:n, :n], A[n:, :n], D[:n, :n] = to_numpy(process.A), -np.eye(n) / window, to_numpy(process.D)
    b = to_numpy(process.b)
    law = propagate(A, np.concatenate([b, np.zeros_like(b)], axis=-1), D, window)
    E, shift, C = (like(part, x) for part in (law.E[:, :n], law.shift, law.C))
    noise = normals(rng, (count, x.shape[0], 2 * n), x) @ square_root(C).T + shift
    averages = xp.empty_like(noise[..., :n])
    for k in range(count):
        pair = x @ E.T + noise[k, ...]
        x = pair[:, :n]
        averages[k, ...] = pair[:, n:]
    return averages, x
