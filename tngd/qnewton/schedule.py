"""Which solver is the cheapest for a system, by cost models alone."""

import math
from dataclasses import dataclass
from typing import Any, final

from thermolinalg import checks
from thermolinalg.errors import InvalidInput
from tngd.qnewton.classical_cost import LUCost
from tngd.qnewton.contract import CostModel
from tngd.qnewton.quantum_cost import QuantumCost


@final
@dataclass(frozen=True, slots=True)
class Choice:
    """The cheapest solver for one system, and what each would have taken, all modelled."""

    solver: str
    costs: tuple[tuple[str, float], ...]

    @property
    def seconds(self) -> dict[str, float]:
        """Modelled seconds by the solver's name."""
        return dict(self.costs)

    @property
    def least(self) -> float:
        """Modelled seconds of the one that was chosen."""
        return self.seconds[self.solver]


@final
@dataclass(frozen=True, slots=True)
class Scheduler:
    """Gives each system to the cheapest of its solvers; of equal ones to the first.

    Args:
        classical: at least one. LU as published; `CholeskyCost()` and `CGCost()` hold for positive
            definite systems alone, which is for the caller to know, and are harder to beat.
        quantum: the rival.
    """

    classical: tuple[CostModel, ...] = (LUCost(),)
    quantum: QuantumCost = QuantumCost()

    def __post_init__(self) -> None:
        names = [model.name for model in self.models]
        if not self.classical or len(set(names)) < len(names):
            raise InvalidInput(
                f"the solvers {names} must be one or more classical ones with different names."
            )

    @property
    def models(self) -> tuple[CostModel, ...]:
        """All of them, the quantum one last."""
        return *self.classical, self.quantum

    def choose(self, N: int, d: int, kappa: float) -> Choice:
        """The cheapest solver for a system.

        Args:
            N: rows.
            d: nonzero entries of the fullest row, at most N.
            kappa: condition number, at least 1; infinity for a singular matrix.
        """
        N, d, kappa = checks.count("N", N), checks.count("d", d), _condition(kappa)
        if d > N:
            raise InvalidInput(f"d = {d} must be at most N = {N}: a row has no more entries.")
        costs = tuple((m.name, float(m.seconds(N, d, kappa))) for m in self.models)
        return Choice(min(costs, key=lambda cost: cost[1])[0], costs)

    def explain(self) -> str:
        """Every assumption of every model, a line for each."""
        return "\n".join(model.explain() for model in self.models)


def _condition(kappa: Any) -> float:
    kappa = checks.limit("kappa", kappa)
    if not (kappa >= 1 or math.isinf(kappa)):
        raise InvalidInput(f"kappa = {kappa:g} must be at least 1, as every condition number is.")
    return kappa
