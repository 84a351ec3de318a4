"""CouplingGraph: matrix and networkx and back; clamping conditions, eliminating marginalises."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg import testing
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput, NotFinite, NotSymmetric, ShapeMismatch, Unstable

CLOSE = 1e-10


@st.composite
def split_problems(draw):
    """S, f and a choice of nodes, neither none nor all."""
    n = draw(st.integers(2, 6))
    S, f = (
        draw(testing.spd_matrices(n, condition=100)),
        draw(testing.matrices(1, n, largest=5.0))[0],
    )
    chosen = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n - 1, unique=True))
    return S, f, chosen


def close(found, truth, scale):
    return np.abs(found - truth).max() <= CLOSE * scale


@given(split_problems(), st.floats(0.1, 10))
def test_clamping_is_conditioning(problem, temperature):
    """The oracle regresses on moments; the graph drops rows of the precision."""
    S, f, chosen = problem
    cov = temperature * np.linalg.inv(S)
    mean = np.linalg.solve(S, f)
    held = {i: 0.5 * i - 1 for i in chosen}
    free = [i for i in range(len(f)) if i not in held]
    gain = cov[np.ix_(free, chosen)] @ np.linalg.inv(cov[np.ix_(chosen, chosen)])
    truth = mean[free] + gain @ (np.array(list(held.values())) - mean[chosen])
    truth_cov = cov[np.ix_(free, free)] - gain @ cov[np.ix_(chosen, free)]
    law = CouplingGraph(S, f).clamp(held).law(temperature=temperature)
    assert close(law.mean, truth, 1 + np.abs(mean).max())
    assert close(law.cov, truth_cov, np.abs(cov).max())


@given(split_problems(), st.floats(0.1, 10))
def test_eliminating_is_marginalising(problem, temperature):
    S, f, chosen = problem
    keep = [i for i in range(len(f)) if i not in chosen]
    graph = CouplingGraph(S, f).eliminate(*chosen)
    law = graph.law(temperature=temperature)
    cov, mean = temperature * np.linalg.inv(S), np.linalg.solve(S, f)
    assert graph.names == tuple(keep)
    assert close(law.cov, cov[np.ix_(keep, keep)], np.abs(cov).max())
    assert close(law.mean, mean[keep], 1 + np.abs(mean).max())


@given(split_problems())
def test_matrix_to_networkx_and_back(problem):
    S, f, chosen = problem
    graph = CouplingGraph(S, f, names=[f"n{i}" for i in range(len(f))], held={f"n{chosen[0]}": 2.0})
    again = CouplingGraph.from_networkx(graph.to_networkx())
    assert again.names == graph.names
    assert again.held == graph.held
    assert close(again.matrix.toarray(), S, np.abs(S).max())
    assert np.array_equal(again.force, graph.force)


def test_springs_are_read_as_laplacian_and_ground():
    chain = nx.Graph()
    chain.add_edge("a", "b", weight=2.0)
    chain.add_edge("b", "c")
    chain.add_node("c", stiffness=4.0, force=3.0)
    graph = CouplingGraph.from_networkx(chain)
    assert np.array_equal(graph.matrix.toarray(), [[2, -2, 0], [-2, 3, -1], [0, -1, 5]])
    assert graph.edges() == [("a", "b", 2.0), ("b", "c", 1.0)]
    assert graph.stiffness.tolist() == [0, 0, 4]
    assert graph.force.tolist() == [0, 0, 3]


def test_parallel_springs_add_up():
    double = nx.MultiGraph([(0, 1), (0, 1)])
    assert CouplingGraph.from_networkx(double).edges() == [(0, 1, 2.0)]


def test_large_sparse_graphs_run_as_networks_and_small_ones_as_arrays():
    grid = nx.grid_2d_graph(50, 50)
    nx.set_node_attributes(grid, 0.5, "stiffness")
    graph = CouplingGraph.from_networkx(grid)
    assert "Network" in repr(graph.process())
    assert "OU" in repr(CouplingGraph(np.eye(3)).process())


def big_ring(n, push):
    """Springs that push between second neighbours, and hold between neighbours."""
    ring = nx.Graph()
    for i in range(n):
        ring.add_node(i, stiffness=0.5)
        ring.add_edge(i, (i + 1) % n, weight=1.0)
        ring.add_edge(i, (i + 2) % n, weight=-push)
    return CouplingGraph.from_networkx(ring)


def test_large_definite_graphs_run_though_their_discs_do_not_tell():
    process = big_ring(2100, 0.2).process()
    angle = 2 * np.pi * np.arange(2100) / 2100
    exact = 0.5 + 2 * (1 - np.cos(angle)) - 0.4 * (1 - np.cos(2 * angle))
    assert process.slowest <= exact.min()
    assert exact.max() <= process.fastest
    with pytest.raises(Unstable, match="pushes it away"):
        big_ring(2100, 2.0).process()


def test_releasing_undoes_clamping():
    graph = CouplingGraph(np.eye(3))
    held = graph.clamp({0: 1.0}).clamp({2: 5.0})
    assert held.held == {0: 1.0, 2: 5.0}
    assert held.release(0).held == {2: 5.0}
    assert held.release().held == {}
    assert graph.held == {}


def test_a_direction_without_spring_is_named():
    grid = CouplingGraph([[1.0, -1.0], [-1.0, 1.0]], names="ab")
    with pytest.raises(Unstable, match=r"along a \+ b, nothing holds it"):
        grid.law()
    with pytest.raises(Unstable, match="along x - y, the potential pushes it away"):
        CouplingGraph([[1.0, 2.0], [2.0, 1.0]], names="xy").process()


def test_soft_nodes_may_stand_beside_stiff_ones():
    law = CouplingGraph(np.diag([1e-12, 1e12]), [1e-12, 0.0]).law()
    assert np.allclose(np.diag(law.cov), [1e12, 1e-12], rtol=1e-12)
    assert law.mean[0] == pytest.approx(1.0, rel=1e-12)
    tied = np.array([[1e-6, -1e-6], [-1e-6, 1e-6]])
    with pytest.raises(Unstable, match=r"along 0 \+ 1, nothing holds it"):
        CouplingGraph(np.block([[tied, np.zeros((2, 1))], [np.zeros((1, 2)), np.eye(1)]])).law()


def test_what_is_beyond_springs_is_not_ignored():
    graph = CouplingGraph(np.eye(2), names="xy", anharmonic=[["x"]])
    with pytest.raises(InvalidInput, match="x is not quadratic"):
        graph.law()
    assert graph.clamp({"x": 1.0}).law().mean.tolist() == [0.0]


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (lambda: CouplingGraph([[1, 2], [0, 1]]), NotSymmetric, "pull both ways"),
        (lambda: CouplingGraph(np.ones((2, 3))), ShapeMismatch, "square"),
        (lambda: CouplingGraph(np.eye(2), [1.0]), ShapeMismatch, "force"),
        (lambda: CouplingGraph(np.eye(2), names="aa"), InvalidInput, "one of its own"),
        (lambda: CouplingGraph(np.eye(2)).clamp({5: 1.0}), InvalidInput, "no node"),
        (lambda: CouplingGraph(np.eye(2)).clamp({0: 1, 1: 1}), InvalidInput, "at least one free"),
        (lambda: CouplingGraph(np.eye(2)).clamp({0: np.nan}), InvalidInput, "finite"),
        (lambda: CouplingGraph(np.eye(3), held={0: 1}).clamp({0: 2}), InvalidInput, "already"),
        (lambda: CouplingGraph(np.eye(2)).release(0), InvalidInput, "not held"),
        (lambda: CouplingGraph(np.eye(2)).eliminate(0, 1), InvalidInput, "none would be left"),
        (lambda: CouplingGraph(np.eye(3), held={0: 1}).eliminate(0), InvalidInput, "is held"),
        (lambda: CouplingGraph(np.eye(3)).eliminate(1, 1), InvalidInput, "a node twice"),
        (lambda: CouplingGraph.from_networkx(nx.DiGraph([(0, 1)])), InvalidInput, "undirected"),
        (lambda: CouplingGraph.from_networkx(nx.Graph()), ShapeMismatch, "no nodes"),
        (lambda: CouplingGraph.from_networkx(nx.Graph([(0, 0)])), InvalidInput, "itself"),
        (
            lambda: CouplingGraph.from_networkx(nx.Graph([(0, 1, {"weight": "much"})])),
            InvalidInput,
            "no number",
        ),
        (
            lambda: CouplingGraph.from_networkx(nx.Graph([(0, 1, {"weight": np.inf})])),
            NotFinite,
            "finite",
        ),
    ],
)
def test_mistakes_are_named(mistake, error, message):
    with pytest.raises(error, match=message):
        mistake()
