"""The transition law x(t) | x(0) ~ N(E x(0) + shift, C), against other mathematics."""

import math

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES, PUBLISHED, SIZES, TIMES
from thermolinalg import testing
from thermolinalg.errors import InvalidInput
from thermolinalg.theory.evolution import propagate

EPS = np.finfo(float).eps


def parts(law):
    return law.E, law.shift, law.C


def assert_same_law(law, truth, *, rtol):
    for name, found, right in zip(("E", "shift", "C"), parts(law), truth, strict=True):
        gap, size = np.linalg.norm(found - right), np.linalg.norm(right)
        assert gap <= rtol * size, f"{name} is off by {gap / size:.1e} of its norm"


def assert_same_to_rounding(law, truth, process, t):
    """Rounding grows with the number of squarings of e^{-At}, and with the largest it ever is."""
    doublings = 4 + math.ceil(math.log2(1 + np.linalg.norm(process.A, 1) * t))
    E, hump = scipy.linalg.expm(-process.A * t / 2**doublings), 1.0
    for _ in range(doublings):
        hump, E = max(hump, np.linalg.norm(E)), E @ E
    slack = 4 * process.n * EPS * 2**doublings * hump**2
    relaxation = min(t, 1 / process.slowest)
    sizes = (1.0, np.linalg.norm(process.b) * relaxation, np.linalg.norm(process.D) * relaxation)
    for found, right, size in zip(parts(law), truth, sizes, strict=True):
        assert np.linalg.norm(found - right) <= slack * size


@pytest.mark.parametrize("t", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_counterexamples(name, t):
    A, D = PUBLISHED[name]
    b = np.arange(1.0, len(A) + 1)
    law = tla.transition(tla.OU(A, b, D), t)
    assert_same_law(law, oracles.law_by_lyapunov(A, b, D, t), rtol=1e-10)
    assert_same_law(law, oracles.law_by_ode(A, b, D, t), rtol=1e-10)


@pytest.mark.parametrize("t", [1e-6, 0.01, 1.0, 50.0, 1e4])
@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_in_many_digits(name, t):
    process = PROCESSES[name]
    truth = oracles.law_in_many_digits(process.A, process.b, process.D, t)
    law = tla.transition(process, t)
    assert_same_law(tla.Transition(law.E * 0, *parts(law)[1:]), (0 * law.E, *truth[1:]), rtol=1e-10)
    # A squaring doubles the relative error of E, which after long times is tiny.
    np.testing.assert_allclose(law.E, truth.E, rtol=0, atol=1e-10 * np.abs(truth.E).max() + 1e-30)


@given(process=testing.ou_processes(), t=TIMES)
def test_any_process_at_any_time(process, t):
    truth = oracles.law_in_many_digits(process.A, process.b, process.D, t)
    assert_same_to_rounding(tla.transition(process, t), truth, process, t)


@given(process=testing.ou_processes(), s=TIMES, t=TIMES)
def test_two_steps_are_one_longer_step(process, s, t):
    first, second = tla.transition(process, s), tla.transition(process, t)
    both = (
        second.E @ first.E,
        second.E @ first.shift + second.shift,
        second.E @ first.C @ second.E.T + second.C,
    )
    assert_same_to_rounding(tla.transition(process, s + t), both, process, s + t)


@given(process=testing.ou_processes(), t=TIMES)
def test_a_covariance_is_a_covariance(process, t):
    C = tla.transition(process, t).C
    np.testing.assert_array_equal(C, C.T)
    tla.Gaussian(np.zeros(process.n), C)


@pytest.mark.parametrize("name", PROCESSES)
def test_no_time_changes_nothing(name):
    process = PROCESSES[name]
    law = tla.transition(process, 0.0)
    np.testing.assert_allclose(law.E, np.eye(process.n), atol=4 * EPS)
    np.testing.assert_array_equal(law.shift, 0)
    np.testing.assert_array_equal(law.C, 0)


@given(process=testing.ou_processes(reversible=True), t=TIMES)
def test_modes_and_doubling_agree(process, t):
    general = propagate(process.A, process.b, process.D, t)
    assert_same_to_rounding(tla.transition(process, t), parts(general), process, t)


@given(data=st.data(), n=SIZES, width=st.floats(-24, 0), t=TIMES)
def test_a_narrow_noise_does_not_hide_the_drift(data, n, width, t):
    """Where a coordinate has little noise, its drift is not rounding."""
    A = data.draw(testing.stable_drifts(n))
    process = tla.OU(A, A[0], np.diag(np.logspace(0, width, n)))
    truth = oracles.law_in_many_digits(process.A, process.b, process.D, t)
    assert_same_to_rounding(tla.transition(process, t), truth, process, t)


@pytest.mark.parametrize("angle", [0.0, 0.6])
@pytest.mark.parametrize("width", [1e-12, 1e-14, 1e-24])
def test_almost_noiseless_is_not_reversible(width, angle):
    Q = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    A = Q @ [[1.0, 1e-3], [0.0, 2.0]] @ Q.T
    process = tla.OU(A, [1.0, 2.0], Q @ np.diag([1.0, width]) @ Q.T)
    E = oracles.law_by_ode(A, [1.0, 2.0], np.eye(2), 1.0).E
    np.testing.assert_allclose(tla.transition(process, 1.0).E, E, rtol=1e-12)


@given(data=st.data(), n=SIZES, chains=st.integers(1, 3), t=TIMES)
def test_drives_of_several_chains(data, n, chains, t):
    A, D, drives = (
        data.draw(testing.stable_drifts(n)),
        data.draw(testing.diffusions(n)),
        data.draw(testing.matrices(chains, n)),
    )
    shift = tla.transition(tla.OU(A, drives, D), t).shift
    assert shift.shape == (chains, n)
    for row, drive in zip(shift, drives, strict=True):
        alone = tla.transition(tla.OU(A, drive, D), t).shift
        np.testing.assert_allclose(row, alone, rtol=1e-9, atol=1e-9 * np.abs(drives).max() * t)


@pytest.mark.parametrize("name", PROCESSES)
def test_the_law_ends_at_the_equilibrium(name):
    process = PROCESSES[name]
    end, rest = tla.transition(process, 50 / process.slowest), tla.stationary(process)
    assert np.linalg.norm(end.E) < 1e-15
    np.testing.assert_allclose(end.shift, rest.mean, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(end.C, rest.cov, rtol=1e-9, atol=1e-11 * np.abs(rest.cov).max())


def test_an_unstable_drift_can_still_be_propagated():
    A, D = np.array([[-1.0, 2.0], [0.0, 0.0]]), np.eye(2)
    truth = oracles.law_by_ode(A, [1.0, 1.0], D, 3.0)
    assert_same_law(propagate(A, np.ones(2), D, 3.0), truth, rtol=1e-11)


@given(process=testing.ou_processes(), c=st.sampled_from([2.0**-10, 8.0]), t=TIMES)
def test_units_of_time_and_space(process, c, t):
    """A clock c times faster, and lengths counted in units of 1/c."""
    faster = tla.OU(c * process.A, c * process.b, c * process.D)
    wider = tla.OU(process.A, c * process.b, c * c * process.D)
    law = tla.transition(process, t)
    assert_same_to_rounding(tla.transition(faster, t / c), parts(law), process, t)
    for found, right in zip(
        parts(tla.transition(wider, t)), (law.E, c * law.shift, c * c * law.C), strict=True
    ):
        np.testing.assert_allclose(found, right, rtol=1e-10, atol=1e-10 * np.abs(right).max())


@given(data=st.data(), n=st.integers(2, 4), t=TIMES)
def test_units_of_each_coordinate(data, n, t):
    """Metres and nanometres together: every entry keeps the digits it has in units of one size."""
    A, D = data.draw(testing.stable_drifts(n)), data.draw(testing.diffusions(n))
    unit = 2.0 ** np.round(data.draw(testing.matrices(1, n, largest=40.0))[0])
    process = tla.OU(A, np.ones(n), D)
    other = tla.OU(unit[:, None] * A / unit, unit, unit[:, None] * D * unit)
    law = tla.transition(other, t)
    plain = (unit[:, None] ** -1 * law.E * unit, law.shift / unit, law.C / np.outer(unit, unit))
    truth = oracles.law_in_many_digits(A, np.ones(n), D, t)
    assert_same_to_rounding(tla.Transition(*plain), truth, process, t)


@pytest.mark.parametrize("t", [-1.0, np.nan, np.inf, "soon"])
def test_impossible_times_are_refused(t):
    with pytest.raises(InvalidInput, match=r"^t = "):
        tla.transition(PROCESSES["shear"], t)


def test_a_law_is_named_in_a_line():
    law = tla.Transition(np.diag([3.0, 4.0]), np.zeros(2), np.diag([1.0, 0.5]))
    assert repr(law) == "Transition(n=2, |E| = 5, largest variance 1)"
    many = tla.Transition(law.E, np.zeros((7, 2)), law.C)
    assert repr(many) == "Transition(n=2, 7 drives, |E| = 5, largest variance 1)"


@pytest.mark.parametrize("t", [1.0, 1e-150, 2.2250738585e-313])
def test_a_coordinate_that_noise_hardly_reaches_has_a_law(t):
    """The first coordinate feels 0.6 of one and 0.8 of the other, which move by 0.8 and -0.6."""
    A = np.array([[1.0, -0.8, 0.6], [0.0, 1.0, -2.66453526e-17], [0.0, -2.66453526e-17, 1.0]])
    D = np.zeros((3, 3))
    D[1:, 1:] = [[0.36, 0.48], [0.48, 0.64]]
    law = tla.evolve(tla.OU(A, np.zeros(3), D), np.ones(3), t)
    assert abs(law.cov[0, 0]) <= 1e-15 * t
    assert np.isfinite(law.sample(5, rng=0)).all()
