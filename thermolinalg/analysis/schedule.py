"""When the answer of a run is read, and for how long: what its noise and its drift depend on."""

import math
from dataclasses import dataclass, replace
from typing import final

from scipy.special import fdtri

from thermolinalg import checks
from thermolinalg.analysis.statement import Statement
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.solvers.budget import BIAS, KNOWN_TO, KNOWN_WITH, WINDOWS, burn_in, shortest
from thermolinalg.solvers.estimate import Estimate
from thermolinalg.solvers.outlook import Known, outlooks


@final
@dataclass(frozen=True, slots=True)
class Schedule:
    """Times in RC: when the answer begins to be read, and for how long, in 32 windows.

    Args:
        start: time that each chain has run before.
        time: for which all chains together are read.
        chains: independent runs that share it.
    """

    start: float
    time: float
    chains: int = 1

    def __post_init__(self) -> None:
        checks.positive("start", self.start, zero=True)
        checks.positive("time", self.time)

    @staticmethod
    def of(estimate: Estimate, chains: int = 1) -> "Schedule":
        """That of a run which has been."""
        plan = estimate.plan
        return Schedule((plan.burn_in + plan.pilot) / chains, plan.averaging, chains)

    @staticmethod
    def planned(problem: Statement, norm: float, chains: int = 1) -> "Schedule":
        """That of a run which meets the problem's target, for an answer of this norm in its units.

        As the solver would plan it after its pilot, by Stein's two stages.
        """
        program, goal = problem.program, problem.target
        law = outlooks(program, Known())[0].noise
        rate, largest = program.rate, max(program.most, norm)
        least = WINDOWS * shortest(rate, WINDOWS)
        dof = WINDOWS - 1
        directions = max(1.0, law.total / law.largest)
        reach = law.total * float(fdtri(directions, directions * dof, goal.confidence))
        wanted = goal.wanted(norm) * (1 - BIAS)
        time = max(reach / wanted**2, least) if wanted else least
        doubt = max(max(KNOWN_TO, 2 * goal.rtol) * norm, goal.atol)
        pilot = max(law.quantile(KNOWN_WITH) / doubt**2, least) if doubt else least
        start = burn_in(goal, rate, largest) + pilot / chains
        return Schedule(start, min(time, max(problem.limit - start, least)), chains)

    @property
    def each(self) -> float:
        """How long each chain is read."""
        return self.time / self.chains

    @property
    def window(self) -> float:
        """The length of one of the windows."""
        return self.time / WINDOWS

    def lasting(self, factor: float) -> "Schedule":
        """The same, read for so many times as long."""
        return replace(self, time=self.time * factor)

    def step(self, slowest: float) -> float:
        """The time between two readings of a second moment."""
        samples = max(1, math.ceil(self.window * slowest * SecondMoment().per_relaxation))
        return self.window / samples
