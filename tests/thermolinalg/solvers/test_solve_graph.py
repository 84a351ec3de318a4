"""solve: a graph of springs, against networkx's own Laplacian and forces written out by hand."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from thermolinalg import testing
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput, NotFinite, NotPositiveDefinite, ShapeMismatch
from thermolinalg.solvers.graph import spring_network


def chain():
    """Three nodes in a row, named out of order; the last is tied to the ground."""
    graph = nx.Graph()
    graph.add_edge("left", "middle", weight=2.0)
    graph.add_edge("middle", "right", weight=3.0)
    graph.nodes["right"]["stiffness"] = 4.0
    return graph


def test_displacements_of_a_chain():
    """A force of 1 at the free end runs through all springs: each stretches by 1/stiffness."""
    x = tla.solve(chain(), {"left": 1.0}, rng=0)
    testing.assert_agrees(x, np.array([1 / 4 + 1 / 3 + 1 / 2, 1 / 4 + 1 / 3, 1 / 4]))
    again = tla.solve(chain(), [1.0, 0.0, 0.0], rng=0)
    np.testing.assert_array_equal(x.value, again.value)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 12))
def test_the_matrix_is_the_laplacian_and_the_ground(seed, n):
    rng = np.random.default_rng(seed)
    graph = nx.gnp_random_graph(n, 0.4, seed=seed)
    for _, _, edge in graph.edges(data=True):
        edge["weight"] = rng.exponential()
    for _, node in graph.nodes(data=True):
        node["stiffness"] = 0.1 + rng.exponential()
    A, b = spring_network(graph, np.arange(float(n)))
    ground = np.diag([node["stiffness"] for _, node in graph.nodes(data=True)])
    truth = nx.laplacian_matrix(graph).toarray() + ground
    np.testing.assert_allclose(A.toarray(), truth, rtol=1e-13, atol=0)
    np.testing.assert_array_equal(b, np.arange(float(n)))


def test_springs_side_by_side_add_up_and_count_one_each_unless_they_say():
    graph = nx.MultiGraph([(0, 1), (0, 1, {"weight": 2.0})])
    graph.nodes[0]["stiffness"] = 1.0
    A, _ = spring_network(graph, [0.0, 1.0])
    np.testing.assert_array_equal(A.toarray(), [[4.0, -3.0], [-3.0, 3.0]])
    assert sp.issparse(A)


def test_several_sides():
    x = tla.solve(chain(), np.eye(3), rng=0)
    A, _ = spring_network(chain(), np.eye(3))
    testing.assert_agrees(x, np.linalg.inv(A.toarray()))


def edited(change):
    graph = chain()
    change(graph)
    return graph


BAD = {
    "directed": (nx.DiGraph(chain()), np.ones(3), InvalidInput, "to_undirected"),
    "empty": (nx.Graph(), [], ShapeMismatch, "without nodes"),
    "loop": (edited(lambda g: g.add_edge("left", "left")), np.ones(3), InvalidInput, "to itself"),
    "pushing": (
        edited(lambda g: g.edges["left", "middle"].update(weight=-1.0)),
        np.ones(3),
        InvalidInput,
        r"weight of \('left', 'middle'\) is -1",
    ),
    "endless": (
        edited(lambda g: g.edges["left", "middle"].update(weight=np.inf)),
        np.ones(3),
        NotFinite,
        "weight of .* is inf",
    ),
    "a word": (
        edited(lambda g: g.edges["left", "middle"].update(weight="soft")),
        np.ones(3),
        InvalidInput,
        "is 'soft', which is no number",
    ),
    "negative ground": (
        edited(lambda g: g.nodes["right"].update(stiffness=-4.0)),
        np.ones(3),
        InvalidInput,
        "stiffness of 'right' is -4",
    ),
    "no ground": (nx.path_graph(4), np.ones(4), NotPositiveDefinite, "no ground holds node 0"),
    "a part without": (
        edited(lambda g: g.add_edge("far", "away")),
        np.ones(5),
        NotPositiveDefinite,
        "'far' and what it is coupled to .2 of 5 nodes",
    ),
    "a cut spring": (
        edited(lambda g: g.edges["left", "middle"].update(weight=0.0)),
        np.ones(3),
        NotPositiveDefinite,
        "no ground holds node 'left'",
    ),
    "strange node": (chain(), {"up": 1.0}, InvalidInput, "b drives 'up'"),
    "no number": (chain(), {"left": "1"}, InvalidInput, r"b\['left'\]"),
    "short": (chain(), np.ones(2), ShapeMismatch, "b has shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_graphs_are_named(name):
    graph, b, error, message = BAD[name]
    with pytest.raises(error, match=message):
        tla.solve(graph, b)


def pushing():
    """Definite, though one spring pushes, and held at one node."""
    S = np.array(
        [[3.0, 1.0, -1.0, 0.0], [1.0, 2.0, 0.0, -0.5], [-1.0, 0.0, 2.0, 0], [0, -0.5, 0, 1]]
    )
    return CouplingGraph(S, [1.0, -2.0, 0.5, 0.0], names="abcd")


def test_coupling_graphs_are_solved():
    graph = pushing()
    x = tla.solve(graph, graph.force, rng=0)
    truth = np.linalg.solve(graph.matrix.toarray(), graph.force)
    testing.assert_agrees(x, truth)
    named = tla.solve(graph, dict(zip("abcd", graph.force, strict=True)), rng=0)
    np.testing.assert_array_equal(x.value, named.value)


@pytest.mark.parametrize("sides", [None, 2])
def test_held_nodes_pull(sides):
    """Rows of the held node struck out, its column moved to the other side."""
    graph = pushing().clamp({"b": 2.0})
    S, keep = graph.matrix.toarray(), [0, 2, 3]
    b = graph.force if sides is None else np.outer(graph.force, [1.0, 3.0])
    pull = (S[keep, 1] * 2.0) if sides is None else (S[keep, 1] * 2.0)[:, None]
    truth = np.linalg.solve(S[np.ix_(keep, keep)], b[keep] - pull)
    testing.assert_agrees(tla.solve(graph, b, rng=1), truth)
    if sides is None:
        np.testing.assert_allclose(graph.law().mean, truth)


def test_clamps_of_networkx_hold_and_are_ground():
    graph = nx.path_graph(4)
    graph.nodes[3]["clamp"] = 6.0
    graph.nodes[0]["clamp"] = 0.0
    testing.assert_agrees(tla.solve(graph, {}, rng=0), np.array([2.0, 4.0]))


def test_the_inverse_of_a_graph_is_its_covariance():
    graph = pushing().clamp({"b": 2.0})
    X = tla.inv(graph, rng=0)
    testing.assert_agrees(X, graph.law().cov)
    assert tla.plan(tla.inv, graph).condition == pytest.approx(np.linalg.cond(graph.law().cov))


def test_plans_of_coupling_graphs_are_those_of_their_matrix():
    graph = pushing().clamp({"b": 2.0})
    part = graph.conditioned
    found = tla.plan(tla.solve, graph, graph.force)
    assert str(found) == str(tla.plan(tla.solve, part.matrix, part.force))


@pytest.mark.parametrize(
    ("graph", "b", "error", "message"),
    [
        (pushing(), {"z": 1.0}, InvalidInput, "b drives 'z'"),
        (pushing(), np.ones(3), ShapeMismatch, "b has shape"),
        (pushing().clamp({"a": 1.0}), np.ones(3), ShapeMismatch, r"b has shape \(3,\); \(4,\)"),
        (CouplingGraph([[1.0, 2.0], [2.0, 1.0]]), np.ones(2), NotPositiveDefinite, "eigenvalue"),
        (CouplingGraph(np.eye(2), anharmonic=[[0]]), np.ones(2), InvalidInput, "not quadratic"),
    ],
)
def test_bad_coupling_graphs_are_named(graph, b, error, message):
    with pytest.raises(error, match=message):
        tla.solve(graph, b)
