"""The exact solution by the Woodbury identity, in sample space."""

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.linalg import cho_factor, get_blas_funcs

from thermolinalg.backend import Array, NumpyArray, like, to_numpy
from thermolinalg.threads import one_blas_thread
from tngd.curvature.contract import CurvatureAt
from tngd.linsolve.contract import LinearSolver, Memory, Solution


@final
@dataclass(frozen=True, slots=True)
class Woodbury(LinearSolver):
    """x = (g - S'(SS' + damping I)⁻¹ S g)/damping: a Gram matrix, a Cholesky, a jvp and a vjp.

    Donatella et al. 2024, equation 12, with its first term corrected to g/damping.
    """

    def solve(
        self,
        curvature: CurvatureAt,
        damping: float,
        gradient: Array,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        del memory, rng
        weights = damped_solve(
            to_numpy(curvature.gram), damping, to_numpy(curvature.root(gradient))
        )
        correction = curvature.root_adjoint(like(weights, gradient))
        return Solution((gradient - correction) / damping)


def damped_solve(K: NumpyArray, damping: float, right: NumpyArray) -> NumpyArray:
    """(K + damping I)⁻¹ right (n,), for a K (n, n) that is positive semidefinite but for rounding.

    Where the diagonal is not finite the parameters ran away; what a Cholesky factor would hide
    comes back as NaN. No other entry of such a K is larger than its diagonal.
    """
    if not np.isfinite(K.diagonal()).all():
        return np.full_like(right, np.nan)
    system = K.copy()
    system[np.diag_indices_from(system)] += damping
    try:
        with one_blas_thread():  # SciPy's own threads would take the cores of NumPy's
            # The transpose is the same matrix in LAPACK's order, which saves a copy.
            factor, _ = cho_factor(system.T, lower=True, overwrite_a=True, check_finite=False)
            # LAPACK's potrs is made for many right sides, and four times as slow for one.
            trsv = get_blas_funcs("trsv", (factor, right))
            return trsv(factor, trsv(factor, right, lower=1), lower=1, trans=1)
    except np.linalg.LinAlgError:
        values, V = np.linalg.eigh(K)  # rounding made it indefinite by more than the damping
        return V @ ((V.T @ right) / (np.maximum(values, 0.0) + damping))
