"""Minors: chains are connected, disjoint, and realise every coupling, by other code's judgement."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.coupling.hardware import Hardware
from thermolinalg.coupling.minor import find_minors, subgraph

KING = Hardware.king(4, 4).graph


def assert_is_minor(chains, problem, hardware):
    """Contracting the chains leaves a graph that has every edge of the problem."""
    nodes = [name for chain in chains for name in chain]
    assert len(set(nodes)) == len(nodes)
    assert all(nx.is_connected(hardware.subgraph(chain)) for chain in chains)
    parts = [set(chain) for chain in chains]
    contracted = nx.quotient_graph(hardware.subgraph(nodes), parts, relabel=True)
    assert set(map(frozenset, problem.edges)) <= set(map(frozenset, contracted.edges))


def random_graph(seed, n, p):
    return nx.gnp_random_graph(n, p, seed=seed)


@given(st.integers(0, 10**6), st.integers(1, 6), st.floats(0, 0.7))
def test_what_is_found_is_a_minor(seed, n, p):
    problem = random_graph(seed, n, p)
    for chains in find_minors(problem, KING, tries=2, rng=np.random.default_rng(seed)):
        assert len(chains) == n
        assert_is_minor(chains, problem, KING)


@pytest.mark.parametrize(
    ("problem", "hardware"),
    [
        (nx.complete_graph(5), KING),
        (nx.star_graph(6), Hardware.grid(5, 5).graph),
        (nx.cycle_graph(3), Hardware.grid(3, 3).graph),
        (nx.complete_graph(8), Hardware.pegasus(2).graph),
        (nx.complete_graph(7), Hardware.king(6, 6).graph),
    ],
    ids=["K5 king", "star grid", "triangle grid", "K8 pegasus", "K7 king"],
)
def test_minors_that_need_chains_are_found(problem, hardware):
    assert subgraph(problem, hardware, tries=1, rng=np.random.default_rng(0)) is None
    found = find_minors(problem, hardware, tries=10, rng=np.random.default_rng(0))
    assert found
    for chains in found:
        assert_is_minor(chains, problem, hardware)
        assert max(map(len, chains)) > 1


@given(st.integers(0, 10**6))
def test_a_planted_minor_with_single_nodes_needs_no_chains(seed):
    """A part of the hardware, with its names shuffled, is found again as it is."""
    rng = np.random.default_rng(seed)
    names = [list(KING)[i] for i in rng.permutation(16)[:8]]
    order = {name: i for i, name in enumerate(names)}
    problem = nx.empty_graph(8)
    problem.add_edges_from((order[a], order[b]) for a, b in KING.subgraph(names).edges)
    (chains,) = find_minors(problem, KING, tries=1, rng=rng)
    assert_is_minor(chains, problem, KING)
    assert max(map(len, chains)) == 1


def test_shuffled_searches_find_what_the_first_gives_up():
    ring = nx.cycle_graph(20)
    king = Hardware.king(6, 6).graph
    assert subgraph(ring, king, tries=0, rng=np.random.default_rng(0)) is None
    chains = subgraph(ring, king, tries=10, rng=np.random.default_rng(0))
    assert_is_minor(chains, ring, king)


def test_the_search_repeats_with_its_seed():
    found = [
        find_minors(nx.complete_graph(5), KING, tries=2, rng=np.random.default_rng(7))
        for _ in range(2)
    ]
    assert found[0] == found[1]


def test_hardware_in_pieces_holds_problems_in_pieces():
    hardware = nx.disjoint_union(KING, KING)
    problem = nx.disjoint_union(nx.complete_graph(5), nx.complete_graph(5))
    found = find_minors(problem, hardware, tries=10, rng=np.random.default_rng(0))
    assert found
    for chains in found:
        assert_is_minor(chains, problem, hardware)
    apart = nx.disjoint_union(nx.path_graph(3), nx.path_graph(3))
    line = nx.path_graph(4)
    assert find_minors(line, apart, tries=2, rng=np.random.default_rng(0)) == []


def test_where_there_is_no_minor_none_is_found():
    grid = Hardware.grid(5, 5).graph
    assert find_minors(nx.complete_graph(5), grid, tries=2, rng=np.random.default_rng(0)) == []
