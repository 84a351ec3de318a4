"""Potentials split into quadratic form and rest, against sympy's own derivatives."""

import pickle

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.thermolinalg.symbolic.potentials import K, X, polynomials
from thermolinalg.errors import InvalidInput
from thermolinalg.symbolic.quadratic import split_quadratic

x, y, z = X
ODDITIES = [
    sp.cos(x) * y,
    K * x * (1 + 1 / x),
    (x + sp.sin(y)) ** 2,
    sp.sqrt(x) * sp.sqrt(x) * y,
    sp.exp(K * x) / (1 + y**2),
    (K + x) * (K - y) + sp.Float("0.25") * x**2,
    sp.Integer(0),
    sp.Abs(x),
]


@settings(max_examples=25)
@given(st.data())
def test_the_parts_add_up_and_are_derivatives_at_the_origin(data):
    U = data.draw(polynomials(X)) + K * data.draw(polynomials(X)) * data.draw(polynomials(X))
    q = split_quadratic(U, X)
    assert sp.expand(q.expression() - U) == 0
    origin = dict.fromkeys(X, 0)
    for i, a in enumerate(X):
        assert sp.expand(q.first.get(i, 0) - U.diff(a).subs(origin)) == 0
        for j in range(i, 3):
            second = U.diff(a, X[j]).subs(origin)
            assert sp.expand(q.second.get((i, j), 0) - second) == 0


@pytest.mark.parametrize("U", ODDITIES, ids=str)
def test_what_is_no_polynomial_goes_to_the_rest(U):
    q = pickle.loads(pickle.dumps(split_quadratic(U, X)))
    assert sp.simplify(q.expression() - U) == 0
    steep = [sp.simplify(g - U.diff(a)) for g, a in zip(q.gradient(), X, strict=True)]
    assert steep == [0, 0, 0]
    low = sp.Poly(q.expression() - q.rest, *X)
    assert low.total_degree() <= 2


def test_a_power_of_a_sum_has_a_quadratic_part():
    q = split_quadratic((x - 1) ** 4, x)
    assert (q.second, q.first, q.zeroth) == ({(0, 0): 12}, {0: -4}, 1)
    assert q.rest == x**4 - 4 * x**3
    assert not q.is_quadratic
    assert split_quadratic((x - 1) ** 4 - x**4 + 4 * x**3, x).is_quadratic


def test_a_scale_multiplies_the_gradient_entry_by_entry():
    U = (x - y) ** 2 * K + x**3 + sp.cos(y)
    q = split_quadratic(U, (x, y))
    for g, c, a in zip(q.gradient([K, sp.Integer(-2)]), (K, -2), (x, y), strict=True):
        assert sp.expand(g - c * U.diff(a)) == 0


@pytest.mark.parametrize(
    ("U", "state", "says"),
    [
        ("x**2", x, "string"),
        (x**2, "x", "sp.Symbol"),
        (x**2, [x, x], "twice"),
        (x**2, [], "empty"),
        (x**2, [x**2], "where a symbol is needed"),
        (sp.I * x, x, "complex"),
        (sp.oo * x, x, "infinity"),
        (sp.Matrix([x]), x, "scalar"),
        (x**2, sp.Symbol("w", imaginary=True), "real"),
        (x**2, 3, "list"),
    ],
)
def test_wrong_input_gets_one_clear_error(U, state, says):
    with pytest.raises(InvalidInput, match=says):
        split_quadratic(U, state)
