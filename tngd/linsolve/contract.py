"""The contract of a linear solver inside an optimizer."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np

from thermolinalg.backend import Array
from tngd.curvature.contract import CurvatureAt

Memory: TypeAlias = Any
"""What a solver keeps between steps (a warm start, a device state); None before the first."""


@final
@dataclass(frozen=True, slots=True)
class Cost:
    """What one solve took of a thermodynamic device; all zero for a digital solver."""

    analog_time: float = 0.0  # in units of RC
    device_seconds: float = 0.0  # modelled: upload, relaxation, read-out


@final
@dataclass(frozen=True, eq=False, slots=True)
class Solution:
    """An approximate solution (p,), what to remember for the next step, and its cost."""

    value: Array
    memory: Memory = None
    cost: Cost = Cost()


class LinearSolver(ABC):
    """Solves (C + damping I) x = g, approximately."""

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
