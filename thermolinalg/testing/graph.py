"""Hypothesis strategies for coupling graphs: networks of springs that have an equilibrium."""

from typing import TypeAlias

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.coupling.graph import CouplingGraph
from thermolinalg.errors import InvalidInput
from thermolinalg.testing.matrix import WIDEST, Size, array, numbers, resolved, sized

SOFTEST = 0.25
"""Of the springs: no eigenvalue of the matrix is below it."""

Numbers: TypeAlias = SearchStrategy[float]


def coupling_graphs(
    n: Size = None, *, tree: bool = False, signs: bool = True, largest: float = 4.0
) -> SearchStrategy[CouplingGraph]:
    """Graphs of n nodes, U = ½ Σ k_i x_i² + ½ Σ w_ij (x_i - r_ij x_j)² - f'x with k, w >= 1/4.

    Their matrices are positive definite, with no eigenvalue below 1/4. They shrink to few nodes
    without edges, or a star, and to k_i = w_ij = r_ij = 1 and f = 0.

    Args:
        n: number of nodes; None is 1 to 4.
        tree: connected and without loops; else any pairs are coupled, all of them or none.
        signs: levers r_ij up to 2 in size, which couple by either sign: with them, every positive
            definite matrix of a tree is of this form. Else r_ij = 1: plain springs that pull, whose
            matrix has dominant rows and nothing positive off its diagonal.
        largest: spring, and force in size.
    """
    if checks.real_number("largest", largest) < SOFTEST:
        raise InvalidInput(f"largest = {largest:g} must be >= {SOFTEST}, the softest spring.")
    resolved("largest", largest, most=SOFTEST * WIDEST)
    lever = numbers(SOFTEST, 2.0)
    levers = lever | lever.map(lambda r: -r) if signs else st.just(1.0)
    force = numbers(-largest, largest)
    return _graphs(sized(n), tree, numbers(SOFTEST, largest), levers, force)


@st.composite
def _graphs(
    draw: DrawFn,
    size: SearchStrategy[int],
    tree: bool,
    spring: Numbers,
    lever: Numbers,
    force: Numbers,
) -> CouplingGraph:
    n = draw(size)
    i, j, w = draw(_tree(n, spring) if tree else _pairs(n, spring))
    r = draw(array(len(w), lever, rest=1.0))
    S = np.diag(draw(array(n, spring, rest=1.0)))
    np.add.at(S, (i, i), w)
    np.add.at(S, (j, j), w * r * r)
    S[i, j] = S[j, i] = -w * r
    return CouplingGraph(S, draw(array(n, force)))


@st.composite
def _tree(draw: DrawFn, n: int, spring: Numbers) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
    """Each node but the first hangs on an earlier one."""
    parents = [draw(st.integers(0, k - 1)) for k in range(1, n)]
    return np.arange(1, n), np.array(parents, int), draw(array(n - 1, spring, rest=1.0))


@st.composite
def _pairs(draw: DrawFn, n: int, spring: Numbers) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
    i, j = np.triu_indices(n, 1)
    w = draw(array(len(i), st.just(0.0) | spring))
    return i[w > 0], j[w > 0], w[w > 0]
