"""At what pace to walk from one stiffness to another."""

import math
from dataclasses import dataclass
from typing import final

from thermolinalg import checks


@final
@dataclass(frozen=True, slots=True)
class InverseRoot:
    """The share s(u) of the way at the share u of the time, for a straight way A1 + s (A2 - A1).

    One mode, of stiffness `first` in A1 and `last` in A2, has an a^{-1/2} that is linear in time:
    of all paces of a slow ramp this one dissipates least in that mode. `Protocol`'s schedule "root"
    does so for every mode at once, but then the way is not straight: each potential on it takes an
    eigendecomposition to write down, and whoever has that needs no device.

    Raises:
        InvalidInput: a stiffness is not positive.
    """

    first: float
    last: float

    def __post_init__(self) -> None:
        checks.positive("first", self.first)
        checks.positive("last", self.last)

    def __call__(self, u: float) -> float:
        r1, r2 = self._roots
        r = (1 - u) * r1 + u * r2
        return min(1.0, u * (r + r1) / (r2 + r1) * (r2 / r) ** 2)  # solves r(u)^-2 = a(s)

    def speed(self, u: float) -> float:
        """ds/du."""
        r1, r2 = self._roots
        r = (1 - u) * r1 + u * r2
        return 2 * (r1 * r2) ** 2 / (r**3 * (r1 + r2))

    def stiffness(self, u: float) -> float:
        """Of that mode, at the share u of the time."""
        r1, r2 = self._roots
        return float(((1 - u) * r1 + u * r2) ** -2)

    @property
    def _roots(self) -> tuple[float, float]:
        return 1 / math.sqrt(self.first), 1 / math.sqrt(self.last)
