"""Random potentials and systems for the tests of symbolic systems."""

import sympy as sp
from hypothesis import strategies as st

X = sp.symbols("x y z", real=True)
T, K, G, M = sp.symbols("T k gamma m", positive=True)

small = st.integers(-3, 3)


@st.composite
def quadratics(draw, *, largest=3):
    """A positive definite S of small integers with a parameter, a force, and the coordinates."""
    n = draw(st.integers(1, largest))
    L = sp.Matrix(
        n, n, lambda i, j: 0 if j > i else draw(small) if i > j else draw(st.integers(1, 3))
    )
    return L * L.T, sp.Matrix([draw(small) for _ in range(n)]), X[:n]


@st.composite
def stable_linear(draw, *, largest=3):
    """A = (J + S) with J antisymmetric and S positive definite, whose eigenvalues are in the right
    half plane; b; and D = BB' of full rank."""
    S, b, x = draw(quadratics(largest=largest))
    B, _, _ = draw(quadratics(largest=largest).filter(lambda q: len(q[2]) == len(x)))
    n = len(x)
    J = sp.zeros(n, n)
    for i in range(n):
        for j in range(i):
            J[i, j] = draw(small)
    return S + J - J.T, b, B, x


@st.composite
def polynomials(draw, x, *, degree=3):
    terms = draw(
        st.lists(
            st.tuples(small, st.tuples(*(st.integers(0, degree) for _ in x))),
            min_size=1,
            max_size=4,
        )
    )
    return sp.Add(*(c * sp.Mul(*(s**k for s, k in zip(x, p, strict=True))) for c, p in terms))
