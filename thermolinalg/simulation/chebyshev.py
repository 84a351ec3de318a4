"""The exact integrator for large networks: functions of A as Chebyshev series, by products alone.

The transition over dt is x <- e^{-At} x + r(A) b + s(A) D^{1/2} z with r(a) = (1 - e^{-at})/a and
s(a)² = (1 - e^{-2at})/(2a): under detailed balance, AD = DA', s(A) D s(A)' = s(A)² D is the
covariance. On an interval that holds the spectrum each function is a Chebyshev series that ends, at
rounding level, after about sqrt(fastest dt) to fastest dt terms.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.simulation.integrator import EXACT, Integrator
from thermolinalg.simulation.polynomials import (
    Polynomials,
    Series,
    polynomials,
    rounding,
    series,
)
from thermolinalg.theory.evolution import mode_transition
from thermolinalg.theory.operator import Network


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

        basis, eps = polynomials(process), rounding(process)
        flow, drift, noise = (series(f, basis.bounds, eps) for f in (decay, response, spread))
        shift = basis.apply(drift, process.b[:, None])[:, 0]
        return ChebyshevStep(basis, flow, shift, noise, process.diffusion**0.5)


@final
@dataclass(frozen=True, eq=False, slots=True)
class ChebyshevStep:
    """x <- e^{-At} x + shift + s(A) D^{1/2} z, in the original coordinates."""

    polynomials: Polynomials
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
        columns = self.polynomials.apply(self.noise, xp.reshape(z, (-1, z.shape[-1])).T)
        z[...] = xp.reshape(columns.T, tuple(z.shape))
        z += self.shift
        return z

    def __call__(self, y: Array, kick: Array) -> Array:
        if not namespace(y).any(y):  # a run that starts at zero
            return kick
        return self.polynomials.apply(self.flow, y.T).T + kick

    def leave(self, y: Array) -> Array:
        return y
