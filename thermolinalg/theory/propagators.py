"""Transitions over many times at once, and their derivative: what fitting to data needs.

For any square A, defective ones included. A short time, ‖A‖t <= 1, is a Taylor series whose terms
all times share, so that the whole batch is one matrix product; longer times are doubled up to. The
derivative walks the same sums and products backwards, and loses no digits where they lose none.
Everything is analytic in A, b and D: complex coefficients give exact second derivatives.
"""

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.theory.batches import apply, both, outer, transpose
from thermolinalg.theory.gaussian import Gaussian

TERMS = 26
"""C's series has 2ᵏ/(k + 1)! as its k-th term; the 26th is 2e-19."""


class Coefficients(NamedTuple):
    """A, b and D of a process; or, of each entry, a slope, a standard error or a limit."""

    A: NumpyArray
    b: NumpyArray
    D: NumpyArray


class Laws(NamedTuple):
    """x(t) | x(0) ~ N(E x(0) + shift, C), one per time; or slopes with respect to these."""

    E: NumpyArray  # (times, n, n)
    shift: NumpyArray  # (times, n)
    C: NumpyArray  # (times, n, n)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Propagators:
    """The laws over all times, and what it takes to differentiate them."""

    laws: Laws
    series: "_Series"
    doubled: list[tuple[int, Laws]]  # before each doubling: the first law to double, and the laws

    def pull_back(self, slopes: Laws) -> Coefficients:
        """Slopes in A, b and D of a function that has these slopes in E, shift and C.

        The slope in a covariance is symmetric: df = tr(slope dC).
        """
        E, shift, C = (x.copy() for x in slopes)
        for first, before in reversed(self.doubled):
            after = Laws(E[first:], shift[first:], C[first:])
            E[first:], shift[first:], C[first:] = _undouble(before, after)
        return self.series.pull_back(Laws(E, shift, C))


def propagators(process: Coefficients, times: NumpyArray) -> Propagators:
    """The laws over ascending times > 0."""
    size = float(np.abs(process.A).sum(axis=0).max()) or 1.0
    doublings = np.ceil(np.log2(np.maximum(size * times, 1.0))).astype(int)
    series = _taylor(process, times / 2.0**doublings, size)
    laws, doubled = series.laws(), []
    for level in range(1, int(doublings.max(initial=0)) + 1):
        first = int(np.searchsorted(doublings, level))
        before = Laws(*(x[first:].copy() for x in laws))
        doubled.append((first, before))
        for x, y in zip(laws, _double(before), strict=True):
            x[first:] = y
    return Propagators(laws, series, doubled)


def with_start(laws: Laws, start: Gaussian | None) -> Laws:
    """The laws, and after them that of a first state: of a step that forgets where it began."""
    if start is None:
        return laws
    mean, cov = (to_numpy(x).astype(float)[None] for x in (start.mean, start.cov))
    more = (np.zeros_like(cov), mean, cov)
    return Laws(*(np.concatenate(both) for both in zip(laws, more, strict=True)))


@final
@dataclass(frozen=True, eq=False, slots=True)
class _Series:
    """Taylor coefficients of E and of its integral, and the terms they multiply."""

    M: NumpyArray  # -A/size
    size: float
    now: NumpyArray  # (times, TERMS): (size t)ᵏ/k!
    integral: NumpyArray  # (times, TERMS): t (size t)ᵏ/(k + 1)!
    E: NumpyArray  # (TERMS, n, n): Mᵏ
    shift: NumpyArray  # (TERMS, n): Mᵏb
    C: NumpyArray  # (TERMS, n, n): D, and then X <- MX + XM'

    def laws(self) -> Laws:
        E = np.tensordot(self.now, self.E, axes=1)
        return Laws(E, self.integral @ self.shift, np.tensordot(self.integral, self.C, axes=1))

    def pull_back(self, slopes: Laws) -> Coefficients:
        M, E = np.zeros_like(self.M), np.tensordot(self.now.T, slopes.E, axes=1)
        shift = self.integral.T @ slopes.shift
        C = np.tensordot(self.integral.T, slopes.C, axes=1)
        for k in reversed(range(1, TERMS)):
            M += E[k] @ self.E[k - 1].T + np.outer(shift[k], self.shift[k - 1])
            M += 2 * C[k] @ self.C[k - 1]
            E[k - 1] += self.M.T @ E[k]
            shift[k - 1] += self.M.T @ shift[k]
            C[k - 1] += both(self.M.T @ C[k])
        return Coefficients(-M / self.size, shift[0], C[0])


def _taylor(process: Coefficients, t: NumpyArray, size: float) -> _Series:
    A, b, D = process
    M = -A / size
    E, shift, C = [np.eye(len(A), dtype=A.dtype)], [b], [D]
    for _ in range(TERMS - 1):
        E.append(M @ E[-1])
        shift.append(M @ shift[-1])
        C.append(both(M @ C[-1]))
    k = np.arange(1.0, TERMS + 1)
    ratios = size * t[:, None] / k[:-1]
    now = np.cumprod(np.hstack([np.ones((len(t), 1)), ratios]), axis=1)
    return _Series(M, size, now, now * t[:, None] / k, np.array(E), np.array(shift), np.array(C))


def _double(law: Laws) -> Laws:
    E, shift, C = law
    C = C + E @ C @ transpose(E)
    return Laws(E @ E, apply(E, shift) + shift, both(C) / 2)


def _undouble(before: Laws, after: Laws) -> Laws:
    """Slopes in the laws before a doubling, from those in the laws after it."""
    E, shift, C = before
    backward, inner = transpose(E), transpose(E) @ after.C
    in_E = after.E @ backward + backward @ after.E + 2 * transpose(inner) @ C
    in_E += outer(after.shift, shift)
    return Laws(in_E, after.shift + apply(backward, after.shift), after.C + inner @ E)
