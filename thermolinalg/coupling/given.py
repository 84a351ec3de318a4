"""What functions of graphs are given, checked: a graph, and one of springs alone."""

from typing import Any

from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput

MAKES = {
    "Model": "pass its .graph()",
    "Graph": "pass CouplingGraph.from_networkx(graph)",
    "ndarray": "pass CouplingGraph(matrix)",
}
"""How what is given instead becomes a graph."""


def require_graph(graph: Any) -> None:
    """Go on only with a `CouplingGraph`.

    Raises:
        InvalidInput: it is something else.
    """
    if not isinstance(graph, CouplingGraph):
        kind = type(graph).__name__
        remedy = MAKES.get(kind, "pass CouplingGraph(matrix), or .from_networkx(graph)")
        raise InvalidInput(f"graph is of type {kind}, where a CouplingGraph is needed: {remedy}.")


def free_springs(graph: Any, wanted: str) -> CouplingGraph:
    """The free nodes alone, if springs are all that ties them.

    Raises:
        InvalidInput: it is no graph, or something beyond springs ties nodes.
    """
    require_graph(graph)
    part: CouplingGraph = graph.conditioned
    part.require_harmonic(wanted)
    return part
