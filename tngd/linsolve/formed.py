"""The textbook's ways: the matrix, or its rows, are formed and solved with."""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, like, to_numpy
from thermolinalg.errors import InvalidInput
from tngd.curvature.contract import CurvatureAt
from tngd.linsolve.contract import LinearSolver, Memory, Solution
from tngd.linsolve.woodbury import damped_solve


@final
@dataclass(frozen=True, slots=True)
class Formed(LinearSolver):
    """C + damping I as an array (p, p), and its Cholesky factor: for small networks.

    It costs p² numbers beside the rows of S, q p² operations for S'S and p³/3 for the factor.

    Args:
        most: parameters, above which it refuses.
    """

    most: int = 8192

    def __post_init__(self) -> None:
        checks.count("most", self.most)

    def solve(
        self,
        curvature: CurvatureAt,
        damping: float,
        gradient: Array,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        """x (p,).

        Raises:
            InvalidInput: there are more parameters than `most`.
        """
        del memory, rng
        p = gradient.shape[0]
        if p > self.most:
            raise InvalidInput(
                f"the network has {p} parameters, and Formed() takes most = {self.most} of them. "
                "Woodbury() solves the same system without forming its matrix."
            )
        S = to_numpy(curvature.rows)
        return Solution(like(damped_solve(S.T @ S, damping, to_numpy(gradient)), gradient))


@final
@dataclass(frozen=True, slots=True)
class FormedRows(LinearSolver):
    """x = (g - S'(SS' + damping I)⁻¹ S g)/damping with the rows S (q, p) formed.

    What `Woodbury` solves, at the cost that Donatella et al. 2024 state for it in their table 1:
    q p numbers, q² p operations for SS' and q³/3 for its factor, with q = b d_z.
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
        S, g = to_numpy(curvature.rows), to_numpy(gradient)
        weights = damped_solve(S @ S.T, damping, S @ g)
        return Solution(like((g - S.T @ weights) / damping, gradient))
