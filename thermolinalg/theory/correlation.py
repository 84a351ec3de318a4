"""How a process at rest remembers: in time by its autocovariance, in frequency by its spectrum."""

import math

import numpy as np
import scipy.linalg

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, namespace, to_numpy
from thermolinalg.errors import Degenerate, InvalidInput, Unstable
from thermolinalg.theory.equilibrium import solve_linear, stationary_covariance
from thermolinalg.theory.evolution import transition
from thermolinalg.theory.gaussian import square_root
from thermolinalg.theory.process import OU, linear
from thermolinalg.theory.refinement import EPS


def autocovariance(process: OU, lag: Array) -> Array:
    """Cov(x(t + lag), x(t)) (..., n, n) at rest: e^{-A lag} S, transposed for a negative lag.

    Args:
        process: the process.
        lag: a number, or an array of them (...).

    Raises:
        InvalidInput: lag is no array of finite numbers, or the process is no OU.
        Unstable: the process is stable only within rounding, as in `stationary`.
    """
    lags = to_numpy(checks.real_array("lag", lag))
    S = like(stationary_covariance(process), process.A)
    xp = namespace(S)
    forward = [transition(process, abs(t)).E @ S for t in lags.flat]
    both = [C if t >= 0 else C.T for C, t in zip(forward, lags.flat, strict=True)]
    return xp.reshape(xp.stack([S, *both])[1:, ...], (*lags.shape, *S.shape))


def spectral_density(process: OU, frequency: Array) -> Array:
    """Two-sided power spectral density (..., n, n) at rest, complex and Hermitian.

    (A + iω)⁻¹ D (A + iω)⁻ᴴ is the Fourier transform ∫ e^{-iωt} Cov(x(t), x(0)) dt, so that its
    integral over dω/2π is the stationary covariance.

    Args:
        process: the process.
        frequency: the angular frequency ω, or an array of them (...).

    Raises:
        InvalidInput: frequency is no array of finite numbers, or the process is no OU.
        Unstable: A + iω is singular within rounding, so that half of the digits or more are lost.
    """
    xp = namespace(linear(process).A)
    omega = like(checks.real_array("frequency", frequency), process.A)
    eye = like(xp.eye(process.n), process.A)
    complex_type = xp.result_type(process.A.dtype, xp.complex64)
    i_omega = xp.astype(omega[..., None, None] * eye, complex_type) * 1j
    A, F = (xp.astype(M, complex_type) for M in (process.A, square_root(process.D)))
    resolvent = xp.linalg.inv(A + i_omega)
    _vouch(A + i_omega, resolvent, F)
    response = resolvent @ F  # what comes through of each unit of noise
    P = response @ xp.conj(xp.matrix_transpose(response))
    return (P + xp.conj(xp.matrix_transpose(P))) / 2


def relaxation_times(process: OU, *, rtol: float | None = None) -> Array:
    """1/Re(eigenvalues of A) (n,), longest first: how long each mode remembers.

    Args:
        process: the process.
        rtol: the relative error that may be left; by default, half of the digits must be right.

    Raises:
        InvalidInput: rounding leaves a larger error, as where A is stiff or near a Jordan block;
            or the process is no OU.
    """
    half = float(namespace(linear(process).A).finfo(process.A.dtype).eps) ** 0.5
    wanted = half if rtol is None else checks.positive("rtol", rtol)
    rates, doubt = _rates(process)
    worst = float((doubt / rates).max()) if rates.min() > 0 else math.inf
    if worst >= 1:
        raise InvalidInput(
            "rounding leaves no bound on the relaxation rates of this process: A is at a Jordan "
            "block, where eigenvectors are parallel within rounding, or so stiff that its slowest "
            "rate is lost in the fastest. Ask for autocovariance or autocorrelation_time, which "
            "need no eigenvectors; process.slowest is that rate as computed, with no bound."
        )
    if worst > wanted:
        raise InvalidInput(
            f"rounding may change a relaxation rate of this process by {worst:.1g} of its size, "
            f"more than rtol = {wanted:.1g}: A is stiff or near a Jordan block. Ask for less with "
            f"rtol={2 * worst:.1g}."
        )
    return like(np.sort(1 / rates)[::-1].copy(), process.A)


def spectral_gap(process: OU, *, rtol: float | None = None) -> float:
    """The rate of the slowest mode, at which every law comes to rest; `rtol` as in its times."""
    return 1 / float(relaxation_times(process, rtol=rtol)[0])


def autocorrelation_time(process: OU) -> Array:
    """τ (n,), the integral of each coordinate's autocorrelation at rest over all lags, + and -.

    The average of x_i over a long time T has variance S_ii τ_i/T, as if it were T/τ_i independent
    samples. It is (A⁻¹D A⁻ᵀ)_ii/S_ii: the spectral density at frequency 0.

    Raises:
        InvalidInput: the process is no OU.
        Degenerate: a coordinate has no noise, so it has no autocorrelation.
    """
    variances = np.diag(stationary_covariance(process))
    still = np.flatnonzero(variances <= EPS**2 * variances.max())
    if still.size:
        raise Degenerate(
            f"coordinates {still.tolist()} have no noise at rest, so nothing in them decorrelates. "
            "Ask for a process without them."
        )
    A, D = (to_numpy(M).astype(float) for M in (process.A, process.D))
    response = solve_linear(A, square_root(D))
    return like((response**2).sum(axis=1) / variances, process.A)


def _vouch(M: Array, inverse: Array, F: Array) -> None:
    """Rounding in the inverse may change M⁻¹F by ε |M⁻¹||M||M⁻¹||F| (Skeel 1979).

    Each coordinate is compared with its own |M⁻¹||F|, so that the choice of units hides nothing.
    """
    xp = namespace(M)
    reach = xp.abs(inverse) @ xp.abs(F)
    change = xp.max(xp.abs(inverse) @ xp.abs(M) @ reach, axis=-1)
    if not bool(xp.all(float(xp.finfo(F.dtype).eps) ** 0.5 * change <= xp.max(reach, axis=-1))):
        raise Unstable(
            "at these frequencies A + iω is singular within rounding: less than half of the digits "
            "of its inverse are right. Drop the fastest coordinates, or add a ridge: A + r I."
        )


def _rates(process: OU) -> tuple[NumpyArray, NumpyArray]:
    """The relaxation rates, and to first order how far rounding in A moves each."""
    modes, A = process.modes, to_numpy(process.A)
    if checks.is_diagonal(process.A):
        return np.diag(A), np.zeros(process.n)
    if modes is not None:
        rates = to_numpy(modes.rates)
        mixing = np.linalg.norm(to_numpy(modes.basis), 2) * np.linalg.norm(to_numpy(modes.dual), 2)
        return rates, np.finfo(A.dtype).eps * mixing * np.full(process.n, rates.max())
    balanced, _ = scipy.linalg.matrix_balance(A.astype(float))
    values, left, right = scipy.linalg.eig(balanced, left=True, right=True)
    overlap = np.abs((left.conj() * right).sum(axis=0))  # 0 at a Jordan block
    size = np.linalg.norm(balanced, 2)
    return values.real, EPS * size / np.maximum(overlap, EPS)
