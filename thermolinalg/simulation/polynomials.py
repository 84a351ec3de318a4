"""Functions of an operator as Chebyshev series: f(A) x by products with A alone.

On an interval that holds the spectrum f(A) = Σ c_k T_k(Ã), with Ã = A scaled to [-1, 1]. A smooth f
ends, at rounding level, after few terms; functions of the same x share the products.

The bounds of an operator are taken on trust; but the T_k of an eigenvalue outside them grow with k,
and so give wrong bounds away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, final

import numpy as np
import scipy.sparse as sp

from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.errors import InvalidInput, UnstableStep
from thermolinalg.theory.balance import balance_weights, is_sparse
from thermolinalg.theory.operator import Network
from thermolinalg.threads import CORES, cut, share

Series: TypeAlias = list[float]
"""Chebyshev coefficients; Python's numbers leave the dtype of what they multiply as it is."""

TERMS = 2**14
"""Terms of the longest series that is tried."""

GROWTH = 100.0
"""The last T_k(Ã) x may grow by this much: bounds that miss a little then cost as many roundings,
for the series ends where terms fall below a few roundings."""

TOGETHER = 4
"""Columns that a sparse array multiplies at once: a product with fewer takes longer for each, and
the arrays of more leave the cache between one operation and the next."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Polynomials:
    """Those of A, in the Chebyshev polynomials of the interval that holds its eigenvalues."""

    A: Any
    bounds: tuple[float, float]
    unit: Array | float  # (n, 1): diag(1/unit) A diag(unit) is symmetric
    twice: Any  # 2Ã where A is a sparse array: two passes over memory less a product; else None

    def apply(self, c: Series, x: Array) -> Array:
        """Σ c_k T_k(Ã) x for columns x (n, m).

        Raises:
            UnstableStep: the columns grow, and so an eigenvalue lies outside the bounds.
        """
        return self.apply_each([c], x)[0]

    def apply_each(self, series: Sequence[Series], x: Array) -> list[Array]:
        """The same for several series: as many products as the longest takes."""
        if self.twice is None or not isinstance(x, np.ndarray):
            return self._sums(series, x)
        dtype = np.result_type(self.twice.dtype, x.dtype)
        sums = [np.empty(x.shape[::-1], dtype).T for _ in series]  # columns in one piece
        parts = cut(x.shape[1], CORES)
        share([partial(self._write, series, x[:, c], [s[:, c] for s in sums]) for c in parts])
        return list(sums)

    def _write(self, series: Sequence[Series], x: NumpyArray, sums: Sequence[NumpyArray]) -> None:
        """The sums, a few columns after the other."""
        for start in range(0, x.shape[1], TOGETHER):
            some = slice(start, start + TOGETHER)
            found = self._sums(series, np.ascontiguousarray(x[:, some]))
            for total, part in zip(sums, found, strict=True):
                total[:, some] = part

    def _sums(self, series: Sequence[Series], x: Array) -> list[Array]:
        before, here = x, 0.5 * self._doubled(x)
        totals = [c[0] * x + c[1] * here for c in series]
        term = namespace(x).empty_like(here)
        for k in range(2, max(map(len, series))):
            after = self._doubled(here)
            after -= before
            for c, total in zip(series, totals, strict=True):
                if k < len(c):
                    term[...] = after
                    term *= c[k]
                    total += term
            before, here = here, after
        self._watch(x, here)
        return totals

    def _doubled(self, x: Array) -> Array:
        """2Ãx."""
        if self.twice is not None:
            return self.twice @ x
        low, high = self.bounds
        product = self.A @ x
        product = product - (high + low) / 2 * x
        product *= 4 / (high - low)
        return product

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
                "thermolinalg.spectral_bounds."
            )


def series(
    f: Callable[[NumpyArray], NumpyArray], bounds: tuple[float, float], eps: float
) -> Series:
    """Coefficients of f on [low, high], as many as matter beside its largest value.

    Two at least: in short steps the second is small beside 1, and all that the step does.

    Raises:
        InvalidInput: there are more than TERMS.
    """
    from scipy.fft import dct

    (low, high), terms = bounds, 16
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


def polynomials(process: Network) -> Polynomials:
    """On an interval wide enough to divide by, should all eigenvalues agree up to rounding."""
    low, high, eps = process.slowest, process.fastest, rounding(process)
    if high - low < eps**0.5 * high:
        low, high = low * (1 - eps**0.5), high * (1 + eps**0.5)
    weights = balance_weights(process.A, process.diffusion)
    unit = 1.0 if isinstance(weights, float) else namespace(weights).sqrt(weights)[:, None]
    return Polynomials(process.A, (low, high), unit, _twice(process, low, high))


def rounding(process: Network) -> float:
    """Of the states of a process."""
    return float(namespace(process.b).finfo(process.b.dtype).eps)


def _twice(process: Network, low: float, high: float) -> Any:
    if not is_sparse(process.A):
        return None
    A = process.A.tocsr().astype(np.result_type(process.A.dtype, process.b.dtype))
    centre = (low + high) / 2 * sp.eye_array(process.n, dtype=A.dtype)
    return (A - centre).tocsr() * (4 / (high - low))
