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

CLOSE = 0.03
TERMS = 12
"""x - ln(1 + x) is summed from this many terms below CLOSE: CLOSE^(TERMS - 1) is rounding."""


@final
@dataclass(frozen=True, eq=False, init=False, repr=False)
class Gaussian:
    """The normal distribution N(mean, cov). A singular cov is allowed; it then has no density.

    It is kept in the form in which it was given, by moments or by `from_precision`; the other form
    is computed when it is asked for.

    Args:
        mean: (n,).
        cov: (n, n), symmetric positive semidefinite.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """

    by_precision: bool

    def __init__(self, mean: Array, cov: Array) -> None:
        cov = checks.semidefinite("cov", cov)
        mean = like(checks.vector("mean", mean, cov.shape[0]), cov)
        vars(self).update(by_precision=False, mean=mean, cov=cov)

    @classmethod
    def computed(cls, mean: Array, cov: Array) -> "Gaussian":
        """N(mean, cov) of a cov that was computed and so is one, up to rounding: not checked.

        A variance that rounding made negative is none, and has no covariances.
        """
        xp = namespace(cov)
        kept = like(xp.linalg.diagonal(cov) > 0, cov)
        law = object.__new__(cls)
        vars(law).update(by_precision=False, mean=mean, cov=cov * kept[:, None] * kept)
        return law

    @classmethod
    def from_precision(cls, precision: Array, potential: Array) -> "Gaussian":
        """N(P⁻¹h, P⁻¹), whose density is proportional to exp(-½ x'Px + h'x).

        This is a well of stiffness P under a force h, at temperature 1.

        Args:
            precision: P (n, n), symmetric positive definite.
            potential: h (n,).

        Raises:
            Degenerate: P is singular.
        """
        P = checks.semidefinite("precision", precision)
        h = like(checks.vector("potential", potential, P.shape[0]), P)
        law = object.__new__(cls)
        vars(law).update(by_precision=True, precision=P, potential=h)
        vars(law).update(_factor=_cholesky(P, "the precision"))
        return law

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return int((self.precision if self.by_precision else self.cov).shape[0])

    @cached_property
    def mean(self) -> Array:
        """The mean (n,)."""
        xp, L = namespace(self.precision), self._factor
        return xp.linalg.solve(L.T, xp.linalg.solve(L, self.potential[:, None]))[:, 0]

    @cached_property
    def cov(self) -> Array:
        """The covariance (n, n)."""
        return _inverse(self._factor)

    @cached_property
    def precision(self) -> Array:
        """P = cov⁻¹ (n, n).

        Raises:
            Degenerate: cov is singular.
        """
        return _inverse(self._factor)

    @cached_property
    def potential(self) -> Array:
        """h = P mean (n,)."""
        return self.precision @ self.mean

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
        values = checks.vector("held", [held[i] for i in held], len(fixed))
        return (self._clamped if self.by_precision else self._regressed)(fixed, free, values)

    def _clamped(self, fixed: list[int], free: list[int], values: Array) -> "Gaussian":
        """Held coordinates pull at the free ones: h_f - P_fh v. Nothing is solved."""
        P = self.precision
        pull = _block(P, free, fixed) @ like(values, P)
        return Gaussian.from_precision(_block(P, free, free), _entries(self.potential, free) - pull)

    def _regressed(self, fixed: list[int], free: list[int], values: Array) -> "Gaussian":
        xp = namespace(self.cov)
        L = _cholesky(_block(self.cov, fixed, fixed), "the covariance of the held coordinates")
        cross = xp.linalg.solve(L, _block(self.cov, fixed, free))
        gap = like(values, self.cov) - _entries(self.mean, fixed)
        mean = _entries(self.mean, free) + cross.T @ xp.linalg.solve(L, gap[:, None])[:, 0]
        # Up to rounding, the difference of a singular cov may be negative; its root is not.
        root = square_root(_block(self.cov, free, free) - cross.T @ cross)
        return Gaussian(mean, root @ root.T)

    def push_forward(self, M: Array, c: Array | None = None) -> "Gaussian":
        """The law of Mx + c.

        Args:
            M: (k, n). If its rows are not independent, the new cov is singular.
            c: (k,); zero if not given.
        """
        M = checks.real_array("M", M)
        if M.ndim != 2 or M.shape[1] != self.n or M.shape[0] == 0:
            raise ShapeMismatch(f"M has shape {tuple(M.shape)}; (k, {self.n}) is needed.")
        M = like(M, self.mean)
        mean, root = M @ self.mean, M @ self._root
        if c is not None:
            mean = mean + like(checks.vector("c", c, M.shape[0]), mean)
        return Gaussian(mean, root @ root.T)

    def __add__(self, other: "Gaussian") -> "Gaussian":
        """The law of x + y for x and y that are independent."""
        other = self._partner(other)
        return Gaussian.computed(self.mean + other.mean, self.cov + other.cov)

    def log_prob(self, x: Array) -> Array:
        """Log density (...) at points (..., n), in nats.

        Raises:
            Degenerate: cov is singular.
        """
        x = like(checks.real_array("x", x), self.mean)
        if x.shape[-1:] != self.mean.shape:
            raise ShapeMismatch(f"x has shape {tuple(x.shape)}; (..., {self.n}) is needed.")
        xp = namespace(self.mean)
        white = self._whiten(xp.reshape(x - self.mean, (-1, self.n)).T)
        energy = xp.reshape(xp.sum(white**2, axis=0), x.shape[:-1])
        return -0.5 * (energy + self._log_det + self.n * math.log(2 * math.pi))

    def sample(self, n: int, *, rng: RNG = None) -> Array:
        """n independent draws (n, dimension)."""
        count = checks.count("n", n, least=0)
        z = normals(open_streams(rng).stream("gaussian"), (count, self.n), self.mean)
        return self.mean + z @ self._root.T

    def entropy(self) -> float:
        """Differential entropy in nats; minus infinity if cov is singular."""
        try:
            return 0.5 * (self._log_det + self.n * (1 + math.log(2 * math.pi)))
        except Degenerate:
            return -math.inf

    def free_energy(self, *, temperature: float = 1.0) -> float:
        """F = -T ln ∫ e^{-U/T} dx = -T/2 ln det(2π cov) of the well that this law fills at T.

        The well is U = T/2 (x - mean)' cov⁻¹ (x - mean), whose minimum is 0. Infinite if cov is
        singular: such a well has no room.
        """
        temperature = checks.positive("temperature", temperature)
        return temperature * (0.5 * self.n - self.entropy())  # <U> - T entropy

    def kl(self, other: "Gaussian") -> float:
        """Relative entropy KL(self || other) in nats.

        Infinite where one of them is confined, by a singular cov, to a plane that does not confine
        the other. If the same plane confines both, it is their relative entropy on that plane.
        """
        other = self._partner(other)
        try:
            offset = other._whiten((self.mean - other.mean)[:, None])
        except Degenerate:
            return self._kl_on_a_plane(other)
        try:
            log_det = other._log_det - self._log_det
        except Degenerate:
            return math.inf
        xp = namespace(self.mean)
        return 0.5 * (float(xp.sum(offset**2)) + self._excess(other, log_det))

    def wasserstein(self, other: "Gaussian") -> float:
        """2-Wasserstein distance: the least root mean square way that moves one law onto the other.

        W² = |m - m'|² + min_U ‖F - F'U‖² over orthogonal U, where cov = FF'. This sum of squares,
        unlike tr cov + tr cov' - 2 tr (F'cov'F)^{1/2}, does not cancel when the laws are close.
        """
        other = self._partner(other)
        xp = namespace(self.mean)
        F, G = self._root, other._root
        left, _, right = xp.linalg.svd(G.T @ F, full_matrices=False)
        way = F - G @ (left @ right)
        return math.sqrt(float(xp.sum((self.mean - other.mean) ** 2) + xp.sum(way**2)))

    def __repr__(self) -> str:
        form = "precision" if self.by_precision else "moments"
        return f"Gaussian(n={self.n}, by {form}, mean={self.mean})"

    def _excess(self, other: "Gaussian", log_det: float) -> float:
        """tr cov'⁻¹cov - n - ln det cov'⁻¹cov, in all its digits where the two covs are close."""
        xp = namespace(self.mean)
        change = other._whiten(other._whiten(self.cov - other.cov).T)
        eigenvalues = xp.linalg.eigvalsh((change + change.T) / 2)
        if float(xp.max(xp.abs(eigenvalues))) < CLOSE:
            return float(xp.sum(_minus_log1p(eigenvalues)))
        spread = other._whiten(self._root)
        return max(0.0, float(xp.sum(spread**2)) - self.n + log_det)

    def _kl_on_a_plane(self, other: "Gaussian") -> float:
        """KL for a singular `other`: within the plane that carries it, if that carries self too."""
        xp = namespace(self.mean)
        spread = [xp.sqrt(xp.clip(xp.linalg.diagonal(g.cov), 0.0, None)) for g in (self, other)]
        unit = xp.where(spread[1] > 0, spread[1], xp.where(spread[0] > 0, spread[0], 1.0))
        p, q = (Gaussian(g.mean / unit, g.cov / (unit[:, None] * unit)) for g in (self, other))
        values, V = xp.linalg.eigh(q.cov)
        small = checks.rounding(q.cov)
        wide = int(xp.count_nonzero(values > small * max(1.0, float(values[-1]))))
        plane, normal = V[:, self.n - wide :], V[:, : self.n - wide]
        leak = float(xp.max(xp.linalg.diagonal(normal.T @ p.cov @ normal)))
        offset = xp.abs(normal.T @ (p.mean - q.mean))
        blur = xp.abs(normal.T) @ (xp.abs(p.mean) + xp.abs(q.mean) + xp.linalg.diagonal(q.cov))
        if leak > small * max(1.0, float(values[-1])) or bool(xp.any(offset > small * blur)):
            return math.inf
        return p.push_forward(plane.T).kl(q.push_forward(plane.T)) if wide else 0.0

    def _partner(self, other: "Gaussian") -> "Gaussian":
        """`other`, if it is a law of as many coordinates, in the array library of this one."""
        if not isinstance(other, Gaussian):
            raise InvalidInput(f"other is a {type(other).__name__}; a Gaussian is needed.")
        if other.n != self.n:
            raise ShapeMismatch(f"other has {other.n} coordinates; {self.n} are needed.")
        if namespace(other.mean) is namespace(self.mean) and other.mean.dtype == self.mean.dtype:
            return other
        return Gaussian(like(other.mean, self.mean), like(other.cov, self.mean))

    @cached_property
    def _factor(self) -> Array:
        """The lower triangular L with LL' = the covariance or, if that was given, the precision."""
        return _cholesky(self.cov, "cov")

    @cached_property
    def _root(self) -> Array:
        return square_root(self.cov)

    def _whiten(self, Y: Array) -> Array:
        """Columns WY with W cov W' = I."""
        if self.by_precision:
            return self._factor.T @ Y
        return namespace(Y).linalg.solve(self._factor, Y)

    @property
    def _log_det(self) -> float:
        xp = namespace(self._factor)
        log_det = 2 * float(xp.sum(xp.log(xp.linalg.diagonal(self._factor))))
        return -log_det if self.by_precision else log_det

    def _indices(self, idx: Sequence[int]) -> list[int]:
        chosen = [int(i) for i in idx]
        if len(set(chosen)) != len(chosen) or not all(0 <= i < self.n for i in chosen):
            raise InvalidInput(
                f"coordinates {chosen} must differ from each other and lie in 0..{self.n - 1}."
            )
        return chosen


def square_root(cov: Array) -> Array:
    """F with FF' = cov, for any positive semidefinite cov, singular ones included.

    Of all such factors it is the one that is symmetric in units in which the diagonal of cov is 1:
    one seed gives the same samples on every library, and a coordinate counted in metres does not
    round off one counted in nanometres.
    """
    xp = namespace(cov)
    width = xp.sqrt(xp.clip(xp.linalg.diagonal(cov), 0.0, None))
    if checks.is_diagonal(cov):
        return width[:, None] * like(xp.eye(cov.shape[0]), cov)
    unit = xp.where(width > 0, width, 1.0)
    values, V = xp.linalg.eigh(cov / unit[:, None] / unit)
    return width[:, None] * ((V * xp.sqrt(xp.clip(values, 0.0, None))) @ V.T)


def _entries(x: Array, idx: list[int], axis: int = 0) -> Array:
    xp = namespace(x)
    return xp.take(x, xp.asarray(idx, dtype=xp.int64), axis=axis)


def _block(M: Array, rows: list[int], columns: list[int]) -> Array:
    return _entries(_entries(M, rows), columns, axis=1)


def _cholesky(M: Array, name: str) -> Array:
    """The lower triangular L with LL' = M, refused if M is singular.

    Whether it is, is asked in units in which its diagonal is 1: metres and nanometres may mix.
    """
    xp = namespace(M)
    unit = xp.sqrt(xp.clip(xp.linalg.diagonal(M), 0.0, None))
    narrowest = widest = 0.0
    if float(xp.min(unit)) > 0:
        scaled = M / unit[:, None] / unit
        values = xp.linalg.eigvalsh(scaled)
        narrowest, widest = float(values[0]), float(values[-1])
    if narrowest <= checks.rounding(M) * widest:
        raise Degenerate(
            f"{name} is singular (its smallest eigenvalue, with its diagonal scaled to 1, is "
            f"{narrowest:.3g}), so there is no density. Take the marginal of independent "
            "coordinates, or add a small multiple of the identity."
        )
    return unit[:, None] * xp.linalg.cholesky(scaled)


def _minus_log1p(x: Array) -> Array:
    """x - ln(1 + x) for small x, by its series: x²/2 - x³/3 + ..."""
    total = 0.0 * x
    for k in range(TERMS, 1, -1):
        total = 1 / k - x * total
    return x * x * total


def _inverse(L: Array) -> Array:
    """(LL')⁻¹ for a lower triangular L."""
    xp = namespace(L)
    W = xp.linalg.solve(L, like(xp.eye(L.shape[0]), L))
    return W.T @ W
