"""H + eps_norm max|H| I: a regularisation that does not change with the scale of the loss."""

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray

FLOOR = 1e-6
"""Added to max|H|, so that a block of zeros can be divided by; as the authors' program has it."""


def regularized(H: NumpyArray, eps_norm: float, floor: float = 0.0) -> NumpyArray:
    """H + eps_norm (max|H| + floor) I (Li et al. 2024, Q-Newton, from the authors' program).

    Args:
        H: symmetric (n, n).
        eps_norm: relative to the largest entry. At 1 and above, the solution is close to a
            gradient over eps_norm max|H|: a lower condition number then has cost the curvature.
        floor: in the units of H; with it the result is not quite free of scale.
    """
    eps_norm = checks.positive("eps_norm", eps_norm, zero=True)
    floor = checks.positive("floor", floor, zero=True)
    shift = eps_norm * (float(np.max(np.abs(H))) + floor)
    return H + np.asarray(shift, dtype=H.dtype) * np.eye(len(H), dtype=H.dtype)


def condition_limit(N: int, eps_norm: float) -> float:
    """1 + N/eps_norm: no regularised positive semidefinite H (N, N) has a larger κ.

    The largest entry m of such an H is on its diagonal, and λmax <= tr H <= N m, so that
    κ <= (N m + eps_norm m)/(eps_norm m). It can fail where H is indefinite, or pruned.
    """
    return 1.0 + checks.count("N", N) / checks.positive("eps_norm", eps_norm)
