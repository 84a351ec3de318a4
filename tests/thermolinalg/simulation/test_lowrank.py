"""Diagonal plus low rank in n + k coordinates: the exact law, at any condition, on any library."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import TIMES
from tests.thermolinalg.simulation.steps import assert_same_law, law_of
from tests.thermolinalg.theory.test_lowrank import dense
from thermolinalg import testing
from thermolinalg.backend import to_numpy
from thermolinalg.errors import InvalidInput
from thermolinalg.simulation.lowrank import DiagonalPlusLowRank
from thermolinalg.theory.lowrank import LowRank

CHAINS = 20_000
U = np.array([[1.0, 2.0], [0.0, 1.0], [-1.0, 3.0], [0.5, 0.0], [2.0, -1.0]])
FRICTION = np.array([0.5, 1.0, 2.0, 8.0, 1.5])
F = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
SPRINGS = {
    "one friction": tla.overdamped(LowRank(0.4, U, [1.0, 0.3]), F, friction=0.7),
    "a friction each": tla.overdamped(LowRank(0.4 * FRICTION, U), F, friction=FRICTION),
    "cold": tla.overdamped(LowRank(0.4, U), F, temperature=0.0),
    "dependent columns": tla.overdamped(LowRank(0.4, U[:, [0, 0, 1]]), F),
    "one column": tla.overdamped(LowRank(0.4, U[:, :1]), F, temperature=3.0),
    "ill-conditioned": tla.overdamped(LowRank(2.0**-20, U, [2.0**20, 2.0**-20]), F),  # by 1e13
}


def truth(network, dt):
    """By 60-digit arithmetic on the matrix, which the code never forms.

    Formed here, it rounds: not for numbers as round as those of SPRINGS, so any condition will do.
    """
    A = to_numpy(network.A @ np.eye(network.n))
    return oracles.law_in_many_digits(A, network.b, network.diffusion * np.eye(network.n), dt)


def assert_exact(network, dt):
    assert_same_law(
        law_of(DiagonalPlusLowRank().prepare(network, dt), network.n), truth(network, dt)
    )


@pytest.mark.parametrize("dt", [1e-9, 0.3, 20.0])
@pytest.mark.parametrize("name", SPRINGS)
def test_a_step_has_the_exact_law(name, dt):
    assert tla.choose_integrator(SPRINGS[name]) == "lowrank"
    assert_exact(SPRINGS[name], dt)


@st.composite
def springs(draw):
    """A level, weights and frictions over decades; columns dependent or zero now and then."""
    n = draw(st.integers(2, 4))
    k = draw(st.integers(1, n - 1))
    number = st.floats(-2, 2).map(lambda e: 10.0**e)
    factor, weights = draw(testing.matrices(n, k)), draw(st.lists(number, min_size=k, max_size=k))
    friction = np.array(draw(st.lists(number, min_size=n, max_size=n)))
    stiffness = LowRank(draw(number) * friction, factor, weights)
    temperature = draw(st.sampled_from([0.0, 1.0]))
    return tla.overdamped(
        stiffness, np.arange(1.0, n + 1), friction=friction, temperature=temperature
    )


@given(network=springs(), dt=TIMES)
@settings(max_examples=30)
def test_any_such_process_is_stepped_exactly(network, dt):
    assert_exact(network, dt)


def test_a_stiff_direction_keeps_its_digits():
    """At condition 1e13 the variance along a column is its own, not what rounding leaves of the
    wide noise that the coordinates r carry there: kicks lose √condition, not condition."""
    u, level, weight = U[:, 0], 1e-6, 1e6
    rate = level + weight * u @ u
    network = tla.overdamped(LowRank(level, u[:, None], [weight]), np.zeros(5))
    step = DiagonalPlusLowRank().prepare(network, 1 / level)
    kicks = step.leave(step.color(np.eye(6)[:, None, :]))[:, 0, :]
    rounding = 8 * np.finfo(float).eps * np.sqrt(rate / level)
    assert ((kicks @ u) ** 2).sum() == pytest.approx(u @ u / rate, rel=rounding)


def test_a_drive_along_a_column_keeps_its_digits_whatever_the_condition():
    """u'x rests at 1/(1 + level). Across u the rounding of u as a drive is all there is."""
    u, level = np.linalg.qr(U)[0][:, 0], 1e-12
    network = tla.overdamped(LowRank(level, u[:, None]), u, temperature=0)
    for x0 in (None, u):
        run = tla.simulate(network, [0.0, 100 / level], x0=x0, rng=0)
        assert u @ run.states[0, -1] == pytest.approx(1 / (1 + level), rel=1e-14)


BLOCK = np.array([[0.6, -0.8], [0.8, 0.6], [0.0, 0.0], [0.0, 0.0]])
WIDE, NARROW = 1e20, 1e-12
"""Variances: two coordinates are held tight, two are nearly free, and no floating-point array of
states has to hold both in one number. Their ratio is the square of what eps can tell apart."""
TIGHT = tla.overdamped(LowRank(1 / WIDE, BLOCK, [1 / NARROW] * 2), np.zeros(4))


def test_coordinates_within_the_columns_feel_nothing_of_the_wide_noise():
    _, _, C = law_of(DiagonalPlusLowRank().prepare(TIGHT, 100 * WIDE), 4)
    np.testing.assert_allclose(C[:2, :2], NARROW * np.eye(2), rtol=0, atol=1e-13 * NARROW)
    np.testing.assert_allclose(C[2:, 2:], WIDE * np.eye(2), rtol=0, atol=1e-13 * WIDE)


def test_records_within_the_columns_feel_nothing_of_the_wide_noise():
    """What a record says of them is what the states say, one by one."""
    samples, dt = 200, 100 * WIDE
    x = tla.simulate(TIGHT, dt * np.arange(samples + 1), rng=3).states[0, 1:, :2]
    found = tla.measure(TIGHT, dt, samples, tla.Covariance(), rng=3).values[0][:2, :2]
    testing.assert_covariance_matches(x, NARROW * np.eye(2))
    np.testing.assert_allclose(found, np.cov(x.T), rtol=1e-11 + 2 / samples)


def test_the_law_after_irregular_steps():
    network, times = SPRINGS["a friction each"], np.array([1.0, 1.2, 1.4, 2.5])
    x0 = tla.Gaussian(F, np.diag(FRICTION))
    run = tla.simulate(network, times, x0=x0, chains=CHAINS, rng=1)
    assert run.integrator == "lowrank"
    A, mean, cov = network.A @ np.eye(5), x0.mean, x0.cov
    for k, dt in enumerate(np.diff(times), start=1):
        E, shift, C = oracles.law_by_ode(A, network.b, np.diag(network.diffusion), dt)
        mean, cov = E @ mean + shift, E @ cov @ E.T + C
        testing.assert_mean_matches(run.states[:, k], mean, cov)
        testing.assert_covariance_matches(run.states[:, k], cov, mean=mean)


def test_one_long_chain_visits_the_gibbs_law():
    """Samples 20 of the slowest times apart are independent; blocks leave no trace."""
    network = SPRINGS["one friction"]
    apart = 20 / network.slowest
    x = tla.simulate(network, np.arange(5001) * apart, rng=2).states[0, 1:]
    cov = np.linalg.inv(dense(LowRank(0.4, U, [1.0, 0.3])))
    testing.assert_mean_matches(x, cov @ F, cov)
    testing.assert_covariance_matches(x, cov, mean=cov @ F)


def test_a_planted_error_is_caught():
    network = SPRINGS["one friction"]
    x = tla.simulate(network, [0.0, 40.0 / network.slowest], chains=CHAINS, rng=2).states[:, 1]
    wrong = np.linalg.inv(dense(LowRank(0.45, U, [1.0, 0.3])))
    with pytest.raises(AssertionError):
        testing.assert_covariance_matches(x, wrong, mean=x.mean(axis=0))


@pytest.mark.parametrize("integrator", ["lowrank", "chebyshev"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["array_api_strict", "torch"])
def test_other_libraries_take_the_same_path(name, dtype, integrator):
    xp = pytest.importorskip(name)

    def run(factor):
        S = LowRank(0.4 * FRICTION, factor, [1.0, 0.3])
        network = tla.overdamped(S, F, friction=FRICTION)
        return tla.simulate(network, [0, 0.1, 0.2, 0.5], x0=F, rng=0, integrator=integrator).states

    right, found = run(U.astype(dtype)), run(xp.asarray(U, dtype=getattr(xp, dtype)))
    assert isinstance(found, type(xp.asarray(0.0)))
    assert (str(right.dtype), found.dtype) == (dtype, getattr(xp, dtype))
    tolerance = 1000 * np.finfo(dtype).eps * np.abs(right).max()
    np.testing.assert_allclose(to_numpy(found), right, rtol=0, atol=tolerance)


def test_a_thousand_times_prepare_one_decomposition(monkeypatch):
    calls, svd = [], np.linalg.svd
    monkeypatch.setattr(np.linalg, "svd", lambda *a, **k: calls.append(a) or svd(*a, **k))
    network = tla.overdamped(LowRank(0.4, U), F)
    tla.explain(network)
    assert not calls
    tla.simulate(network, [0.0, 0.1, 0.3, 0.6, 1.0], rng=0)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("process", "message"),
    [
        (tla.overdamped(np.eye(2), [0, 0]), "needs a Network whose A is a LowRank"),
        (
            tla.overdamped(LowRank(FRICTION, U), F),
            r"number all along.*from 0.5 to 8\..*'chebyshev'",
        ),
        (tla.overdamped(LowRank(1.0, U), F, friction=FRICTION), r"from 0.125 to 2"),
        (tla.overdamped(LowRank(1.0, np.eye(5)), F), "fewer columns than coordinates"),
    ],
)
def test_what_it_refuses_is_named(process, message):
    with pytest.raises(InvalidInput, match=f"integrator 'lowrank' .*{message}"):
        tla.simulate(process, [0.0, 1.0], integrator="lowrank")
    assert tla.choose_integrator(process) != "lowrank"
    with pytest.raises(InvalidInput, match="integrator 'lowrank' needs"):
        DiagonalPlusLowRank().prepare(process, 0.1)
