"""A curvature matrix: symmetric, and only ever multiplied.

    C @ v       C.diagonal()       C.trace()       C.top(k)       C.linear_operator()

Those that are C = S'S with a short S have S S', S v and S' w besides, which exact solvers need.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NoReturn, final

import numpy as np
from scipy.sparse.linalg import LinearOperator

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, namespace, to_numpy, zeros
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import RNG, open_streams
from tngd.curvature.eigenpairs import Eigenpairs, top_eigenpairs
from tngd.curvature.trace import TraceEstimate, hutchinson


class CurvatureMatrix(ABC):
    """Symmetric C (p, p) at one point."""

    whole: ClassVar[bool] = True
    """Are all entries those of the matrix it is named after, with none left out?"""

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.shape}"

    @property
    @abstractmethod
    def size(self) -> int:
        """p."""

    @property
    @abstractmethod
    def reference(self) -> Array:
        """An array of the library, dtype and device of all vectors."""

    @abstractmethod
    def matvec(self, v: Array, /) -> Array:
        """C v (p,)."""

    @abstractmethod
    def diagonal(self) -> Array:
        """The diagonal of C (p,), exact."""

    def trace(self) -> float:
        """Sum of the diagonal, which is that of the eigenvalues."""
        diagonal = self.diagonal()
        return float(namespace(diagonal).sum(diagonal))

    def top(
        self, k: int = 1, *, rtol: float | None = None, iterations: int = 100, rng: RNG = 0
    ) -> Eigenpairs:
        """The k largest eigenvalues with their vectors, from products alone (block Lanczos).

        Equal eigenvalues are found as often as they occur. Costs k products an iteration and one
        more for each pair, whose residual is that of the pair itself and not an estimate.

        Args:
            k: how many, from 1 to p.
            rtol: stop when every residual has fallen to this fraction of the largest eigenvalue. By
                default the root of the dtype's precision: the values' error goes with the square.
            iterations: stop after this many; the basis holds k vectors for each.
            rng: draws where to start.

        Raises:
            InvalidInput: there are no k eigenvalues.
            NotFinite: a product is not.
        """
        k, iterations = self._existing(k), checks.count("iterations", iterations)
        precision = float(namespace(self.reference).finfo(self.reference.dtype).eps)
        rtol = math.sqrt(precision) if rtol is None else checks.positive("rtol", rtol, zero=True)
        start = open_streams(rng).stream("eigenpairs")
        return top_eigenpairs(self.matvec, self.reference, self.size, k, rtol, iterations, start)

    @final
    def estimate_trace(self, probes: int = 32, rng: RNG = None) -> TraceEstimate:
        """The trace by one product a probe, with its standard error (Hutchinson 1990)."""
        stream = open_streams(rng).stream("probes")
        return hutchinson(self.matvec, self.reference, self.size, probes, stream)

    @final
    def linear_operator(self) -> LinearOperator:
        """C as SciPy knows operators, on NumPy arrays whatever the library of the network."""

        def column(v: NumpyArray) -> NumpyArray:
            return to_numpy(self.matvec(like(v.reshape(-1), self.reference)))

        dtype = to_numpy(zeros((0,), self.reference)).dtype
        return LinearOperator(self.shape, matvec=column, rmatvec=column, dtype=dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """(p, p)."""
        return self.size, self.size

    @property
    def dtype(self) -> Any:
        """That of vectors."""
        return self.reference.dtype

    @final
    def __matmul__(self, v: Array) -> Array:
        """C v for v (p,), or for each column of v (p, m)."""
        if isinstance(v, list):
            v = like(np.asarray(v), self.reference)
        if v.ndim == 1:
            return self.matvec(v)
        columns = [self.matvec(v[:, j]) for j in range(v.shape[1])]
        return namespace(v).stack(columns, axis=1)

    @final
    def to_dense(self) -> Array:
        """C itself, by p products: for small networks."""
        return self @ like(np.eye(self.size), self.reference)

    @property
    def samples(self) -> int:
        """b, for C = S'S."""
        self._refuse("rows S")

    @property
    def outputs(self) -> int:
        """c, for C = S'S."""
        self._refuse("rows S")

    @property
    def gram(self) -> Array:
        """S S' (q, q), for C = S'S."""
        self._refuse("Gram matrix S S'")

    @property
    def rows(self) -> Array:
        """S (q, p), for C = S'S; newly made, and the caller's to overwrite."""
        self._refuse("rows S")

    def root(self, _v: Array, /) -> Array:
        """S v (q,), for C = S'S."""
        self._refuse("root S")

    def root_adjoint(self, _w: Array, /) -> Array:
        """S' w (p,), for C = S'S."""
        self._refuse("root S")

    @final
    def _existing(self, k: int) -> int:
        """k, if there are that many eigenvalues."""
        k = checks.count("k", k)
        if k > self.size:
            raise InvalidInput(f"k = {k} is too large: C has {self.size} eigenvalues.")
        return k

    def _refuse(self, what: str) -> NoReturn:
        raise InvalidInput(
            f"{type(self).__name__} has no {what}: it is not given as C = S'S with one row for "
            "each sample and output. Take GGN() or a Fisher matrix, or a solver that only "
            "multiplies, such as CG()."
        )
