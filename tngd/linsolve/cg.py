"""Conjugate gradients on curvature products: no Gram matrix, one product an iteration."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from tngd.curvature.contract import CurvatureAt
from tngd.linsolve.contract import LinearSolver, Memory, Solution


@final
@dataclass(frozen=True, slots=True)
class CG(LinearSolver):
    """Conjugate gradients, from the last step's solution or from zero.

    Args:
        rtol: stop when the residual has fallen to this fraction of the gradient.
        iterations: stop after this many products.
        warm: start from the last step's solution.
    """

    rtol: float = 1e-5
    iterations: int = 200
    warm: bool = False

    def __post_init__(self) -> None:
        checks.positive("rtol", self.rtol, zero=True)
        checks.count("iterations", self.iterations)

    def solve(
        self,
        curvature: CurvatureAt,
        damping: float,
        gradient: Array,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        del rng
        x = memory if self.warm and memory is not None else namespace(gradient).zeros_like(gradient)
        residual = gradient - (curvature.matvec(x) + damping * x if self.warm else 0 * x)
        direction, square = residual, float(residual @ residual)
        stop = self.rtol**2 * float(gradient @ gradient)
        if not math.isfinite(stop):  # overflow: to stop at once would pass for a solution of zero
            x = math.nan * x
        for _ in range(self.iterations):
            if not square > stop:
                break
            product = curvature.matvec(direction) + damping * direction
            curving = float(direction @ product)
            if curving <= 0.0:  # too small for the dtype to square
                break
            length = square / curving
            x = x + length * direction
            residual = residual - length * product
            before, square = square, float(residual @ residual)
            direction = residual + (square / before) * direction
        return Solution(x, memory=x)
