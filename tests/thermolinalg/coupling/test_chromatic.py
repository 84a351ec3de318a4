"""Chromatic sampling: proper colours, and the exact law of a sweep, at rest and before."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg import testing
from thermolinalg.coupling.chromatic import sample_chromatic
from thermolinalg.coupling.coloring import color_nodes
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput, ShapeMismatch, Unstable
from thermolinalg.measurement.diagnosis import diagnose

CHAINS = 20_000


def house():
    """A square with a roof, an odd cycle, some springs of which push."""
    S = np.diag([4.0, 5.0, 3.0, 6.0, 2.0])
    for i, j, s in [(0, 1, -1), (1, 2, 1.5), (2, 3, -0.5), (3, 0, 2), (0, 4, -0.7), (1, 4, 0.6)]:
        S[i, j] = S[j, i] = s
    return CouplingGraph(S, [1.0, -2.0, 0.5, 0.0, 3.0], names="abcde")


@given(st.integers(0, 10**6), st.integers(1, 20), st.floats(0, 1))
def test_no_spring_joins_two_of_a_colour(seed, n, density):
    plain = nx.gnp_random_graph(n, density, seed=seed)
    links = CouplingGraph.from_networkx(plain).weights
    colors = color_nodes(links)
    assert all(colors[u] != colors[v] for u, v in plain.edges)
    assert set(colors) == set(range(colors.max() + 1))
    assert colors.max() <= max(degree for _, degree in plain.degree)
    assert (colors.max() <= 1) == nx.is_bipartite(plain)


def transition(graph, x0, temperature):
    """Mean and covariance after one sweep: (D + L)x' = f - Ux + (T D)^{1/2} z, in the order of the
    colours, where S = L + D + U."""
    order = np.argsort(color_nodes(graph.weights), kind="stable")
    S = graph.matrix.toarray()[np.ix_(order, order)]
    lower, upper = np.tril(S), np.triu(S, 1)
    mean, cov = np.empty(graph.n), np.empty((graph.n, graph.n))
    mean[order] = np.linalg.solve(lower, graph.force[order] - upper @ x0[order])
    back = np.linalg.inv(lower)
    cov[np.ix_(order, order)] = temperature * back @ np.diag(np.diag(S)) @ back.T
    return mean, cov


def test_a_sweep_is_a_step_of_gauss_seidel():
    graph, x0 = house(), np.array([3.0, -1.0, 2.0, 5.0, -4.0])
    drawn = sample_chromatic(graph, 1, temperature=0.7, chains=CHAINS, burn_in=0, x0=x0, rng=1)
    mean, cov = transition(graph, x0, 0.7)
    testing.assert_mean_matches(drawn.states[:, 0], mean, cov)
    testing.assert_covariance_matches(drawn.states[:, 0], cov, mean=mean)


@pytest.mark.parametrize("start", ["at rest", "zero"])
def test_the_law_at_rest_is_exact(start):
    """Started at rest it stays; started at zero, 60 sweeps forget that beyond rounding."""
    graph = house().clamp({"d": 1.5})
    law = graph.law(temperature=0.3)
    x0 = law.sample(CHAINS, rng=2) if start == "at rest" else None
    wait = 2 if x0 is not None else 60
    drawn = sample_chromatic(graph, 2, temperature=0.3, chains=CHAINS, burn_in=wait, x0=x0, rng=3)
    assert drawn.names == ("a", "b", "c", "e")
    for k in range(2):
        testing.assert_mean_matches(drawn.states[:, k], law.mean, law.cov)
        testing.assert_covariance_matches(drawn.states[:, k], law.cov, mean=law.mean)


def test_states_in_a_row_remember_as_sweeps_do():
    """Cov(x(k + 1), x(k)) = G cov with G = -(D + L)⁻¹U: read off pairs of a stationary start."""
    graph = house()
    law = graph.law()
    x0 = law.sample(CHAINS, rng=4)
    x = sample_chromatic(graph, 1, chains=CHAINS, burn_in=0, x0=x0, rng=5).states[:, 0]
    zero, _ = transition(graph, np.zeros(5), 1.0)
    G = np.array([transition(graph, unit, 1.0)[0] - zero for unit in np.eye(5)]).T
    cross = G @ law.cov
    joint = np.block([[law.cov, cross.T], [cross, law.cov]])
    both = np.hstack([x0, x]) - np.tile(law.mean, 2)
    testing.assert_covariance_matches(both, joint)


@given(st.integers(0, 10**6), st.integers(1, 8))
def test_without_heat_sweeps_settle_at_the_minimum(seed, n):
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((n, n))
    graph = CouplingGraph(B @ B.T + n * np.eye(n), rng.standard_normal(n))
    x = sample_chromatic(graph, 1, temperature=1e-40, burn_in=600, rng=0).states[0, 0]
    truth = np.linalg.solve(graph.matrix.toarray(), graph.force)
    np.testing.assert_allclose(x, truth, rtol=0, atol=1e-10 * np.abs(truth).max())


def test_a_record_repeats_and_can_be_diagnosed():
    grid = nx.grid_2d_graph(4, 4)
    nx.set_node_attributes(grid, 1.0, "stiffness")
    graph = CouplingGraph.from_networkx(grid)
    drawn = sample_chromatic(graph, 2000, chains=2)
    again = sample_chromatic(graph, 2000, chains=2, rng=drawn.seed)
    np.testing.assert_array_equal(drawn.states, again.states)
    assert "colors=2" in repr(drawn)
    assert diagnose(drawn.states).ess.min() > 400


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (lambda: sample_chromatic(house(), 0), InvalidInput, "samples"),
        (lambda: sample_chromatic(house(), 9, temperature=0), InvalidInput, "temperature"),
        (lambda: sample_chromatic(house(), 9, burn_in=-1), InvalidInput, "burn_in"),
        (lambda: sample_chromatic(house(), 9, x0=[1.0]), ShapeMismatch, "x0 has shape"),
        (
            lambda: sample_chromatic(CouplingGraph(np.eye(2), anharmonic=[[0]]), 9),
            InvalidInput,
            "not quadratic",
        ),
        (lambda: sample_chromatic(CouplingGraph([[1, 2], [2, 1]]), 9), Unstable, "no law at rest"),
        (lambda: sample_chromatic(CouplingGraph([[1, 0], [0, -1]]), 9), Unstable, "no law"),
        (
            lambda: sample_chromatic(CouplingGraph.from_networkx(nx.path_graph(3)), 9),
            Unstable,
            "no law at rest",
        ),
    ],
)
def test_mistakes_are_named(mistake, error, message):
    with pytest.raises(error, match=message):
        mistake()
