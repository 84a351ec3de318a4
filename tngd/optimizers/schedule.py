"""Schedules: the factor of a rate at every step."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from thermolinalg import checks


class Schedule(ABC):
    """A factor for each step."""

    @abstractmethod
    def __call__(self, step: int, /) -> float:
        """The factor in this step, counted from 1."""


@final
@dataclass(frozen=True, slots=True)
class Constant(Schedule):
    """Always 1."""

    def __call__(self, step: int, /) -> float:
        del step
        return 1.0


@final
@dataclass(frozen=True, slots=True)
class Cosine(Schedule):
    """From 1 down to `last` along half a cosine in so many steps (Loshchilov and Hutter 2017)."""

    steps: int
    last: float = 0.0

    def __post_init__(self) -> None:
        checks.count("steps", self.steps)
        object.__setattr__(self, "last", checks.positive("last", self.last, zero=True))

    def __call__(self, step: int, /) -> float:
        part = min(step - 1, self.steps) / self.steps
        return self.last + (1 - self.last) * 0.5 * (1 + math.cos(math.pi * part))


@final
@dataclass(frozen=True, slots=True)
class Exponential(Schedule):
    """From 1 down to `last` at an even ratio in so many steps, and `last` after them."""

    steps: int
    last: float = 0.1

    def __post_init__(self) -> None:
        checks.count("steps", self.steps)
        object.__setattr__(self, "last", checks.positive("last", self.last))

    def __call__(self, step: int, /) -> float:
        return float(self.last ** (min(step - 1, self.steps) / self.steps))


@final
@dataclass(frozen=True, slots=True)
class Warmup(Schedule):
    """A line from 0 to 1 over so many steps, and then another schedule."""

    steps: int
    then: Schedule = Constant()

    def __post_init__(self) -> None:
        checks.count("steps", self.steps)

    def __call__(self, step: int, /) -> float:
        return step / self.steps if step <= self.steps else self.then(step - self.steps)
