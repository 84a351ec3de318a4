"""Dropout: a random part of the entries is left out in training."""

from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np

from models.composite import size_of
from models.layer import Named, Shape
from models.leaf import Parameterless
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, like
from thermolinalg.errors import InvalidInput

Mask: TypeAlias = Array | None
"""What dropout saves: what each entry is multiplied by; None for 1."""


@final
@dataclass(frozen=True)
class Dropout(Parameterless):
    """y = m o x in training, y = x otherwise (Srivastava et al. 2014).

    Each entry of m is 0 with probability `rate` and 1/(1 - rate) otherwise, so that the mean of y
    is x. The mask is drawn in the forward pass and kept: every product of a linearization, second
    derivatives too, is that of the same thinned network.

    Raises:
        InvalidInput: `rate` is not at least 0 and below 1.
    """

    rate: float

    def __post_init__(self) -> None:
        droppable(self.rate)

    def output_shape(self, shape: Shape, /) -> Shape:
        return shape

    def workspace(self, shape: Shape, /) -> int:
        return 2 * size_of(shape)

    def forward(self, _p: Named, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, Mask]:
        mask = drawn_mask(setting, self.rate, x)
        return masked(x, mask), mask

    def jvp(
        self, _p: Named, mask: Mask, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, None]:
        return None if dx is None else masked(dx, mask), None

    def backward(self, _p: Named, mask: Mask, u: Array, /) -> Array:
        return masked(u, mask)

    def backward_jvp(
        self, p: Named, mask: Mask, _u: Array, _dp: Named, _dx: None, du: Array, /
    ) -> Array:
        return self.backward(p, mask, du)


def drawn_mask(setting: Setting, rate: float, x: Array) -> Mask:
    """0 with probability `rate` and 1/(1 - rate) otherwise, for each entry of x.

    None where nothing is dropped: in evaluation, without random streams, or at rate 0. NumPy draws,
    so one seed gives the same mask on every library and in every dtype.
    """
    rng = setting.stream("dropout") if rate else None
    if rng is None:
        return None
    kept = rng.random(tuple(x.shape), dtype=np.float32) >= rate
    return like(kept, x) * (1.0 / (1.0 - float(rate)))


def masked(x: Array, mask: Mask) -> Array:
    """Mask o x; axes in front of x are kept."""
    return x if mask is None else x * mask


def droppable(rate: float) -> None:
    """Refuse what cannot be the part of the entries that is dropped.

    Raises:
        InvalidInput: `rate` is not at least 0 and below 1.
    """
    if not 0 <= rate < 1:
        raise InvalidInput(
            f"rate = {rate!r} must be at least 0 and below 1: the part of the entries to drop."
        )
