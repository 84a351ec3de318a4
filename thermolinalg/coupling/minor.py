"""Find a graph inside another: each node becomes a chain, a connected set of hardware nodes.

Chains are disjoint, and where two nodes are coupled some pair of hardware nodes, one of each chain,
is too: the first graph is a minor of the second. Whether one exists is NP-hard to say. Tried are,
in this order, single nodes, by a subgraph monomorphism of bounded effort, and the heuristic of Cai,
Macready and Roy 2014 (arXiv:1406.2741), which lets chains overlap at a price until none does. As
in the routing of circuits (McMurchie and Ebeling 1995), a node over which chains have quarrelled
for long is dearer: without that the search often circles.
"""

from collections.abc import Hashable
from typing import Any

import networkx as nx
import numpy as np
import scipy.sparse as sp
from networkx.algorithms.isomorphism import GraphMatcher
from scipy.sparse.csgraph import dijkstra

from thermolinalg.backend import NumpyArray

EFFORT = 4000
"""Pairs of nodes that one search for a subgraph tries, in less than half a second."""

PATIENCE = 20
"""Rounds without a better minor, after which a try ends."""

PRICE = 4.0
"""How much dearer a node gets with each chain that uses it, up to DEAREST of them."""

DEAREST = 20

NOISE = 0.5
"""Prices vary by this share from one placement to the next, so that none repeats for ever."""

UNREACHED = 1e200
"""The price of a node from which no path leads: above that of any path."""

Chains = list[tuple[Hashable, ...]]
"""Of each node of the problem, the hardware nodes that stand for it."""


def find_minors(problem: nx.Graph, hardware: nx.Graph, *, tries: int, rng: Any) -> list[Chains]:
    """Chains of the nodes of `problem`, in their order: none, one of single nodes, or several.

    Args:
        problem: its nodes are 0 to n - 1, in order.
        hardware: any names.
        tries: random starts, of both searches.
        rng: a numpy Generator.
    """
    single = subgraph(problem, hardware, tries=tries, rng=rng)
    if single is not None:
        return [single]
    search = _Search(problem, hardware, rng)
    return [chains for _ in range(tries) if (chains := search.run()) is not None]


def subgraph(problem: nx.Graph, hardware: nx.Graph, *, tries: int, rng: Any) -> Chains | None:
    """A single hardware node for each node; None if there is none, or every search gives up.

    Their time has a heavy tail: after one in the order given, short ones in shuffled orders find
    more than a long one.
    """
    if 2 * hardware.number_of_edges() == len(hardware) * (len(hardware) - 1):
        return [(name,) for name, _ in zip(hardware, problem, strict=False)]
    for _ in range(1 + tries):
        matcher = _Bounded(hardware, problem)
        try:
            match = next(matcher.subgraph_monomorphisms_iter(), None)
        except _OutOfEffortError:
            hardware = _shuffled(hardware, rng)
            continue
        place = {v: name for name, v in match.items()} if match else {}
        return [(place[v],) for v in problem] if match else None
    return None


def _shuffled(graph: nx.Graph, rng: Any) -> nx.Graph:
    """The same graph, its nodes and their neighbours listed in another order."""
    nodes, edges = list(graph), list(graph.edges)
    other = nx.Graph()
    other.add_nodes_from(nodes[i] for i in rng.permutation(len(nodes)))
    other.add_edges_from(edges[i] for i in rng.permutation(len(edges)))
    return other


class _OutOfEffortError(Exception):
    pass


class _Bounded(GraphMatcher):  # type: ignore[misc]
    """The search of networkx, which asks this about each pair, until EFFORT pairs were asked."""

    left = EFFORT

    def semantic_feasibility(self, _node: Hashable, _other: Hashable) -> bool:
        self.left -= 1
        if self.left < 0:
            raise _OutOfEffortError
        return True


class _Search:
    """The heuristic's state: `chains` of node numbers, and how many chains `used` each of them."""

    def __init__(self, problem: nx.Graph, hardware: nx.Graph, rng: Any) -> None:
        self.names = list(hardware)
        self.links = sp.csr_array(nx.to_scipy_sparse_array(hardware, weight=None))
        self.neighbours = [list(problem[v]) for v in problem]
        self.rng = rng

    def run(self) -> Chains | None:
        """One try: rounds in which each node in turn gets the cheapest chain, the others fixed."""
        n = len(self.neighbours)
        self.chains: list[set[int]] = [set() for _ in range(n)]
        self.used = np.zeros(len(self.names), int)
        self.quarrels = np.zeros(len(self.names))
        best, kept, waited = (np.inf, np.inf), None, 0
        while waited < PATIENCE:
            for v in self.rng.permutation(n):
                self._place(int(v))
            self.quarrels += np.maximum(self.used - 1, 0)
            score = (self._flaws(), float(self.used.sum()))
            waited = 0 if score < best else waited + 1
            if score < best:
                best, kept = score, [set(chain) for chain in self.chains]
        if kept is None or best[0] > 0:
            return None
        self.chains = kept
        self._trim()
        return [tuple(self.names[a] for a in sorted(chain)) for chain in self.chains]

    def _flaws(self) -> float:
        """The number of overlaps, and of nodes that do not meet all their neighbours."""
        apart = sum(not self._meets_all(chain, v) for v, chain in enumerate(self.chains))
        return float((self.used > 1).sum() + apart)

    def _place(self, v: int) -> None:
        """Replace the chain of v by one whose paths to the chains of its neighbours cost least."""
        self.used[list(self.chains[v])] -= 1
        cost = PRICE ** np.minimum(self.used, DEAREST) * (1 + self.quarrels)
        cost *= 1 + NOISE * self.rng.random(len(cost))
        partners = [self.chains[u] for u in self.neighbours[v] if self.chains[u]]
        self.chains[v] = self._chain(cost, partners)
        self.used[list(self.chains[v])] += 1

    def _chain(self, cost: NumpyArray, partners: list[set[int]]) -> set[int]:
        if not partners:
            return {int(np.argmin(cost))}
        steps = sp.csr_array((cost[self.links.indices], self.links.indices, self.links.indptr))
        routes = [_routes(steps, cost, partner) for partner in partners]
        total = sum(distance for distance, _ in routes) - (len(routes) - 1) * cost
        root = int(np.argmin(total))
        chain = {root}
        for (_, before), partner in zip(routes, partners, strict=True):
            at = root
            while at >= 0 and at not in partner:  # below 0 where no path leads to the root
                chain.add(at)
                at = int(before[at])
        return chain

    def _trim(self) -> None:
        """Drop nodes that neither hold a chain together nor are its only way to a neighbour."""
        for v, chain in enumerate(self.chains):
            for a in sorted(chain):
                rest = chain - {a}
                if rest and self._connected(rest) and self._meets_all(rest, v):
                    chain.discard(a)

    def _near(self, a: int) -> set[int]:
        return set(self.links.indices[self.links.indptr[a] : self.links.indptr[a + 1]].tolist())

    def _connected(self, chain: set[int]) -> bool:
        start = next(iter(chain))
        reached, todo = {start}, [start]
        while todo:
            new = (self._near(todo.pop()) & chain) - reached
            reached |= new
            todo.extend(new)
        return reached == chain

    def _meets_all(self, chain: set[int], v: int) -> bool:
        edge = set().union(*(self._near(a) for a in chain))
        return all(edge & self.chains[u] for u in self.neighbours[v])


def _routes(steps: Any, cost: NumpyArray, partner: set[int]) -> tuple[NumpyArray, NumpyArray]:
    """The cost of each node's cheapest path from a chain, itself included, and where it came from.

    A root inside the chain overlaps it, and pays for itself.
    """
    inside = sorted(partner)
    distance, before, _ = dijkstra(steps, indices=inside, min_only=True, return_predecessors=True)
    distance[inside] = cost[inside]
    return np.minimum(distance, UNREACHED), before
