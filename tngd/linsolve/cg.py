"""Conjugate gradients on curvature products: no Gram matrix, one product an iteration."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput
from tngd.curvature.contract import CurvatureAt
from tngd.linsolve.contract import LinearSolver, Memory, Solution


@final
@dataclass(frozen=True, slots=True)
class CG(LinearSolver):
    """Conjugate gradients, from some part of the last step's solution or from zero.

    They go down the quadratic model φ(x) = x'(C + damping I)x/2 - g'x. With `progress` they also
    stop where φ hardly falls any more (Martens 2010, section 4.4): after i > k iterations, with
    k = max(10, i/10), when φ_i < 0 and

        (φ_i - φ_{i-k})/φ_i < k progress

    Martens has 5e-4. A limit on all k iterations together of 5e-4, as some programs have it, is
    5e-5 up to iteration 100.

    Args:
        rtol: stop when the residual has fallen to this fraction of the gradient.
        iterations: stop after this many products.
        warm: how much of the last step's solution to start from, 0 (or False) to 1 (or True).
        progress: stop when φ falls by less than this fraction an iteration; 0 for never.
    """

    rtol: float = 1e-5
    iterations: int = 200
    warm: float = 0.0
    progress: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rtol", "progress"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name), zero=True))
        checks.count("iterations", self.iterations)
        warm = self.warm if isinstance(self.warm, bool) else checks.real_number("warm", self.warm)
        if not 0 <= warm <= 1:
            raise InvalidInput(f"warm = {warm:g} must be from 0 (a cold start) to 1.")
        object.__setattr__(self, "warm", float(warm))

    def solve(
        self,
        curvature: CurvatureAt,
        damping: float,
        gradient: Array,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        del rng
        x = gradient
        for iterate in self.iterates(curvature, damping, gradient, memory):
            x = iterate
        return Solution(x, memory=x)

    def iterates(
        self, curvature: CurvatureAt, damping: float, gradient: Array, memory: Memory = None
    ) -> Iterator[Array]:
        """x_0, x_1, ... (p,) until one is good enough: the last is the solution.

        Costs a product for each but x_0, which costs one if it is not zero.
        """
        cold = memory is None or not self.warm
        x = namespace(gradient).zeros_like(gradient) if cold else self.warm * memory
        residual = gradient - (0 * x if cold else curvature.matvec(x) + damping * x)
        direction, square = residual, float(residual @ residual)
        model = [-0.5 * float(x @ (gradient + residual))]  # φ of every iterate
        stop = self.rtol**2 * float(gradient @ gradient)
        if not math.isfinite(stop):  # overflow: to stop at once would pass for a solution of zero
            x = math.nan * x
        yield x
        for _ in range(self.iterations):
            if not square > stop or self._hardly_falls(model):
                return
            product = curvature.matvec(direction) + damping * direction
            curving = float(direction @ product)
            if curving <= 0.0:  # too small for the dtype to square
                return
            length = square / curving
            x = x + length * direction
            model.append(model[-1] - 0.5 * length * square)
            yield x
            residual = residual - length * product
            before, square = square, float(residual @ residual)
            direction = residual + (square / before) * direction

    def _hardly_falls(self, model: Sequence[float]) -> bool:
        i, now = len(model) - 1, model[-1]
        k = max(10, i // 10)
        return i > k and now < 0 and (now - model[i - k]) / now < k * self.progress
