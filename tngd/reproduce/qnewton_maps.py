"""Who solves a Newton system in the least modelled time: maps over systems, and totals of runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tngd.qnewton.breakeven import BreakEven, break_even
from tngd.qnewton.classical_cost import CGCost, CholeskyCost, LUCost
from tngd.qnewton.contract import CostModel
from tngd.qnewton.quantum_cost import QuantumCost
from tngd.qnewton.schedule import Scheduler
from tngd.reproduce.contract import Numbers

System = tuple[int, int, float]
"""Rows, nonzero entries of the fullest row, and condition number."""

FINE = 25
"""Condition numbers in a decade, where the frontier is looked for."""


def quantum(fields: Mapping[str, Any]) -> QuantumCost:
    """A machine as a file of settings states it: alpha = "d" is for the row count."""
    made = dict(fields)
    if made.get("alpha") == "d":
        made["alpha"] = None
    return QuantumCost(**made)


def rivals(flops: float) -> dict[str, tuple[CostModel, ...]]:
    """Classical solvers: that of the paper, and all that a positive definite system has."""
    return {
        "LU": (LUCost(flops),),
        "best": (LUCost(flops), CholeskyCost(flops), CGCost(flops=flops)),
    }


def mapped(
    machine: QuantumCost, flops: float, sizes: Sequence[int], decades: int, d: int | None
) -> Numbers:
    """What the map of a machine says, against each rival.

    Args:
        machine: the quantum solver.
        flops: operations a second of the classical ones.
        sizes: rows N.
        decades: of condition numbers from 1 on.
        d: nonzero entries of the fullest row; None for dense systems.
    """
    N = np.geomspace(min(sizes), max(sizes), FINE)
    kappa = np.geomspace(1, 10**decades, FINE * decades + 1)
    told: dict[str, Any] = {}
    for name, classical in rivals(flops).items():
        scheduler = Scheduler(classical, machine)
        wins = break_even(scheduler, N, kappa, d).wins
        told[name] = {
            "share": float(np.mean(wins)),
            "frontier": _frontier(break_even(scheduler, sizes, kappa, d)),
        }
    return told


def _frontier(result: BreakEven) -> list[float]:
    """For each size the largest condition number at which the quantum solver wins; 0 for none."""
    return [float(f"{max(result.kappa[row], default=0.0):.3g}") for row in result.wins]


def gate_time(
    machine: QuantumCost, classical: Sequence[CostModel], N: int, d: int, kappa: float
) -> float:
    """Seconds for a gate below which the quantum solver wins for one system."""
    result = break_even(Scheduler(tuple(classical), machine), N, kappa, d)
    return float(result.gate_time[0, 0])


def totals(
    systems: Sequence[System], classical: Sequence[CostModel], machine: QuantumCost
) -> dict[str, float]:
    """Modelled seconds of all systems: by classical solvers alone, by a scheduler, by quantum.

    "share" is the fraction of systems that the scheduler gives to the quantum solver.
    """
    scheduler = Scheduler(tuple(classical), machine)
    choices = [scheduler.choose(*system) for system in systems]
    names = [model.name for model in classical]
    return {
        "classical": sum(min(c.seconds[name] for name in names) for c in choices),
        "hybrid": sum(c.least for c in choices),
        "quantum": sum(c.seconds["quantum"] for c in choices),
        "share": sum(c.solver == "quantum" for c in choices) / len(choices),
    }
