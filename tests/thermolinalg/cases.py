"""The processes that every test of a law runs over, and hypothesis strategies for many more."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import thermolinalg as tla

CHAIN = 2.0 * np.eye(5) + 0.5 * (np.eye(5, k=1) + np.eye(5, k=-1))
TIED = 2.0 * np.eye(5)
TIED[0, 1] = TIED[1, 0] = 1.0

PUBLISHED = {  # where the rates of the symmetric part give a wrong law, and where they do not
    "shear": ([[1, 1.5], [0, 1.2]], np.eye(2)),
    "strong shear": ([[1, 5], [0, 2]], np.eye(2)),
    "mixed": ([[3, 2.5], [2, 4]], 2 * np.eye(2)),
    "symmetric, unequal noise": ([[3, 2], [2, 4]], np.diag([1.0, 9.0])),
    "thermox README": (CHAIN, TIED),
}

OTHERS = {
    "reversible": ([[3, 2], [2, 4]], 2 * np.eye(2)),
    "reversible, unequal noise": ([[3, 1], [4, 5]], np.diag([1.0, 4.0])),
    "reversible, coupled noise": ([[5, 4], [5, 7]], [[2, 1], [1, 3]]),  # A = D [[2, 1], [1, 2]]
    "whirl": ([[1, -10], [10, 1]], np.eye(2)),
    "near a Jordan block": ([[1, 1, 0], [0, 1, 1], [1e-8, 0, 1]], np.eye(3)),
    "stiff": ([[1e3, 1], [0, 1e-2]], np.eye(2)),
    "underdamped": ([[0, -1], [4, 0.5]], np.diag([0.0, 1.0])),
    "one noise for all": ([[2, 1, 0], [0, 1, 1], [1, 0, 3]], np.outer([1, 2, 3], [1, 2, 3])),
    "noiseless": ([[2, 1], [0, 1]], np.zeros((2, 2))),
    "one coordinate": ([[0.7]], [[3.0]]),
}

PROCESSES = {
    name: tla.OU(np.asarray(A, float), np.arange(1.0, len(A) + 1) * (-1) ** len(A), D)
    for name, (A, D) in (PUBLISHED | OTHERS).items()
}

SIZES = st.integers(1, 4)
TIMES = st.floats(-4, 2).map(lambda e: 10.0**e)
SEEDS = st.integers(0, 2**32)


def matrices(rows, columns, size=1.0):
    """Matrices with entries of at most this size."""
    entry = st.floats(-size, size, allow_subnormal=False).map(lambda x: round(x, 6))
    return hnp.arrays(float, (rows, columns), elements=entry)


def orthogonal(n):
    return matrices(n, n).map(lambda M: np.linalg.qr(M)[0])


@st.composite
def definite(draw, n, decades=2):
    """Symmetric positive definite, eigenvalues over twice this many decades."""
    Q = draw(orthogonal(n))
    exponents = draw(st.lists(st.floats(-decades, decades), min_size=n, max_size=n))
    S = (Q * 10.0 ** np.array(exponents)) @ Q.T
    return (S + S.T) / 2


@st.composite
def semidefinite(draw, n):
    """Symmetric positive semidefinite of any rank, zero included."""
    B = draw(matrices(n, draw(st.integers(0, n)), 2.0))
    return B @ B.T if B.size else np.zeros((n, n))


@st.composite
def stable(draw, n):
    """Stable, as a rule far from normal: Q T Q' with T quasi-triangular, so that the eigenvalues
    (real ones and complex pairs) are known while their vectors may be nearly parallel."""
    T = np.triu(draw(matrices(n, n, 5.0)), 1)
    np.fill_diagonal(T, draw(st.lists(st.floats(0.05, 5.0), min_size=n, max_size=n)))
    for k in range(0, n - 1, 2):
        if draw(st.booleans()):
            T[k + 1, k + 1], T[k, k + 1] = T[k, k], draw(st.floats(0.1, 5.0))
            T[k + 1, k] = -draw(st.floats(0.1, 5.0))
    Q = draw(orthogonal(n))
    return Q @ T @ Q.T


@st.composite
def processes(draw):
    """Any stable drift with any noise."""
    n = draw(SIZES)
    return tla.OU(draw(stable(n)), draw(matrices(1, n))[0], draw(semidefinite(n)))


@st.composite
def reversible_processes(draw):
    """A = DS with D and S positive definite: detailed balance, A not symmetric."""
    n = draw(SIZES)
    D = draw(definite(n, decades=1))
    return tla.OU(D @ draw(definite(n, decades=1)), draw(matrices(1, n))[0], D)
