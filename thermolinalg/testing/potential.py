"""Hypothesis strategies for confining potentials, as exact expressions of sympy."""

from collections.abc import Sequence
from typing import TypeAlias

import sympy as sp
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from thermolinalg.errors import InvalidInput
from thermolinalg.testing.matrix import Size, sized

State: TypeAlias = tuple[sp.Symbol, ...]

SIZES = [sp.Rational(text) for text in ("1", "2", "3", "1/2", "3/2", "1/3", "1/4")]
POSITIVE = st.sampled_from(SIZES)
SIGNED = st.sampled_from([sp.Integer(0), *(sign * size for size in SIZES for sign in (1, -1))])
"""Coefficients. They shrink to the first, and in the time of one choice each."""


def potentials(
    state: Size | Sequence[sp.Symbol] = None, *, degree: int = 2
) -> SearchStrategy[tuple[sp.Expr, State]]:
    """Pairs (U, state) of a potential U that confines and the real symbols that it is of.

    Coefficients are rational, so that what holds can be shown, not only compared. Of degree 2,
    U = ½ Σ k_i (x_i + Σ_{j>i} l_ij x_j)² - f'x with k_i > 0, a form that every positive definite
    stiffness has. Of degree 4, k_i may be negative, as in double wells, and Σ q_i x_i⁴ with q_i > 0
    confines. They shrink to ½x² and x⁴.

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


@st.composite
def _potentials(draw: DrawFn, states: SearchStrategy[State], degree: int) -> tuple[sp.Expr, State]:
    x = draw(states)
    terms = []
    for i, xi in enumerate(x):
        lengths = [draw(SIGNED) * xj for xj in x[i + 1 :]]
        stiffness = draw(POSITIVE if degree == 2 else SIGNED)
        terms += [stiffness * sp.Add(xi, *lengths) ** 2 / 2, -draw(SIGNED) * xi]
        terms += [draw(POSITIVE) * xi**4] if degree == 4 else []
    return sp.Add(*terms), x
