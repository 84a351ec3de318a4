"""Directions: the gradient itself, and the gradient divided by a curvature."""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.errors import InvalidInput
from tngd.curvature.contract import Curvature
from tngd.curvature.ggn import GGN
from tngd.linsolve.contract import LinearSolver
from tngd.linsolve.woodbury import Woodbury
from tngd.optimizers.contract import Direction, Found, Memory, Point, Taken
from tngd.optimizers.damping import Damping


@final
@dataclass(frozen=True, slots=True)
class Gradient(Direction):
    """Steepest descent."""

    def find(self, at: Point, memory: Memory, rng: np.random.Generator) -> Found:
        del memory, rng
        return Found(at.gradient)


@final
@dataclass(frozen=True, slots=True)
class NaturalGradient(Direction):
    """(C + damping I)⁻¹ ∇l: every noun is a slot.

    Args:
        curvature: C.
        solver: that divides by it.
        damping: a number, or a `Damping` that finds one for every step.
    """

    curvature: Curvature = GGN()
    solver: LinearSolver = Woodbury()
    damping: float | Damping = 0.1

    def __post_init__(self) -> None:
        if not isinstance(self.solver, LinearSolver):
            raise InvalidInput(
                f"solver = {self.solver!r} is not a LinearSolver, such as Woodbury() or CG()."
            )
        if not isinstance(self.damping, Damping):
            object.__setattr__(self, "damping", checks.positive("damping", self.damping))

    @property
    def asks_gradient(self) -> bool:
        return self.solver.asks_gradient

    def find(self, at: Point, memory: Memory, rng: np.random.Generator) -> Found:
        solved, learnt = memory or (None, None)
        C = self.curvature.at(at.objective, rng)
        damping = self.damping
        if isinstance(damping, Damping):
            damping = damping.value(C, at.gradient, learnt)
        solution = self.solver.solve_for(C, damping, at, solved, rng)
        return Found(solution.value, (solution.memory, learnt), C, damping, solution.cost)

    def learn(self, memory: Memory, taken: Taken) -> Memory:
        if not isinstance(self.damping, Damping):
            return memory
        solved, learnt = memory
        return solved, self.damping.learn(learnt, taken)
