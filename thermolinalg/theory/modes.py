"""Normal modes of a process that obeys detailed balance: coordinates in which it falls apart.

Detailed balance is AD = DA', not "A is symmetric". With D = LL' the whitened drift L⁻¹AL is then
symmetric, = U diag(rates) U', and y = U'L⁻¹x has independent coordinates with unit diffusion:

    dy_k = -(rates_k y_k - drive_k) dt + N(0, dt),        x = LU y.
"""

from dataclasses import dataclass
from typing import final

from thermolinalg import checks
from thermolinalg.backend import Array, apply_rows, like, namespace


@final
@dataclass(frozen=True, eq=False, slots=True)
class Modes:
    """The change of coordinates x = basis y, y = dual x, and the relaxation rate of each y_k."""

    rates: Array  # (n,)
    basis: Array  # (n, n) = LU
    dual: Array  # (n, n) = U'L⁻¹

    def enter(self, x: Array) -> Array:
        """Mode coordinates of states (..., n)."""
        return apply_rows(x, self.dual)

    def leave(self, y: Array) -> Array:
        """States (..., n) of mode coordinates."""
        return apply_rows(y, self.basis)


def normal_modes(A: Array, D: Array) -> Modes | None:
    """The modes, or None when D is singular or detailed balance does not hold up to rounding.

    The balance is asked as A = DA'D⁻¹, in units of A: in units of AD, what A does to a coordinate
    with little noise would pass for rounding.
    """
    xp = namespace(A)
    if checks.is_diagonal(D):
        d = xp.linalg.diagonal(D)
        return _diagonal_noise(A, d) if float(xp.min(d)) > 0 else None
    variances, V = xp.linalg.eigh(D)
    if float(variances[0]) <= checks.rounding(D) * float(variances[-1]):
        return None
    white, back = (V * xp.sqrt(variances)) @ V.T, (V / xp.sqrt(variances)) @ V.T
    if not _equal(A, D @ A.T @ back @ back):
        return None
    rates, U = _eigh(back @ A @ white)  # D^{-1/2} A D^{1/2}
    return Modes(rates, white @ U, U.T @ back)


def _diagonal_noise(A: Array, d: Array) -> Modes | None:
    xp = namespace(A)
    sigma = xp.sqrt(d)
    if float(xp.min(d)) == float(xp.max(d)):
        if not _equal(A, A.T):
            return None
        rates, U = _eigh(A)
    else:
        if not _equal(A, A.T * (d[:, None] / d[None, :])):
            return None
        rates, U = _eigh(A * (sigma[None, :] / sigma[:, None]))
    return Modes(rates, sigma[:, None] * U, U.T / sigma[None, :])


def _equal(A: Array, M: Array) -> bool:
    xp = namespace(A)
    gap = A - M
    largest = max(float(xp.max(gap)), -float(xp.min(gap)))
    return largest <= checks.rounding(A) * max(float(xp.max(A)), -float(xp.min(A)))


def _eigh(M: Array) -> tuple[Array, Array]:
    """Eigenvectors that point the same way on every library, so that one seed repeats a run."""
    xp = namespace(M)
    rates, U = xp.linalg.eigh(M)  # which reads one triangle; the other differs by rounding
    uneven = like(xp.sqrt(xp.arange(1.0, M.shape[0] + 1)), M)  # no pattern sums to zero with it
    return rates, xp.where(uneven @ U < 0, -U, U)
