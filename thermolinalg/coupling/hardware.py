"""What a machine can couple: its nodes, the pairs among them, and which springs it can make."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, final

import networkx as nx
import numpy as np

from thermolinalg import checks
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput, ShapeMismatch

CROSSED = 12
"""Perpendicular lines that one line of a Pegasus graph crosses; tracks beside each other, too."""

STANDING, LYING = (2, 10, 6), (6, 2, 10)
"""Where the lines of four neighbouring tracks begin (Boothby et al. 2020)."""


@final
@dataclass(frozen=True, eq=False)
class Hardware:
    """Nodes and the pairs of them that can be coupled, with the limits on the springs between.

    Args:
        name: as it is printed.
        graph: an undirected networkx graph of the permitted couplings.
        attractive: springs cannot push: no entry off the diagonal of S is positive.
        dominant: springs to the ground cannot push: S_ii >= Σ_j |S_ij|.
        dynamic_range: of springs between nodes, the stiffest over the softest that can be made.

    Raises:
        InvalidInput: the graph is directed, empty or ties a node to itself; or a limit is no limit.
    """

    name: str
    graph: Any
    attractive: bool = False
    dominant: bool = False
    dynamic_range: float = math.inf

    def __post_init__(self) -> None:
        if not isinstance(self.graph, nx.Graph) or self.graph.is_directed():
            raise InvalidInput("graph must be an undirected networkx graph of permitted couplings.")
        if len(self.graph) == 0:
            raise ShapeMismatch("graph has no nodes; hardware needs at least one.")
        if nx.number_of_selfloops(self.graph):
            raise InvalidInput("graph ties a node to itself; the ground needs no coupling.")
        span = checks.limit("dynamic_range", self.dynamic_range)
        if span < 1:
            raise InvalidInput(f"dynamic_range = {span:g} must be >= 1: stiffest over softest.")
        vars(self).update(graph=nx.freeze(nx.Graph(self.graph)), dynamic_range=span)

    @classmethod
    def all_to_all(cls, n: int) -> "Hardware":
        """Every pair of n nodes."""
        n = checks.count("n", n)
        return cls(f"all-to-all {n}", nx.complete_graph(n))

    @classmethod
    def grid(cls, rows: int, columns: int) -> "Hardware":
        """Nodes (row, column), coupled to the neighbours beside, above and below."""
        rows, columns = checks.count("rows", rows), checks.count("columns", columns)
        return cls(f"grid {rows}x{columns}", nx.grid_2d_graph(rows, columns))

    @classmethod
    def king(cls, rows: int, columns: int) -> "Hardware":
        """A grid with its diagonals: the eight neighbours that a king reaches."""
        rows, columns = checks.count("rows", rows), checks.count("columns", columns)
        graph = nx.strong_product(nx.path_graph(rows), nx.path_graph(columns))
        return cls(f"king's {rows}x{columns}", graph)

    @classmethod
    def pegasus(cls, m: int) -> "Hardware":
        """The Pegasus graph P_m: 8 (3m - 1)(m - 1) nodes with at most 15 couplings each.

        It is the layout of couplings of a known quantum annealer, by the published definition
        (Boothby, Bunyk, Raymond and Roy 2020, arXiv:2003.00133), as a realistic sparse graph: no
        node is broken, and nothing else of that machine is modelled.
        """
        m = checks.count("m", m, least=2)
        graph = _pegasus(m)
        return cls(f"pegasus {m}", graph.subgraph(max(nx.connected_components(graph), key=len)))

    @classmethod
    def capacitor_network(cls, cells: int = 8) -> "Hardware":
        """Cells coupled each to each by switched capacitors (Melanson et al. 2025).

        S is their Maxwell capacitance matrix. A capacitance is positive, so that couplings are
        attractive, and so is each cell's own, so that S is diagonally dominant.
        """
        network = replace(cls.all_to_all(cells), name=f"capacitors {cells}")
        return network.limited(attractive=True, dominant=True)

    def limited(
        self, *, attractive: bool = False, dominant: bool = False, dynamic_range: float = math.inf
    ) -> "Hardware":
        """The same nodes and pairs, under these limits too."""
        span = min(self.dynamic_range, checks.limit("dynamic_range", dynamic_range))
        attractive, dominant = attractive or self.attractive, dominant or self.dominant
        return Hardware(self.name, self.graph, attractive, dominant, span)

    @property
    def n(self) -> int:
        """The number of nodes."""
        return len(self.graph)

    @property
    def degree(self) -> int:
        """The largest number of couplings at a node."""
        return max(k for _, k in self.graph.degree)

    @cached_property
    def planar(self) -> bool:
        """Can it be drawn without crossings? Then so can all that fits onto it."""
        return bool(nx.check_planarity(self.graph)[0])

    def violations(self, graph: CouplingGraph) -> tuple[str, ...]:
        """What in a graph, whose nodes bear the hardware's names, this hardware cannot make."""
        return tuple(filter(None, (rule(self, graph) for rule in RULES)))

    def __str__(self) -> str:
        rules = ["attractive"] * self.attractive + ["dominant"] * self.dominant
        if self.dynamic_range < math.inf:
            rules.append(f"dynamic range {self.dynamic_range:g}")
        words = f"{self.name}: {self.n} nodes, {self.graph.number_of_edges()} couplings"
        return ", ".join([f"{words}, at most {self.degree} a node", *rules])


def _strange_node(hardware: Hardware, graph: CouplingGraph) -> str:
    strange = [name for name in graph.names if name not in hardware.graph]
    return f"{strange[0]!r} is no node of it" if strange else ""


def _strange_pair(hardware: Hardware, graph: CouplingGraph) -> str:
    pairs = ((i, j) for i, j, _ in graph.edges() if not hardware.graph.has_edge(i, j))
    first = next(pairs, None)
    return f"{first[0]!r} and {first[1]!r} cannot be coupled" if first else ""


def _pushing_spring(hardware: Hardware, graph: CouplingGraph) -> str:
    pushing = [(i, j, w) for i, j, w in graph.edges() if w < 0]
    if not (hardware.attractive and pushing):
        return ""
    i, j, w = pushing[0]
    return f"the spring between {i!r} and {j!r} pushes (weight {w:.3g})"


def _pushing_ground(hardware: Hardware, graph: CouplingGraph) -> str:
    own = graph.matrix.diagonal()
    slack = own - np.asarray(abs(graph.weights).sum(axis=1)).ravel()
    low = int(np.argmin(slack / own))
    if not hardware.dominant or slack[low] >= -checks.rounding(own) * own[low]:
        return ""
    return f"the row of {graph.names[low]!r} is not dominant (by {-slack[low]:.3g})"


def _too_wide_a_range(hardware: Hardware, graph: CouplingGraph) -> str:
    span = strength_range(graph)
    if span <= hardware.dynamic_range * (1 + checks.rounding(graph.force)):
        return ""
    return (
        f"the stiffest spring between nodes is {span:.3g} times the softest, above the range "
        f"{hardware.dynamic_range:g}"
    )


RULES = (_strange_node, _strange_pair, _pushing_spring, _pushing_ground, _too_wide_a_range)


def strength_range(graph: CouplingGraph) -> float:
    """Of the springs between nodes, the stiffest over the softest; 1 if there are none."""
    strengths = np.abs(graph.weights.data)
    return float(strengths.max() / strengths.min()) if strengths.size else 1.0


def _pegasus(m: int) -> nx.Graph:
    """Lines (direction, offset, track, place) by the definition, loose ends included."""
    graph = nx.Graph()
    tracks = [(u, w, k) for u in (0, 1) for w in range(m) for k in range(CROSSED)]
    for track in tracks:
        graph.add_edges_from(pairwise((*track, z) for z in range(m - 1)))
        graph.add_nodes_from((*track, z) for z in range(m - 1))
    for u, w, k in tracks[::2]:
        graph.add_edges_from(((u, w, k, z), (u, w, k + 1, z)) for z in range(m - 1))
    lines = list(graph)
    standing = [line for line in lines if line[0] == 0]
    lying = {(line[1] * CROSSED + line[2], line[3]): line for line in lines if line[0] == 1}
    for line in standing:
        graph.add_edges_from((line, other) for other in _crossed(line, lying))
    return graph


def _crossed(line: tuple[int, ...], lying: dict[tuple[int, int], Hashable]) -> list[Hashable]:
    """The lying lines that a standing one meets."""
    _, w, k, z = line
    x, top = CROSSED * w + k, CROSSED * z + STANDING[k // 4]
    places = [(y, (x - LYING[y % CROSSED // 4]) // CROSSED) for y in range(top, top + CROSSED)]
    return [lying[place] for place in places if place in lying]
