"""Expressions as code: against sympy's own evaluation in many digits, on several libraries."""

import pickle

import array_api_strict
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.thermolinalg.symbolic.potentials import X, polynomials
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.symbolic.numeric import FUNCTIONS, numeric

x, y, z = X
ONE_SIDED = {"log": 2 + x**2, "acosh": 2 + x**2, "asin": x / 9, "acos": x / 9, "atanh": x / 9}
CASES = [
    *(getattr(sp, name)(ONE_SIDED.get(name, x * y)) for name in FUNCTIONS if name != "atan2"),
    sp.atan2(x, 2),
    sp.Max(x, 1, y),
    sp.Min(x * y, sp.pi),
    sp.Piecewise((1, x > 0), (2, True)),
    sp.Piecewise((x, (x > 0) & (y > 0)), (y, (x < -1) | ~(y > 1)), (sp.pi, True)),
    sp.Float(0.1) + sp.sqrt(2) * x * y + sp.Rational(1, 3) * x**2,
    1 / sp.sqrt(1 + x**2) + sp.sqrt(1 + y**2),
    (x - 1) ** 4 + sp.exp(-(x**2)) * sp.exp(-(x**2)),
    sp.Integer(7),
]
POINTS = np.random.default_rng(0).normal(size=(2, 3, 2))


def by_sympy(entry, points):
    flat = points.reshape(-1, 2).tolist()
    values = [sp.N(entry.subs({x: sp.Float(a, 30), y: sp.Float(b, 30)})) for a, b in flat]
    return np.array(values, float).reshape(points.shape[:-1])


@pytest.mark.parametrize("entry", CASES, ids=str)
def test_code_computes_what_sympy_evaluates(entry):
    f = pickle.loads(pickle.dumps(numeric(entry, [x, y])))
    found, truth = f(POINTS), by_sympy(entry, POINTS)
    np.testing.assert_allclose(found, truth, rtol=1e-13, atol=1e-13)
    strict = f(array_api_strict.asarray(POINTS))
    assert isinstance(strict, type(array_api_strict.asarray(0.0)))
    np.testing.assert_array_equal(np.asarray(strict), found)
    assert f(POINTS.astype("f4")).dtype == np.float32


@settings(max_examples=25)
@given(st.data())
def test_lists_and_matrices_keep_their_shape(data):
    entries = [[data.draw(polynomials(X)) for _ in range(3)] for _ in range(2)]
    points = np.random.default_rng(1).integers(-3, 4, (4, 5, 3)).astype(float)
    found = numeric(sp.Matrix(entries), X)(points)
    assert found.shape == (4, 5, 2, 3)
    truth = [[[int(e.subs(dict(zip(X, p, strict=True)))) for e in r] for r in entries]
             for p in points.reshape(-1, 3).astype(int).tolist()]  # fmt: skip
    np.testing.assert_array_equal(found.reshape(-1, 2, 3), np.array(truth))


def test_constants_have_a_value_for_every_state():
    f = numeric([sp.Integer(3), x], x)
    np.testing.assert_array_equal(f(np.ones((4, 1))), np.tile([3.0, 1.0], (4, 1)))


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (sp.Symbol("k") * x, "k have no numbers yet"),
        (sp.gamma(x), "no counterpart"),
        (sp.Piecewise((1, x > 0)), "none of its conditions"),
        (sp.Function("u")(x), "no counterpart"),
    ],
)
def test_what_has_no_code_is_refused_at_once(entry, says):
    with pytest.raises(InvalidInput, match=says):
        numeric(entry, x)


def test_states_of_the_wrong_size_are_refused():
    with pytest.raises(ShapeMismatch, match="is needed"):
        numeric(x, x)(np.ones((4, 2)))


def test_constants_are_rounded_once_and_must_fit():
    """One factor underflows; their product, 1e-48, does not."""
    f = numeric([sp.pi**-700 * sp.Integer(10) ** 300 * x, 10**30 * sp.sin(x)], [x])
    wanted = [float(sp.N(sp.pi**-700 * sp.Integer(10) ** 300)), 1e30 * np.sin(1.0)]
    np.testing.assert_allclose(f(np.ones(1)), wanted, rtol=1e-15)
    for expr in (10**400 * x, 10**400 * sp.sin(x)):
        with pytest.raises(InvalidInput, match="does not fit a float"):
            numeric(expr, [x])(np.ones(1))
