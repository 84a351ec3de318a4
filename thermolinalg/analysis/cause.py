"""One cause of error: what it does to an answer, on average and from run to run."""

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from thermolinalg.backend import NumpyArray


@final
@dataclass(frozen=True, eq=False, slots=True)
class Cause:
    """What one part of a device does to an answer, to first order, in the answer's units.

    Args:
        name: the device's field that it comes from; "time" for what every device has.
        title: as reports call it.
        bias: what it moves the answer by, however long one averages; of "time", how far the start
            is not forgotten.
        neglected: the true shift is no further from `bias`, in the 2-norm.
        variance: what it adds to the variance of each entry of the answer; it may take away.
        coupling: the share by which it changes what other causes do.
        strength: the value of `knob`, or of each of several.
        knob: what says how strong it is.
        order: bias and variance go with strength to this power; 0 where they do not.
        halves: do `bits` stand for its strength, so that each more halves it?
        remedy: what to buy against it.
        note: what else to say of it.
    """

    name: str
    title: str
    bias: NumpyArray
    neglected: float = 0.0
    variance: NumpyArray | float = 0.0
    coupling: float = 0.0
    strength: Any = None
    knob: str = ""
    order: float = 1.0
    halves: bool = False
    remedy: str = ""
    note: str = ""

    @property
    def size(self) -> float:
        """The 2-norm of the bias."""
        return float(np.linalg.norm(self.bias))

    @property
    def spread(self) -> float:
        """Root-mean-square 2-norm of what it adds from run to run; 0 where it takes away."""
        return math.sqrt(max(self.added, 0.0))

    @property
    def added(self) -> float:
        """What it adds to the expected squared error by scatter; it may take away."""
        return float(np.sum(np.broadcast_to(self.variance, self.bias.shape)))

    @property
    def square(self) -> float:
        """The expected squared error that it alone would make."""
        return self.size**2 + self.spread**2

    @property
    def falls(self) -> bool:
        """Does most of it fall with time?"""
        return self.name == "time" or self.spread > self.size

    @property
    def linear(self) -> bool:
        """Is what is neglected smaller than what is predicted?"""
        return self.neglected**2 <= self.square
