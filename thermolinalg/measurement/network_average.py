"""Time averages of large networks, whose A is only multiplied: a window of any length, exactly.

Over a time T from x the end and the integral of dx = -(Ax - b) dt + N(0, D dt) are, with functions
of A and independent z, y ~ N(0, D),

    x(T) = e^{-AT} x + r(A) b + v(A)^{1/2} z,         r(a) = (1 - e^{-aT})/a,
    ∫ x dt = r(A) x + q(A) b + (r²v^{-1/2}/2)(A) z + w(A)^{1/2} y,

v(a) = (1 - e^{-2aT})/(2a), q(a) = (T - r)/a, and w(a) = (aT - 2 tanh(aT/2))/a³: what is left of
the variance of ∫ x dt, given z. Functions of one vector share their products; as Chebyshev series
they end after some sqrt(condition) of them at most, however long the window is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, final

import numpy as np

from thermolinalg.backend import Array, namespace, normals
from thermolinalg.measurement.observed import Observed
from thermolinalg.measurement.readout import Readout
from thermolinalg.simulation.choice import choose_integrator
from thermolinalg.simulation.polynomials import polynomials, rounding, series
from thermolinalg.theory.evolution import mode_transition
from thermolinalg.theory.operator import Network

Function: TypeAlias = Callable[[Array], Array]
"""Of an array of eigenvalues."""

SHORT = 4.0
"""Relaxations up to which a difference would cancel."""

Calculus: TypeAlias = Callable[[Sequence[Function], Array], list[Array]]
"""f(A) x for each of some functions, of states x (chains, n)."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class NetworkAverage(Readout):
    """Time averages of the state: values (count, chains, n).

    Args:
        drives: (k, n), for values (count, chains, k, n). The process then has no drive of its own:
            each of these is switched on a time `lead` before it is read, one after the other, and
            all meet the noise that is drawn for one.
        lead: how long each drive pulls before its first window.
    """

    drives: Array | None = None
    lead: float = 0.0

    def correlation_rate(self, process: Network | Observed) -> float:
        return process.slowest

    def numbers(self, process: Network | Observed, window: float) -> int:  # noqa: ARG002 (one a window)
        return process.n * self._sides

    def time(self, window: float, count: int) -> float:
        return self._sides * (self.lead + count * window)

    def windows(
        self,
        process: Network | Observed,
        x: Array,
        window: float,
        count: int,
        rng: np.random.Generator,
    ) -> tuple[Array, Array]:
        if isinstance(process, Observed):
            values, x = self.windows(process.process, x, window, count, rng)
            return process.seen(values, rng), x
        of_A = _calculus(process)
        values, x = _averages(process, of_A, x, window, count, rng)
        if self.drives is not None:
            values = values[:, :, None, :] + self._responses(of_A, window, count)[:, None, :, :]
        return values, x

    @property
    def _sides(self) -> int:
        return 1 if self.drives is None else int(self.drives.shape[0])

    def _responses(self, of_A: Calculus, window: float, count: int) -> Array:
        """What each drive alone amounts to, without noise: (count, k, n)."""

        def seen(a: Array, start: float) -> Array:
            before, during = _Window(start), _Window(window)
            return (during.area(a) + during.response(a) * before.response(a)) / window

        starts = [self.lead + k * window for k in range(count)]
        responses = of_A([partial(seen, start=start) for start in starts], self.drives)
        return namespace(self.drives).stack(responses)


@final
@dataclass(frozen=True, slots=True)
class _Window:
    """What a time T does to a mode of rate a: the functions of this file's first lines."""

    T: float

    def decay(self, a: Array) -> Array:
        return mode_transition(a, self.T)[0]

    def response(self, a: Array) -> Array:
        return mode_transition(a, self.T)[1]

    def area(self, a: Array) -> Array:
        u, t = a * self.T, namespace(a).tanh(a * self.T / 2)  # 1 - e^{-u} = 2t/(1 + t)
        return (_excess(u) + u * t) / (1 + t) / a**2

    def spread(self, a: Array) -> Array:
        return mode_transition(a, self.T)[2] ** 0.5

    def slope(self, a: Array) -> Array:
        return self.response(a) ** 2 / 2 / self.spread(a)

    def rest(self, a: Array) -> Array:
        return (_excess(a * self.T) / a**3) ** 0.5


def _excess(u: Array) -> Array:
    """u - 2 tanh(u/2) to the last digits: by Lambert's continued fraction, where that cancels."""
    xp, rest = namespace(u), 0 * u
    square = xp.where(u < SHORT, u**2 / 4, 0 * u)
    for odd in range(41, 1, -2):
        rest = square / (odd + rest)
    return xp.where(u < SHORT, u * rest / (1 + rest), u - 2 * xp.tanh(u / 2))


def _averages(
    process: Network, of_A: Calculus, x: Array, T: float, count: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Averages (count, chains, n) of windows of length T in a row, and the last states."""
    xp, width, f = namespace(x), process.diffusion**0.5, _Window(T)

    def kicks() -> Array:
        z = normals(rng, x.shape, x)
        z *= width
        return z

    averages = xp.stack([xp.zeros_like(x)] * count)
    shift, pushed = of_A([f.response, f.area], process.b[None, :])
    for k in range(count):
        end, seen = of_A([f.spread, f.slope], kicks())
        seen += of_A([f.rest], kicks())[0]
        seen += pushed
        if xp.any(x):  # a run that starts at zero has nothing to forget
            left, forgotten = of_A([f.decay, f.response], x)
            end += left
            seen += forgotten
        averages[k, ...] = seen / T
        x = end + shift
    return averages, x


def _calculus(process: Network) -> Calculus:
    """By the modes of a number on the diagonal plus low rank, where A is that; else by products."""
    by_modes = choose_integrator(process) == "lowrank"
    return partial(_by_modes, process) if by_modes else _by_products(process)


def _by_modes(process: Network, functions: Sequence[Function], x: Array) -> list[Array]:
    modes = process.split
    y = modes.enter(x)
    return [modes.leave(f(modes.rates) * y) for f in functions]


def _by_products(process: Network) -> Calculus:
    basis, eps = polynomials(process), rounding(process)

    def of_A(functions: Sequence[Function], x: Array) -> list[Array]:
        expanded = [series(f, basis.bounds, eps) for f in functions]
        return [columns.T for columns in basis.apply_each(expanded, x.T)]

    return of_A
