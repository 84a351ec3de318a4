"""The normal distribution N(mean, cov): what a linear process is at any time, and at rest."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace, normals
from thermolinalg.errors import Degenerate, InvalidInput, ShapeMismatch
from thermolinalg.streams import RNG, open_streams


@final
@dataclass(frozen=True, eq=False)
class Gaussian:
    """The normal distribution N(mean, cov). A singular cov is allowed; it then has no density.

    Args:
        mean: (n,).
        cov: (n, n), symmetric positive semidefinite.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    mean: Array
    cov: Array

    def __post_init__(self) -> None:
        cov = checks.semidefinite("cov", self.cov)
        object.__setattr__(self, "cov", cov)
        object.__setattr__(self, "mean", like(checks.vector("mean", self.mean, cov.shape[0]), cov))

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return int(self.mean.shape[0])

    def marginal(self, idx: int | Sequence[int]) -> "Gaussian":
        """The law of the coordinates `idx`, in that order."""
        keep = self._indices([idx] if isinstance(idx, int) else idx)
        return Gaussian(_entries(self.mean, keep), _block(self.cov, keep, keep))

    def condition(self, held: Mapping[int, float]) -> "Gaussian":
        """The law of the other coordinates, in order, when `held` ones have the given values.

        Raises:
            Degenerate: the held coordinates are tied to each other, so their values may conflict.
        """
        fixed = self._indices(list(held))
        free = [i for i in range(self.n) if i not in set(fixed)]
        if not free:
            raise InvalidInput("held names every coordinate; leave at least one free.")
        if not fixed:
            return self
        xp = namespace(self.cov)
        L = _cholesky(_block(self.cov, fixed, fixed), "the held coordinates")
        cross = xp.linalg.solve(L, _block(self.cov, fixed, free))
        values = like([float(held[i]) for i in held], self.mean)
        offset = xp.linalg.solve(L, (values - _entries(self.mean, fixed))[:, None])
        mean = _entries(self.mean, free) + (cross.T @ offset)[:, 0]
        # Up to rounding, the difference of a singular cov may be negative; its root is not.
        root = square_root(_block(self.cov, free, free) - cross.T @ cross)
        return Gaussian(mean, root @ root.T)

    def log_prob(self, x: Array) -> Array:
        """Log density at points (..., n).

        Raises:
            Degenerate: cov is singular.
        """
        x = like(checks.real_array("x", x), self.cov)
        if x.shape[-1:] != self.mean.shape:
            raise ShapeMismatch(f"x has shape {tuple(x.shape)}; (..., {self.n}) is needed.")
        xp = namespace(self.cov)
        white = xp.linalg.solve(self._factor, xp.reshape(x - self.mean, (-1, self.n)).T)
        energy = xp.reshape(xp.sum(white**2, axis=0), x.shape[:-1])
        return -0.5 * (energy + self._log_det + self.n * math.log(2 * math.pi))

    def sample(self, n: int, *, rng: RNG = None) -> Array:
        """n independent draws (n, dimension)."""
        count = checks.count("n", n, least=0)
        z = normals(open_streams(rng).stream("gaussian"), (count, self.n), self.cov)
        return self.mean + z @ square_root(self.cov).T

    def entropy(self) -> float:
        """Differential entropy in nats; minus infinity if cov is singular."""
        try:
            return 0.5 * (self._log_det + self.n * (1 + math.log(2 * math.pi)))
        except Degenerate:
            return -math.inf

    def kl(self, other: "Gaussian") -> float:
        """Relative entropy KL(self || other) in nats; infinite where self has no density.

        Raises:
            Degenerate: other's cov is singular.
        """
        if other.n != self.n:
            raise ShapeMismatch(f"other has {other.n} coordinates; {self.n} are needed.")
        xp = namespace(self.cov)
        try:
            log_det = self._log_det
        except Degenerate:
            return math.inf
        spread = xp.linalg.solve(other._factor, self._factor)
        offset = xp.linalg.solve(other._factor, (self.mean - other.mean)[:, None])
        trace = float(xp.sum(spread**2) + xp.sum(offset**2))
        return 0.5 * (trace - self.n + other._log_det - log_det)

    @cached_property
    def _factor(self) -> Array:
        return _cholesky(self.cov, "cov")

    @property
    def _log_det(self) -> float:
        xp = namespace(self.cov)
        return 2 * float(xp.sum(xp.log(xp.linalg.diagonal(self._factor))))

    def _indices(self, idx: Sequence[int]) -> list[int]:
        chosen = [int(i) for i in idx]
        if len(set(chosen)) != len(chosen) or not all(0 <= i < self.n for i in chosen):
            raise InvalidInput(
                f"coordinates {chosen} must differ from each other and lie in 0..{self.n - 1}."
            )
        return chosen


def square_root(cov: Array) -> Array:
    """The symmetric F with F F = cov, for any positive semidefinite cov, singular ones included.

    No other factor is unique: one seed gives the same samples on every library.
    """
    xp = namespace(cov)
    if checks.is_diagonal(cov):
        return xp.sqrt(xp.clip(cov, 0.0, None))
    values, V = xp.linalg.eigh(cov)
    return (V * xp.sqrt(xp.clip(values, 0.0, None))) @ V.T


def _entries(x: Array, idx: list[int], axis: int = 0) -> Array:
    xp = namespace(x)
    return xp.take(x, xp.asarray(idx, dtype=xp.int64), axis=axis)


def _block(M: Array, rows: list[int], columns: list[int]) -> Array:
    return _entries(_entries(M, rows), columns, axis=1)


def _cholesky(cov: Array, name: str) -> Array:
    xp = namespace(cov)
    variances = xp.linalg.eigvalsh(cov)
    if float(variances[0]) <= checks.rounding(cov) * float(variances[-1]):
        raise Degenerate(
            f"the covariance of {name} is singular (eigenvalues {float(variances[0]):.3g} to "
            f"{float(variances[-1]):.3g}), so it has no density. Take the marginal of independent "
            "coordinates, or add a small multiple of the identity."
        )
    return xp.linalg.cholesky(cov)
