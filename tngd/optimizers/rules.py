"""Step rules: a constant rate with momentum, and Adam's.

Knobs become Python floats, because a NumPy scalar among them would widen float32 arrays.
"""

import math
from dataclasses import dataclass
from typing import final

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import Memory, Rule


@final
@dataclass(frozen=True, slots=True)
class Momentum(Rule):
    """m <- momentum m + d; the step is -rate m, or -rate (d + momentum m) for Nesterov's form."""

    rate: float
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", checks.positive("rate", self.rate))
        object.__setattr__(self, "momentum", _fraction("momentum", self.momentum))
        if self.nesterov and not self.momentum:
            raise InvalidInput("nesterov=True needs momentum > 0, such as 0.9.")

    def step(self, direction: Array, memory: Memory) -> tuple[Array, Memory]:
        if not self.momentum:
            return -self.rate * direction, None
        m = direction if memory is None else _decayed(memory, self.momentum, direction)
        ahead = _decayed(m, self.momentum, direction) if self.nesterov else m
        return -self.rate * ahead, m


@final
@dataclass(frozen=True, slots=True)
class Adaptive(Rule):
    """Adam's rule (Kingma and Ba 2015), with bias correction.

    m <- beta1 m + d and v <- beta2 v + d² are remembered as sums. Averages and bias correction are
    two numbers, a = (1 - beta1)/(1 - beta1^k) and b² = (1 - beta2)/(1 - beta2^k) in step k, which
    is -rate a m / (b v^(1/2) + epsilon) = -(rate a/b) m / (v^(1/2) + epsilon/b).

    With beta1 = beta2 = 0, as the TNGD paper runs it, the step is -rate d/(|d| + epsilon): the sign
    of the direction.
    """

    rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        for name in ("rate", "epsilon"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name)))
        for name in ("beta1", "beta2"):
            object.__setattr__(self, name, _fraction(name, getattr(self, name)))

    def step(self, direction: Array, memory: Memory) -> tuple[Array, Memory]:
        count, m, v = (0, None, None) if memory is None else memory
        count += 1
        m = direction if m is None else _decayed(m, self.beta1, direction)
        squared = direction * direction
        v = squared if v is None else _decayed(v, self.beta2, squared)
        a = (1 - self.beta1) / (1 - self.beta1**count)
        b = math.sqrt((1 - self.beta2) / (1 - self.beta2**count))
        scale = namespace(v).sqrt(v)
        scale += self.epsilon / b
        change = m / scale
        change *= -self.rate * a / b
        return change, (count, m, v)


def _decayed(total: Array, factor: float, new: Array) -> Array:
    """factor total + new. What was remembered before may be kept by a caller, so stays."""
    moved = factor * total
    moved += new
    return moved


def _fraction(name: str, value: float) -> float:
    number = checks.real_number(name, value)
    if not 0 <= number < 1:
        raise InvalidInput(f"{name} = {number:g} must be at least 0 and below 1.")
    return number
