"""The exact integrator for large networks: functions of A as Chebyshev series, by products alone.

The transition over dt is x <- e^{-At} x + r(A) b + s(A) D^{1/2} z with r(a) = (1 - e^{-at})/a and
s(a)² = (1 - e^{-2at})/(2a): under detailed balance, AD = DA', s(A) D s(A)' = s(A)² D is the
covariance. On an interval that holds the spectrum each function is a Chebyshev series that ends, at
rounding level, after about sqrt(fastest dt) to fastest dt terms.

The bounds of an operator are taken on trust; but the T_k of an eigenvalue outside them grow with k,
and so give wrong bounds away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, final

import numpy as np

from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.errors import InvalidInput, UnstableStep
from thermolinalg.simulation.integrator import EXACT, Integrator
from thermolinalg.theory.balance import balance_weights
from thermolinalg.theory.evolution import mode_transition
from thermolinalg.theory.operator import Network

Series: TypeAlias = list[float]
"""Chebyshev coefficients; Python's numbers leave the dtype of what they multiply as it is."""

TERMS = 2**14
"""Terms of the longest series that is tried."""

GROWTH = 100.0
"""The last T_k(Ã) x may grow by this much: bounds that miss a little then cost as many roundings,
for the series ends where terms fall below a few roundings."""


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

        eps = float(namespace(process.b).finfo(process.b.dtype).eps)
        polynomials = _polynomials(process, eps)
        low, high = polynomials.bounds
        flow, drift, noise = (_series(f, low, high, eps) for f in (decay, response, spread))
        shift = polynomials.apply(drift, process.b[:, None])[:, 0]
        return ChebyshevStep(polynomials, flow, shift, noise, process.diffusion**0.5)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Polynomials:
    """Those of A, in the Chebyshev polynomials of the interval that holds its eigenvalues."""

    A: Any
    bounds: tuple[float, float]
    unit: Array | float  # (n, 1): diag(1/unit) A diag(unit) is symmetric

    def apply(self, c: Series, x: Array) -> Array:
        """Σ c_k T_k(Ã) x for columns x (n, m), with Ã = A scaled to [-1, 1].

        Raises:
            UnstableStep: the columns grow, and so an eigenvalue lies outside the bounds.
        """
        A, (low, high) = self.A, self.bounds
        centre, half = (high + low) / 2, (high - low) / 2
        before, here = x, (A @ x - centre * x) / half
        total = c[0] * x + c[1] * here
        for coefficient in c[2:]:
            after = A @ here
            after -= centre * here
            after *= 2 / half
            after -= before
            total += coefficient * after
            before, here = here, after
        self._watch(x, here)
        return total

    def _watch(self, x: Array, grown: Array) -> None:
        """|T_k(Ã) x| <= |x| in units in which Ã is symmetric; in the largest entry, √n|x|."""
        xp = namespace(x)
        if not isinstance(self.unit, float):
            x, grown = x / self.unit, grown / self.unit
        start, end = (float(xp.max(xp.abs(part))) for part in (x, grown))
        if not end <= GROWTH * x.shape[0] ** 0.5 * start:  # so that NaN is caught, too
            low, high = self.bounds
            raise UnstableStep(
                f"a polynomial of A that is at most 1 on bounds = ({low:.6g}, {high:.6g}) makes a "
                "state far larger, or NaN. A has eigenvalues outside these bounds, or its products "
                "are wrong: pass bounds that hold them all, such as those of "
                "scipy.sparse.linalg.eigsh."
            )


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
        return self.polynomials.apply(self.flow, y.T).T + kick

    def leave(self, y: Array) -> Array:
        return y


def _series(f: Callable[[NumpyArray], NumpyArray], low: float, high: float, eps: float) -> Series:
    """Coefficients of f on [low, high], as many as matter beside its largest value.

    Two at least: in short steps the second is small beside 1, and all that the step does.
    """
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
            return c[: max(2, int(matter.max(initial=0)) + 1)].tolist()
        terms *= 2
    raise InvalidInput(
        f"a step this long needs more than {TERMS} products with A, whose eigenvalues lie between "
        f"{low:.3g} and {high:.3g}. Take shorter steps, or give tighter bounds."
    )


def _polynomials(process: Network, eps: float) -> Polynomials:
    """On an interval wide enough to divide by, should all eigenvalues agree up to rounding."""
    low, high = process.slowest, process.fastest
    if high - low < eps**0.5 * high:
        low, high = low * (1 - eps**0.5), high * (1 + eps**0.5)
    weights = balance_weights(process.A, process.diffusion)
    unit = 1.0 if isinstance(weights, float) else namespace(weights).sqrt(weights)[:, None]
    return Polynomials(process.A, (low, high), unit)
