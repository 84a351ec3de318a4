"""The operators of an equation, against integrals, trajectories of moments, and each other."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import thermolinalg as tla
from tests.thermolinalg.symbolic.potentials import G, K, T, X, polynomials, stable_linear
from thermolinalg.errors import InvalidInput
from thermolinalg.symbolic.numeric import numeric
from thermolinalg.symbolic.sde import SDE

x, y, z = X


def gaussian_average(g, state):
    """The integral of g e^{-|x|²/2}, less its norm: by the moments 1, 0, 1, 0, 3, ... ."""
    return sum(
        c * sp.Mul(*(0 if k % 2 else sp.factorial2(k - 1) if k else 1 for k in powers))
        for powers, c in sp.Poly(g, *state).terms()
    )


@settings(max_examples=25)
@given(st.data(), st.integers(1, 2))
def test_fokker_planck_is_the_adjoint_of_the_generator(data, n):
    """∫ g L*p = ∫ p L g, for p a polynomial times e^{-|x|²/2}: nothing is left at infinity."""
    state = X[:n]
    f = [data.draw(polynomials(state)) for _ in state]
    B = [[data.draw(polynomials(state, degree=1)) for _ in state] for _ in state]
    sde = SDE(state, f, noise=sp.Matrix(B))
    g, weight = data.draw(polynomials(state)), data.draw(polynomials(state, degree=2))
    bell = sp.exp(-sum(s**2 for s in state) / 2)
    left = sp.expand(g * sp.expand(sde.fokker_planck_operator(weight * bell) / bell))
    assert gaussian_average(left, state) == gaussian_average(weight * sde.generator(g), state)


@settings(max_examples=25)
@given(st.data())
def test_probability_is_conserved_by_its_current(data):
    f = [data.draw(polynomials(X[:2])) for _ in range(2)]
    sde = SDE((x, y), f, noise=[[x, 1], [y, x * y]])
    p = sp.Function("p")(x, y)
    J = sde.probability_current(p)
    rate = sde.fokker_planck_operator(p)
    assert sp.expand((rate + J[0].diff(x) + J[1].diff(y)).doit()) == 0


def test_the_fokker_planck_equation_of_diffusion_is_the_heat_equation():
    sde = SDE(x, 0, 2 * K)
    a = sp.Symbol("a", positive=True)
    for t in (sp.Symbol("t"), sp.Symbol("t", positive=True)):
        kernel = sp.exp(-((x - a) ** 2) / (4 * K * t)) / sp.sqrt(4 * sp.pi * K * t)
        equation = sde.fokker_planck(kernel)
        assert equation.rhs != 0
        assert sp.simplify(equation.lhs.doit() - equation.rhs) == 0
    assert sde.fokker_planck().rhs.has(sp.Function("p"))


@settings(max_examples=15)
@given(stable_linear())
def test_moments_move_as_the_exact_law_does(drawn):
    """The equations integrated in time, against mean and covariance of the transition."""
    A, b, D, state = drawn
    sde = SDE.linear(state, A, b, D)
    equations = sde.moment_equations(2)
    assert equations.is_closed
    start, t = np.arange(1.0, len(state) + 1), 0.3
    rate = numeric(list(equations.rates.values()), equations.moments)
    of = numeric([equations.of[m] for m in equations.moments], state)
    found = solve_ivp(
        lambda _, m: rate(m), (0, t), of(start), method="DOP853", rtol=1e-12, atol=1e-12
    ).y[:, -1]
    law = tla.transition(sde.to_ou(), t)
    mean = law.E @ start + law.shift
    second = law.C + np.outer(mean, mean)
    place = [(i, j) for i in range(len(state)) for j in range(i, len(state))]
    truth = np.concatenate([mean, [second[p] for p in place]])
    np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-9 * np.abs(truth).max())


@settings(max_examples=15)
@given(stable_linear(largest=2))
def test_moments_at_rest_are_those_of_the_stationary_law(drawn):
    A, b, D, state = drawn
    sde = SDE.linear(state, A, b, D)
    moments = sde.moment_equations(2).solve_stationary()
    law = tla.stationary(sde.to_ou())
    for i, u in enumerate(state):
        for j, v in enumerate(state):
            truth = law.cov[i, j] + law.mean[i] * law.mean[j]
            assert float(moments[u * v]) == pytest.approx(truth, rel=1e-9, abs=1e-9)


def test_open_moment_equations_say_what_enters():
    equations = SDE.from_potential(x**4 / 4, x, temperature=T).moment_equations(2)
    assert [str(m) for m in equations.higher] == ["<x**3>", "<x**4>"]
    assert "not closed" in str(equations)
    assert r"\langle x^{4} \rangle" in equations.latex()
    assert len(equations.equations()) == 2
    with pytest.raises(InvalidInput, match="<x\\*\\*4>"):
        equations.solve_stationary()
    pendulum = SDE.from_potential(-sp.cos(x), x, mass=1).moment_equations(1)
    assert [str(m) for m in pendulum.higher] == ["<sin(x)>"]


def test_moments_without_rest_have_no_stationary_solution():
    with pytest.raises(InvalidInput, match="no single"):
        SDE(x, 0, 1).moment_equations(2).solve_stationary()


@pytest.mark.parametrize(
    "sde",
    [
        SDE(x, x, 2),  # its equations say <x²> = -1
        SDE(x, -x, 1 + 3 * x**2),  # a law with power tails and no second moment
        SDE((x, y), (y, -x), noise=[[0], [0]]),  # it turns for ever
    ],
    ids=str,
)
def test_moments_that_grow_have_no_stationary_solution(sde):
    with pytest.raises(InvalidInput, match="some moment grows"):
        sde.moment_equations(2).solve_stationary()


def test_a_monomial_that_cancels_is_no_average():
    """Bessel's process in a spring: d<q²>/dt = 2 + 2 g - 2 k <q²>, and no <1> enters."""
    q = sp.Symbol("q", positive=True)
    equations = SDE(q, G / q - K * q, 2).moment_equations(2)
    assert [str(m) for m in equations.higher] == ["<1/q>"]
    rate = equations.rates[sp.Symbol("<q**2>", real=True)]
    assert sp.expand(rate - (2 + 2 * G - 2 * K * sp.Symbol("<q**2>", real=True))) == 0


def test_ito_adds_half_the_curvature():
    S, mu, sigma = sp.symbols("S mu sigma", positive=True)
    formula = SDE(S, mu * S, noise=sigma * S).ito(sp.log(S))
    assert sp.simplify(formula.drift - (mu - sigma**2 / 2)) == 0
    assert sp.simplify(formula.variance - sigma**2) == 0
    assert [sp.simplify(b) for b in formula.noise] == [sigma]
    assert str(formula) == "d(log(S)) = (mu - sigma**2/2) dt + (sigma) dW_S"
    assert "mathcal{N}" in formula._repr_latex_()
    assert SDE((x, y), (0, 0), [[2, 1], [1, 2]]).ito(x * y).noise is None


def test_stratonovich_drift_of_geometric_brownian_motion():
    S, mu, sigma = sp.symbols("S mu sigma", positive=True)
    ito = SDE(S, mu * S, noise=sigma * S)
    other = ito.to_stratonovich()
    assert sp.simplify(other.drift[0] - (mu - sigma**2 / 2) * S) == 0
    assert sp.simplify(other.to_ito().drift[0] - mu * S) == 0
    by_variance = SDE(S, mu * S, (sigma * S) ** 2).to_stratonovich()
    assert sp.simplify(by_variance.drift[0] - other.drift[0]) == 0
    assert " o dW_S" in str(other)
    assert r"\circ" in other.latex()


@settings(max_examples=20)
@given(st.data())
def test_stratonovich_obeys_the_chain_rule(data):
    """In new coordinates (x, y + x²) drift and noise turn as vectors, with no curvature."""
    f = [data.draw(polynomials((x, y))) for _ in range(2)]
    B = sp.Matrix(2, 2, [data.draw(polynomials((x, y), degree=1)) for _ in range(4)])
    sde = SDE((x, y), f, noise=B, calculus="stratonovich")
    J = sp.Matrix([[1, 0], [2 * x, 1]])
    back = {y: y - x**2}  # the new y in terms of the old ones
    turned = SDE(
        (x, y),
        [sp.expand(e.subs(back)) for e in J * sp.Matrix(f)],
        noise=(J * B).subs(back),
        calculus="stratonovich",
    )
    for i, g in enumerate((x, y + x**2)):
        by_ito = sde.generator(g)
        assert sp.expand(turned.to_ito().drift[i].subs(y, y + x**2) - by_ito) == 0


@settings(max_examples=20)
@given(st.data())
def test_there_and_back_is_the_same_equation(data):
    f = [data.draw(polynomials((x, y))) for _ in range(2)]
    B = sp.Matrix(2, 3, [data.draw(polynomials((x, y), degree=1)) for _ in range(6)])
    sde = SDE((x, y), f, noise=B)
    again = sde.to_stratonovich().to_ito()
    assert [sp.expand(a - b) for a, b in zip(again.drift, f, strict=True)] == [0, 0]


def test_even_noise_reads_the_same_in_both_calculi():
    sde = SDE.from_potential(K * (x - y) ** 2 + x**4, (x, y), temperature=(T, 2 * T), friction=G)
    assert sde.to_stratonovich().drift == sde.drift
