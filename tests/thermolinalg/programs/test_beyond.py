"""Models whose potential is not quadratic, against quadrature. False alarm: 1e-6 for each test."""

import math

import numpy as np
import pytest
import sympy as sp
from scipy import stats
from scipy.integrate import dblquad, quad

import thermolinalg as tla
from thermolinalg.measurement.diagnosis import RecordOutcome
from thermolinalg.testing import assert_agrees

LEVELS = np.linspace(-1.5, 1.5, 7)


def well(height, temperature=1.0, tilt=0.0):
    m = tla.Model(temperature=temperature)
    x = m.oscillators("x")
    m.potential(height * (x**2 - 1) ** 2 + tilt * x)
    return m


def quartic():
    m = tla.Model(temperature=0.7)
    m.potential(2 * m.oscillators("x") ** 4)
    return m


def weight(model):
    """exp(-U/T) by sympy's own arithmetic, of one coordinate."""
    (x,) = model.state
    energy = sp.lambdify(x, model.energy, "math")
    return lambda value: math.exp(-energy(value) / model.temperature)


def below(model, level):
    """The probability of x <= level, by quadrature."""
    return quad(weight(model), -8, level)[0] / quad(weight(model), -8, 8, points=[-1, 0, 1])[0]


@pytest.mark.parametrize(
    "model", [quartic(), well(1.0), well(1.2, tilt=0.3)], ids=["quartic", "well", "tilted"]
)
def test_marginals_are_those_of_quadrature(model):
    drawn = model.sample(2000, rng=1)
    found = drawn.expectation(lambda x: (x <= LEVELS).astype(float))
    truth = np.array([below(model, level) for level in LEVELS])
    limit = stats.norm.isf(1e-6 / (2 * LEVELS.size))
    inside = (truth > 0.005) & (truth < 0.995)  # where thousands of draws make a mean normal
    assert drawn.outcome is RecordOutcome.RELIABLE
    assert inside.sum() >= 3
    assert np.all(np.abs(found.value - truth)[inside] <= limit * found.stderr[inside])


@pytest.mark.parametrize("model", [quartic(), well(1.0)], ids=["quartic", "well"])
def test_log_partition_is_that_of_quadrature(model):
    found = model.log_partition(rng=2)
    truth = math.log(quad(weight(model), -8, 8, points=[-1, 0, 1])[0])
    assert abs(math.expm1(float(found) - truth)) <= 0.01
    assert abs(float(found) - truth) <= stats.norm.isf(0.5e-6) * found.stderr


def test_a_gaussian_part_is_counted_exactly_in_a_log_partition():
    """The quartic has the same error bar alone; constants, forces and clamps count."""
    alone, m = quartic(), tla.Model(temperature=0.7)
    x, y = m.oscillators("x"), m.oscillators("y", 3, stiffness=[1, 2, 3], center=0.5)
    m.potential(2 * x**4 + 1.3)
    m.couple(y[0], y[1], 0.4)
    m.clamp(y[2], 2.0)
    S, f = np.array([[1.4, -0.4], [-0.4, 2.4]]), np.array([0.5, 1.0])
    lowest = 0.125 + 0.25 + 1.5 * 1.5**2 + 1.3 - f @ np.linalg.solve(S, f) / 2
    exact = -lowest / 0.7 + 0.5 * np.linalg.slogdet(2 * np.pi * 0.7 * np.linalg.inv(S))[1]
    whole, part = m.log_partition(rng=3), alone.log_partition(rng=3)
    assert whole.stderr == part.stderr
    assert float(whole) == pytest.approx(exact + float(part), rel=1e-12)
    by_parts = m.log_partition(rtol=1e-3, atol=0.0, rng=3)
    assert abs(float(by_parts) - float(whole)) <= stats.norm.isf(0.5e-6) * math.hypot(
        by_parts.stderr, whole.stderr
    )


def test_the_log_partition_of_a_quartic_in_closed_form():
    """Z = 2 Gamma(5/4) (T/a)^(1/4), wanted to 1 %."""
    truth = 2 * math.gamma(1.25) * (0.7 / 2) ** 0.25
    assert abs(math.exp(quartic().log_partition(rng=0)) / truth - 1) <= 0.01


@pytest.mark.parametrize("seed", range(3))
def test_a_deep_double_well_does_not_settle(seed):
    drawn = well(30.0).sample(1000, rng=seed, longest=4000)
    assert drawn.outcome is RecordOutcome.NOT_SETTLED
    assert "NOT_SETTLED" in str(drawn).splitlines()[0]


def test_a_posterior_of_a_model_that_is_not_gaussian():
    m = tla.Model(temperature=0.5)
    x, y = m.oscillators("x", stiffness=1), m.oscillators("y", stiffness=1)
    z = m.oscillators("z", stiffness=2)
    m.potential(0.3 * x**4 * (1 + y**2) + x * z)
    m.observe(y, 0.4, noise=0.5)
    drawn = m.posterior([y, x], given={z: 1.2}, rng=0)

    def density(b, a):
        energy = a**2 / 2 + b**2 / 2 + 0.3 * a**4 * (1 + b**2) + 1.2 * a
        return math.exp(-energy / 0.5 - (b - 0.4) ** 2 / (2 * 0.25))

    def integral(f):
        return dblquad(lambda b, a: f(a, b) * density(b, a), -5, 5, -5, 5, epsabs=1e-9)[0]

    total = integral(lambda a, b: 1.0)  # noqa: ARG005
    truth = np.array([integral(lambda a, b: b), integral(lambda a, b: a)]) / total  # noqa: ARG005
    assert drawn.names == ("y", "x")
    assert_agrees((drawn.mean, drawn.stderr), truth)


def test_what_is_not_tied_to_a_quartic_is_known_exactly():
    with tla.Model(temperature=0.5) as m:
        x = m.oscillators("x", 3, stiffness=[3, 2, 4])
        y = m.oscillators("y", 2)
        m.couple(x[0], y[1], 0.8)
        m.potential((x[1] - y[0]) ** 2 + 0.1 * x[2] ** 4)
        m.clamp(y[1], 1.5)
    rest = m.equilibrium()
    assert not rest.exact
    assert rest[x[0]].mean[0] == pytest.approx(0.8 * 1.5 / 3.8, rel=1e-12)
    assert rest[[y[0], x[1]]].cov == pytest.approx(np.array([[0.5, 0.25], [0.25, 0.25]]), rel=1e-12)
    assert m.posterior(x[1], given={y[0]: 2.0}).mean[0] == pytest.approx(1.0, rel=1e-12)
    assert "x_0" in str(rest)
    assert "x_2 " not in str(rest)
    assert m.posterior(x[2], rng=0).names == ("x_2",)
    m.couple(x[2], x[0], 0.1)  # now it is tied
    assert isinstance(m.posterior(x[0], rng=0), tla.Samples)
    m.clamp(x[2], 0.0)  # and now it is not
    assert m.equilibrium().exact


def test_a_part_in_a_bath_of_its_own_is_known():
    """Its temperature alone matters to it, though the whole is no Gibbs law."""
    m = tla.Model()
    x = m.oscillators("x", stiffness=2, temperature=3)
    y = m.oscillators("y", stiffness=1)
    m.potential(y**4)
    rest = m.equilibrium()
    assert rest.knowledge is tla.Knowledge.UNKNOWN
    assert rest[x].cov[0, 0] == pytest.approx(1.5, rel=1e-12)


def test_a_power_of_a_distance_keeps_its_digits_far_from_zero():
    """The law is that about zero, moved."""
    m = tla.Model()
    m.potential((m.oscillators("x") - 5e3) ** 4)
    drawn = m.sample(2000, rng=0)
    square = drawn.expectation(lambda x: (x[:, 0] - 5e3) ** 2)
    truth = math.gamma(0.75) / math.gamma(0.25)
    assert drawn.outcome is RecordOutcome.RELIABLE
    assert abs(square.value - truth) <= stats.norm.isf(0.5e-6) * square.stderr


def test_the_motion_itself_can_be_simulated():
    m = well(1.0)
    path = tla.simulate(m.process(), np.arange(0, 2.0, 0.01), chains=4, rng=0)
    assert path.states.shape == (4, 200, 1)
    heavy = tla.Model()
    x = heavy.oscillators("x", 2, mass=[1.0, 2.0])
    heavy.potential((x**4).sum() / 4)
    assert tla.simulate(heavy.process(), np.arange(0, 1.0, 0.01), rng=0).states.shape[-1] == 4


def test_energy_slope_and_curvature_are_those_of_the_expression():
    m = tla.Model()
    x = m.oscillators("x", 4, stiffness=[1, 2, 3, 4])
    m.couple(x[0], x[3], 0.7)
    m.potential(sp.cos(x[1]) + x[2] ** 4 * x[0] + sp.exp(-x[1] * x[3]) - x[0])
    landscape, rng = m.landscape(), np.random.default_rng(0)
    points = rng.standard_normal((5, 4))
    energy = sp.lambdify(m.state, m.energy, "mpmath")
    step, truth = 1e-20j, [float(energy(*p)) for p in points]
    assert landscape.energy(points) == pytest.approx(truth, rel=1e-12)
    for i in range(4):
        slopes = [complex(energy(*(p + step * np.eye(4)[i]))).imag / 1e-20 for p in points]
        assert landscape.gradient(points)[:, i] == pytest.approx(slopes, rel=1e-12, abs=1e-12)
        ahead, behind = (
            landscape.gradient(points + sign * 1e-5 * np.eye(4)[i]) for sign in (1, -1)
        )
        curvature = (ahead - behind) / 2e-5
        assert landscape.hessian(points)[:, i] == pytest.approx(curvature, rel=1e-7, abs=1e-7)
