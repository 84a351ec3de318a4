"""Full batches: Adam as published, or gradient descent, and what is seen on the way."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from tngd.reproduce.welper_model import Grid, Ridges, kernel_distance
from tngd.reproduce.welper_targets import Target

EVALUATED = 100
"""Points to evaluate at for every neuron, as in the authors' program."""


class Method(ABC):
    """How biases move."""

    steps: int

    @abstractmethod
    def start(self, theta: NumpyArray) -> tuple[NumpyArray, ...]:
        """What is carried from step to step."""

    @abstractmethod
    def move(self, g: NumpyArray, step: int, carried: tuple[NumpyArray, ...]) -> NumpyArray:
        """What to take from the biases at this step, from 1 on; `carried` changes in place."""

    @abstractmethod
    def time(self, step: int) -> float:
        """The time of gradient flow at this step, or its number where there is none."""


@final
@dataclass(frozen=True, slots=True)
class Descent(Method):
    """θ <- θ - rate ∇(1/2 |f - y|²): gradient flow in steps, stable while rate |H| < 2."""

    rate: float
    steps: int

    def __post_init__(self) -> None:
        checks.positive("rate", self.rate)
        checks.count("steps", self.steps)

    def start(self, theta: NumpyArray) -> tuple[NumpyArray, ...]:
        del theta
        return ()

    def move(self, g: NumpyArray, step: int, carried: tuple[NumpyArray, ...]) -> NumpyArray:
        del step, carried
        return self.rate * g

    def time(self, step: int) -> float:
        return self.rate * step


@final
@dataclass(frozen=True, slots=True)
class Adam(Method):
    """Adam with its usual constants (Kingma and Ba 2015), its rate falling each quarter.

    Args:
        rate: at first.
        steps: in all.
        decay: factor of the rate after each quarter of the steps; 1 for a constant rate.
    """

    rate: float
    steps: int
    decay: float = 1.0

    def __post_init__(self) -> None:
        checks.positive("rate", self.rate)
        checks.positive("decay", self.decay)
        checks.count("steps", self.steps)

    def start(self, theta: NumpyArray) -> tuple[NumpyArray, ...]:
        return np.zeros_like(theta), np.zeros_like(theta)

    def move(self, g: NumpyArray, step: int, carried: tuple[NumpyArray, ...]) -> NumpyArray:
        first, second = carried
        first += (1 - 0.9) * (g - first)
        second += (1 - 0.999) * (g * g - second)
        rate = self.rate * self.decay ** (4 * (step - 1) // self.steps) / (1 - 0.9**step)
        moved: NumpyArray = rate * first / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        return moved

    def time(self, step: int) -> float:
        return step


@final
@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """A training of s networks.

    Args:
        theta: biases at the end (s, m).
        times: when it was looked (t,), 0 aside.
        errors: in L² over the training points (t, s).
        distances: relative, of the kernel from that of infinite width (t, s).
    """

    theta: NumpyArray
    times: NumpyArray
    errors: NumpyArray
    distances: NumpyArray


class Seen(NamedTuple):
    """A look."""

    time: float
    errors: NumpyArray
    distances: NumpyArray


def train(ridges: Ridges, target: Target, grid: Grid, method: Method, looks: int) -> Trained:
    """All networks, with all points in each step; looked at evenly in the logarithm of time."""
    y, theta = target.value(grid.x), ridges.start.copy()
    carried, seen = method.start(theta), list[Seen]()
    moments = set(np.geomspace(1, method.steps, looks).round().astype(int).tolist())
    for step in range(1, method.steps + 1):
        f, right = ridges.output(theta, grid)
        theta = theta - method.move(ridges.gradient(f - y, right), step, carried)
        if step in moments:
            errors = grid.norm(ridges.output(theta, grid).f - y)
            seen.append(Seen(method.time(step), errors, kernel_distance(theta)))
    times, errors, distances = (np.array(column) for column in zip(*seen, strict=True))
    return Trained(theta, times, errors, distances)


def evaluate(ridges: Ridges, theta: NumpyArray, target: Target) -> NumpyArray:
    """The error in L² of each network (s,), at many points between those it was trained on."""
    grid = Grid(EVALUATED * theta.shape[1])
    return grid.norm(ridges.output(theta, grid).f - target.value(grid.x))
