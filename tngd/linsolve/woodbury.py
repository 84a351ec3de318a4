"""The exact solution by the Woodbury identity, in sample space."""

from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.linalg

from thermolinalg.backend import Array, like, to_numpy
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
        system = to_numpy(curvature.gram).copy()
        system[np.diag_indices_from(system)] += damping
        right = to_numpy(curvature.root(gradient))
        factor = scipy.linalg.cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        weights = scipy.linalg.cho_solve(factor, right, check_finite=False)
        correction = curvature.root_adjoint(like(weights, gradient))
        return Solution((gradient - correction) / damping)
