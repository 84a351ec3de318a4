"""Stationary densities: against numbers, quadrature, and sympy's own derivatives."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

import thermolinalg as tla
from tests.thermolinalg.symbolic.potentials import G, K, M, T, X, quadratics, small, stable_linear
from thermolinalg.errors import Degenerate, InvalidInput, Unstable
from thermolinalg.symbolic.sde import SDE
from thermolinalg.testing import potentials, sizes

x, y, z = X
Q = sp.Symbol("Q", positive=True)


def left_over(sde, density):
    """L* p/p by plain derivatives of p itself, which the library never takes."""
    p, D = sp.exp(density.log_density), sde.to_ito().diffusion
    total = 0
    for i, u in enumerate(sde.state):
        total -= (sde.to_ito().drift[i] * p).diff(u)
        for j, v in enumerate(sde.state):
            total += (D[i, j] * p).diff(u, v) / 2
    return sp.simplify(sp.expand(total / p))


@settings(max_examples=200)
@given(quadratics(), st.sampled_from([None, M]), small)
def test_fokker_planck_annihilates_the_law_of_a_quadratic_potential(drawn, mass, bend):
    S, force, state = drawn
    vector = sp.Matrix(state)
    U = K * (vector.T * S * vector)[0] / 2 - (force.T * vector)[0] + bend * T
    sde = SDE.from_potential(U, state, temperature=T, friction=G, mass=mass)
    density = sde.stationary_density()
    p = density.log_density
    left = sum(-f.diff(u) - f * p.diff(u) for f, u in zip(sde.drift, sde.state, strict=True)) + sum(
        d / 2 * (p.diff(u, u) + p.diff(u) ** 2)
        for d, u in zip(sde.diffusion.diagonal(), sde.state, strict=True)
    )
    assert sp.expand(left) == 0
    assert "checked by symbols" in density.verified
    assert density.is_gaussian


@settings(max_examples=10)
@given(stable_linear(largest=3))
def test_a_linear_system_has_the_law_that_numbers_give(drawn):
    A, b, D, state = drawn
    sde = SDE.linear(state, A, b, D)
    density = sde.stationary_density()
    law, truth = density.gaussian(), tla.stationary(sde.to_ou())
    scale = np.abs(truth.cov).max()
    np.testing.assert_allclose(law.cov, truth.cov, rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(law.mean, truth.mean, rtol=1e-10, atol=1e-10 * scale**0.5)
    assert left_over(sde, density) == 0


@settings(max_examples=10)
@given(quadratics(largest=2))
def test_the_norm_of_a_normal_law_is_its_integral(drawn):
    S, force, state = drawn
    vector = sp.Matrix(state)
    U = (vector.T * S * vector)[0] / 2 - (force.T * vector)[0] + 1
    density = SDE.from_potential(U, state, temperature=2).stationary_density()
    at = {s: sp.Rational(1, 3) for s in state}
    found = float(density.expression.subs(at))
    law = tla.Gaussian.from_precision(np.array(S / 2, float), np.array(force / 2, float)[:, 0])
    assert np.log(found) == pytest.approx(float(law.log_prob(np.full(len(state), 1 / 3))), rel=1e-9)


def test_two_temperatures_with_symbols():
    """Two springs between two baths: <x²> - <y²> is linear in the difference of temperatures."""
    hot, cold = sp.symbols("T_1 T_2", positive=True)
    sde = SDE.from_potential((x**2 + y**2) / 2 + x * y / 2, (x, y), temperature=(hot, cold))
    density = sde.stationary_density()
    assert "linear" in density.how
    assert left_over(sde, density) == 0
    moments = sde.moment_equations(2).solve_stationary()
    P = -sp.hessian(density.log_density, (x, y))
    cov = sp.Matrix([[moments[x**2], moments[x * y]], [moments[x * y], moments[y**2]]])
    assert (P * cov).applyfunc(sp.simplify) == sp.eye(2)
    flow = sde.probability_current(density.expression)
    assert sp.simplify(flow[0].subs({hot: 2, cold: 1, x: 1, y: 1})) != 0


DENSITIES = [
    (SDE.from_potential((x**2 - 1) ** 2, x, temperature=T), "Gibbs"),
    (SDE.from_potential(x**4 + x * y + y**4, (x, y), temperature=T, friction=(G, 2)), "Gibbs"),
    (SDE.from_potential(x**4, x, temperature=T, mass=M, friction=G), "Gibbs"),
    (SDE(Q, K * Q * (1 - Q), noise=Q), "balance"),  # logistic growth
    (SDE(Q, K * (G - Q), T**2 * Q), "balance"),  # Cox, Ingersoll and Ross
    (SDE(x, -x, 1 + x**2), "balance"),  # a law with power tails
    (SDE((x, y), (-(x**3) + y, x - y**3 - y), [2 * T, 2 * T]), "balance"),
    (SDE((x, y), (-x, -2 * y), [[2, 1], [1, 2]]), "linear"),
]


@pytest.mark.parametrize(("sde", "how"), DENSITIES, ids=lambda c: str(c)[:40])
def test_densities_are_stationary(sde, how):
    density = sde.stationary_density()
    assert how in density.how
    assert left_over(sde, density) == 0
    assert "~ exp(" in str(density)
    assert density.latex() in density._repr_latex_()


@pytest.mark.parametrize(
    "sde",
    [
        SDE.from_potential(x**4, x, temperature=2),
        SDE.from_potential((x**2 - 1) ** 2, x),
        SDE(Q, Q * (1 - Q), noise=Q),
        SDE(Q, 2 * (3 - Q), Q),
    ],
    ids=repr,
)
def test_norms_agree_with_quadrature(sde):
    density = sde.stationary_density()
    low = 0.0 if density.state[0].is_positive else -np.inf
    f = density.numeric()
    found, error = quad(lambda q: float(np.exp(f(np.array([q])))), low, np.inf)
    assert abs(float(density.norm) - found) <= 10 * error


def test_the_norm_of_a_product_is_the_product_of_norms():
    density = SDE.from_potential(x**4, x, temperature=2, mass=3).stationary_density()
    alone = SDE.from_potential(x**4, x, temperature=2).stationary_density()
    assert sp.simplify(density.norm - alone.norm * sp.sqrt(2 * sp.pi * 2 / 3)) == 0
    assert SDE.from_potential(x**4 + x, x).stationary_density().norm is None
    assert SDE.from_potential(x**4 + x * y + y**2, (x, y)).stationary_density().norm is None


def test_angles_live_on_a_circle():
    pendulum = SDE.from_potential(-G * sp.cos(x), x, temperature=T, mass=M)
    density = pendulum.stationary_density(angles=x)
    assert left_over(pendulum, density) == 0
    assert density.norm is None
    assert not density.is_gaussian
    driven = SDE(x, K - sp.sin(x), 2 * T)
    with pytest.raises(InvalidInput, match="x is no angle"):
        driven.stationary_density(angles=[x])
    with pytest.raises(InvalidInput, match="y, which is no coordinate"):
        driven.stationary_density(angles=[y])
    with pytest.raises(Degenerate, match="along y"):
        SDE.from_potential(-sp.cos(x) * y**2, (x, y)).stationary_density(angles=x)


def test_conditions_say_where_parameters_allow_a_law():
    unknown = sp.Symbol("c", real=True)
    density = SDE.from_potential(unknown * x**2 / 2, x, temperature=T).stationary_density()
    assert density.conditions == (unknown / T,)
    mu, sigma = sp.symbols("mu sigma", positive=True)
    (growth,) = SDE(Q, mu * Q * (1 - Q), noise=sigma * Q).stationary_density().conditions
    assert sp.simplify(growth - (2 * mu / sigma**2 - 1)) == 0
    assert not SDE.from_potential(K * x**2, x, temperature=T).stationary_density().conditions


@pytest.mark.parametrize(
    ("sde", "error", "says"),
    [
        (SDE.from_potential(-(x**2), x), Degenerate, "along x "),
        (SDE.from_potential((x - y) ** 2, X[:2]), Degenerate, r"along x \+ y"),
        (SDE.from_potential((x - 2 * y) ** 4, X[:2]), Degenerate, r"along x \+ 0.5 y"),
        (SDE.from_potential(x**4 - y**4, X[:2]), Degenerate, "y"),
        (SDE.from_potential(x**4 + y**4 - 5 * x**2 * y**2, X[:2]), Degenerate, "y"),
        (SDE.from_potential(-sp.cos(x), x), Degenerate, "along x"),
        (SDE.from_potential(x**3, x), Degenerate, "along x"),
        (SDE.from_potential(sp.log(1 + x**2) / 4, x), Degenerate, "along x"),
        (SDE(Q, Q, noise=2 * Q), Degenerate, "along Q"),
        (SDE(x, x, 1), Unstable, "mode along x"),
        (SDE((x, y), (-x, -y), [1, 0]), Degenerate, "no width along y"),
        (SDE((x, y), (y - x**3, -x - y), [1, 1]), InvalidInput, "curl of .* between x and y"),
        (SDE((x, y), (y, -(x**3) - y), [0, 1]), InvalidInput, "x has no noise of its own"),
        (SDE((x, y), (-(x**3), -y), noise=sp.Matrix([x, y])), InvalidInput, "D is singular"),
        (SDE(x, -sp.tan(x), 1), InvalidInput, "cannot tell whether it falls off along x"),
        (
            SDE.linear(X, sp.Matrix(3, 3, sp.symbols("a:9")), [0, 0, 0], sp.eye(3)),
            InvalidInput,
            "fills pages. Substitute numbers for all but 2",
        ),
        (SDE.from_potential(x**4, x, temperature=0), InvalidInput, "x has no noise"),
    ],
    ids=lambda c: str(c)[:40],
)
def test_what_has_no_law_or_no_known_one_is_refused(sde, error, says):
    with pytest.raises(error, match=says):
        sde.stationary_density()


def test_a_law_that_is_not_normal_or_has_no_numbers_is_no_gaussian():
    with pytest.raises(InvalidInput, match="not normal"):
        SDE.from_potential(x**4, x).stationary_density().gaussian()
    with pytest.raises(InvalidInput, match="T has no number"):
        SDE.from_potential(x**2, x, temperature=T).stationary_density().gaussian()


def test_large_linear_systems_are_checked_by_their_coefficients():
    n = 6
    A = np.eye(n) * 3 + np.triu(np.ones((n, n)))
    sde = SDE.linear(sp.symbols(f"x:{n}"), A, np.arange(n), np.eye(n))
    density = sde.stationary_density()
    assert "floating point" in density.verified
    np.testing.assert_allclose(
        density.gaussian().cov, tla.stationary(sde.to_ou()).cov, rtol=1e-10, atol=1e-12
    )


SPLIT = [
    SDE(x, -x - 1 / x, 2),  # exp(-x²/2)/x, negative on one side and not integrable
    SDE(x, 1 / x - x, 2),
    SDE(x, 1 - x, x**2),  # inverse gamma, on x > 0
    SDE(x, K * (G - x), T * x * (1 - x)),  # beta, on (0, 1)
    SDE(Q, (sp.Rational(1, 2) - Q) / 10, Q * (1 - Q)),
    SDE.from_potential(x**2 + y**2 + sp.sqrt(x - 1), (x, y)),
]


@pytest.mark.parametrize("sde", SPLIT, ids=str)
def test_a_law_on_one_side_of_a_wall_is_not_given_on_both(sde):
    with pytest.raises(InvalidInput, match="changes its sign"):
        sde.stationary_density()


@pytest.mark.parametrize(
    ("U", "proper"),
    [
        (x**2 + sp.log(x**2) / 4, True),  # exp(-U) ~ |x|^(-1/2)
        (x**2 + sp.log(x**2) / 2, False),
        (x**2 + sp.log(sp.Abs(x - 1)), False),
        (x**2 - 3 * sp.log((x - 2) ** 2), True),
        (x**2 + 1 / x**2, True),
        (x**2 - 1 / x**2, False),
        (x**2 + 1 / x, False),  # at 0 from below
    ],
)
def test_the_integral_is_finite_at_poles_too(U, proper):
    """By what the integral gains as the distance to the pole is halved: less and less, or not."""
    pole = 2 if U.has(x - 2) else 1 if U.has(x - 1) else 0
    f = sp.lambdify(x, sp.exp(-U), "mpmath")
    edges = [0.02, 0.01, 0.005]
    gains = [
        sum(mpmath.quad(f, sorted([pole + s * a, pole + s * b])) for s in (1, -1))
        for a, b in pairwise(edges)
    ]
    assert (gains[1] < 0.9 * gains[0]) == proper
    if proper:
        SDE.from_potential(U, x).stationary_density()
    else:
        with pytest.raises(Degenerate, match="integral is infinite"):
            SDE.from_potential(U, x).stationary_density()


@pytest.mark.parametrize(
    ("U", "curve"),
    [
        ((x**2 - 2 * y**2) * (x**2 - 4 * y**2), lambda s: (3**0.5 * s, s)),
        (x**4 + y**2 - 3 * x**2 * y, lambda s: (s, 1.5 * s**2)),
        (T * (x**4 + y**4 + z**4) - 4 * T * x**2 * y * z, lambda s: (1.5 * s, s, s)),
    ],
    ids=["between two cones", "along a parabola", "with a parameter"],
)
def test_a_potential_that_falls_off_the_axes_has_no_law(U, curve):
    state = tuple(sorted(U.free_symbols - {T}, key=str))
    along = [U.subs(T, 1).subs(dict(zip(state, curve(s), strict=True))) for s in (10, 100)]
    assert along[1] < along[0] < 0
    with pytest.raises(Degenerate, match="for large s"):
        SDE.from_potential(U, state, temperature=T).stationary_density()


@settings(max_examples=15)
@given(potentials(sizes(3), degree=4))
def test_confining_potentials_keep_their_law(drawn):
    U, state = drawn
    density = SDE.from_potential(U, state, temperature=T).stationary_density()
    assert sp.expand(density.log_density + U / T) == 0


@pytest.mark.parametrize(
    "D",
    [np.zeros((6, 6)), np.diag([1, 1, 1, 1, 1, 0.0]), np.outer(range(1, 7), range(1, 7)) / 9],
    ids=["none", "one silent", "one noise"],
)
@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_many_coordinates_without_noise_of_their_own_have_no_density(D, size):
    """Of A = I the covariance is D/2, as singular as D."""
    sde = SDE.linear(sp.symbols("x:6", real=True), np.eye(6) * 1.1, np.ones(6), D * size)
    with pytest.raises(Degenerate, match="no width along"):
        sde.stationary_density()


def test_noise_that_travels_reaches_every_coordinate():
    """A chain of six, with noise on the first alone: widths fall, and the law is normal."""
    A = np.eye(6) - np.eye(6, k=-1)
    sde = SDE.linear(sp.symbols("x:6", real=True), A, np.zeros(6), np.diag([1, 0, 0, 0, 0, 0]))
    cov = sde.stationary_density().gaussian().cov
    D = np.diag([1.0, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(A @ cov + cov @ A.T, D, atol=1e-9)


def test_conditions_are_found_along_rays_and_between_quarters():
    k = sp.Symbol("k")
    density = SDE.from_potential(k * x**4 + y**4, (x, y)).stationary_density()
    assert density.conditions == (k, k + 1)
    loose = SDE.from_potential(y**2 * (sp.Rational(1, 2) - sp.sin(2 * x) ** 2), (x, y))
    with pytest.raises(Degenerate, match="along y"):  # stiff at quarters, not between
        loose.stationary_density(angles=x)
