"""The processes that every test of a law runs over; sizes, times and seeds for random ones."""

import numpy as np
from hypothesis import strategies as st

import thermolinalg as tla
from thermolinalg import testing

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

SIZES = testing.sizes()
TIMES = st.floats(-4, 2).map(lambda e: 10.0**e)
SEEDS = st.integers(0, 2**32)
