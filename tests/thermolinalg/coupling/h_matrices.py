"""Stiffness matrices that frustration leaves embeddable, and the check of what hardware runs."""

import numpy as np
from hypothesis import strategies as st

from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.testing import matrices

CLOSE = 1e-10


@st.composite
def h_matrices(draw, largest=4):
    """eSe: S dominant, of any signs, with pairs left out; units e over two decades."""
    n = draw(st.integers(1, largest))
    off = np.triu(draw(matrices(n, n)), 1)
    off = np.where(np.abs(off) < 0.2, 0.0, off)
    off = off + off.T
    slack = draw(st.lists(st.floats(0.05, 2), min_size=n, max_size=n))
    e = 10.0 ** np.array(draw(st.lists(st.floats(-1, 1), min_size=n, max_size=n)))
    S = off + np.diag(np.abs(off).sum(axis=1) + slack)
    return S * e * e[:, None]


@st.composite
def h_graphs(draw, largest=4):
    S = draw(h_matrices(largest))
    return CouplingGraph(S, draw(matrices(1, len(S), largest=5.0))[0] * np.sqrt(np.diag(S)))


def assert_same_law(found, truth, close=CLOSE):
    """Means and covariances agree, in units of the truth's standard deviations."""
    spread = np.sqrt(np.diag(truth.cov))
    assert (np.abs(found.cov - truth.cov) / spread / spread[:, None]).max() <= close
    largest = 1 + np.abs(truth.mean / spread).max()
    assert np.abs((found.mean - truth.mean) / spread).max() <= close * largest


def assert_runs(hardware, graph):
    """By the definition of what a machine with these limits can make, entry by entry."""
    S = graph.matrix.toarray()
    off = S - np.diag(np.diag(S))
    for i, j in np.argwhere(off != 0):
        assert hardware.graph.has_edge(graph.names[i], graph.names[j])
    if hardware.attractive:
        assert off.max() <= 0
    if hardware.dominant:
        rounding = 8 * len(S) * np.finfo(float).eps
        assert (np.diag(S) * (1 + rounding) >= np.abs(off).sum(axis=1)).all()
    assert np.linalg.eigvalsh(S)[0] > 0
