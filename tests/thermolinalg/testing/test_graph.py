"""Random coupling graphs settle, and have the form that was asked for."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.thermolinalg.testing.shrinking import found
from thermolinalg import testing
from thermolinalg.errors import InvalidInput


def matrix(graph):
    return graph.matrix.toarray()


def off_diagonal(graph):
    S = matrix(graph)
    return S - np.diag(np.diag(S))


@given(data=st.data(), n=st.integers(1, 12), tree=st.booleans(), signs=st.booleans())
def test_no_mode_is_softer_than_stated(data, n, tree, signs):
    graph = data.draw(testing.coupling_graphs(n, tree=tree, signs=signs))
    S = matrix(graph)
    assert graph.n == n
    assert np.linalg.svd(S, compute_uv=False)[-1] >= 0.25 * (1 - 1e-12)
    np.linalg.cholesky(S)
    np.testing.assert_allclose(graph.law().mean @ S, graph.force, atol=1e-9)


@given(graph=testing.coupling_graphs(st.integers(1, 12), tree=True))
def test_trees_are_trees(graph):
    assert nx.is_tree(nx.from_numpy_array(off_diagonal(graph)))


@given(graph=testing.coupling_graphs(signs=False))
def test_plain_springs_pull_and_dominate(graph):
    S = matrix(graph)
    assert (off_diagonal(graph) <= 0).all()
    assert (S.sum(axis=1) >= 0.25 - 1e-12).all()


def test_couplings_of_either_sign_loops_and_loose_nodes_come_and_are_small():
    pushed = found(testing.coupling_graphs(2), lambda g: off_diagonal(g).max() > 0)
    np.testing.assert_array_equal(matrix(pushed), [[2, 1], [1, 2]])
    loop = found(testing.coupling_graphs(3), lambda g: np.count_nonzero(off_diagonal(g)) == 6)
    np.testing.assert_array_equal(matrix(loop), 4 * np.eye(3) - 1)
    loose = found(testing.coupling_graphs(3), lambda _: True)
    np.testing.assert_array_equal(matrix(loose), np.eye(3))
    assert not loose.force.any()


def test_a_wrong_argument_is_named():
    with pytest.raises(InvalidInput, match=r"largest = 0.1 must be >= 0.25"):
        testing.coupling_graphs(largest=0.1)
    with pytest.raises(InvalidInput, match=r"largest = 1e\+17 must be <= 2.5e\+11"):
        testing.coupling_graphs(largest=1e17)
    with pytest.raises(InvalidInput, match="n = 0 must be"):
        testing.coupling_graphs(0)
