"""The contract of an optimizer: find a direction, apply a step rule, remember both."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, final

import numpy as np

from thermolinalg.backend import Array
from tngd.linsolve.contract import Cost
from tngd.objective import Objective

Memory: TypeAlias = Any
"""What a slot keeps between steps; None before the first."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """A direction (p,) to step against, what to remember, and what finding it took."""

    direction: Array
    memory: Memory = None
    damping: float = 0.0
    cost: Cost = Cost()


class Direction(ABC):
    """Where to go: the gradient, or something better."""

    @abstractmethod
    def find(self, objective: Objective, memory: Memory, rng: np.random.Generator) -> Found:
        """The direction at this objective; a step goes against it."""


class Rule(ABC):
    """How far to go along a direction, given those before."""

    rate: float

    @abstractmethod
    def step(self, direction: Array, memory: Memory) -> tuple[Array, Memory]:
        """The change of the parameters (p,), the caller's to overwrite, and what to remember."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class State:
    """Everything an optimizer carries from one step to the next."""

    direction: Memory = None
    rule: Memory = None


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
    """θ <- θ + rule(direction). The slots hold no state: `State` does."""

    name: str
    direction: Direction
    rule: Rule

    def step(self, objective: Objective, state: State, rng: np.random.Generator) -> Move:
        """One step from the objective's parameters."""
        found = self.direction.find(objective, state.direction, rng)
        params, memory = self.rule.step(found.direction, state.rule)
        params += objective.params  # in place: the change is as large as the network
        return Move(params, State(found.memory, memory), found.damping, found.cost)

    @property
    def rate(self) -> float:
        """The step rule's learning rate."""
        return self.rule.rate

    def with_rate(self, rate: float) -> "Optimizer":
        """The same optimizer with another learning rate."""
        return replace(self, rule=replace(self.rule, rate=rate))  # type: ignore[type-var]
