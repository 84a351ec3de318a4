"""What is no graph, no node or no dict, where one is needed: one error that says what to pass."""

import networkx as nx
import numpy as np
import pytest

import thermolinalg as tla
from thermolinalg.errors import InvalidInput


def model():
    m = tla.Model()
    m.oscillators("x", 3, stiffness=1.0)
    return m


ASKED = {
    "propagate_beliefs": tla.propagate_beliefs,
    "is_walk_summable": tla.is_walk_summable,
    "spectrum": tla.spectrum,
    "sample_chromatic": lambda graph: tla.sample_chromatic(graph, 10),
    "blanket": lambda graph: tla.blanket(graph, 0),
    "separator": lambda graph: tla.separator(graph, 0, 2),
    "separates": lambda graph: tla.separates(graph, 0, 2),
    "save_graph": lambda graph: tla.save_graph(graph, "never.json"),
    "plot_graph": tla.plot_graph,
    "from_graph": tla.Model.from_graph,
}
STRANGERS = {
    "a model": (model, r"pass its \.graph\(\)"),
    "networkx": (lambda: nx.path_graph(3), r"pass CouplingGraph\.from_networkx\(graph\)"),
    "a matrix": (lambda: np.eye(3), r"pass CouplingGraph\(matrix\)"),
    "a dict": (dict, r"pass CouplingGraph\(matrix\), or"),
}


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize("stranger", STRANGERS)
def test_what_is_no_graph_says_how_to_make_one(ask, stranger):
    make, remedy = STRANGERS[stranger]
    with pytest.raises(InvalidInput, match=f"where a CouplingGraph is needed: {remedy}"):
        ASKED[ask](make())


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda graph: tla.blanket(graph, [0]), r"\[0\] is no node of this graph"),
        (lambda graph: tla.blanket(graph, "0"), "here they are of type int"),
        (lambda graph: graph.eliminate([0, 1]), r"\[0, 1\] is no node of this graph"),
        (lambda graph: graph.clamp([0]), "values is of type list, and a dict {node: value}"),
        (lambda graph: graph.clamp(0), "values is of type int, and a dict {node: value}"),
        (lambda graph: tla.what_fits(graph, tla.Hardware.grid(2, 2)), "hardware is one machine"),
    ],
)
def test_what_is_no_node_or_no_dict_is_named(attempt, message):
    with pytest.raises(InvalidInput, match=message):
        attempt(tla.CouplingGraph(np.eye(3)))
