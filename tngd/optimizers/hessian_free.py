"""Hessian-free optimization: truncated conjugate gradients, backtracked by the loss itself."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput
from tngd.curvature.contract import Curvature
from tngd.curvature.ggn import GGN
from tngd.linsolve.cg import CG
from tngd.objective import Objective
from tngd.optimizers.contract import Direction, Found, Memory, Optimizer, Point, Taken
from tngd.optimizers.damping import Damping, LevenbergMarquardt
from tngd.optimizers.rules import LineSearch


@final
@dataclass(frozen=True, slots=True)
class Backtracked(Direction):
    """An iterate of conjugate gradients on (C + damping I) x = ∇l: one where the loss is low.

    The quadratic model falls with every iteration, the loss need not. Iterates 1, 2, 3, 4, 5, 7,
    ... ceil(spacing^j) and the last are kept, and looked at from the last one back for as long as
    the loss of the batch gets lower (Martens 2010, section 4.6). Every look costs a forward pass,
    every iterate that is kept an array (p,).

    The next solve starts warm from the last iterate, not from the one that was taken.

    Args:
        curvature: C.
        solver: the iteration, with its warm start and its stop.
        damping: a number, or a `Damping` that finds one for every step.
        spacing: ratio of the numbers of iterates that are kept, above 1.
    """

    curvature: Curvature = GGN()
    solver: CG = CG(1e-5, 250, 0.95, 5e-4)
    damping: float | Damping = LevenbergMarquardt(1.0)
    spacing: float = 1.3

    def __post_init__(self) -> None:
        if not isinstance(self.solver, CG):
            raise InvalidInput(
                f"solver = {self.solver!r} has no iterates to go back to: give CG()."
            )
        if not isinstance(self.damping, Damping):
            object.__setattr__(self, "damping", checks.positive("damping", self.damping))
        object.__setattr__(self, "spacing", checks.real_number("spacing", self.spacing))
        if not self.spacing > 1:
            raise InvalidInput(f"spacing = {self.spacing:g} must be above 1.")

    def find(self, at: Point, memory: Memory, rng: np.random.Generator) -> Found:
        solved, learnt = memory or (None, None)
        C = self.curvature.at(at.objective, rng)
        damping = self.damping
        if isinstance(damping, Damping):
            damping = damping.value(C, at.gradient, learnt)
        kept = self._kept(self.solver.iterates(C, damping, at.gradient, solved))
        return Found(_lowest(kept, at.objective), (kept[-1], learnt), C, damping)

    def learn(self, memory: Memory, taken: Taken) -> Memory:
        if not isinstance(self.damping, Damping):
            return memory
        solved, learnt = memory
        return solved, self.damping.learn(learnt, taken)

    def _kept(self, iterates: Iterable[Array]) -> list[Array]:
        """Iterates ceil(spacing^j), and the last."""
        kept: list[Array] = []
        wanted, due, x = self._numbers(), False, None
        number = next(wanted)
        for i, x in enumerate(iterates):
            due = i == number
            if due:
                kept.append(x)
                number = next(wanted)
        return kept if due else [*kept, x]

    def _numbers(self) -> Iterator[int]:
        """1, 2, 3, ...: ceil(spacing^j), each once."""
        number = 0
        for j in count():
            if (power := math.ceil(self.spacing**j)) > number:
                number = power
                yield number


def HessianFree(
    rate: float = 1.0,
    *,
    damping: float | Damping = LevenbergMarquardt(1.0),
    curvature: Curvature = GGN(),
    rtol: float = 1e-5,
    iterations: int = 250,
    warm: float = 0.95,
    progress: float = 5e-4,
) -> Optimizer:
    """Hessian-free optimization (Martens 2010), with a line search along what it finds.

    Meant for large batches: curvature, loss and damping are all judged on the batch of the step.

    Args:
        rate: the first that the line search tries; it goes down by 0.8, 20 times at most.
        damping: as for `NGD`; changed after every step by default.
        curvature: C, the Gauss-Newton matrix by default.
        rtol: where conjugate gradients stop, as for `CG`.
        iterations: at most.
        warm: how much of the last step's solution to start from.
        progress: where they stop because the quadratic model hardly falls, as for `CG`.
    """
    direction = Backtracked(curvature, CG(rtol, iterations, warm, progress), damping)
    rule = LineSearch(rate, slope=1e-2, decrease=0.8, restart="reset", tries=20)
    return Optimizer("hessian-free", direction, rule)


def _lowest(kept: list[Array], objective: Objective) -> Array:
    """From the last back, for as long as the loss gets lower; a loss that is no number is high."""

    def loss(x: Array) -> float:
        value = objective.moved(objective.params - x).value
        return value if math.isfinite(value) else math.inf

    best = kept[-1]
    lowest = loss(best)
    for x in reversed(kept[:-1]):
        value = loss(x)
        if value >= lowest and lowest < math.inf:
            break
        best, lowest = x, value
    return best
