"""Normal modes of a process that obeys detailed balance: coordinates in which it falls apart.

Detailed balance is AD = DA', not "A is symmetric". With D = LL' the whitened drift L⁻¹AL is then
symmetric, = U diag(rates) U', and y = U'L⁻¹x has independent coordinates with unit diffusion:

    dy_k = -(rates_k y_k - drive_k) dt + N(0, dt),        x = LU y.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import final

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.products import applied
from thermolinalg.threads import one_blas_thread

ALONE = 512
"""Coordinates up to which `eigh` is no faster on two threads than on one."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Modes:
    """The change of coordinates x = basis y, y = dual x, and the relaxation rate of each y_k."""

    rates: Array  # (n,)
    basis: Array  # (n, n) = LU
    dual: Array  # (n, n) = U'L⁻¹

    def enter(self, x: Array) -> Array:
        """Mode coordinates of states (..., n)."""
        return applied(x, self.dual)

    def leave(self, y: Array) -> Array:
        """States (..., n) of mode coordinates."""
        return applied(y, self.basis)

    def heated(self, factor: float) -> "Modes":
        """The modes under so many times the variance of noise."""
        width = factor**0.5
        return Modes(self.rates, width * self.basis, self.dual / width)


def normal_modes(A: Array, D: Array) -> Modes | None:
    """The modes, or None when D is singular or detailed balance does not hold up to rounding.

    The balance is asked as A = DA'D⁻¹, in units of A: in units of AD, what A does to a coordinate
    with little noise would pass for rounding. And it is asked as symmetry of the whitened drift,
    entry by entry: in units of A, what couples slow coordinates would.
    """
    xp = namespace(A)
    if checks.is_diagonal(D):
        d = xp.linalg.diagonal(D)
        return _diagonal_noise(A, d) if float(xp.min(d)) > 0 else None
    variances, V = xp.linalg.eigh(D)
    if float(variances[0]) <= checks.rounding(D) * float(variances[-1]):
        return None
    white, back = (V * xp.sqrt(variances)) @ V.T, (V / xp.sqrt(variances)) @ V.T
    M = back @ A @ white  # D^{-1/2} A D^{1/2}
    condition = float(xp.sqrt(variances[-1] / variances[0]))
    if not (_equal(A, D @ A.T @ back @ back) and _is_symmetric(M, condition)):
        return None
    rates, U = _eigh(M)
    return Modes(rates, white @ U, U.T @ back)


def _diagonal_noise(A: Array, d: Array) -> Modes | None:
    xp = namespace(A)
    sigma = xp.sqrt(d)
    if float(xp.min(d)) == float(xp.max(d)):
        M = A
    elif _equal(A, A.T * (d[:, None] / d[None, :])):
        M = A * (sigma[None, :] / sigma[:, None])
    else:
        return None
    if not _is_symmetric(M):
        return None
    rates, U = _eigh(M)
    return Modes(rates, sigma[:, None] * U, U.T / sigma[None, :])


def _equal(A: Array, M: Array) -> bool:
    xp = namespace(A)
    return float(xp.max(xp.abs(A - M))) <= checks.rounding(A) * float(xp.max(xp.abs(A)))


def _is_symmetric(M: Array, condition: float = 1.0) -> bool:
    """Up to rounding, which in a definite M leaves |M_ij| some digits of (M_ii M_jj)^{1/2}.

    Each entry counts by itself, lest the coupling of slow coordinates pass for rounding of fast
    ones. `condition` is that of the matrices M was multiplied with.
    """
    xp = namespace(M)
    if bool(xp.all(M == M.T)):
        return True
    gap = M - M.T
    size = xp.sqrt(xp.abs(xp.linalg.diagonal(M)))
    return bool(xp.all(xp.abs(gap) <= checks.rounding(M) * condition * size[:, None] * size))


def _eigh(M: Array) -> tuple[Array, Array]:
    """Eigenvectors that point the same way on every library, so that one seed repeats a run."""
    xp = namespace(M)
    with one_blas_thread() if M.shape[0] <= ALONE else nullcontext():
        rates, U = xp.linalg.eigh(M)  # which reads one triangle; the other differs by rounding
        uneven = like(xp.sqrt(xp.arange(1.0, M.shape[0] + 1)), M)  # no pattern sums to zero with it
        one = xp.ones_like(rates)
        U *= xp.where(uneven @ U < 0, -one, one)
    return rates, U
