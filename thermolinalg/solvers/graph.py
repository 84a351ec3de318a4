"""From a graph of springs to its matrix: the Laplacian of the couplings, and ties to the ground."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray
from thermolinalg.errors import InvalidInput, NotFinite, NotPositiveDefinite, ShapeMismatch


def is_graph(A: Any) -> bool:
    """Is it a graph as networkx has them, whose nodes and edges carry attributes?"""
    return all(hasattr(A, name) for name in ("nodes", "edges", "is_directed"))


def spring_network(graph: Any, b: Any) -> tuple[Any, Array]:
    """A (n, n), sparse, and b (n,) or (n, k), in the order of the graph's nodes.

    Edges carry the stiffness `weight` (1 if they do not say) of a spring between two nodes, nodes
    the `stiffness` (0) of one to the ground: (Ax)_i = stiffness_i x_i + Σ_j weight_ij (x_i - x_j).
    Edges between the same two nodes add up.

    Raises:
        NotPositiveDefinite: a part of the graph is tied to no ground.
        NotFinite, ShapeMismatch, InvalidInput: the graph is directed or empty, a spring is no
            finite number >= 0 or begins where it ends, or b does not fit the nodes.
    """
    _require_springs(graph)
    place = {node: i for i, node in enumerate(graph.nodes)}
    n = len(place)
    ground = _stiffnesses("stiffness", graph.nodes(data="stiffness", default=0.0))
    ends = np.array([(place[u], place[v]) for u, v in graph.edges()], dtype=int).reshape(-1, 2)
    springs = _stiffnesses(
        "weight", (((u, v), k) for u, v, k in graph.edges(data="weight", default=1.0))
    )
    shape = n, n
    links = sp.coo_array((springs, (ends[:, 0], ends[:, 1])), shape=shape)
    links = (links + links.T).tocsr()
    _require_ground(graph, links, ground)
    A = sp.csr_array(sp.diags_array(ground + links.sum(axis=1)) - links)
    return A, _drives(b, place)


def _require_springs(graph: Any) -> None:
    if graph.is_directed():
        raise InvalidInput(
            "A is a directed graph, and a spring pulls at both its ends alike. Pass "
            "A.to_undirected(), or its matrix as an array for a drift that is not symmetric."
        )
    if len(graph.nodes) == 0:
        raise ShapeMismatch("A is a graph without nodes; at least one is needed.")
    loop = next(((u, v) for u, v in graph.edges() if u == v), None)
    if loop is not None:
        raise InvalidInput(
            f"A has an edge from node {loop[0]!r} to itself, and such a spring pulls at nothing. "
            "Remove it; a tie to the ground is the node's attribute `stiffness`."
        )


def _stiffnesses(name: str, items: Any) -> NumpyArray:
    """The numbers that edges or nodes carry, each finite and none negative."""
    values = []
    for owner, value in items:
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{name} of {owner!r} is {value!r}, which is no number.") from error
        if not np.isfinite(number):
            raise NotFinite(f"{name} of {owner!r} is {number}. Give a finite number >= 0.")
        if number < 0:
            raise InvalidInput(
                f"{name} of {owner!r} is {number:g}, and a spring that pushes holds no network "
                "together. Give a number >= 0, or pass the matrix itself."
            )
        values.append(number)
    return np.array(values, dtype=float)


def _require_ground(graph: Any, links: Any, ground: NumpyArray) -> None:
    links.eliminate_zeros()  # no spring, no tie
    count, part = connected_components(links, directed=False)
    held = np.zeros(count, dtype=bool)
    held[part[ground > 0]] = True
    if held.all():
        return
    loose = np.flatnonzero(~held[part])
    node = list(graph.nodes)[loose[0]]
    raise NotPositiveDefinite(
        f"no ground holds node {node!r} and what it is coupled to ({len(loose)} of "
        f"{len(ground)} nodes float), so that they drift away together and A is singular. Give one "
        f"node of each such part a stiffness > 0: A.nodes[{node!r}]['stiffness'] = 1.0."
    )


def _drives(b: Any, place: dict[Any, int]) -> Array:
    """b in the order of nodes: as it is, or by name, with no drive where none is named."""
    if not isinstance(b, Mapping):
        return b
    strange = [node for node in b if node not in place]
    if strange:
        raise InvalidInput(
            f"b drives {strange[0]!r}, which is no node of the graph. Name nodes of A.nodes."
        )
    drives = np.zeros(len(place))
    for node, drive in b.items():
        drives[place[node]] = checks.real_number(f"b[{node!r}]", drive)
    return drives
