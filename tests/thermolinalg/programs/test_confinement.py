"""Which potentials have no equilibrium, and the direction that is to blame."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.thermolinalg.programs.hills import quadratic
from thermolinalg.errors import Improper, InvalidInput
from thermolinalg.programs.confinement import require_confining
from thermolinalg.programs.landscape import Landscape


def written(text, n, temperature=1.0):
    """A landscape from an expression in x, y, z; derived symbolically."""
    symbols = sp.symbols("x y z")[:n]
    U = sp.sympify(text)

    def number(expression):
        f = sp.lambdify(symbols, expression, "numpy")
        return lambda p: f(*np.moveaxis(p, -1, 0)) + 0 * p[..., 0]

    slopes = [number(sp.diff(U, a)) for a in symbols]
    bends = [[number(sp.diff(U, a, b)) for b in symbols] for a in symbols]
    return Landscape(
        number(U),
        lambda p: np.stack([f(p) for f in slopes], axis=-1),
        lambda p: np.stack([np.stack([f(p) for f in row], axis=-1) for row in bends], axis=-2),
        n,
        temperature,
        tuple(map(str, symbols)),
    )


@pytest.mark.parametrize(
    ("text", "n", "says"),
    [
        ("-x**4", 1, "falls without bound along x,"),
        ("x**3", 1, "falls without bound along -x,"),
        ("x**2 - y**2", 2, "falls without bound along y,"),
        ("x**4 + y**4 - 3*x**2*y**2", 2, r"falls without bound along x \+ y,"),
        ("(x + 2*y)**4 - y/1000", 2, r"falls without bound along -x \+ 0.5 y,"),
        ("cos(x)", 1, "stays flat along x,"),
        ("x**2*y**2", 2, "stays flat along x,"),
        ("(x - y)**2", 2, r"stays flat along x \+ y,"),
        ("x**4 - 4*x**3*y + 6*x**2*y**2 - 4*x*y**3 + y**4", 2, r"stays flat along x \+ y,"),
        ("(x - y)**2 + (y - z)**4", 3, r"stays flat along -?x [+-] y [+-] z,"),
        ("0.4*log(1 + x**2)", 1, "grows too slowly along x "),
        ("0.8*log(1 + x**2 + y**2)", 2, "grows too slowly along x "),
    ],
)
def test_what_does_not_confine_is_refused_by_its_direction(text, n, says):
    with pytest.raises(Improper, match=says):
        require_confining(written(text, n))


@pytest.mark.parametrize(
    ("text", "n", "temperature"),
    [
        ("x**4", 1, 1.0),
        ("x**2", 1, 1e-9),
        ("(x**2 - 1)**2", 1, 0.01),
        ("(x - 1000)**2/1000000", 1, 1.0),
        ("exp(x) + exp(-x)", 1, 1.0),
        ("x**2 + 10*cos(3*x)", 1, 0.1),
        ("0.6*log(1 + x**2)", 1, 1.0),
        ("1.1*log(1 + x**2 + y**2)", 2, 1.0),
        ("0.8*log(1 + x**2) + y**2", 2, 1.0),
        ("x**2*(1 + y**2)**2", 2, 1.0),
        ("x**2 + (y - x**2)**2", 2, 1.0),
        ("(x - y)**2 + (x + y)**2/1000000", 2, 1.0),
        ("x**4 - 4*x**3*y + 6*x**2*y**2 - 4*x*y**3 + y**4 + (x + y)**2", 2, 1.0),
    ],
)
def test_what_confines_passes(text, n, temperature):
    require_confining(written(text, n, temperature))


@settings(max_examples=25)
@given(seed=st.integers(0, 999), n=st.integers(2, 4), shift=st.sampled_from([0.0, 10.0]))
def test_any_flat_direction_of_a_quadratic_potential_is_found(seed, n, shift):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, n - 1))
    P, mean = X @ X.T, shift * rng.standard_normal(n)
    with pytest.raises(Improper):
        require_confining(quadratic(P, mean))
    require_confining(quadratic(P + np.eye(n), mean))


def test_a_potential_that_is_no_number_is_refused():
    with pytest.raises(InvalidInput, match="no real number along -x"):
        require_confining(written("x**2 - log(x)", 1))
