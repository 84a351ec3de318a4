"""The contract of a linear solver inside an optimizer."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias, final

import numpy as np

from thermolinalg.backend import Array
from thermolinalg.device.ledger import Ledger, joined
from tngd.curvature.contract import CurvatureAt

Memory: TypeAlias = Any
"""What a solver keeps between steps (a warm start, a device state); None before the first."""


@final
@dataclass(frozen=True, slots=True)
class Cost:
    """What one solve took of a thermodynamic device; nothing for a digital solver."""

    analog_time: float = 0.0  # in units of RC
    ledger: Ledger = Ledger()  # upload, settle, read: modelled; digital: measured

    @property
    def device_seconds(self) -> float:
        """Modelled: upload, relaxation, read-out."""
        return self.ledger.seconds("modelled")

    @property
    def joules(self) -> float | None:
        """Energy of the device; None where it states no prices."""
        modelled = [line.joules for line in self.ledger.lines if line.source == "modelled"]
        return joined(*modelled) if modelled else None

    def with_digital(self, seconds: float) -> "Cost":
        """With measured seconds of the digital side, for a device that has one."""
        if not self.ledger.lines:
            return self
        return Cost(self.analog_time, self.ledger.add("digital", seconds, "measured"))


@final
@dataclass(frozen=True, eq=False, slots=True)
class Solution:
    """An approximate solution (p,), what to remember for the next step, and its cost."""

    value: Array
    memory: Memory = None
    cost: Cost = Cost()


class RightSide(Protocol):
    """The gradient that is solved for, found when it is asked for."""

    @property
    def gradient(self) -> Array:
        """g (p,)."""

    @property
    def own(self) -> bool:
        """Is it the objective's, as no transform changed it?"""


class LinearSolver(ABC):
    """Solves (C + damping I) x = g, approximately."""

    asks_gradient: ClassVar[bool] = True
    """Does `solve_for` ask for g at once? Else it does so only where it must."""

    @abstractmethod
    def solve(
        self,
        curvature: CurvatureAt,
        damping: float,
        gradient: Array,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        """The solution for this step, given what the last step left in memory."""

    def solve_for(
        self,
        curvature: CurvatureAt,
        damping: float,
        right: RightSide,
        memory: Memory,
        rng: np.random.Generator,
    ) -> Solution:
        """As `solve`, with a gradient that is found when it is asked for."""
        return self.solve(curvature, damping, right.gradient, memory, rng)
