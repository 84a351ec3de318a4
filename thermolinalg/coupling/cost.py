"""What it costs to run a graph on hardware instead of by itself."""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.coupling.chain import ChainError
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.coupling.hardware import strength_range


@final
@dataclass(frozen=True, slots=True)
class Cost:
    """Each pair is (of the graph itself, of what the hardware runs).

    Args:
        nodes: how many.
        copies: nodes that stand twice, because of frustrated loops.
        longest_chain: nodes that carry one coordinate.
        units: the largest over the smallest unit in which coordinates are stored.
        fastest: the largest eigenvalue of S, the fastest rate at friction 1.
        condition: of S, the relaxation time in units of the fastest mode's.
        dynamic_range: of springs between nodes, the stiffest over the softest.
        error: of what is read; zero without chains.
    """

    nodes: tuple[int, int]
    copies: int
    longest_chain: int
    units: float
    fastest: tuple[float, float]
    condition: tuple[float, float]
    dynamic_range: tuple[float, float]
    error: ChainError

    @property
    def slowdown(self) -> float:
        """How much longer a relaxation takes, on hardware whose fastest rate is given."""
        return self.condition[1] / self.condition[0]

    @property
    def ancillas(self) -> int:
        """Nodes of the hardware beyond one for each of the graph."""
        return self.nodes[1] - self.nodes[0]

    def __str__(self) -> str:
        rows = {
            "nodes": _pair(self.nodes),
            "copies": f"{self.copies}",
            "longest chain": f"{self.longest_chain}",
            "units": f"within a factor {self.units:.3g}",
            "fastest rate": _pair(self.fastest),
            "condition": f"{_pair(self.condition)}, {self.slowdown:.3g} times as slow",
            "dynamic range": _pair(self.dynamic_range),
            "error": f"{self.error}" if self.error.covariance else "none",
        }
        return "\n".join(f"{label:<14} {text}" for label, text in rows.items())


def spectrum_ends(graph: CouplingGraph) -> tuple[float, float]:
    """The smallest and the largest eigenvalue of S."""
    values = np.linalg.eigvalsh(graph.matrix.toarray())
    return float(values[0]), float(values[-1])


def compare(
    logical: CouplingGraph,
    physical: CouplingGraph,
    *,
    copies: int,
    longest_chain: int,
    units: float,
    error: ChainError,
) -> Cost:
    """The cost of running the physical graph for the logical one."""
    (low, high), (low_after, high_after) = map(spectrum_ends, (logical, physical))
    return Cost(
        nodes=(logical.n, physical.n),
        copies=copies,
        longest_chain=longest_chain,
        units=units,
        fastest=(high, high_after),
        condition=(high / low, high_after / low_after),
        dynamic_range=(strength_range(logical), strength_range(physical)),
        error=error,
    )


def _pair(values: tuple[float, float]) -> str:
    return f"{values[0]:.3g} -> {values[1]:.3g}"
