"""Model: quadratic programs against matrices written out by hand, and what can be done to one."""

import pickle

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import forbid_digital_solvers
from thermolinalg.errors import InvalidInput
from thermolinalg.testing import (
    assert_agrees,
    assert_covariance_matches,
    assert_mean_matches,
    matrices,
    spd_matrices,
)

CLOSE = 1e-10


@st.composite
def quadratic_programs(draw):
    """A model stated in pieces of every kind, and the S, f, T that they add up to by hand."""
    n = draw(st.integers(1, 5))
    T = draw(st.floats(0.1, 5.0))
    S, f = np.zeros((n, n)), np.zeros(n)
    k, c = draw(matrices(1, n))[0] + 3.0, draw(matrices(1, n, largest=2.0))[0]
    model = tla.Model(temperature=T)
    x = model.oscillators("x", n, stiffness=k, center=c, friction=draw(st.floats(0.1, 3.0)))
    S += np.diag(k)
    f += k * c
    if n > 1:
        pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(
            lambda p: p[0] != p[1]
        )
        for i, j in draw(st.lists(pairs, max_size=4)):
            w = draw(st.floats(0.0, 3.0))
            model.couple(x[i], x[j], w)
            e = np.eye(n)[i] - np.eye(n)[j]
            S += w * np.outer(e, e)
    if draw(st.booleans()):
        M, h = draw(spd_matrices(n)), draw(matrices(1, n, largest=3.0))[0]
        model.potential(x @ M @ x / 2 - (h * x).sum() + 7)
        S, f = S + M, f + h
    if draw(st.booleans()):
        M, h = draw(spd_matrices(n)), draw(matrices(1, n, largest=3.0))[0]
        model.quadratic("x", M, h)
        S, f = S + M, f + h
    if draw(st.booleans()):
        a, sigma, y = (
            draw(matrices(1, n))[0] + 0.01,
            draw(st.floats(0.2, 3.0)),
            draw(st.floats(-3, 3)),
        )
        model.observe((a * x).sum() + 1, y, noise=sigma)
        S += T * np.outer(a, a) / sigma**2
        f += T * a * (y - 1) / sigma**2
    return model, S, f, T


@settings(max_examples=200)
@given(quadratic_programs())
def test_the_equilibrium_of_a_quadratic_program(program):
    model, S, f, T = program
    rest = model.equilibrium()
    mean, cov = np.linalg.solve(S, f), T * np.linalg.inv(S)
    assert model.is_gaussian
    assert rest.exact
    assert np.abs(rest.mean - mean).max() <= CLOSE * (1 + np.abs(mean).max())
    assert np.abs(rest.cov - cov).max() <= CLOSE * np.abs(cov).max()


@given(quadratic_programs())
def test_the_process_settles_at_the_equilibrium(program):
    model, _, _, _ = program
    rest, law = model.equilibrium(), tla.stationary(model.process())
    assert np.abs(rest.mean - law.mean).max() <= CLOSE * (1 + np.abs(law.mean).max())
    assert np.abs(rest.cov - law.cov).max() <= CLOSE * np.abs(law.cov).max()


@given(quadratic_programs())
def test_the_log_partition_of_a_quadratic_program(program):
    """By completing the square at the mean, where the energy is that of the expression itself."""
    model, S, f, T = program
    bottom = np.linalg.solve(S, f)
    lowest = float(model.energy.subs(dict(zip(model.state, bottom.tolist(), strict=True))))
    truth = -lowest / T + 0.5 * np.linalg.slogdet(2 * np.pi * T * np.linalg.inv(S))[1]
    found = model.log_partition()
    assert found.stderr == 0
    assert abs(float(found) - truth) <= 1e-9 * (1 + abs(lowest / T) + abs(truth))


@settings(max_examples=50)
@given(quadratic_programs(), st.data())
def test_clamping_is_conditioning(program, data):
    model, S, f, T = program
    n = len(f)
    if n == 1:
        return
    held = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n - 1, unique=True))
    values = {i: 0.5 * i - 1 for i in held}
    mean, cov = np.linalg.solve(S, f), T * np.linalg.inv(S)
    free = [i for i in range(n) if i not in held]
    gain = cov[np.ix_(free, held)] @ np.linalg.inv(cov[np.ix_(held, held)])
    truth = mean[free] + gain @ (np.array(list(values.values())) - mean[held])
    truth_cov = cov[np.ix_(free, free)] - gain @ cov[np.ix_(held, free)]
    names = [x.name for x in model.state]
    law = model.posterior([names[i] for i in free], given={names[i]: v for i, v in values.items()})
    assert np.abs(law.mean - truth).max() <= CLOSE * (1 + np.abs(truth).max() + np.abs(mean).max())
    assert np.abs(law.cov - truth_cov).max() <= CLOSE * np.abs(cov).max()
    for i, v in values.items():
        model.clamp(names[i], v)
    again = model.equilibrium()
    assert np.array_equal(again.mean, law.mean)
    assert [x.name for x in model.state] == [names[i] for i in free]


@settings(max_examples=20)
@given(quadratic_programs())
def test_graph_and_model_are_one_another(program):
    model, S, f, T = program
    again = tla.Model.from_graph(model.graph(), temperature=T)
    assert np.abs(again.graph().matrix.toarray() - S).max() <= CLOSE * np.abs(S).max()
    assert np.abs(again.graph().force - f).max() <= CLOSE * (1 + np.abs(f).max())


@settings(max_examples=20)
@given(quadratic_programs())
def test_models_can_be_pickled_and_printed(program):
    model, *_ = program
    again = pickle.loads(pickle.dumps(model))
    assert str(again) == str(model)
    assert repr(again) == repr(model)
    assert again._repr_latex_() == model._repr_latex_()
    assert np.array_equal(again.graph().matrix.toarray(), model.graph().matrix.toarray())


def the_example():
    with tla.Model(temperature=0.5) as m:
        x = m.oscillators("x", 3, stiffness=[3, 2, 4], friction=1.0)
        y = m.oscillators("y", 2)
        m.couple(x[0], y[1], 0.8)
        m.potential((x[1] - y[0]) ** 2)
        m.clamp(y[1], 1.5)
    return m, x, y


def test_the_example():
    m, x, y = the_example()
    rest = m.equilibrium()
    assert rest.names == ("x_0", "x_1", "x_2", "y_0")
    assert rest[x[0]].mean[0] == pytest.approx(0.8 * 1.5 / 3.8, rel=1e-12)
    assert rest[y[0]].cov[0, 0] == pytest.approx(0.5 * (1 / 2 + 1 / 2), rel=1e-12)
    assert rest[[y[0], x[1]]].cov[0, 1] == pytest.approx(0.25, rel=1e-12)
    assert m.posterior(x[1], given={y[0]: 2.0}).mean[0] == pytest.approx(4 / 4, rel=1e-12)
    assert sorted(m.graph().edges()) == [("x_0", "y_1", 0.8), ("x_1", "y_0", 2.0)]
    assert m.graph().held == {"y_1": 1.5}


def test_samples_have_the_law_at_rest():
    m, _, _ = the_example()
    drawn, rest = m.sample(4000, rng=0), m.equilibrium()
    thinned = drawn.draws[:, ::4].reshape(-1, 4)  # e^{-16} of correlation is left
    assert drawn.names == rest.names
    assert_mean_matches(thinned, rest.mean, rest.cov)
    assert_covariance_matches(thinned, rest.cov, mean=rest.mean)
    assert np.array_equal(m.sample(100, rng=3).draws, m.sample(100, rng=3).draws)
    assert drawn.ledger.seconds("modelled") > 0


def test_samples_call_no_digital_solver(monkeypatch):
    """Linear ones come from the device: at one temperature, at two, and with masses."""
    heavy = tla.Model()
    x = heavy.oscillators("x", 2, stiffness=[1, 2], mass=[1.0, 3.0])
    heavy.couple(x[0], x[1])
    quartic = tla.Model()
    quartic.potential(quartic.oscillators("x") ** 4)
    forbid_digital_solvers(monkeypatch)
    for model in (the_example()[0], rotor(1.0, 4.0), heavy, quartic):
        assert np.isfinite(model.sample(40, rng=0).draws).all()


def test_plates_have_shapes_and_names():
    m = tla.Model()
    x = m.oscillators("x", (4, 4), stiffness=np.arange(1.0, 17).reshape(4, 4))
    z = m.oscillators("z", stiffness=2)
    assert x.shape == (4, 4)
    assert x[1, 2].name == "x_1_2"
    assert isinstance(z, sp.Symbol)
    m.couple(x[:, :-1], x[:, 1:], 2.0)
    m.couple(x[:-1], x[1:])
    m.couple(x[0, 0], z, 0.5)
    S = m.graph().matrix.toarray()
    assert len(m.graph().edges()) == 25
    assert S[0, 0] == 1 + 2 + 1 + 0.5
    m.clamp("x", np.zeros((4, 4)))
    assert m.state == (z,)
    m.release(x[3])
    assert len(m.state) == 5


def interrupted(m):
    with m:
        m.oscillators("y", stiffness=1)
        with m:
            m.clamp("x", 1)
        raise RuntimeError


def test_answers_know_plates_by_name():
    m = tla.Model()
    x = m.oscillators("x", (2, 2), stiffness=1)
    m.oscillators("x_y", 3, stiffness=2)
    drawn, rest = m.sample(40, rng=0), m.equilibrium()
    assert np.array_equal(drawn["x"], drawn.values[:, :4])
    assert np.array_equal(drawn["x_y"], drawn.values[:, 4:])
    assert np.array_equal(drawn[x[1, 0]], drawn.values[:, 2])
    assert np.allclose(rest["x_y"].cov, np.eye(3) / 2, rtol=1e-14)
    assert rest[x[1]].n == 2


def test_the_log_partition_says_how_it_is_known():
    m = tla.Model()
    m.oscillators("x", stiffness=2 * np.pi)
    assert "exact" in str(m.log_partition())
    assert abs(float(m.log_partition())) < 1e-15


def test_a_block_that_fails_leaves_the_model_as_it_was():
    m = tla.Model()
    m.oscillators("x", stiffness=1)
    with pytest.raises(RuntimeError):
        interrupted(m)
    assert [s.name for s in m.state] == ["x"]
    with m:
        m.oscillators("y", stiffness=1)
        with tla.Model() as other:
            other.oscillators("y", stiffness=4)
    assert [s.name for s in m.state] == ["x", "y"]
    assert other.equilibrium().cov[0, 0] == 0.25


def test_parameters_stay_symbols_until_they_have_numbers():
    m = tla.Model(temperature=sp.Symbol("T", positive=True))
    k = m.parameter("k")
    x = m.oscillators("x", 2, stiffness=k)
    m.couple(x[0], x[1], 2 * k)
    m.potential(k * x[0])
    assert {s.name for s in m.parameters} == {"T", "k"}
    assert sp.simplify(m.sde().drift[0] + k * x[0] + 2 * k * (x[0] - x[1]) + k) == 0
    cold = m.substitute({"T": 0.1, k: 3.0})
    assert cold.parameters == ()
    S = np.array([[9.0, -6.0], [-6.0, 9.0]])
    assert np.allclose(cold.equilibrium().cov, 0.1 * np.linalg.inv(S), rtol=1e-12)
    assert np.allclose(cold.equilibrium().mean, np.linalg.solve(S, [-3.0, 0.0]), rtol=1e-12)
    assert len(m.parameters) == 2


def test_masses_do_not_change_the_law_of_positions():
    light, heavy = tla.Model(temperature=0.3), tla.Model(temperature=0.3)
    for model, mass in ((light, None), (heavy, [1.0, 7.0])):
        x = model.oscillators("x", 2, stiffness=[1, 2], friction=[1.0, 3.0], mass=mass)
        model.couple(x[0], x[1], 0.5)
    law = tla.stationary(heavy.process())
    assert np.allclose(law.marginal([0, 1]).cov, light.equilibrium().cov, rtol=1e-10)
    assert np.allclose(law.cov[2:, 2:], np.diag([0.3 / 1.0, 0.3 / 7.0]), rtol=1e-10)
    assert np.array_equal(heavy.equilibrium().cov, light.equilibrium().cov)
    assert heavy.sample(50, rng=0).draws.shape[-1] == 2


def rotor(T1, T2, k=2.0, u=0.7):
    """Two coordinates in a tilted well, each in a bath of its own (Filliger and Reimann 2007)."""
    m = tla.Model()
    x = m.oscillators("x", stiffness=k, temperature=T1)
    y = m.oscillators("y", stiffness=k, temperature=T2)
    m.potential(u * x * y)
    return m


@given(st.floats(0.1, 5), st.floats(0.1, 5), st.floats(0.5, 3), st.floats(-0.4, 0.4))
def test_the_two_temperature_rotor(T1, T2, k, u):
    """Lyapunov's three equations for a 2 x 2 S, solved by hand."""
    m = rotor(T1, T2, k, u)
    process, rest = m.process(), m.equilibrium()
    c = -u * (T1 + T2) / (2 * (k**2 - u**2))
    cov = np.array([[(T1 - u * c) / k, c], [c, (T2 - u * c) / k]])
    Q = u * (T2 - T1) / (2 * k)  # of the current: AS - D/2 has +-Q off its diagonal
    entropy = u**2 * (T1 - T2) ** 2 / (2 * k * T1 * T2)
    assert rest.exact
    assert np.allclose(rest.cov, cov, rtol=1e-10, atol=1e-12)
    assert np.allclose(tla.irreversible_current(process), [[0, Q], [-Q, 0]], atol=1e-12)
    assert tla.entropy_production_rate(process) == pytest.approx(entropy, rel=1e-9, abs=1e-20)


def test_holding_a_driven_coordinate_is_not_conditioning():
    m = rotor(1.0, 4.0)
    law = m.equilibrium()
    conditional = law.law.condition({1: 1.0})
    assert m.posterior("x", given={"y": 1.0}).cov[0, 0] == conditional.cov[0, 0]
    m.clamp("y", 1.0)
    assert m.equilibrium().cov[0, 0] == pytest.approx(1.0 / 2.0, rel=1e-12)
    assert abs(conditional.cov[0, 0] - 0.5) > 0.01


def test_clamping_can_make_a_model_gaussian():
    m = tla.Model()
    x, y = m.oscillators("x", stiffness=1), m.oscillators("y", stiffness=1)
    m.potential(x**2 * y**2)
    assert not m.is_gaussian
    assert m.posterior(x, given={y: 2.0}).cov[0, 0] == pytest.approx(1 / 9, rel=1e-12)


def test_sde_of_a_model_simulates_like_its_process():
    m, _, _ = the_example()
    by_hand, derived = m.process(), m.sde().to_ou()
    assert np.allclose(derived.A, by_hand.A, rtol=1e-14)
    assert np.allclose(derived.b, by_hand.b, rtol=1e-14)
    assert np.allclose(derived.D, by_hand.D, rtol=1e-14)


@given(st.integers(1, 6), st.integers(1, 8), st.floats(0.1, 5), st.randoms())
def test_many_readings_are_one_quadratic_form(n, m, T, random):
    """Of linear combinations, where some say nothing and one is stated as a square elsewhere."""
    W = np.array(
        [[random.choice([0.0, random.uniform(-2, 2)]) for _ in range(n)] for _ in range(m)]
    )
    W[:, 0] += 3.0
    y, sigma = np.arange(m) / 2, np.linspace(0.2, 2.0, m)
    read, stated = tla.Model(temperature=T), tla.Model(temperature=T)
    x, same = (model.oscillators("x", n, stiffness=1.0) for model in (read, stated))
    read.observe(W @ x + 0.5, y, noise=sigma)
    stated.potential(T * (y - 0.5 - W @ same) ** 2 / (2 * sigma**2))
    S = np.eye(n) + T * W.T @ np.diag(sigma**-2.0) @ W
    mean = np.linalg.solve(S, T * W.T @ ((y - 0.5) / sigma**2))
    assert np.abs(read.equilibrium().mean - mean).max() <= CLOSE * (1 + np.abs(mean).max())
    assert np.allclose(read.graph().matrix.toarray(), S, rtol=CLOSE, atol=CLOSE)
    assert float(read.log_partition()) == pytest.approx(float(stated.log_partition()), rel=1e-9)


def test_readings_that_are_not_linear():
    m = tla.Model()
    x, y = m.oscillators("x", stiffness=1), m.oscillators("y", stiffness=1)
    k = m.parameter("k")
    m.observe([x * y, k * x, x - x], [1.0, 2.0, 3.0], noise=0.5)
    assert {s.name for s in m.parameters} == {"k"}
    assert not m.substitute({k: 1.0}).is_gaussian
    m.clamp(y, 2.0)
    rest = m.substitute({k: 1.0}).equilibrium()  # 1 + 4/0.25 + 1/0.25, and 2/0.25 + 2/0.25
    assert rest.cov[0, 0] == pytest.approx(1 / 21, rel=1e-12)
    assert rest.mean[0] == pytest.approx(16 / 21, rel=1e-12)


def test_holding_other_values_keeps_the_energy():
    m, x, y = the_example()
    one = m.equilibrium().mean
    m.release(y[1])
    m.clamp(y[1], 3.0)
    assert np.allclose(m.equilibrium().mean, 2 * one, rtol=1e-12)
    m.potential(x[0] ** 2)  # a statement more: worked out again
    assert m.equilibrium()[x[0]].mean[0] == pytest.approx(0.8 * 3 / 5.8, rel=1e-12)


def test_large_models_are_printed_short():
    m = tla.Model()
    x = m.oscillators("x", 60, stiffness=1 / 3)
    m.observe(x / 3 + 1.0, np.zeros(60), noise=0.1)
    m.observe(x.sum(), 0.0, noise=0.1)
    m.clamp(x[:40], 0.0)
    assert "observed 0.333333*x_0 + 1 = 0 ± 0.1" in str(m) or "observed x_0/3 + 1 = 0" in str(m)
    assert len(str(m).splitlines()) < 50
    assert max(map(len, str(m).splitlines())) < 120
    assert m._repr_latex_().endswith(r"\cdots$")
    assert len(m._repr_latex_()) < 5000


def test_probabilities_are_expectations():
    m = tla.Model()
    m.oscillators("x", stiffness=1)
    found = m.sample(4000, rng=0).expectation(lambda x: x[:, 0] > 0)
    assert_agrees(found, 0.5)
    assert found.stderr == pytest.approx(0.5 / np.sqrt(4000), rel=0.01)


def test_a_potential_with_a_kink_has_a_law():
    m = tla.Model(temperature=0.5)
    x = m.oscillators("x", stiffness=1)
    m.potential(2 * sp.Abs(x))
    assert float(m.landscape().hessian(np.array([0.3]))[0, 0]) == 1.0
    lengths = m.sample(2000, rng=0).expectation(lambda x: np.abs(x[:, 0]))
    volume = quad(lambda r: np.exp(-(r * r + 4 * r)), 0, np.inf)[0]
    truth = quad(lambda r: r * np.exp(-(r * r + 4 * r)), 0, np.inf)[0] / volume
    assert abs(lengths.value - truth) <= norm.isf(0.5e-6) * lengths.stderr


def test_a_longer_run_is_asked_for_and_a_shorter_one_is_not_settled():
    m = tla.Model(temperature=0.05)
    x = m.oscillators("x")
    m.potential((x**2 - 1) ** 2)
    drawn = m.sample(100, longest=256, rng=0)
    assert drawn.diagnosis.samples == 256
    assert drawn.outcome is tla.RecordOutcome.NOT_SETTLED
    warm = tla.Model()
    warm.potential(warm.oscillators("x") ** 4)
    found = warm.log_partition(atol=1e-9, longest=128, rng=0)
    assert found.outcome is tla.Outcome.BUDGET_SPENT
    assert found.samples == 128 * found.chains * len(found.nodes)


def test_a_parameter_that_is_positive_makes_formulas_simpler():
    m = tla.Model(temperature=sp.Symbol("T", positive=True))
    h = m.parameter("h", positive=True)
    x = m.oscillators("x")
    m.potential(h * x**4)
    assert m.sde().stationary_density().conditions == ()
    assert m.substitute({"h": 2, "T": 1}).parameters == ()


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.1, 10))
def test_data_are_worth_the_same_where_a_plate_has_a_bath_of_its_own(T, k, noise):
    m = tla.Model(temperature=1.0)
    x = m.oscillators("x", stiffness=k, temperature=T)
    m.observe(x, 3.0, noise=noise)
    prior = T / k  # variance
    variance = 1 / (1 / prior + 1 / noise**2)
    law = m.equilibrium()
    assert np.isclose(law.cov[0, 0], variance, rtol=1e-10)
    assert np.isclose(law.mean[0], variance * 3.0 / noise**2, rtol=1e-10)


def test_data_on_two_temperatures_at_once_are_refused():
    m = tla.Model()
    x, y = (m.oscillators(name, stiffness=1, temperature=T) for name, T in (("x", 1), ("y", 2)))
    m.observe(x, 1.0, noise=1.0)
    with pytest.raises(InvalidInput, match="more than one temperature"):
        m.observe(x + y, 1.0, noise=1.0)


@pytest.mark.parametrize("value", [0.0, -1.0])
@pytest.mark.parametrize("knob", ["friction", "mass", "temperature", "noise"])
def test_numbers_of_parameters_are_checked_as_those_given_at_once(knob, value):
    m = tla.Model()
    p = m.parameter("p")
    knobs = {} if knob == "noise" else {knob: p}
    x = m.oscillators("x", stiffness=1.0, **knobs)
    m.observe(x, 1.0, noise=p if knob == "noise" else 1.0)
    with pytest.raises(InvalidInput, match=f"{knob} = {value:g} must be > 0"):
        m.substitute({"p": value})


@pytest.mark.parametrize(
    ("energy", "slope", "curvature"),
    [
        (sp.Abs, np.sign, np.zeros_like),
        (lambda x: x * sp.sign(x), np.sign, np.zeros_like),
        (lambda x: sp.Abs(x) ** 3, lambda x: 3 * x * abs(x), lambda x: 6 * abs(x)),
        (lambda x: sp.Max(x, -2 * x), lambda x: np.where(x > 0, 1, -2), np.zeros_like),
        (lambda x: sp.Min(x, 0) ** 2, lambda x: 2 * np.minimum(x, 0), lambda x: 2.0 * (x < 0)),
    ],
)
def test_potentials_may_have_kinks(energy, slope, curvature):
    m = tla.Model()
    x = m.oscillators("x")
    m.potential(energy(x) + x**4)
    places = np.array([-3.0, -0.25, 0.5, 2.0])
    found = m.landscape()
    np.testing.assert_allclose(
        found.gradient(places[:, None])[:, 0], slope(places) + 4 * places**3, rtol=1e-12
    )
    np.testing.assert_allclose(
        found.hessian(places[:, None])[:, 0, 0], curvature(places) + 12 * places**2, rtol=1e-12
    )


@given(st.floats(-10, 0), st.floats(-1e3, 1e3), st.floats(0.1, 10))
def test_the_log_partition_counts_precise_data(digits, read, T):
    """The marginal likelihood of a reading, whose square over that of the noise is a huge number.

    The mean is a double: what its rounding adds to the energy is allowed.
    """
    noise = 10.0**digits
    m = tla.Model(temperature=T)
    x = m.oscillators("x", stiffness=T, center=read - 1.0)
    m.observe(x, read, noise=noise)
    variance = 1 + noise**2
    truth = 0.5 * np.log(2 * np.pi * noise**2 / variance) - 0.5 / variance
    rounding = (np.finfo(float).eps * read) ** 2 * (1 + noise**-2)
    far = np.finfo(float).eps * abs(read)  # the centre itself is rounded
    assert abs(m.log_partition().value - truth) <= 1e-12 * (1 + abs(truth)) + 8 * (rounding + far)


def test_a_computed_inverse_is_a_quadratic_form():
    """That of a kernel, with more rounding than symmetry; the true one is known in closed form."""
    t = np.linspace(0, 1, 12)
    K = np.exp(-(np.subtract.outer(t, t) ** 2) / 0.02) + 1e-6 * np.eye(12)
    m = tla.Model()
    m.oscillators("f", 12)
    m.quadratic("f", np.linalg.inv(K))
    assert np.allclose(m.equilibrium().cov, K, rtol=0, atol=1e-8)
