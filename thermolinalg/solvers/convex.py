"""A convex quadratic programme in one form: minimise x'Px/2 + q'x, Ax = b, Cx <= d; and its units.

Bounds are rows of C, lower ones with a minus; a coordinate whose bounds coincide is a row of A.
Inside, lengths and energies are of order one and the rows of A and C have length one, so that a
tolerance means the same for grams and for tonnes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, ShapeMismatch


@final
@dataclass(frozen=True, eq=False, slots=True)
class Convex:
    """The programme in its units: lengths of `length`, objectives of `energy`."""

    P: NumpyArray
    q: NumpyArray
    A: NumpyArray
    b: NumpyArray
    C: NumpyArray
    d: NumpyArray
    curvature: float  # lower bound on the eigenvalues of P, zero if rounding hides it
    lower: NumpyArray  # coordinates with a lower bound, in the order of their rows of C
    upper: NumpyArray
    fixed: NumpyArray  # coordinates whose bounds coincide: the last rows of A
    length: float
    energy: float
    equal_norms: NumpyArray  # lengths that the rows of A and C had
    below_norms: NumpyArray

    @property
    def n(self) -> int:
        """The number of unknowns."""
        return len(self.q)

    @property
    def general(self) -> int:
        """The number of rows of C that are not bounds; they come first."""
        return len(self.d) - len(self.lower) - len(self.upper)

    def objective(self, x: NumpyArray) -> float:
        """x'Px/2 + q'x."""
        return float(x @ (self.P @ x) / 2 + self.q @ x)

    def gradient(self, x: NumpyArray) -> NumpyArray:
        """Px + q."""
        return self.P @ x + self.q

    def multipliers(self, y: NumpyArray, z: NumpyArray) -> Mapping[str, NumpyArray]:
        """Of the caller's constraints, in the caller's units, by name: A, G, lower, upper."""
        force = self.energy / self.length
        y, z = y * force / self.equal_norms, z * force / self.below_norms
        free = len(y) - len(self.fixed)
        low, high = np.zeros(self.n), np.zeros(self.n)
        low[self.lower] = z[self.general : self.general + len(self.lower)]
        high[self.upper] = z[self.general + len(self.lower) :]
        low[self.fixed], high[self.fixed] = np.maximum(-y[free:], 0), np.maximum(y[free:], 0)
        return MappingProxyType(
            {"A": y[:free], "G": z[: self.general], "lower": low, "upper": high}
        )


def read_convex(
    P: Array, q: Array, G: Array, h: Array, A: Array, b: Array, lower: Any, upper: Any
) -> Convex:
    """The programme that a caller wrote, checked.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    P = checks.symmetric("P", P, "x'Px is the same for (P + P.T)/2: pass that.")
    P = to_numpy(P).astype(float)
    n = len(P)
    q = to_numpy(checks.vector("q", q, n)).astype(float)
    curvature = _curvature(P)
    G, h = _rows("G", G, "h", h, n)
    A, b = _rows("A", A, "b", b, n)
    low, high = _bound("lower", lower, -np.inf, n), _bound("upper", upper, np.inf, n)
    if (low > high).any():
        i = int(np.argmax(low > high))
        raise InvalidInput(
            f"lower[{i}] = {low[i]:g} exceeds upper[{i}] = {high[i]:g}, so that no x lies between."
        )
    fixed, unit = low == high, np.eye(n)
    below, above = np.isfinite(low) & ~fixed, np.isfinite(high) & ~fixed
    return _in_units(
        (P, q, curvature),
        (np.concatenate([A, unit[fixed]]), np.concatenate([b, low[fixed]])),
        (
            np.concatenate([G, -unit[below], unit[above]]),
            np.concatenate([h, -low[below], high[above]]),
        ),
        tuple(np.flatnonzero(rows) for rows in (below, above, fixed)),
    )


def _in_units(
    cost: tuple[NumpyArray, NumpyArray, float],
    equal: tuple[NumpyArray, NumpyArray],
    below: tuple[NumpyArray, NumpyArray],
    bounds: tuple[NumpyArray, ...],
) -> Convex:
    P, q, curvature = cost
    A, b, equal_norms = unit_rows(*equal)
    C, d, below_norms = unit_rows(*below)
    stiffness, force = float(np.abs(P).max()), float(np.abs(q).max())
    length = max(np.abs(b).max(initial=0.0), np.abs(d).max(initial=0.0))  # of planes from 0
    length = float(length or (force / stiffness if stiffness and force else 1.0))
    energy = max(stiffness * length**2, force * length) or 1.0
    lower, upper, fixed = bounds
    return Convex(
        P=P * (length**2 / energy),
        q=q * (length / energy),
        A=A,
        b=b / length,
        C=C,
        d=d / length,
        curvature=curvature * length**2 / energy,
        lower=lower,
        upper=upper,
        fixed=fixed,
        length=length,
        energy=energy,
        equal_norms=equal_norms,
        below_norms=below_norms,
    )


def unit_rows(M: NumpyArray, v: NumpyArray) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
    """Rows of length one, their sides, and the lengths that were divided out."""
    norms = np.sqrt(np.sum(M**2, axis=1))
    norms = np.where(norms > 0, norms, 1.0)
    return M / norms[:, None], v / norms, norms


def _curvature(P: NumpyArray) -> float:
    """What rounding leaves certain of the smallest eigenvalue of P, at least 0.

    Raises:
        NotPositiveDefinite: an eigenvalue is below zero.
    """
    rates = np.linalg.eigvalsh(P)
    doubt = checks.rounding(P) * float(np.abs(rates).max())
    lowest = float(rates[0])
    if lowest < -doubt:
        raise NotPositiveDefinite(
            f"P has the eigenvalue {lowest:.3g} < 0, so the objective is not convex: it may have "
            f"many minima, or none. Check its sign, or add a ridge: P + {-2 * lowest:.1g} I, say."
        )
    return max(lowest - doubt, 0.0)


def _rows(name: str, M: Array, side: str, v: Array, n: int) -> tuple[NumpyArray, NumpyArray]:
    """Constraint rows (m, n) and their sides (m,), both or neither of which a caller gives."""
    if (M is None) != (v is None):
        given, missing = (name, side) if v is None else (side, name)
        raise InvalidInput(f"{given} is given without {missing}; each row of one needs the other.")
    if M is None:
        return np.zeros((0, n)), np.zeros(0)
    M = to_numpy(checks.real_array(name, M)).astype(float)
    if M.ndim != 2 or M.shape[1] != n:
        raise ShapeMismatch(
            f"{name} has shape {M.shape}; (m, {n}) is needed, as q has {n} entries."
        )
    return M, to_numpy(checks.vector(side, v, len(M))).astype(float)


def _bound(name: str, value: Any, absent: float, n: int) -> NumpyArray:
    """A bound for each coordinate; the `absent` infinity where there is none."""
    bound = np.asarray(to_numpy(absent if value is None else value))
    if bound.shape not in {(), (n,)}:
        raise ShapeMismatch(f"{name} has shape {bound.shape}; a number or ({n},) is needed.")
    if bound.dtype.kind not in "iuf":  # infinity, which stands for none, is among no others
        checks.real_array(name, bound)
    none = bound == absent
    finite = to_numpy(checks.real_array(name, np.where(none, 0, bound)))
    return np.broadcast_to(np.where(none, absent, finite), (n,)).astype(float)
