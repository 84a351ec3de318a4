"""The oracle: what a process settles to, from a digital solve. Never imported by what runs."""

import warnings

import numpy as np
import scipy.linalg

from thermolinalg.backend import NumpyArray, like, to_numpy
from thermolinalg.errors import Unstable
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.process import OU, linear, single
from thermolinalg.theory.refinement import EPS, product, refined, slices, two_sum

TRUSTED = EPS**0.5
"""An answer is handed out when at least half of its digits are certain."""


def stationary(process: OU) -> Gaussian:
    """The equilibrium N(A⁻¹b, S) of a process, where AS + SA' = D.

    Right to rounding, in units of each coordinate's own spread, however stiff A is.

    Raises:
        InvalidInput: the process is no OU.
        ShapeMismatch: the process has more than one drive.
        Unstable: A is stable only within rounding, so that half of the digits or more are lost.
    """
    A, unit = _balanced(single(process))
    b = to_numpy(process.b).astype(float)
    mean = unit * solve_linear(A, (b / unit)[:, None])[:, 0]
    return Gaussian(like(mean, process.A), like(stationary_covariance(process), process.A))


def stationary_covariance(process: OU) -> NumpyArray:
    """S (n, n) with AS + SA' = D in float64, whatever drives the process."""
    A, unit = _balanced(linear(process))
    D = to_numpy(process.D).astype(float) / unit[:, None] / unit
    # Under detailed balance AS = D/2: a linear equation, which costs less than a Schur form.
    S = solve_lyapunov(A, D) if process.modes is None else solve_linear(A, D / 2)
    return unit[:, None] * (S + S.T) / 2 * unit


def solve_linear(A: NumpyArray, B: NumpyArray) -> NumpyArray:
    """X (n, k) with AX = B, to its last digit.

    Raises:
        Unstable: A is singular within rounding.
    """
    with warnings.catch_warnings():  # an exact 0 on the diagonal: the answer is then not trusted
        warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)
        factors = scipy.linalg.lu_factor(A, check_finite=False)
    sliced = slices(A, axis=1)

    def residual(X: NumpyArray) -> NumpyArray:
        high, low = product(sliced, X)
        return (B - high) - low

    def sizes(X: NumpyArray) -> NumpyArray:
        return np.broadcast_to(np.abs(X).max(axis=0), X.shape)

    return _trusted(
        refined(lambda R: scipy.linalg.lu_solve(factors, R, check_finite=False), residual, B, sizes)
    )


def solve_lyapunov(A: NumpyArray, D: NumpyArray) -> NumpyArray:
    """The symmetric S with AS + SA' = D, by Schur form (Bartels and Stewart), to its last digit.

    Doubling the transition until nothing changes only ever adds covariances, and yet loses more:
    its first step holds the slow rates to the last digit of ‖A‖ and no more.

    Raises:
        Unstable: A is stable only within rounding.
    """
    T, Z = scipy.linalg.schur(A, check_finite=False)
    sliced = slices(A, axis=1)

    def solve(R: NumpyArray) -> NumpyArray:
        Y, scale, _ = scipy.linalg.lapack.dtrsyl(T, T, Z.T @ R @ Z, tranb="T")
        S = Z @ (Y / scale) @ Z.T
        return (S + S.T) / 2

    def residual(S: NumpyArray) -> NumpyArray:
        high, low = product(sliced, S)
        left, error = two_sum(D, -high)
        left, more = two_sum(left, -high.T)
        return left + (error + more - (low + low.T))

    def sizes(S: NumpyArray) -> NumpyArray:
        variances = np.clip(np.diag(S), EPS * np.abs(S).max(), None)
        return np.sqrt(np.outer(variances, variances))

    return _trusted(refined(solve, residual, D, sizes))


def _balanced(process: OU) -> tuple[NumpyArray, NumpyArray]:
    """A in other units of its coordinates, and the units (powers of 2, so that no digit changes).

    Coordinates of very different size, such as x and v of a light mass, are brought to one size.
    """
    A = to_numpy(process.A).astype(float)
    balanced, (unit, _) = scipy.linalg.matrix_balance(A, permute=False, separate=True)
    return balanced, unit


def _trusted(answer: tuple[NumpyArray, float]) -> NumpyArray:
    X, doubt = answer
    if not doubt <= TRUSTED:
        raise Unstable(
            "A is stable only within rounding: it is so stiff, so nearly singular or so far from "
            f"normal that a change of its last digit moves the equilibrium by {doubt:.1g} of its "
            "size or more. Drop its fastest coordinates, or add a ridge: A + r I."
        )
    return X
