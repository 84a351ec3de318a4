"""Which processes a fit chooses among: charts that turn free numbers into A, b and D.

Every chart is analytic, so that complex numbers give exact second derivatives.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.theory.propagators import Coefficients

NARROW = 1e-6
"""A noise that is no noise in some direction is read as this share of it there."""


class Chart(ABC):
    """A set of arrays, numbered by free numbers."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many numbers are free."""

    @abstractmethod
    def build(self, free: NumpyArray) -> NumpyArray:
        """The array."""

    @abstractmethod
    def pull_back(self, free: NumpyArray, slope: NumpyArray, /) -> NumpyArray:
        """The slope in the free numbers of a function with this slope in the array's entries."""

    @abstractmethod
    def read(self, value: NumpyArray, /) -> NumpyArray:
        """The free numbers of the array, or of one near it in the set."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Known(Chart):
    """The one array that is known beforehand."""

    value: NumpyArray

    @property
    def size(self) -> int:
        return 0

    def build(self, free: NumpyArray) -> NumpyArray:
        return self.value.astype(free.dtype)

    def pull_back(self, free: NumpyArray, _slope: NumpyArray, /) -> NumpyArray:
        return np.zeros_like(free)

    def read(self, _value: NumpyArray, /) -> NumpyArray:
        return np.zeros(0)


@final
@dataclass(frozen=True, slots=True)
class Entries(Chart):
    """Any array of this shape."""

    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def build(self, free: NumpyArray) -> NumpyArray:
        return free.reshape(self.shape)

    def pull_back(self, _free: NumpyArray, slope: NumpyArray, /) -> NumpyArray:
        return slope.ravel()

    def read(self, value: NumpyArray, /) -> NumpyArray:
        return value.ravel()


@final
@dataclass(frozen=True, slots=True)
class Symmetric(Chart):
    """Symmetric matrices, by their lower triangle."""

    n: int

    @property
    def size(self) -> int:
        return self.n * (self.n + 1) // 2

    def build(self, free: NumpyArray) -> NumpyArray:
        S = np.zeros((self.n, self.n), free.dtype)
        S[np.tril_indices(self.n)] = free
        return S + np.tril(S, -1).T

    def pull_back(self, _free: NumpyArray, slope: NumpyArray, /) -> NumpyArray:
        return (slope + np.triu(slope, 1).T)[np.tril_indices(self.n)]

    def read(self, value: NumpyArray, /) -> NumpyArray:
        return ((value + value.T) / 2)[np.tril_indices(self.n)]


@final
@dataclass(frozen=True, slots=True)
class Definite(Chart):
    """Positive definite D = LL', by the entries of L and the logarithms of its diagonal."""

    n: int
    diagonal: bool = False

    @property
    def size(self) -> int:
        return len(self._places[0])

    @property
    def _places(self) -> tuple[NumpyArray, NumpyArray]:
        rows, columns = np.tril_indices(self.n)
        kept = (rows == columns) | (not self.diagonal)
        return rows[kept], columns[kept]

    def _root(self, free: NumpyArray) -> NumpyArray:
        rows, columns = self._places
        L = np.zeros((self.n, self.n), free.dtype)
        L[rows, columns] = free
        np.fill_diagonal(L, np.exp(np.diagonal(L)))
        return L

    def build(self, free: NumpyArray) -> NumpyArray:
        L = self._root(free)
        return L @ L.T

    def pull_back(self, free: NumpyArray, slope: NumpyArray, /) -> NumpyArray:
        L, (rows, columns) = self._root(free), self._places
        in_L = ((slope + slope.T) @ L)[rows, columns]
        return np.where(rows == columns, L[rows, columns] * in_L, in_L)

    def read(self, value: NumpyArray, /) -> NumpyArray:
        variances = np.diagonal(value)
        widths = np.sqrt(np.where(variances > 0, variances, NARROW * (variances.max() or 1.0)))
        scaled = np.eye(self.n) if self.diagonal else value / np.outer(widths, widths)
        variances, V = np.linalg.eigh(scaled)
        L = widths[:, None] * np.linalg.cholesky((V * np.maximum(variances, NARROW)) @ V.T)
        np.fill_diagonal(L, np.log(np.diagonal(L)))
        return L[self._places]


@final
@dataclass(frozen=True, eq=False, slots=True)
class Structure:
    """A chart for each of A, b and D; but of a reversible process A = DS, for S instead of A.

    States are measured from a center c, where they are small: there the drive is b - Ac. A free
    drive is numbered as it is felt there; else a far center would tie its error to A's.
    """

    drift: Chart
    drive: Chart
    diffusion: Chart
    center: NumpyArray
    reversible: bool = False

    @property
    def size(self) -> int:
        """How many numbers are free."""
        return self.drift.size + self.drive.size + self.diffusion.size

    def build(self, free: NumpyArray) -> Coefficients:
        """The coefficients of the process, about the center."""
        drift, drive, diffusion = self._parts(free)
        A, D = self.drift.build(drift), self.diffusion.build(diffusion)
        A = D @ A if self.reversible else A
        return Coefficients(A, self.drive.build(drive) - A @ self._known_center, D)

    def build_uncentered(self, free: NumpyArray) -> Coefficients:
        """The coefficients of the process, about zero."""
        A, b, D = self.build(free)
        return Coefficients(A, b + A @ self.center, D)

    def slowest(self, free: NumpyArray) -> float:
        """The smallest real part of an eigenvalue of A: not positive if the process is unstable."""
        return float(np.linalg.eigvals(self.build(free).A).real.min())

    def pull_back(self, free: NumpyArray, slopes: Coefficients) -> NumpyArray:
        """The slope in the free numbers of a function with these slopes in what `build` returns."""
        drift, drive, diffusion = self._parts(free)
        in_A, in_b, in_D = slopes
        in_A = in_A - np.outer(in_b, self._known_center)
        if self.reversible:
            S, D = self.drift.build(drift), self.diffusion.build(diffusion)
            in_A, in_D = D @ in_A, in_D + in_A @ S
        return np.concatenate(
            [
                self.drift.pull_back(drift, in_A),
                self.drive.pull_back(drive, in_b),
                self.diffusion.pull_back(diffusion, in_D),
            ]
        )

    def read(self, process: Coefficients) -> NumpyArray:
        """The free numbers of this process about the center, or of one near it in the set."""
        A, b, D = process
        diffusion = self.diffusion.read(D)
        if self.reversible:
            A = np.linalg.solve(self.diffusion.build(diffusion), A)
        return np.concatenate([self.drift.read(A), self.drive.read(b), diffusion])

    @property
    def _known_center(self) -> NumpyArray:
        return self.center * (self.drive.size == 0)

    def _parts(self, free: NumpyArray) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
        first, second = self.drift.size, self.drift.size + self.drive.size
        return free[:first], free[first:second], free[second:]
