"""Colours of nodes such that no spring joins two of one colour: what may move at the same time."""

from typing import Any

import networkx as nx
import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, shortest_path

from thermolinalg.backend import NumpyArray

ORDERS = ("largest_first", "smallest_last")
"""Orders in which colours are given out greedily; which one takes fewer depends on the graph."""


def color_nodes(links: Any) -> NumpyArray:
    """Colours 0, 1, ... (n,) of the nodes that the pattern links (n, n), a sparse array, couples.

    Two wherever two are enough; else as few as the best of some greedy orders takes: at most one
    more than the largest number of neighbours.
    """
    two = _two_colors(links)
    return _greedy(links) if two is None else two


def _two_colors(links: Any) -> NumpyArray | None:
    """Odd or even distance from the first node of the component; None where a cycle is odd."""
    n = links.shape[0]
    _, part = connected_components(links, directed=False)
    first = np.unique(part, return_index=True)[1]
    root = sp.coo_array((np.ones(len(first)), (np.full(len(first), n), first)), shape=(n + 1,) * 2)
    rooted = sp.block_array([[abs(links), None], [None, sp.coo_array((1, 1))]]) + root
    away = shortest_path(rooted.tocsr(), directed=False, unweighted=True, indices=n)[:n]
    odd = away.astype(int) % 2
    ends = links.tocoo()
    bipartite = (odd[ends.row] != odd[ends.col]).all()
    return 1 - odd if bipartite else None


def _greedy(links: Any) -> NumpyArray:
    graph = nx.from_scipy_sparse_array(links)
    found = [nx.greedy_color(graph, strategy=order) for order in ORDERS]
    best = min(found, key=lambda colors: max(colors.values()))
    return np.array([best[i] for i in range(links.shape[0])])
