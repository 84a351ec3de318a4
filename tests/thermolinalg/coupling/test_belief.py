"""Belief propagation against dense inverses: exact on forests, with loops in the means alone."""

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from thermolinalg.coupling.belief import BeliefOutcome, is_walk_summable, propagate_beliefs
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput, Unstable

CLOSE = 1e-10


def sprung(plain, rng, softest):
    """Springs of random sizes and signs on a graph, the least eigenvalue as given."""
    n = len(plain)
    S = np.zeros((n, n))
    for u, v in plain.edges:
        S[u, v] = S[v, u] = rng.normal()
    S += np.diag(rng.exponential(size=n))
    S += (softest - np.linalg.eigvalsh(S)[0]) * np.eye(n)
    return S, rng.normal(size=n)


def forest(n, rng):
    """Every node but the first hangs on an earlier one, or starts a tree of its own."""
    plain = nx.empty_graph(n)
    plain.add_edges_from((i, int(rng.integers(i))) for i in range(1, n) if rng.random() < 0.9)
    return plain


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.integers(1, 30), st.floats(0.1, 10))
def test_beliefs_are_exact_on_forests(seed, n, temperature):
    rng = np.random.default_rng(seed)
    plain = forest(n, rng)
    S, f = sprung(plain, rng, 0.05)
    graph = CouplingGraph(S, f)
    beliefs = propagate_beliefs(graph, temperature=temperature)
    mean, variance = np.linalg.solve(S, f), temperature * np.diag(np.linalg.inv(S))
    assert np.abs(beliefs.mean - mean).max() <= CLOSE * np.abs(mean).max()
    assert np.abs(beliefs.variance / variance - 1).max() <= CLOSE
    assert beliefs.outcome is BeliefOutcome.EXACT
    parts = (nx.diameter(plain.subgraph(c)) for c in nx.connected_components(plain))
    assert beliefs.sweeps == max(1, *parts, 1)
    assert is_walk_summable(graph)


@given(st.integers(0, 10**6), st.integers(3, 10))
def test_means_are_exact_on_walk_summable_graphs(seed, n):
    rng = np.random.default_rng(seed)
    plain = nx.cycle_graph(n)
    plain.add_edges_from(nx.gnp_random_graph(n, 0.4, seed=seed).edges)
    S, f = sprung(plain, rng, 0.1)
    S += np.diag(np.abs(S - np.diag(np.diag(S))).sum(axis=1))
    graph = CouplingGraph(S, f)
    beliefs = propagate_beliefs(graph)
    mean = np.linalg.solve(S, f)
    assert is_walk_summable(graph)
    assert beliefs.outcome is BeliefOutcome.CONVERGED
    assert np.abs(beliefs.mean - mean).max() <= CLOSE * np.abs(mean).max()


def test_variances_with_loops_leave_walks_out():
    S = np.array([[2.0, -0.9, -0.9], [-0.9, 2.0, -0.9], [-0.9, -0.9, 2.0]])
    beliefs = propagate_beliefs(CouplingGraph(S))
    assert (beliefs.variance < 0.9 * np.diag(np.linalg.inv(S))).all()


@given(st.integers(0, 10**6), st.integers(2, 8), st.floats(0.01, 1))
def test_walk_summability_is_that_of_absolute_couplings(seed, n, softest):
    """Equivalently, S with all springs made to pull, -|S_ij|, is positive definite."""
    rng = np.random.default_rng(seed)
    S, _ = sprung(nx.gnp_random_graph(n, 0.6, seed=seed), rng, softest)
    pulling = 2 * np.diag(np.diag(S)) - np.abs(S)
    lowest = np.linalg.eigvalsh(pulling)[0]
    assert abs(lowest) < 1e-9 or is_walk_summable(CouplingGraph(S)) == (lowest > 0)


def test_a_frustrated_loop_breaks_down_and_says_so():
    """Five nodes that all push each other: a law, and walks that do not sum up."""
    S = np.eye(5) + 0.45 * (np.ones((5, 5)) - np.eye(5))
    graph = CouplingGraph(S, np.ones(5))
    assert graph.law().n == 5
    assert not is_walk_summable(graph)
    beliefs = propagate_beliefs(graph)
    assert beliefs.outcome in {BeliefOutcome.BROKE_DOWN, BeliefOutcome.NOT_CONVERGED}
    assert np.isfinite(beliefs.mean).all()
    assert (beliefs.variance > 0).all()


def test_sweeps_may_run_out():
    chain = CouplingGraph(3 * np.eye(6) - np.eye(6, k=1) - np.eye(6, k=-1), np.ones(6))
    beliefs = propagate_beliefs(chain, max_sweeps=2)
    assert beliefs.outcome is BeliefOutcome.NOT_CONVERGED
    assert "2 sweeps" in repr(beliefs)
    assert "sweeps ran out" in str(beliefs)
    assert propagate_beliefs(chain, max_sweeps=5).outcome is BeliefOutcome.EXACT


def test_held_nodes_cut_loops():
    ring = nx.cycle_graph(6)
    nx.set_node_attributes(ring, 0.5, "stiffness")
    graph = CouplingGraph.from_networkx(ring).clamp({2: 4.0})
    beliefs = propagate_beliefs(graph)
    assert beliefs.outcome is BeliefOutcome.EXACT
    assert beliefs.names == (0, 1, 3, 4, 5)
    np.testing.assert_allclose(beliefs.mean, graph.law().mean, rtol=CLOSE)


@pytest.mark.parametrize(("ground", "summable"), [(0.1, True), (0.0, False)])
def test_large_grids_are_walk_summable_if_anything_holds_them(ground, summable):
    grid = nx.grid_2d_graph(30, 30)
    nx.set_node_attributes(grid, ground, "stiffness")
    assert is_walk_summable(CouplingGraph.from_networkx(grid)) == summable
    assert is_walk_summable(CouplingGraph(sp.eye_array(600)))


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (lambda: propagate_beliefs(CouplingGraph([[0.0]])), Unstable, "node 0 has the stiffness 0"),
        (
            lambda: propagate_beliefs(CouplingGraph.from_networkx(nx.star_graph(7))),
            Unstable,
            "leave a direction free",
        ),
        (lambda: propagate_beliefs(CouplingGraph([[1, 2], [2, 1]])), Unstable, "direction free"),
        (lambda: propagate_beliefs(CouplingGraph([[1.0]]), max_sweeps=0), InvalidInput, "max_"),
        (lambda: propagate_beliefs(CouplingGraph([[1.0]]), tolerance=0), InvalidInput, "tolerance"),
        (
            lambda: is_walk_summable(CouplingGraph([[1.0]], anharmonic=[[0]])),
            InvalidInput,
            "not quadratic",
        ),
    ],
)
def test_mistakes_are_named(mistake, error, message):
    with pytest.raises(error, match=message):
        mistake()


@pytest.mark.parametrize("force", [np.zeros(4), np.array([1.0, -1.0, 0.0, 0.0])])
def test_messages_that_settle_where_there_is_no_law_are_refused(force):
    """Four nodes, each coupled to all: the tree that unrolls them is definite up to 1/√8 > 1/3."""
    S = 1.345 * np.eye(4) - 0.345 * np.ones((4, 4))
    assert np.linalg.eigvalsh(S)[0] < 0
    with pytest.raises(Unstable, match="direction free"):
        propagate_beliefs(CouplingGraph(S, force))


def test_means_that_grow_without_bound_are_told():
    """A law exists, variances settle, and loops amplify the means."""
    S = np.eye(4)
    S[np.triu_indices(4, 1)] = [0.28, 0.32, 0.44, 0.4, 0.22, 0.42]
    S = np.maximum(S, S.T)
    assert np.linalg.eigvalsh(S)[0] > 0
    beliefs = propagate_beliefs(CouplingGraph(S, np.ones(4)))
    assert beliefs.outcome is BeliefOutcome.DIVERGED
    assert np.isfinite(beliefs.mean).all()
    assert np.isfinite(beliefs.variance).all()
