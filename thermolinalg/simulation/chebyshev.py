"""The exact integrator for large networks: functions of A as Chebyshev series, by products alone.

The transition over dt is x <- e^{-At} x + r(A) b + s(A) D^{1/2} z with r(a) = (1 - e^{-at})/a and
s(a)² = (1 - e^{-2at})/(2a): under detailed balance, AD = DA', s(A) D s(A)' = s(A)² D is the
covariance. On an interval that holds the spectrum each function is a Chebyshev series that ends, at
rounding level, after about sqrt(fastest dt) to fastest dt terms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.errors import InvalidInput
from thermolinalg.simulation.integrator import EXACT, Integrator
from thermolinalg.theory.evolution import mode_transition
from thermolinalg.theory.operator import Network

Series: TypeAlias = list[float]
"""Chebyshev coefficients; Python's numbers leave the dtype of what they multiply as it is."""

TERMS = 2**14
"""Terms of the longest series that is tried."""


@final
@dataclass(frozen=True, slots=True)
class Chebyshev(Integrator):
    """O(nonzeros of A) a product; `ChebyshevStep.products` says how many a step takes."""

    name: ClassVar[str] = "chebyshev"
    error: ClassVar[str] = EXACT
    cost: ClassVar[str] = "about sqrt(fastest dt) to fastest dt products with A a step"

    def refusal(self, process: Any) -> str | None:
        if isinstance(process, Network):
            return None
        return "needs a Network, whose A is only multiplied and has known bounds"

    def prepare(self, process: Network, dt: float) -> "ChebyshevStep":
        self.require(process)

        def decay(a: NumpyArray) -> NumpyArray:
            return np.exp(-a * dt)

        def response(a: NumpyArray) -> NumpyArray:
            return mode_transition(a, dt)[1]

        def spread(a: NumpyArray) -> NumpyArray:
            return np.sqrt(mode_transition(a, dt)[2])

        bounds = (process.slowest, process.fastest)
        low, high = bounds
        eps = float(namespace(process.b).finfo(process.b.dtype).eps)
        flow, drift, noise = (_series(f, low, high, eps) for f in (decay, response, spread))
        shift = _apply(process.A, bounds, drift, process.b[:, None])[:, 0]
        return ChebyshevStep(process.A, bounds, flow, shift, noise, process.diffusion**0.5)


@final
@dataclass(frozen=True, eq=False, slots=True)
class ChebyshevStep:
    """x <- e^{-At} x + shift + s(A) D^{1/2} z, in the original coordinates."""

    A: Any
    bounds: tuple[float, float]
    flow: Series
    shift: Array
    noise: Series
    width: float | Array  # D^{1/2}

    @property
    def products(self) -> int:
        """Products of A with a vector that one step of one chain takes."""
        return len(self.flow) + len(self.noise) - 2

    def enter(self, x: Array) -> Array:
        return x

    def color(self, z: Array) -> Array:
        xp = namespace(z)
        z *= self.width
        columns = _apply(self.A, self.bounds, self.noise, xp.reshape(z, (-1, z.shape[-1])).T)
        z[...] = xp.reshape(columns.T, tuple(z.shape))
        z += self.shift
        return z

    def __call__(self, y: Array, kick: Array) -> Array:
        return _apply(self.A, self.bounds, self.flow, y.T).T + kick

    def leave(self, y: Array) -> Array:
        return y


def _series(f: Callable[[NumpyArray], NumpyArray], low: float, high: float, eps: float) -> Series:
    """Coefficients of f on [low, high], as many as matter beside its largest value."""
    from scipy.fft import dct

    terms = 16
    while terms <= TERMS:
        half = np.pi / 2 * (np.arange(terms) + 0.5) / terms
        values = f(low + (high - low) * np.cos(half) ** 2)  # near low, to low's own digits
        c = dct(values, type=2) / terms
        c[0] /= 2
        noise = 4 * eps * float(np.abs(values).max())
        if np.abs(c[-terms // 4 :]).max() <= noise:
            matter = np.flatnonzero(np.abs(c) > noise)
            return (c[: matter[-1] + 1] if matter.size else c[:1]).tolist()
        terms *= 2
    raise InvalidInput(
        f"a step this long needs more than {TERMS} products with A, whose eigenvalues lie between "
        f"{low:.3g} and {high:.3g}. Take shorter steps, or give tighter bounds."
    )


def _apply(A: Any, bounds: tuple[float, float], c: Series, x: Array) -> Array:
    """Σ c_k T_k(Ã) x for columns x (n, m), with Ã = A scaled to [-1, 1]."""
    low, high = bounds
    centre, half = (high + low) / 2, (high - low) / 2 or 1.0
    total = c[0] * x
    if len(c) == 1:
        return total
    before, here = x, (A @ x - centre * x) / half
    total += c[1] * here
    for coefficient in c[2:]:
        after = A @ here
        after -= centre * here
        after *= 2 / half
        after -= before
        total += coefficient * after
        before, here = here, after
    return total
