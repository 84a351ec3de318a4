"""Transforms of a gradient or a direction: averages over steps, decay, and limits to size.

Knobs become Python floats, because a NumPy scalar among them would widen float32 arrays.
"""

import math
from dataclasses import dataclass
from typing import final

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput
from tngd.optimizers.contract import Memory, Point, Transform


@final
@dataclass(frozen=True, slots=True)
class Momentum(Transform):
    """m <- momentum m + v (heavy ball, Polyak 1964); with `nesterov`, momentum m + v is used."""

    momentum: float = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "momentum", fraction("momentum", self.momentum))

    def apply(self, v: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        del at
        m = v if memory is None else _decayed(memory, self.momentum, v)
        return (_decayed(m, self.momentum, v) if self.nesterov else m), m


@final
@dataclass(frozen=True, slots=True)
class Average(Transform):
    """m <- decay m + (1 - decay) v, over 1 - decay^k in step k, so that it is a mean of all v."""

    decay: float = 0.9

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay", fraction("decay", self.decay))

    def apply(self, v: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        del at
        count, total = (0, None) if memory is None else memory
        count += 1
        total = v if total is None else _decayed(total, self.decay, v)
        return (1 - self.decay) / (1 - self.decay**count) * total, (count, total)


@final
@dataclass(frozen=True, slots=True)
class Adaptive(Transform):
    """Adam's m/(v^(1/2) + epsilon) (Kingma and Ba 2015), with bias correction.

    m <- beta1 m + d and v <- beta2 v + d² are remembered as sums. Averages and bias correction are
    two numbers, a = (1 - beta1)/(1 - beta1^k) and b² = (1 - beta2)/(1 - beta2^k) in step k, which
    is a m / (b v^(1/2) + epsilon) = (a/b) m / (v^(1/2) + epsilon/b).

    With beta1 = beta2 = 0, as the TNGD paper runs it, this is d/(|d| + epsilon): the sign of d.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", checks.positive("epsilon", self.epsilon))
        for name in ("beta1", "beta2"):
            object.__setattr__(self, name, fraction(name, getattr(self, name)))

    def apply(self, v: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        del at
        count, mean, square = (0, None, None) if memory is None else memory
        count += 1
        mean = v if mean is None else _decayed(mean, self.beta1, v)
        squared = v * v
        square = squared if square is None else _decayed(square, self.beta2, squared)
        a = (1 - self.beta1) / (1 - self.beta1**count)
        b = math.sqrt((1 - self.beta2) / (1 - self.beta2**count))
        scale = namespace(square).sqrt(square)
        scale += self.epsilon / b
        scale *= b / a
        return mean / scale, (count, mean, square)


@final
@dataclass(frozen=True, slots=True)
class Descending(Transform):
    """What another transform makes of v, or v itself where that would not descend.

    An average of directions can point uphill: where its product with the gradient is not positive,
    no line search along it can succeed.
    """

    inner: Transform

    def apply(self, v: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        changed, memory = self.inner.apply(v, memory, at)
        downhill = float(at.objective.gradient @ changed) > 0
        return (changed if downhill else v), memory


@final
@dataclass(frozen=True, slots=True)
class WeightDecay(Transform):
    """v + decay θ: before the direction a penalty on |θ|²/2, after it decoupled (AdamW)."""

    decay: float = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay", checks.positive("decay", self.decay, zero=True))

    def apply(self, v: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        return v + self.decay * at.objective.params, memory


@final
@dataclass(frozen=True, slots=True)
class Clip(Transform):
    """v scaled down to a norm of at most `norm`, and then entries to at most `entry` in size."""

    norm: float = math.inf
    entry: float = math.inf

    def __post_init__(self) -> None:
        for name in ("norm", "entry"):
            if getattr(self, name) != math.inf:
                object.__setattr__(self, name, checks.positive(name, getattr(self, name)))

    def apply(self, v: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        del at
        if self.norm < math.inf:
            length = math.sqrt(float(v @ v))
            v = v * (self.norm / length) if length > self.norm else v
        if self.entry < math.inf:
            v = namespace(v).clip(v, -self.entry, self.entry)
        return v, memory


@final
@dataclass(frozen=True, slots=True)
class KLClip(Transform):
    """ν v with the largest ν <= 1 for which (rate ν)² v'g <= limit (Ba, Grosse and Martens 2017).

    For v = (F + damping I)⁻¹ g that bounds (rate ν)² v'Fv, twice the divergence of the step.
    """

    limit: float = 1e-3

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", checks.positive("limit", self.limit))

    def apply(self, v: Array, memory: Memory, at: Point) -> tuple[Array, Memory]:
        size = at.rate**2 * abs(float(v @ at.objective.gradient))
        return (v * math.sqrt(self.limit / size) if size > self.limit else v), memory


def fraction(name: str, value: float) -> float:
    """A number from 0 to below 1."""
    number = checks.real_number(name, value)
    if not 0 <= number < 1:
        raise InvalidInput(f"{name} = {number:g} must be at least 0 and below 1.")
    return number


def _decayed(total: Array, factor: float, new: Array) -> Array:
    """factor total + new. What was remembered before may be kept by a caller, so stays."""
    moved = factor * total
    moved += new
    return moved
