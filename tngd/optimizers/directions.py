"""Directions: the gradient itself, and the gradient divided by a curvature."""

from dataclasses import dataclass
from time import perf_counter
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.errors import InvalidInput
from tngd.curvature.contract import Curvature
from tngd.curvature.ggn import GGN
from tngd.linsolve.contract import LinearSolver
from tngd.linsolve.woodbury import Woodbury
from tngd.objective import Objective
from tngd.optimizers.contract import Direction, Found, Memory


@final
@dataclass(frozen=True, slots=True)
class Gradient(Direction):
    """Steepest descent."""

    def find(self, objective: Objective, memory: Memory, rng: np.random.Generator) -> Found:
        del memory, rng
        return Found(objective.gradient)


@final
@dataclass(frozen=True, slots=True)
class NaturalGradient(Direction):
    """(C + damping I)⁻¹ ∇l: every noun is a slot."""

    curvature: Curvature = GGN()
    solver: LinearSolver = Woodbury()
    damping: float = 0.1

    def __post_init__(self) -> None:
        if not isinstance(self.solver, LinearSolver):
            raise InvalidInput(
                f"solver = {self.solver!r} is not a LinearSolver, such as Woodbury() or CG()."
            )
        object.__setattr__(self, "damping", checks.positive("damping", self.damping))

    def find(self, objective: Objective, memory: Memory, rng: np.random.Generator) -> Found:
        begun = perf_counter()
        gradient = objective.gradient
        digital = perf_counter() - begun
        curvature = self.curvature.at(objective, rng)
        solution = self.solver.solve(curvature, self.damping, gradient, memory, rng)
        cost = solution.cost.with_digital(digital)
        return Found(solution.value, solution.memory, self.damping, cost)
