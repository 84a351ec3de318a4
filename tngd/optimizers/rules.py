"""Step rules: a rate, with a schedule or chosen by a line search or the quadratic model.

Knobs become Python floats, because a NumPy scalar among them would widen float32 arrays.
"""

import math
from dataclasses import dataclass
from typing import Literal, final, get_args

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput
from tngd.curvature.ggn import GGN
from tngd.optimizers.contract import Memory, Point, Rule
from tngd.optimizers.schedule import Constant, Schedule

Restart = Literal["increase", "keep", "reset"]


@final
@dataclass(frozen=True, slots=True)
class Rate(Rule):
    """-rate v, times a factor that the schedule gives for each step."""

    rate: float
    schedule: Schedule = Constant()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", checks.positive("rate", self.rate))

    def rate_at(self, step: int) -> float:
        return self.rate * self.schedule(step)

    def step(self, direction: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        return -at.rate * direction, memory


@final
@dataclass(frozen=True, slots=True)
class LineSearch(Rule):
    """The largest rate tried that lets the loss of the batch fall enough (Armijo 1966).

    A rate a is enough if l(θ - a v) <= l(θ) - c a v'∇l. Rates are tried from the first one down,
    each `decrease` times the one before; where none of `tries` is enough, or v points uphill,
    the parameters stay. All tries are on the batch of the step, and each costs a forward pass.

    Args:
        rate: the largest rate.
        slope: c, the fraction of the linear model's decrease that is asked for.
        decrease: from one try to the next.
        increase: how much larger than the last accepted rate the first try of the next step is.
        restart: where the next search starts: "increase" (the last rate times that), "keep" (the
            last rate) or "reset" (the largest).
        goldstein: also ask that the loss falls no more than (1 - c) of the linear model's
            decrease, and raise the rate by `increase` where it does, as far as `rate`.
        tries: at most, in each step.
    """

    rate: float = 1.0
    slope: float = 0.1
    decrease: float = 0.8
    increase: float = 1.5
    restart: Restart = "increase"
    goldstein: bool = False
    tries: int = 15

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", checks.positive("rate", self.rate))
        for name in ("slope", "decrease"):
            object.__setattr__(self, name, _between(name, getattr(self, name)))
        object.__setattr__(self, "increase", checks.positive("increase", self.increase))
        if self.increase < 1:
            raise InvalidInput(f"increase = {self.increase:g} must be at least 1.")
        if self.restart not in get_args(Restart):
            raise InvalidInput(f'restart = {self.restart!r} must be "increase", "keep" or "reset".')
        checks.count("tries", self.tries)

    def step(self, direction: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        objective = at.objective
        slope = float(objective.gradient @ direction)
        if not slope > 0:
            return 0 * direction, memory
        allowance = float(np.finfo(float).eps) * abs(objective.value)
        rate, raised = self._first(memory), False
        for _ in range(self.tries):
            fallen = objective.value - objective.moved(objective.params - rate * direction).value
            if not fallen >= self.slope * rate * slope - allowance:
                rate, raised = rate * self.decrease, True
                continue
            too_much = fallen > (1 - self.slope) * rate * slope
            if not (self.goldstein and too_much and rate < self.rate and not raised):
                return -rate * direction, rate
            rate = min(self.rate, rate * self.increase)
        return 0 * direction, self.rate

    def _first(self, last: float | None) -> float:
        if last is None or self.restart == "reset":
            return self.rate
        return min(self.rate, last * (self.increase if self.restart == "increase" else 1.0))


@final
@dataclass(frozen=True, slots=True)
class QuadraticModel(Rule):
    """-a v + m δ, δ the last change, with the a and m that are best for the quadratic model.

    The model g'd + d'(G + damping I)d/2 has the exact Gauss-Newton matrix, or the curvature that v
    was found with where that is exact (Martens and Grosse 2015, section 7). It costs a product with
    v, and another with δ.

    Args:
        rate: at most, for a; the change is scaled down to that.
        momentum: is there a part along δ?
    """

    rate: float = math.inf
    momentum: bool = True

    def __post_init__(self) -> None:
        if self.rate != math.inf:
            object.__setattr__(self, "rate", checks.positive("rate", self.rate))

    def step(self, direction: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        ways = [-direction]
        if self.momentum and memory is not None:
            ways.append(memory)
        C, gradient = at.curvature, at.objective.gradient
        C = C if C is not None and C.whole else GGN().at(at.objective)
        images = [C.matvec(way) + at.damping * way for way in ways]
        M = np.array([[float(a @ image) for image in images] for a in ways])
        slopes = np.array([float(gradient @ way) for way in ways])
        best = -np.linalg.lstsq(M, slopes, rcond=None)[0]  # at most two numbers
        if abs(best[0]) > self.rate:
            best *= self.rate / abs(best[0])
        change = float(best[0]) * ways[0]
        for factor, way in zip(best[1:], ways[1:], strict=True):
            change = change + float(factor) * way
        return change, change


def _between(name: str, value: float) -> float:
    number = checks.real_number(name, value)
    if not 0 < number < 1:
        raise InvalidInput(f"{name} = {number:g} must be between 0 and 1.")
    return number
