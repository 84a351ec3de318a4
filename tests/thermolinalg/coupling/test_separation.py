"""Separation in the graph against conditional covariances, and cuts against networkx's."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.coupling.separation import blanket, separates, separator
from thermolinalg.errors import InvalidInput

EXACT_ZERO = 1e-12
"""Of a conditional correlation whose numbers are of order one and well conditioned."""


@st.composite
def sparse_problems(draw):
    """A sparse graph of springs of generic sizes and both signs, and three sets of its nodes."""
    n = draw(st.integers(2, 8))
    seed = draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    pattern = np.triu(rng.random((n, n)) < draw(st.floats(0.1, 0.6)), 1)
    S = np.where(pattern, rng.uniform(0.3, 1, (n, n)) * rng.choice([-1, 1], (n, n)), 0)
    S = S + S.T
    S += np.diag(np.abs(S).sum(axis=1) + rng.uniform(0.1, 1, n))
    role = draw(st.lists(st.sampled_from("abgh-"), min_size=n, max_size=n))
    sets = {letter: [i for i in range(n) if role[i] == letter] for letter in "abgh"}
    held = dict.fromkeys(sets["h"][: n - 1], 0.5)
    return CouplingGraph(S, held=held), sets["a"], sets["b"], sets["g"]


@given(sparse_problems())
def test_separation_is_conditional_independence(problem):
    """The oracle inverts: the law of the free nodes, conditioned on what is given."""
    graph, a, b, known = problem
    free = [i for i in graph.free if i not in known]
    left, right = [i for i in a if i in free], [i for i in b if i in free]
    law = graph.law()
    given_values = {graph.free.index(i): 1.0 for i in known if i in graph.free}
    if not (left and right):
        assert separates(graph, a, b, known)
        return
    cov = law.condition(given_values).cov if given_values else law.cov
    scale = np.sqrt(np.diag(cov))
    cross = (cov / scale / scale[:, None])[
        np.ix_([free.index(i) for i in left], [free.index(i) for i in right])
    ]
    assert separates(graph, a, b, known) == (np.abs(cross).max() <= EXACT_ZERO)


@given(st.integers(0, 10**6), st.integers(3, 12), st.floats(0.1, 0.7))
def test_separators_are_minimum_cuts(seed, n, density):
    plain = nx.gnp_random_graph(n, density, seed=seed)
    nx.set_node_attributes(plain, 1.0, "stiffness")
    graph = CouplingGraph.from_networkx(plain)
    if plain.has_edge(0, n - 1):
        with pytest.raises(InvalidInput, match="coupled directly"):
            separator(graph, 0, n - 1)
        return
    cut = separator(graph, 0, n - 1)
    assert separates(graph, 0, n - 1, cut)
    linked = nx.has_path(plain, 0, n - 1)
    assert len(cut) == (nx.node_connectivity(plain, 0, n - 1) if linked else 0)


def test_a_blanket_shields_its_node():
    grid = CouplingGraph.from_networkx(nx.grid_2d_graph(3, 3))
    assert blanket(grid, (1, 1)) == ((0, 1), (1, 0), (1, 2), (2, 1))
    others = set(grid.names) - {(1, 1)} - set(blanket(grid, (1, 1)))
    assert separates(grid, (1, 1), others, blanket(grid, (1, 1)))
    held = grid.clamp({(0, 1): 2.0})
    assert blanket(held, (1, 1)) == ((1, 0), (1, 2), (2, 1))
    assert blanket(held, (0, 1)) == ()


def test_held_nodes_are_given():
    chain = CouplingGraph.from_networkx(nx.path_graph(5))
    assert not separates(chain, 0, [3, 4])
    assert separates(chain.clamp({2: 1.0}), 0, [3, 4])
    assert separator(chain.clamp({2: 1.0}), 0, 4) == ()
    assert separator(chain, [0], [4]) == (1,)


def test_what_is_beyond_springs_ties_too():
    graph = CouplingGraph(np.eye(3), names="xyz", anharmonic=["xy", "yz"])
    assert not separates(graph, "x", "z")
    assert separates(graph, "x", "z", "y")
    assert separator(graph, "x", "z") == ("y",)
    assert blanket(graph, "y") == ("x", "z")


def test_a_large_grid_is_cut_at_its_corner():
    grid = CouplingGraph.from_networkx(nx.grid_2d_graph(40, 40))
    assert separator(grid, (0, 0), (39, 39)) == ((0, 1), (1, 0))


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda g: separates(g, 0, 9), "9 is no node"),
        (lambda g: separates(g, [0, "x"], 1), "'x' is no node"),
        (lambda g: separator(g, [0, 1], [1, 2]), "both hold node 1"),
        (lambda g: blanket(g, (0, 1)), "no node"),
    ],
)
def test_mistakes_are_named(mistake, message):
    with pytest.raises(InvalidInput, match=message):
        mistake(CouplingGraph(np.eye(3)))
