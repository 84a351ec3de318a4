"""What a model says in symbols: its equation of motion annihilates its law at rest."""

import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla

NUMBERS = st.fractions(1, 5, max_denominator=8).map(float)


@st.composite
def rational_programs(draw):
    """Quadratic models of one to three coordinates, whose numbers are short decimals."""
    n = draw(st.integers(1, 3))
    model = tla.Model(temperature=draw(NUMBERS))
    k, c = ([draw(NUMBERS) for _ in range(n)] for _ in range(2))
    x = model.oscillators("x", n, stiffness=k, center=c, friction=[draw(NUMBERS) for _ in range(n)])
    for i in range(n - 1):
        model.couple(x[i], x[i + 1], draw(NUMBERS))
    a, b = draw(NUMBERS), draw(NUMBERS)
    model.potential((a * x[0] - b * x[-1]) ** 2 / 2 + x[-1])
    return model


@settings(max_examples=200)
@given(rational_programs())
def test_the_fokker_planck_operator_annihilates_the_law_at_rest(model):
    """L*p/p, in which no exponential is left."""
    (exponent,) = model.equilibrium().density.args
    assert sp.expand(model.sde().coefficients.annihilation(exponent)) == 0


@settings(max_examples=10)
@given(rational_programs())
def test_so_it_does_as_it_is_written(model):
    density = model.equilibrium().density
    left = model.sde().fokker_planck_operator(density)
    assert sp.expand(sp.powsimp(left / density, force=True)) == 0


@settings(max_examples=10)
@given(rational_programs())
def test_the_check_can_fail(model):
    """At another temperature the same density is not at rest."""
    density = model.equilibrium().density ** sp.Rational(1, 2)
    left = model.sde().fokker_planck_operator(density)
    assert sp.expand(sp.powsimp(left / density, force=True)) != 0


@settings(max_examples=10)
@given(rational_programs())
def test_the_law_of_the_equation_is_that_of_the_model(model):
    by_symbols = model.sde().stationary_density()
    ratio = sp.log(model.equilibrium().density) - by_symbols.log_density
    slopes = [sp.expand(sp.expand_log(ratio, force=True).diff(x)) for x in model.state]
    assert slopes == [0] * len(slopes)


def test_a_held_coordinate_is_a_number_in_the_equation():
    m = tla.Model()
    x, y = m.oscillators("x", stiffness=1), m.oscillators("y")
    m.potential(x**2 * y**2)
    m.clamp(y, 3)
    assert m.sde().state == (x,)
    assert sp.expand(m.sde().drift[0] + 19 * x) == 0
