"""The contract of an optimizer: slots that multiply, and the state that goes through them.

    gradient -> before -> direction (curvature, solver, damping) -> after -> rule -> parameters

`before` and `after` are chains of transforms: momentum before is momentum of the gradient, after it
is momentum of the direction. No slot holds state: all of it is `State`, which is data.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any, TypeAlias, final

import numpy as np

from thermolinalg.backend import Array
from tngd.curvature.ggn import GGN
from tngd.curvature.matrix import CurvatureMatrix
from tngd.linsolve.contract import Cost
from tngd.objective import Objective

Memory: TypeAlias = Any
"""What a slot keeps between steps; None before the first. Arrays and numbers, in tuples."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Point:
    """Where a step is taken from: what every slot may look at.

    Args:
        objective: the loss on the batch, at the parameters.
        step: number of the step, from 1.
        rate: learning rate that the rule has for this step.
        curvature: that the direction was found with, if any.
        damping: that was added to it.
        transformed: the gradient (p,) as the transforms before the direction leave it; None if
            there are none.
    """

    objective: Objective
    step: int = 1
    rate: float = 1.0
    curvature: CurvatureMatrix | None = None
    damping: float = 0.0
    transformed: Array | None = None

    @property
    def gradient(self) -> Array:
        """What a direction is found for (p,). Nobody who does not ask pays for it."""
        return self.objective.gradient if self.own else self.transformed

    @property
    def own(self) -> bool:
        """Is this the objective's gradient, as no transform changed it?"""
        return self.transformed is None


@final
@dataclass(frozen=True, eq=False)
class Taken:
    """A step that was taken: from where, by how much, to where."""

    at: Point
    change: Array  # (p,)
    params: Array  # (p,)

    @cached_property
    def value(self) -> float:
        """The loss on the same batch after the step: one more forward pass."""
        return self.at.objective.moved(self.params).value

    @cached_property
    def ratio(self) -> float:
        """ρ: what the loss changed by, over what the undamped quadratic model said it would.

        1 where the model is right, negative where the loss rose; NaN where nothing was to change.
        The model is g'δ + δ'Gδ/2 with the Gauss-Newton matrix G (Martens 2010; Donatella et al.
        2024, appendix A), or with the Hessian or Fisher matrix that the direction was found with.
        """
        objective, change = self.at.objective, self.change
        C = self.at.curvature
        product = (C if C is not None and C.whole else GGN().at(objective)).matvec(change)
        model = float(objective.gradient @ change) + 0.5 * float(change @ product)
        return (self.value - objective.value) / model if model else float("nan")


@final
@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """A direction (p,) to step against, what to remember, and what finding it took."""

    direction: Array
    memory: Memory = None
    curvature: CurvatureMatrix | None = None
    damping: float = 0.0
    cost: Cost = Cost()


class Transform(ABC):
    """Changes a gradient, or a direction."""

    @abstractmethod
    def apply(self, v: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        """What becomes of v (p,), which stays as it is, and what to remember."""


class Direction(ABC):
    """Where to go: the gradient, or something better."""

    @property
    def asks_gradient(self) -> bool:
        """Does `find` ask for the gradient at once? Its time is then the step's digital one."""
        return True

    @abstractmethod
    def find(self, at: Point, memory: Memory, rng: np.random.Generator) -> Found:
        """The direction for the point's gradient; a step goes against it."""

    def learn(self, memory: Memory, taken: Taken) -> Memory:
        """What to remember once the step was taken, such as another damping."""
        del taken
        return memory


class Rule(ABC):
    """How far to go along a direction."""

    rate: float

    def rate_at(self, step: int) -> float:
        """The learning rate of this step."""
        del step
        return self.rate

    @abstractmethod
    def step(self, direction: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        """The change of the parameters (p,), and what to remember."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class State:
    """Everything an optimizer carries from one step to the next."""

    step: int = 0
    direction: Memory = None
    rule: Memory = None
    before: tuple[Memory, ...] = ()
    after: tuple[Memory, ...] = ()


@final
@dataclass(frozen=True, eq=False, slots=True)
class Move:
    """New parameters (p,), the state to go on with, and what the step took."""

    params: Array
    state: State
    damping: float
    cost: Cost


@final
@dataclass(frozen=True, slots=True)
class Optimizer:
    """θ <- θ + rule(after(direction(before(∇l)))).

    Args:
        name: as reports call it.
        direction: `Gradient()`, or a curvature with its solver and damping.
        rule: how far to go.
        before: transforms of the gradient, in order.
        after: transforms of the direction, in order.
    """

    name: str
    direction: Direction
    rule: Rule
    before: tuple[Transform, ...] = ()
    after: tuple[Transform, ...] = ()

    def step(self, objective: Objective, state: State, rng: np.random.Generator) -> Move:
        """One step from the objective's parameters."""
        number = state.step + 1
        at = Point(objective, number, self.rule.rate_at(number))
        begun, before = perf_counter(), state.before
        if self.before or self.direction.asks_gradient:
            gradient, before = _through(self.before, objective.gradient, before, at)
            at = replace(at, transformed=gradient if self.before else None)
        digital = perf_counter() - begun
        found = self.direction.find(at, state.direction, rng)
        at = replace(at, curvature=found.curvature, damping=found.damping)
        direction, after = _through(self.after, found.direction, state.after, at)
        change, rule = self.rule.step(direction, state.rule, at)
        params = objective.params + change
        memory = self.direction.learn(found.memory, Taken(at, change, params))
        state = State(number, memory, rule, before, after)
        return Move(params, state, found.damping, found.cost.with_digital(digital))

    @property
    def rate(self) -> float:
        """The step rule's learning rate."""
        return self.rule.rate

    def with_rate(self, rate: float) -> "Optimizer":
        """The same optimizer with another learning rate."""
        return replace(self, rule=replace(self.rule, rate=rate))  # type: ignore[type-var]


def _through(
    transforms: Sequence[Transform], v: Array, memories: tuple[Memory, ...], at: Point
) -> tuple[Array, tuple[Memory, ...]]:
    """v through a chain, and what each of it remembers."""
    kept = []
    for transform, memory in zip(transforms, memories or (None,) * len(transforms), strict=True):
        v, memory = transform.apply(v, memory, at)
        kept.append(memory)
    return v, tuple(kept)
