"""Random potentials are polynomials that confine, with exact coefficients."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from tests.thermolinalg.testing.shrinking import found
from thermolinalg import testing
from thermolinalg.errors import InvalidInput


@given(drawn=testing.potentials(degree=2))
def test_wells_of_degree_two_are_positive_definite_by_their_minors(drawn):
    U, state = drawn
    H = sp.hessian(U, state)
    assert not H.free_symbols
    minors = [H[:k, :k].det() for k in range(1, len(state) + 1)]
    assert all(minor.is_Rational and minor > 0 for minor in minors)


@given(drawn=testing.potentials(degree=4), seed=st.integers(0, 99))
def test_of_degree_four_the_highest_terms_rise_in_every_direction(drawn, seed):
    U, state = drawn
    P = sp.Poly(U, *state)
    assert P.total_degree() == 4
    assert all(c.is_Rational for c in P.coeffs())
    top = {powers: float(c) for powers, c in P.terms() if sum(powers) == 4}
    u = np.random.default_rng(seed).standard_normal((50, len(state)))
    rise = sum(c * np.prod(u ** np.array(powers), axis=1) for powers, c in top.items())
    assert (rise >= 0.25 / len(state) * (u**2).sum(axis=1) ** 2 * (1 - 1e-12)).all()


def test_double_wells_and_couplings_come_and_are_small():
    def double(drawn):
        U, state = drawn
        return U.diff(state[0], 2).subs(dict.fromkeys(state, 0)) < 0

    def coupled(drawn):
        return any(
            not drawn[0].diff(x, y).is_zero for x, y in zip(drawn[1], drawn[1][1:], strict=False)
        )

    U, (x,) = found(testing.potentials(degree=4), double)
    assert sp.expand(U - (x**4 - x**2 / 2)) == 0
    U, (x, y) = found(testing.potentials(), coupled)
    assert sp.expand(U - ((x + y) ** 2 + y**2) / 2) == 0


def test_symbols_may_be_given():
    x, y = sp.symbols("x y")
    U, state = found(testing.potentials((x, y)), lambda _: True)
    assert state == (x, y)
    assert sp.expand(U - (x**2 + y**2) / 2) == 0


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"degree": 3}, "degree = 3 must be 2 or 4"),
        ({"state": 0}, "n = 0 must be an integer >= 1"),
        ({"state": []}, "must be symbols"),
        ({"state": ["x"]}, "must be symbols"),
    ],
)
def test_a_wrong_argument_is_named(arguments, match):
    with pytest.raises(InvalidInput, match=match):
        testing.potentials(**arguments)
