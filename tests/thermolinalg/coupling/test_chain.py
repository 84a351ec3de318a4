"""Chains: the error that is computed is that of the laws, goes down as 1/K, and only widens."""

import math
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.thermolinalg.coupling.h_matrices import h_graphs
from thermolinalg.coupling.embedding import embed
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.coupling.hardware import Hardware

GRID = Hardware.grid(5, 5)
DOMINANT_GRID = GRID.limited(attractive=True, dominant=True)


def clique(n, ground=0.5):
    graph = nx.complete_graph(n)
    for i in graph:
        graph.nodes[i].update(stiffness=ground, force=i - 1.0)
    return CouplingGraph.from_networkx(graph)


K5 = embed(clique(5), Hardware.king(4, 4), rng=0)


def errors_of_laws(embedding, strength):
    """From both laws: shares of variance along all directions, mean in the energy norm."""
    S, f = embedding.graph.matrix.toarray(), embedding.graph.force
    law, truth = replace(embedding, strength=strength).law(), embedding.graph.law()
    widened = np.linalg.eigvals(S @ (law.cov - truth.cov)).real
    gap, m = law.mean - truth.mean, truth.mean
    return widened, math.sqrt(gap @ S @ gap / (m @ S @ m)) if np.any(f) else 0.0


@settings(max_examples=25)
@given(h_graphs(3), st.floats(0, 4), st.sampled_from([GRID, DOMINANT_GRID]))
def test_the_error_is_that_of_the_laws_and_only_widens(graph, power, hardware):
    embedding = embed(graph, hardware, rng=0)
    K = 10.0**power
    error = embedding.error(K)
    assume(error.covariance < math.inf)
    widened, share = errors_of_laws(embedding, K)
    M = replace(embedding, strength=K).physical.matrix.toarray()
    rounding = 8 * len(M) * np.finfo(float).eps * np.linalg.cond(M)
    assert abs(error.covariance - widened.max()) <= rounding
    assert abs(error.mean - share) <= rounding
    assert widened.min() >= -rounding
    assert error.mean <= error.covariance + rounding


def test_the_error_goes_down_as_the_ties_grow_stiff():
    """Its slope tends to -1: E = C(G + KΛ)⁻¹C' = C Λ⁻¹C'/K + O(1/K²)."""
    strengths = np.array([1e3, 1e4, 1e5])
    errors = np.array([K5.error(K) for K in strengths])
    slopes = np.diff(np.log(errors), axis=0) / np.log(10)
    assert (np.abs(slopes + 1) < [[1e-2], [1e-3]]).all()


def test_stiffer_is_better():
    errors = [K5.error(2.0**k).covariance for k in range(12)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("tolerance", [0.3, 1e-2, 1e-5])
def test_the_strength_is_the_first_power_of_two_that_will_do(tolerance):
    embedding = embed(clique(5), Hardware.king(4, 4), tolerance=tolerance, rng=0)
    assert max(embedding.error()) <= tolerance
    assert embedding.strength == 1 or embedding.error(embedding.strength / 2)[0] > tolerance


def test_where_all_chain_nodes_agree_the_potential_is_the_logical_one():
    x = np.arange(5.0)
    q = np.concatenate([[x[i]] * len(c) for i, c in enumerate(K5.nodes)])
    S, f = K5.graph.matrix.toarray(), K5.graph.force
    physical = K5.physical
    assert np.isclose(q @ physical.matrix.toarray() @ q, x @ S @ x, rtol=1e-12)
    assert np.isclose(physical.force @ q, f @ x, rtol=1e-12)
    assert np.allclose(K5.read(q), x, rtol=1e-12)
