"""Directions of gradients that are one step old, as pipelined steps have them."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from tngd.optimizers.contract import Direction, Found, Memory, Point, Taken


@final
@dataclass(frozen=True, slots=True)
class Stale(Direction):
    """Another direction, of this step's batch at the parameters before the last update.

    Gradient and curvature are both taken there; the update goes to the parameters of today. The
    first step is at the initial parameters, and so is the second.

    Args:
        direction: what is found there.
    """

    direction: Direction

    @property
    def asks_gradient(self) -> bool:
        return False

    def find(self, at: Point, memory: Memory, rng: np.random.Generator) -> Found:
        old, inner = memory or (None, None)
        if old is not None:
            there = at.objective.moved(old)
            at, old = replace(at, objective=there), at.objective.params
        else:
            old = at.objective.params
        found = self.direction.find(at, inner, rng)
        return replace(found, memory=(old, found.memory))

    def learn(self, memory: Memory, taken: Taken) -> Memory:
        old, inner = memory
        return old, self.direction.learn(inner, taken)
