"""Run a coupling graph on hardware that has other nodes, pairs and springs, and read its law back.

Two steps, each only where it is needed: coordinates that the hardware can couple (`lift.py`, exact)
and chains of nodes where it lacks a pair (`minor.py` finds them, `chain.py` ties them; the error is
known exactly and goes down as the ties grow stiff).
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import final

import networkx as nx
import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like
from thermolinalg.coupling.chain import Chained, ChainError, chain_error, strength_for
from thermolinalg.coupling.cost import Cost, compare
from thermolinalg.coupling.dominance import require_h_matrix
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.coupling.hardware import Hardware
from thermolinalg.coupling.lift import Lift, frustrated, lift
from thermolinalg.coupling.minor import Chains, find_minors
from thermolinalg.errors import DoesNotFit, InvalidInput, ShapeMismatch
from thermolinalg.streams import RNG, open_streams
from thermolinalg.theory.gaussian import Gaussian


@final
@dataclass(frozen=True, eq=False, repr=False)
class Embedding:
    """A coupling graph on hardware, as `embed` makes it.

    Args:
        graph: the logical one; its held nodes have become forces.
        hardware: what it runs on.
        lifted: the coordinates y that the hardware couples.
        nodes: of each coordinate y, the hardware nodes that carry it.
        strength: of the ties in a chain, in units of its coordinate's stiffness.
    """

    graph: CouplingGraph
    hardware: Hardware
    lifted: Lift
    nodes: Chains
    strength: float

    @cached_property
    def physical(self) -> CouplingGraph:
        """What the hardware runs: the nodes in use, under their names there."""
        S, f = self._chained.matrix(self.strength), self.reading.T @ self.graph.conditioned.force
        return CouplingGraph(S, f, names=self._chained.names)

    @cached_property
    def reading(self) -> NumpyArray:
        """R (n, N): the free nodes of the graph, from those of the hardware."""
        return self.lifted.reading @ self._chained.averages

    def read(self, states: Array) -> Array:
        """States (..., n) of the graph's free nodes, from states (..., N) of the physical ones."""
        states = checks.real_array("states", states)
        if states.shape[-1:] != (self.physical.n,):
            raise ShapeMismatch(
                f"states has shape {tuple(states.shape)}; (..., {self.physical.n}) is needed, in "
                "the order of embedding.physical.names."
            )
        return states @ like(self.reading, states).T

    def law(self, *, temperature: float = 1.0) -> Gaussian:
        """The exact law of what is read at rest; the graph's own up to `error()`."""
        return self.physical.law(temperature=temperature).push_forward(self.reading)

    def error(self, strength: float | None = None) -> ChainError:
        """How far what is read is from the graph's law, with ties of this strength or its own."""
        K = self.strength if strength is None else checks.positive("strength", strength)
        return chain_error(self._chained, K, *_problem(self.graph), self.lifted.reading)

    @property
    def chains(self) -> dict[Hashable, tuple[Hashable, ...]]:
        """Of each free node, the hardware nodes that carry it."""
        return dict(zip(self.graph.free, self.nodes, strict=False))

    @property
    def mirrors(self) -> dict[Hashable, tuple[Hashable, ...]]:
        """Of each node that stands twice, the hardware nodes that carry its copy."""
        n = len(self.graph.free)
        owners = [self.graph.free[i] for i in self.lifted.owners[n:]]
        return dict(zip(owners, self.nodes[n:], strict=True))

    @property
    def signs(self) -> dict[Hashable, int]:
        """Of each free node, 1, or -1 where its chain moves the other way."""
        return dict(zip(self.graph.free, self.lifted.signs.tolist(), strict=False))

    @property
    def units(self) -> dict[Hashable, float]:
        """Of each free node, by what its chain's position is multiplied."""
        return dict(zip(self.graph.free, self.lifted.units.tolist(), strict=True))

    @cached_property
    def cost(self) -> Cost:
        """Nodes, time and error, beside those of the graph itself."""
        return compare(
            self.graph.conditioned,
            self.physical,
            copies=len(self.mirrors),
            longest_chain=max(map(len, self.nodes)),
            units=float(self.lifted.units.max() / self.lifted.units.min()),
            error=self.error(),
        )

    def __str__(self) -> str:
        return f"{self.graph!r} on {self.hardware}\n{self.cost}"

    def __repr__(self) -> str:
        n, N = len(self.graph.free), self.physical.n
        return f"Embedding({n} nodes on {N} of {self.hardware.name})"

    @cached_property
    def _chained(self) -> Chained:
        return Chained(self.lifted.matrix, self.nodes, self.hardware.graph)


def embed(
    graph: CouplingGraph,
    hardware: Hardware,
    *,
    tolerance: float = 0.01,
    tries: int = 10,
    rng: RNG = None,
) -> Embedding:
    """Put a coupling graph onto hardware: what to couple there, and how to read the answer.

    The law that is read is the graph's own, exactly; where chains are needed, up to an error that
    is computed exactly and is at most the tolerance. This is compilation: it decomposes dense
    matrices, O(n³), and nothing of it is in the run.

    Args:
        graph: held nodes become forces on the others.
        hardware: with its limits.
        tolerance: the largest share by which a variance may be too large, and the mean wrong.
        tries: random starts of the search for chains; of all that are found, those are taken that
            leave the least condition number.
        rng: seeds that search.

    Raises:
        DoesNotFit: the hardware cannot run it, or no chains were found; the message says which.
        Unstable: the graph has no law at rest.
        InvalidInput: another argument cannot be used.
    """
    tolerance, tries = checks.positive("tolerance", tolerance), checks.count("tries", tries)
    _require_types(graph, hardware)
    graph.law()  # or say what it lacks
    S, _ = _problem(graph)
    if hardware.dominant or (hardware.attractive and frustrated(_springs(S))):
        require_h_matrix(S, graph.free)
    lifted = lift(_springs(S), attractive=hardware.attractive, dominant=hardware.dominant)
    places = _places(graph, lifted, hardware, tries, open_streams(rng).stream("embedding"))
    outcomes = [_tied(graph, hardware, lifted, nodes, tolerance) for nodes in places]
    fitting = [outcome for outcome in outcomes if isinstance(outcome, Embedding)]
    if not fitting:
        raise next(outcome for outcome in outcomes if isinstance(outcome, DoesNotFit))
    return min(fitting, key=lambda embedding: embedding.cost.condition[1])


def _tied(
    graph: CouplingGraph, hardware: Hardware, lifted: Lift, nodes: Chains, tolerance: float
) -> "Embedding | DoesNotFit":
    """The embedding in these chains with ties as stiff as the tolerance asks, if it can be made."""
    chained = Chained(lifted.matrix, nodes, hardware.graph)
    try:
        strength = strength_for(chained, tolerance, *_problem(graph), lifted.reading)
    except DoesNotFit as reason:
        return reason
    embedding = Embedding(graph, hardware, lifted, nodes, strength)
    broken = hardware.violations(embedding.physical)
    if not broken:
        return embedding
    return DoesNotFit(
        f"{'; '.join(broken)}: {hardware.name} cannot make that. Where chains are to blame, a "
        "larger tolerance= or hardware with more couplings asks for softer ties."
    )


def _require_types(graph: CouplingGraph, hardware: Hardware) -> None:
    for name, value, kind in (("graph", graph, CouplingGraph), ("hardware", hardware, Hardware)):
        if not isinstance(value, kind):
            raise InvalidInput(
                f"{name} is a {type(value).__name__}; a {kind.__name__} is needed, such as "
                "CouplingGraph.from_networkx(...) or Hardware.grid(4, 4)."
            )


def _problem(graph: CouplingGraph) -> tuple[NumpyArray, NumpyArray]:
    part = graph.conditioned
    return part.matrix.toarray(), part.force


def _springs(S: NumpyArray) -> NumpyArray:
    """S without couplings that may be rounding alone: they would ask for pairs and copies."""
    unit = np.sqrt(S.diagonal())
    return np.where(np.abs(S) <= checks.rounding(S) * unit * unit[:, None], 0.0, S)


def _places(
    graph: CouplingGraph, lifted: Lift, hardware: Hardware, tries: int, rng: np.random.Generator
) -> list[Chains]:
    """Hardware nodes for each coordinate: those of the same names if they will do."""
    problem = nx.from_numpy_array(lifted.matrix != 0)
    problem.remove_edges_from(list(nx.selfloop_edges(problem)))
    _require_room(problem, len(graph.free), hardware)
    names = graph.free
    if len(problem) == len(names) and all(name in hardware.graph for name in names):
        pairs = ((names[i], names[j]) for i, j in problem.edges)
        if all(hardware.graph.has_edge(*pair) for pair in pairs):
            return [[(name,) for name in names]]
    places = find_minors(problem, hardware.graph, tries=tries, rng=rng)
    if not places:
        raise DoesNotFit(
            f"no chains were found on {hardware.name} in {tries} tries: {len(problem)} nodes with "
            f"{problem.number_of_edges()} couplings were to go onto {hardware.n}. There may be a "
            "way all the same: ask for more tries=, another rng=, or larger hardware."
        )
    return places


def _require_room(problem: nx.Graph, n: int, hardware: Hardware) -> None:
    """Refuse what no chains can help: a minor has no more nodes and edges, and stays planar.

    Raises:
        DoesNotFit: with the numbers.
    """
    needed, edges = len(problem), problem.number_of_edges()
    room = hardware.graph.number_of_edges()
    if needed > hardware.n:
        raise DoesNotFit(
            f"the graph needs {needed} nodes and {hardware.name} has {hardware.n}: {n} of its own, "
            f"and {needed - n} copies for frustrated loops. Take larger hardware, or eliminate or "
            "hold nodes."
        )
    if edges > room:
        raise DoesNotFit(
            f"the graph needs {edges} couplings and {hardware.name} has {room}: chains would need "
            "still more. Take hardware with more, or hold nodes."
        )
    if hardware.planar and not nx.check_planarity(problem)[0]:
        raise DoesNotFit(
            f"{hardware.name} is planar and the graph is not: no chains can carry its {edges} "
            "couplings without crossing. Take hardware with crossings, such as king's."
        )
