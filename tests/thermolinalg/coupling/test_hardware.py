"""Hardware: known counts of its graphs, and what it says of springs that it cannot make."""

import networkx as nx
import numpy as np
import pytest

from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.coupling.hardware import Hardware, strength_range
from thermolinalg.errors import InvalidInput, ShapeMismatch


@pytest.mark.parametrize("m", [2, 3, 6])
def test_pegasus_has_the_published_number_of_nodes(m):
    hardware = Hardware.pegasus(m)
    assert hardware.n == 8 * (3 * m - 1) * (m - 1)
    assert hardware.degree <= 15
    assert nx.is_connected(hardware.graph)


def test_pegasus_of_the_built_machine_has_its_known_couplings():
    hardware = Hardware.pegasus(16)
    assert hardware.n == 5640
    assert hardware.graph.number_of_edges() == 40484
    assert hardware.degree == 15


def test_counts_of_lattices():
    r, c = 4, 6
    straight, diagonal = r * (c - 1) + c * (r - 1), 2 * (r - 1) * (c - 1)
    assert Hardware.grid(r, c).graph.number_of_edges() == straight
    assert Hardware.king(r, c).graph.number_of_edges() == straight + diagonal
    assert Hardware.king(r, c).degree == 8
    assert Hardware.all_to_all(7).graph.number_of_edges() == 21
    assert Hardware.grid(r, c).planar
    assert not Hardware.king(r, c).planar


def test_the_capacitor_network_is_the_maxwell_matrix():
    network = Hardware.capacitor_network()
    capacitances = np.array([[0.0, 2.0, 1.0], [2.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    maxwell = np.diag([3.5, 2.0, 1.0]) - capacitances
    assert network.n == 8
    assert network.violations(CouplingGraph(maxwell)) == ()


@pytest.mark.parametrize(
    ("hardware", "S", "names", "message"),
    [
        (Hardware.all_to_all(2), np.eye(3), None, "2 is no node"),
        (
            Hardware.grid(1, 3),
            [[3, 0, -1], [0, 3, 0], [-1, 0, 3]],
            [(0, 0), (0, 1), (0, 2)],
            "cannot be coupled",
        ),
        (Hardware.capacitor_network(), [[2, 1], [1, 2]], None, "pushes"),
        (Hardware.capacitor_network(), [[1, -2], [-2, 9]], None, "0 is not dominant"),
        (
            Hardware.all_to_all(3).limited(dynamic_range=5),
            [[9, -6, -1], [-6, 9, 0], [-1, 0, 9]],
            None,
            "6 times the softest",
        ),
    ],
)
def test_what_it_cannot_make_is_named(hardware, S, names, message):
    (said,) = hardware.violations(CouplingGraph(S, names=names))
    assert message in said


def test_limits_only_get_tighter():
    hardware = Hardware.capacitor_network().limited(dynamic_range=10).limited(dynamic_range=99)
    assert hardware.attractive
    assert hardware.dominant
    assert hardware.dynamic_range == 10
    assert "attractive, dominant, dynamic range 10" in str(hardware)


def test_it_is_frozen():
    graph = nx.path_graph(3)
    hardware = Hardware("mine", graph)
    graph.add_edge(0, 2)
    assert not hardware.graph.has_edge(0, 2)
    with pytest.raises(nx.NetworkXError):
        hardware.graph.add_edge(0, 2)


def test_a_graph_without_springs_has_no_range():
    assert strength_range(CouplingGraph(np.eye(2))) == 1


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (lambda: Hardware("x", nx.DiGraph([(0, 1)])), InvalidInput, "undirected"),
        (lambda: Hardware("x", 5), InvalidInput, "networkx"),
        (lambda: Hardware("x", nx.Graph()), ShapeMismatch, "at least one"),
        (lambda: Hardware("x", nx.Graph([(0, 0)])), InvalidInput, "itself"),
        (lambda: Hardware.grid(0, 3), InvalidInput, "rows"),
        (lambda: Hardware.pegasus(1), InvalidInput, "m = 1"),
        (lambda: Hardware.king(2, 2).limited(dynamic_range=0.5), InvalidInput, "stiffest over"),
    ],
)
def test_mistakes_are_named(mistake, error, message):
    with pytest.raises(error, match=message):
        mistake()
