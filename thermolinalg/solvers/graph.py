"""From a graph of springs to its matrix and its drives, with held nodes as what they are: given."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse.csgraph import connected_components

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.coupling.graph import CouplingGraph, read_springs
from thermolinalg.errors import InvalidInput, NotPositiveDefinite
from thermolinalg.solvers.encode import checked_sides


def is_graph(A: Any) -> bool:
    """Is it a coupling graph, or one as networkx has them, whose nodes carry attributes?"""
    attributes = ("nodes", "edges", "is_directed")
    return isinstance(A, CouplingGraph) or all(hasattr(A, name) for name in attributes)


def spring_network(graph: Any, b: Any) -> tuple[Any, Array]:
    """A, sparse, and b of the nodes that nobody holds, in order; held ones pull at them.

    Drives b are (n,) or (n, k) of all nodes, or a dict by name.

    Raises:
        NotPositiveDefinite: a part of a networkx graph is tied to no ground.
        InvalidInput: a subclass that says what cannot be used: the graph, or b.
    """
    springs = _springs(graph, "solve")
    b = _drives(b, springs)
    if not springs.held:
        return springs.matrix, b
    held = replace(springs, force=np.zeros(springs.n)).conditioned
    free = [springs.place[name] for name in held.names]
    b = to_numpy(checked_sides(springs.matrix, b))[free]
    return held.matrix, b + (held.force if b.ndim == 1 else held.force[:, None])


def stiffness_of(A: Any) -> Array:
    """The matrix of the free nodes as an array, if it is a graph; else what it is.

    Raises:
        InvalidInput: the graph cannot be used, as in `spring_network`.
    """
    return _springs(A, "inv").conditioned.matrix.toarray() if is_graph(A) else A


def _springs(graph: Any, wanted: str) -> CouplingGraph:
    """The coupling graph; springs of a networkx graph must pull, and nothing may float.

    That is what makes its matrix definite. Of any other matrix it is found out when it is run.
    """
    if isinstance(graph, CouplingGraph):
        springs = graph
    else:
        springs = CouplingGraph.from_networkx(graph)
        _require_pulling(graph, springs)
    springs.require_harmonic(wanted)
    return springs


def _require_pulling(graph: Any, springs: CouplingGraph) -> None:
    links, ground = read_springs(graph)
    pushing = next(((u, v, w) for u, v, w in springs.edges() if w < 0), None)
    if pushing is not None:
        raise InvalidInput(_pushes("weight", pushing[:2], pushing[2]))
    if (ground < 0).any():
        i = int(np.argmax(ground < 0))
        raise InvalidInput(_pushes("stiffness", springs.names[i], ground[i]))
    tied = ground > 0
    tied[[springs.place[name] for name in springs.held]] = True
    _require_ground(springs.names, links, tied)


def _pushes(what: str, owner: Any, number: float) -> str:
    return (
        f"{what} of {owner!r} is {number:g}, and a spring that pushes may let the network drift "
        "away. Give a number >= 0; or pass CouplingGraph.from_networkx(graph), whose definiteness "
        "is found by products."
    )


def _require_ground(names: tuple[Any, ...], links: Any, tied: NumpyArray) -> None:
    links.eliminate_zeros()  # no spring, no tie
    count, part = connected_components(links, directed=False)
    held = np.zeros(count, dtype=bool)
    held[part[tied]] = True
    if held.all():
        return
    loose = np.flatnonzero(~held[part])
    node = names[loose[0]]
    raise NotPositiveDefinite(
        f"no ground holds node {node!r} and what it is coupled to ({len(loose)} of "
        f"{len(tied)} nodes float), so that they drift away together and A is singular. Give one "
        f"node of each such part a stiffness > 0: A.nodes[{node!r}]['stiffness'] = 1.0."
    )


def _drives(b: Any, springs: CouplingGraph) -> Array:
    """b in the order of nodes: as it is, or by name, with no drive where none is named."""
    if not isinstance(b, Mapping):
        return b
    strange = [node for node in b if node not in springs.place]
    if strange:
        raise InvalidInput(
            f"b drives {strange[0]!r}, which is no node of the graph. Name nodes of A."
        )
    drives = np.zeros(springs.n)
    for node, drive in b.items():
        drives[springs.place[node]] = checks.real_number(f"b[{node!r}]", drive)
    return drives
