"""Independent answers, made of other mathematics than the code under test.

The code exponentiates blocks, doubles steps and finds normal modes. Here the same laws come from
differential equations stepped in time, from Lyapunov's equation, and from 60-digit arithmetic.
"""

from typing import NamedTuple

import mpmath
import numpy as np
import scipy.linalg
from scipy.integrate import solve_ivp

DIGITS = 60


class Law(NamedTuple):
    """x(t) | x(0) ~ N(E x(0) + shift, C)."""

    E: np.ndarray
    shift: np.ndarray
    C: np.ndarray


def law_by_ode(A, b, D, t):
    """The moments integrated in time: dE = -AE dt, dm = (b - Am) dt, dC = (D - AC - CA') dt.

    No exponential of a matrix, no eigenvalue and no linear solve; A need not be stable. E is
    integrated less its average decay, e^{-t tr A/n}, so that it keeps its digits over a long time.
    """
    A, b, D = (np.asarray(x, float) for x in (A, b, D))
    n, decay = len(A), np.trace(A) / len(A)
    rest = A - decay * np.eye(n)

    def slope(_, y):
        E, C, m = y[: n * n].reshape(n, n), y[n * n : 2 * n * n].reshape(n, n), y[2 * n * n :]
        return np.concatenate([(-rest @ E).ravel(), (D - A @ C - C @ A.T).ravel(), b - A @ m])

    start = np.concatenate([np.eye(n).ravel(), np.zeros(n * n + n)])
    within = min(t, 1 / np.linalg.norm(A))
    sizes = np.repeat(
        [1.0, np.linalg.norm(D) * within, np.linalg.norm(b) * within], [n * n, n * n, n]
    )
    y = solve_ivp(
        slope, (0.0, t), start, method="DOP853", rtol=3e-14, atol=1e-15 * sizes + 1e-300
    ).y[:, -1]
    E, C = y[: n * n].reshape(n, n), y[n * n : 2 * n * n].reshape(n, n)
    return Law(np.exp(-decay * t) * E, y[2 * n * n :], C)


def law_by_lyapunov(A, b, D, t):
    """C = S - ESE' with AS + SA' = D, and shift = A⁻¹(b - Eb): accurate where t is not short."""
    A, b, D = (np.asarray(x, float) for x in (A, b, D))
    E = scipy.linalg.expm(-A * t)
    S = scipy.linalg.solve_continuous_lyapunov(A, D)
    return Law(E, np.linalg.solve(A, b - E @ b), S - E @ S @ E.T)


def law_in_many_digits(A, b, D, t):
    """The same relation in 60 digits, where nothing cancels: for any t, and drifts near a Jordan
    block. Lyapunov's equation is solved as n² linear equations."""
    with mpmath.workdps(DIGITS):
        n = len(A)
        A, b, D = (mpmath.matrix(np.asarray(x, float).tolist()) for x in (A, b, D))
        E = mpmath.expm(-A * mpmath.mpf(float(t)), method="taylor")
        S = _lyapunov(A, D)
        C = S - E * S * E.T
        shift = mpmath.lu_solve(A, b - E * b)
        return Law(_floats(E, n), _floats(shift, n)[:, 0], _floats(C, n))


def stationary_in_many_digits(A, b, D):
    """Mean A⁻¹b and covariance S of the equilibrium, AS + SA' = D."""
    with mpmath.workdps(DIGITS):
        n = len(A)
        A, b, D = (mpmath.matrix(np.asarray(x, float).tolist()) for x in (A, b, D))
        return _floats(mpmath.lu_solve(A, b), n)[:, 0], _floats(_lyapunov(A, D), n)


def averaged(A, b, D, t):
    """The process that carries (x, z) with dz = x dt/t: z(t) is the time average of x."""
    A, b, D = (np.asarray(x, float) for x in (A, b, D))
    n = len(A)
    zero = np.zeros((n, n))
    return (
        np.block([[A, zero], [-np.eye(n) / t, zero]]),
        np.concatenate([b, np.zeros(n)]),
        np.block([[D, zero], [zero, zero]]),
    )


def integral_variance_by_quadrature(rate, t):
    """Var ∫₀ᵗ y ds for dy = -a y dt + N(0, dt): each kick at t - s still counts (1 - e^{-as})/a."""
    with mpmath.workdps(30):
        a = mpmath.mpf(float(rate))
        return float(mpmath.quad(lambda s: (mpmath.expm1(-a * s) / a) ** 2, [0, float(t)]))


def symmetric_part_covariance(A, D, t):
    """The published shortcut that is wrong unless the whitened drift is normal (thermox 0.0.6).

    Planted as an error: it takes the rates of the symmetric part of the whitened drift.
    """
    white, back = scipy.linalg.sqrtm(D).real, np.linalg.inv(scipy.linalg.sqrtm(D).real)
    M = back @ A @ white
    rates, U = np.linalg.eigh((M + M.T) / 2)
    return white @ (U * (-np.expm1(-2 * rates * t) / (2 * rates))) @ U.T @ white


def _lyapunov(A, D):
    n = A.rows
    K = mpmath.zeros(n * n)
    for i in range(n):
        for j in range(n):
            for k in range(n):
                K[i * n + j, k * n + j] += A[i, k]
                K[i * n + j, i * n + k] += A[j, k]
    S = mpmath.lu_solve(K, mpmath.matrix([D[i, j] for i in range(n) for j in range(n)]))
    return mpmath.matrix(n, n) + mpmath.matrix([[S[i * n + j] for j in range(n)] for i in range(n)])


def _floats(M, n):
    return np.array([float(x) for x in M]).reshape(n, -1)
