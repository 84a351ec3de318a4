"""Conditional independence read off a graph: what separates nodes, and what shields one.

The density e^{-U/T} is a product over springs and anharmonic groups, each of which ties its own
nodes alone. So x_a and x_b are independent given x_c wherever every path between a and b runs
through c: the global Markov property (Lauritzen 1996, section 3.2). Held nodes are always given.
"""

from collections.abc import Hashable, Iterable
from itertools import combinations
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

from thermolinalg.backend import NumpyArray
from thermolinalg.coupling.given import require_graph
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput


def separates(graph: CouplingGraph, a: Any, b: Any, given: Any = ()) -> bool:
    """Do `given` and the held nodes cut every path between a and b?

    If so, x_a and x_b are independent given x_given, at any temperature. If not, they are dependent
    except for springs of special sizes. What is given is known, and so independent of all.

    Args:
        graph: of springs; an entry of its matrix that is not exactly zero is one.
        a: a node, or several.
        b: a node, or several.
        given: a node, or several, or none.

    Raises:
        InvalidInput: a name is no node.
    """
    left, right, known = (set(_rows(graph, nodes)) for nodes in (a, b, given))
    known |= set(_rows(graph, graph.held))
    _, part = connected_components(_without(_ties(graph), known), directed=False)
    reached = set(part[sorted(left - known)])
    return reached.isdisjoint(part[sorted(right - known)])


def separator(graph: CouplingGraph, a: Any, b: Any) -> tuple[Hashable, ...]:
    """Fewest free nodes that separate a and b, in order; none if held nodes do so already.

    By Menger's theorem they are as many as the paths between a and b that share no node: a minimum
    cut. Of several, those nearest to a.

    Args:
        graph: of springs.
        a: a node, or several.
        b: a node, or several.

    Raises:
        InvalidInput: a name is no node, or a and b share a node or are coupled directly, so that
            nothing separates them.
    """
    require_graph(graph)
    held = set(_rows(graph, graph.held))
    left, right = (sorted(set(_rows(graph, nodes)) - held) for nodes in (a, b))
    ties = _without(_ties(graph), held)
    _require_apart(graph, ties, left, right)
    cut = _minimum_cut(ties, left, right)
    return tuple(graph.names[i] for i in cut)


def blanket(graph: CouplingGraph, node: Hashable) -> tuple[Hashable, ...]:
    """The Markov blanket: free nodes which, once known, make this one independent of all others.

    They are those it shares a spring or an anharmonic group with. A held node has none.

    Raises:
        InvalidInput: the name is no node.
    """
    (i,) = _rows(graph, [node])
    ties = _without(_ties(graph), set(_rows(graph, graph.held)))
    return tuple(graph.names[j] for j in sorted(ties.indices[ties.indptr[i] : ties.indptr[i + 1]]))


def _rows(graph: CouplingGraph, nodes: Any) -> list[int]:
    """Rows of a node, or of several."""
    require_graph(graph)
    alone = isinstance(nodes, Hashable) and nodes in graph.place
    wanted = [nodes] if alone or not isinstance(nodes, Iterable) else list(nodes)
    strange = [x for x in wanted if not (isinstance(x, Hashable) and x in graph.place)]
    if strange:
        raise InvalidInput(
            f"{strange[0]!r} is no node of this graph. Name nodes as in graph.names, one or a list;"
            f" here they are of type {type(graph.names[0]).__name__}."
        )
    return [graph.place[name] for name in wanted]


def _ties(graph: CouplingGraph) -> Any:
    """Who shares a spring or a group with whom: a sparse pattern (n, n) of ones."""
    pairs = [
        (graph.place[u], graph.place[v])
        for group in graph.anharmonic
        for u, v in combinations(group, 2)
    ]
    i, j = np.array(pairs, dtype=int).reshape(-1, 2).T
    groups = sp.coo_array((np.ones(len(i)), (i, j)), shape=(graph.n, graph.n))
    ties = (abs(graph.weights) + groups + groups.T).tocsr()
    ties.data[:] = 1
    return ties


def _without(ties: Any, known: set[int]) -> Any:
    """The ties that are left when nodes are known."""
    unknown = np.ones(ties.shape[0])
    unknown[sorted(known)] = 0
    mask = sp.diags_array(unknown)
    left = sp.csr_array(mask @ ties @ mask)
    left.eliminate_zeros()
    return left


def _require_apart(graph: CouplingGraph, ties: Any, left: list[int], right: list[int]) -> None:
    shared = set(left) & set(right)
    touching = ties[left][:, right].tocoo()
    if shared:
        reason = f"both hold node {graph.names[min(shared)]!r}"
    elif touching.nnz:
        u, v = left[touching.row[0]], right[touching.col[0]]
        reason = f"{graph.names[u]!r} and {graph.names[v]!r} are coupled directly"
    else:
        return
    raise InvalidInput(f"nothing separates a and b: {reason}. Name nodes that do not touch.")


def _minimum_cut(ties: Any, left: list[int], right: list[int]) -> list[int]:
    """A flow in which each node lets one unit through, from its inside i to its outside n + i."""
    n = ties.shape[0]
    source, sink = 2 * n, 2 * n + 1
    links = ties.tocoo()
    starts = [n + links.row, np.arange(n), np.full(len(left), source), n + np.array(right, int)]
    ends = [links.col, n + np.arange(n), np.array(left, int), np.full(len(right), sink)]
    through = np.ones(n, dtype=np.int32)
    through[left + right] = n
    room = np.full(2 * n + 2 + links.nnz, n, dtype=np.int32)
    sizes = [room[: links.nnz], through, room[: len(left)], room[: len(right)]]
    shape = (2 * n + 2, 2 * n + 2)
    network = sp.csr_array(
        (np.concatenate(sizes), (np.concatenate(starts), np.concatenate(ends))), shape=shape
    )
    spare = network - maximum_flow(network, source, sink).flow
    spare.eliminate_zeros()
    reached = np.zeros(2 * n + 2, dtype=bool)
    reached[breadth_first_order(spare, source, return_predecessors=False)] = True
    inside: NumpyArray = reached[:n] & ~reached[n : 2 * n]
    return [int(i) for i in np.flatnonzero(inside)]
