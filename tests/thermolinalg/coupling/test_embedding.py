"""Embeddings: what the hardware runs obeys its limits, and what is read has the graph's law."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.coupling.h_matrices import assert_runs, assert_same_law, h_graphs
from thermolinalg.coupling.embedding import embed
from thermolinalg.coupling.fits import what_fits
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.coupling.hardware import Hardware
from thermolinalg.errors import DoesNotFit, InvalidInput, ShapeMismatch, Unstable
from thermolinalg.testing import assert_covariance_matches, assert_mean_matches, spd_matrices

CELLS = Hardware.capacitor_network()
KING = Hardware.king(4, 4)


def springs(graph, ground=0.5):
    nx.set_node_attributes(graph, ground, "stiffness")
    nx.set_node_attributes(graph, {v: i - 1.0 for i, v in enumerate(graph)}, "force")
    return CouplingGraph.from_networkx(graph)


def frustrated(n, coupling=0.5):
    """Every spring pushes."""
    S = coupling * np.ones((n, n)) + np.diag(np.full(n, coupling * n))
    return CouplingGraph(S, np.arange(n) - 1.0)


K5 = springs(nx.complete_graph(5))


@given(h_graphs(), st.floats(0.1, 10))
def test_on_capacitors_h_matrices_have_their_exact_law(graph, temperature):
    embedding = embed(graph, CELLS)
    assert CELLS.violations(embedding.physical) == ()
    assert_runs(CELLS, embedding.physical)
    law = embedding.law(temperature=temperature)
    assert_same_law(law, graph.law(temperature=temperature))
    assert embedding.cost.error == (0, 0)


@given(spd_matrices(5, condition=1e4), st.integers(0, 10**6))
def test_where_springs_may_push_any_graph_runs_as_it_is(S, seed):
    graph = CouplingGraph(S, names=np.random.default_rng(seed).permutation(5).tolist())
    embedding = embed(graph, Hardware.all_to_all(7))
    assert embedding.cost.ancillas == 0
    assert embedding.units == dict.fromkeys(graph.names, 1.0)
    spread = np.sqrt(np.diag(S))
    gap = embedding.physical.matrix.toarray() - graph.matrix.toarray()
    assert (np.abs(gap) <= 8 * 5 * np.finfo(float).eps * spread * spread[:, None]).all()


@settings(max_examples=20)
@given(h_graphs(3), st.integers(0, 10**6), st.sampled_from([1e-1, 1e-3]))
def test_chains_obey_the_limits_and_the_tolerance(graph, seed, tolerance):
    hardware = Hardware.grid(5, 5).limited(attractive=True, dominant=True)
    embedding = embed(graph, hardware, tolerance=tolerance, rng=seed)
    assert_runs(hardware, embedding.physical)
    law, truth = embedding.law(), graph.law()
    S, M = graph.matrix.toarray(), embedding.physical.matrix.toarray()
    rounding = 8 * len(M) * np.finfo(float).eps * np.linalg.cond(M)
    widened = np.diag(law.cov) / np.diag(truth.cov) - 1
    gap, m = law.mean - truth.mean, truth.mean
    assert -rounding <= widened.min()
    assert widened.max() <= tolerance + rounding
    assert gap @ S @ gap <= (tolerance + rounding) ** 2 * (m @ S @ m)


@given(spd_matrices(4))
def test_capacitors_run_h_matrices_and_no_others(S):
    """An H-matrix by another of its definitions: Jacobi's iteration of |S| converges."""
    d = np.diag(S)
    radius = np.abs(np.linalg.eigvals(np.abs(S) / d[:, None] - np.eye(4))).max()
    assume(abs(radius - 1) > 1e-9)
    (outcome,) = what_fits(CouplingGraph(S), [CELLS]).outcomes
    event(f"fits: {radius < 1}")
    assert isinstance(outcome[1], DoesNotFit) == (radius > 1)


def test_a_frustrated_triangle_needs_a_copy_of_each_node():
    embedding = embed(frustrated(3), CELLS)
    assert embedding.cost.nodes == (3, 6)
    assert embedding.cost.copies == 3
    assert set(embedding.mirrors) == {0, 1, 2}
    assert_same_law(embedding.law(), frustrated(3).law())


def test_a_single_pushing_spring_needs_only_a_sign():
    embedding = embed(CouplingGraph([[2.0, 1], [1, 2]], [1.0, 3.0], names="ab"), CELLS)
    assert embedding.signs == {"a": 1, "b": -1}
    assert embedding.cost.ancillas == 0
    assert embedding.law().mean.tolist() == pytest.approx([-1 / 3, 5 / 3], rel=1e-12)


def test_rows_that_are_not_dominant_need_units():
    S = np.array([[1.0, -2, 0], [-2, 9, -1], [0, -1, 2]])
    embedding = embed(CouplingGraph(S, names="abc"), CELLS)
    assert embedding.cost.ancillas == 0
    assert embedding.units == pytest.approx({"a": 2, "b": 1, "c": 1}, rel=1e-12)


def test_couplings_that_are_all_rounding_ask_for_nothing():
    S = 2 * np.eye(3) + 1e-17 * (1 - np.eye(3))
    embedding = embed(CouplingGraph(S), Hardware.grid(1, 3).limited(attractive=True))
    assert embedding.cost.nodes == (3, 3)


def test_held_nodes_become_forces():
    graph = K5.clamp({0: 2.0, 3: -1.0})
    embedding = embed(graph, KING)
    assert embedding.cost.nodes == (3, 3)
    assert list(embedding.chains) == [1, 2, 4]
    assert_same_law(embedding.law(), graph.law())


def test_a_grid_fits_onto_a_grid_directly():
    graph = springs(nx.convert_node_labels_to_integers(nx.grid_2d_graph(4, 4)))
    embedding = embed(graph, Hardware.grid(5, 6).limited(attractive=True, dominant=True))
    assert embedding.cost.longest_chain == 1
    assert embedding.cost.slowdown == pytest.approx(1, rel=1e-9)
    assert_same_law(embedding.law(), graph.law())


def test_nodes_of_the_same_names_stay_where_they_are():
    graph = springs(nx.grid_2d_graph(12, 12))
    embedding = embed(graph, Hardware.king(12, 12))
    assert all(embedding.chains[name] == (name,) for name in graph.names)


def test_a_clique_on_kings_goes_by_chains():
    embedding = embed(K5, KING, rng=0)
    assert_runs(KING, embedding.physical)
    assert embedding.cost.longest_chain > 1
    assert embedding.cost.error.covariance <= 0.01
    assert embedding.cost.fastest[1] > embedding.cost.fastest[0]


@pytest.mark.parametrize("seed", range(3))
def test_of_all_chains_found_the_fastest_are_taken(seed):
    one, many = (embed(K5, KING, tries=tries, rng=seed).cost for tries in (1, 8))
    assert many.slowdown <= one.slowdown


@pytest.mark.parametrize(
    "embedding",
    [embed(frustrated(3), CELLS), embed(K5, KING, tolerance=0.05, rng=0)],
    ids=["copies", "chains"],
)
def test_what_the_machine_runs_is_read_back(embedding):
    """30 relaxation times of the slowest mode after the start, in 1,000 independent chains."""
    temperature, chains = 0.7, 1000
    process = embedding.physical.process(temperature=temperature)
    times = [0.0, 30.0 / process.slowest]
    end = tla.simulate(process, times, chains=chains, rng=5).states[:, -1]
    law = embedding.law(temperature=temperature)
    read = embedding.read(end)
    assert read.shape == (chains, len(embedding.graph.free))
    assert_mean_matches(read, law.mean, law.cov)
    assert_covariance_matches(read, law.cov, mean=law.mean)


REFUSED = {
    "five frustrated nodes": (frustrated(5), CELLS, "needs 10 nodes and capacitors 8 has 8: 5 of"),
    "too many nodes": (springs(nx.path_graph(17)), KING, "needs 17 nodes and king's 4x4 has 16"),
    "too many couplings": (springs(nx.complete_graph(12)), KING, "66 couplings .* has 42"),
    "not planar": (K5, Hardware.grid(9, 9), "grid 9x9 is planar and the graph is not"),
    "no chains": (springs(nx.complete_graph(8)), KING, "no chains were found .* in 10 tries"),
    "not an H-matrix": (
        CouplingGraph(np.full((3, 3), 0.6) + 0.4 * np.eye(3), names="abc"),
        CELLS,
        r"too stiff for copies.*-0.2 <= 0 along a \+ b \+ c",
    ),
    "range": (K5, KING.limited(dynamic_range=2), "times the softest.*larger tolerance"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_with_the_reason(case):
    graph, hardware, message = REFUSED[case]
    with pytest.raises(DoesNotFit, match=message):
        embed(graph, hardware, rng=0)


def test_a_tolerance_below_rounding_is_refused():
    with pytest.raises(DoesNotFit, match="above tolerance = 1e-15"):
        embed(K5, KING, tolerance=1e-15, rng=0)


def test_what_fits_says_where_and_why_not():
    fits = what_fits(K5, [Hardware.grid(4, 4), KING, CELLS], rng=0)
    assert [e.hardware.name for e in fits.embeddings] == ["king's 4x4", "capacitors 8"]
    table = str(fits).splitlines()
    assert "planar" in table[1]
    assert table[3].split() == ["capacitors", "8", "5", "0", "1", "1", "1", "0"]


def test_an_embedding_tells_its_cost():
    told = str(embed(frustrated(3), CELLS))
    assert "nodes          3 -> 6" in told
    assert "attractive, dominant" in told
    assert repr(embed(K5, CELLS)) == "Embedding(5 nodes on 5 of capacitors 8)"


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (lambda: embed(np.eye(2), CELLS), InvalidInput, "graph is a ndarray"),
        (lambda: embed(K5, nx.path_graph(9)), InvalidInput, "hardware is a Graph"),
        (lambda: embed(K5, CELLS, tolerance=0), InvalidInput, "tolerance"),
        (lambda: embed(K5, CELLS, tries=0), InvalidInput, "tries"),
        (lambda: embed(K5, CELLS).read(np.ones(4)), ShapeMismatch, "physical.names"),
        (lambda: embed(K5, CELLS).error(-1), InvalidInput, "strength"),
        (lambda: embed(CouplingGraph([[1.0, 2], [2, 1]]), CELLS), Unstable, "pushes it away"),
        (lambda: embed(CouplingGraph(np.eye(2), anharmonic=[[0]]), CELLS), InvalidInput, "`law`"),
    ],
)
def test_mistakes_are_named(mistake, error, message):
    with pytest.raises(error, match=message):
        mistake()
