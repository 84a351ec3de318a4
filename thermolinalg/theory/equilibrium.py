"""The oracle: what a process settles to, from a digital solve. Never imported by what runs."""

import scipy.linalg

from thermolinalg.backend import Array, like, namespace, to_numpy
from thermolinalg.errors import ShapeMismatch
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.process import OU


def stationary(process: OU) -> Gaussian:
    """The equilibrium N(A⁻¹b, S) of a process, where AS + SA' = D.

    Raises:
        ShapeMismatch: the process has more than one drive.
    """
    if process.b.ndim != 1:
        raise ShapeMismatch(
            "the process has a drive per chain; ask for the law of one: OU(A, b[0], D)."
        )
    xp = namespace(process.A)
    mean = xp.linalg.solve(process.A, process.b[:, None])[:, 0]
    return Gaussian(mean, _stationary_covariance(process))


def _stationary_covariance(process: OU) -> Array:
    if process.modes is not None:  # detailed balance: S = A⁻¹D/2 solves the equation outright
        S = namespace(process.A).linalg.solve(process.A, process.D) / 2
    else:
        S = scipy.linalg.solve_continuous_lyapunov(to_numpy(process.A), to_numpy(process.D))
        S = like(S, process.A)
    return (S + S.T) / 2
