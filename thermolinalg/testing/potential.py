"""Hypothesis strategies for confining potentials, as exact expressions of sympy."""

from collections.abc import Sequence
from fractions import Fraction

import sympy as sp
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from thermolinalg.errors import InvalidInput
from thermolinalg.testing.matrix import Size, sized

PIECES = 4
"""Largest denominator of a coefficient: quarters, thirds and halves."""

State = tuple[sp.Symbol, ...]


def potentials(
    state: Size | Sequence[sp.Symbol] = None, *, degree: int = 2
) -> SearchStrategy[tuple[sp.Expr, State]]:
    """Pairs (U, state) of a potential U that confines and the real symbols that it is of.

    Coefficients are rational, so that what holds can be shown, not only compared. Of degree 2,
    U = ½ Σ k_i (x_i + Σ_{j>i} l_ij x_j)² - f'x with k_i > 0 is every well of a positive definite
    stiffness. Of degree 4, k_i may be negative, as in double wells, and Σ q_i x_i⁴ with q_i > 0
    confines. They shrink to ½x² and to x⁴.

    Args:
        state: symbols; or how many, named x0, x1, ...; None is 1 to 4.
        degree: 2 or 4.
    """
    if degree not in {2, 4}:
        raise InvalidInput(f"degree = {degree!r} must be 2 or 4: others do not confine, or rarely.")
    if state is None or isinstance(state, int | SearchStrategy):
        return _potentials(sized(state).map(_symbols), degree)
    symbols = tuple(state)
    if not symbols or not all(isinstance(x, sp.Symbol) for x in symbols):
        raise InvalidInput(f"state = {state!r} must be symbols of sympy, or how many there are.")
    return _potentials(st.just(symbols), degree)


def _symbols(n: int) -> State:
    return tuple(sp.symbols(f"x0:{n}", real=True))


def _rationals(low: int, high: int) -> SearchStrategy[sp.Rational]:
    return st.fractions(low, high, max_denominator=PIECES).map(_rational)


def _rational(x: Fraction) -> sp.Rational:
    return sp.Rational(x.numerator, x.denominator)


POSITIVE = st.fractions(Fraction(1, PIECES), 4, max_denominator=PIECES).map(_rational)


@st.composite
def _potentials(draw: DrawFn, states: SearchStrategy[State], degree: int) -> tuple[sp.Expr, State]:
    x = draw(states)
    stiffness = POSITIVE if degree == 2 else _rationals(-3, 3)
    U = sp.Integer(0)
    for i, xi in enumerate(x):
        stretch = xi + sum(draw(_rationals(-2, 2)) * xj for xj in x[i + 1 :])
        U += draw(stiffness) * stretch**2 / 2 - draw(_rationals(-3, 3)) * xi
        if degree == 4:
            U += draw(POSITIVE) * xi**4
    return U, x
