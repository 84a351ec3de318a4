"""What an OU process accepts, and what it says to what it does not."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.errors import (
    InvalidInput,
    NotFinite,
    NotPositiveDefinite,
    NotReal,
    NotSymmetric,
    ShapeMismatch,
    ThermoError,
    Unstable,
)
from thermolinalg.theory.potential import underdamped

A, B, D = np.array([[2.0, 1.0], [0.0, 1.0]]), np.ones(2), np.eye(2)

BAD = {
    "A not square": ((np.ones((2, 3)), B, D), ShapeMismatch, "A has shape"),
    "A empty": ((np.ones((0, 0)), B, D), ShapeMismatch, "A has shape"),
    "A a vector": ((B, B, D), ShapeMismatch, "A has shape"),
    "A ragged": (([[1], [2, 3]], B, D), NotReal, "A is not an array"),
    "A complex": ((A * 1j, B, D), NotReal, "A has dtype complex"),
    "A boolean": ((A > 0, B, D), NotReal, "A has dtype bool"),
    "A words": (("stiff", B, D), NotReal, "A has dtype"),
    "A missing": ((None, B, D), NotReal, "A has dtype object"),
    "A with NaN": ((A * np.nan, B, D), NotFinite, "A holds 4 NaN"),
    "A unstable": ((-A, B, D), Unstable, "A has an eigenvalue with real part -2"),
    "A singular": ((np.ones((2, 2)), B, D), Unstable, "A has an eigenvalue with real part"),
    "A balanced": (([[0, 1], [-1, 0]], B, D), Unstable, "A has an eigenvalue with real part 0"),
    "b too long": ((A, np.ones(3), D), ShapeMismatch, "b has shape"),
    "b a column": ((A, np.ones((2, 1)), D), ShapeMismatch, "b has shape"),
    "b of no chains": ((A, np.ones((0, 2)), D), ShapeMismatch, "b has shape"),
    "b a number": ((A, 1.0, D), ShapeMismatch, "b has shape"),
    "b infinite": ((A, B * np.inf, D), NotFinite, "b holds 2"),
    "D asymmetric": ((A, B, A), NotSymmetric, "D is not symmetric"),
    "D negative": ((A, B, [[1, 2], [2, 1]]), NotPositiveDefinite, "D has the eigenvalue -1 "),
    "D negative diagonal": ((A, B, -D), NotPositiveDefinite, "D has the eigenvalue -1 "),
    "D of another size": ((A, B, np.eye(3)), ShapeMismatch, "D has shape"),
    "D with NaN": ((A, B, D * np.nan), NotFinite, "D holds"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    arguments, error, message = BAD[name]
    with pytest.raises(error, match=message) as caught:
        tla.OU(*arguments)
    assert isinstance(caught.value, InvalidInput)
    assert isinstance(caught.value, ThermoError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"temperature": -1.0}, "temperature = -1"),
        ({"temperature": np.nan}, "temperature = nan"),
        ({"friction": 0.0}, "friction = 0"),
        ({"friction": "much"}, "friction = 'much'"),
    ],
)
def test_bad_knobs_are_named(knobs, message):
    with pytest.raises(InvalidInput, match=message):
        tla.overdamped(np.eye(2), B, **knobs)


def test_a_potential_is_symmetric_and_confining():
    with pytest.raises(NotSymmetric, match="S is not symmetric"):
        tla.overdamped(A, B)
    with pytest.raises(Unstable, match="S has the eigenvalue"):
        tla.overdamped([[1, 2], [2, 1]], B)
    with pytest.raises(ShapeMismatch, match="f has shape"):
        tla.overdamped(np.eye(2), np.ones(3))


@given(
    data=st.data(),
    n=st.integers(1, 3),
    temperature=st.floats(0.01, 100),
    friction=st.floats(0.01, 100),
    mass=st.floats(0.01, 100),
)
def test_equipartition(data, n, temperature, friction, mass):
    """At rest x has the Gibbs law of its potential and v, independently, that of its mass."""
    S, f = data.draw(testing.spd_matrices(n, condition=100)), data.draw(testing.matrices(1, n))[0]
    rest = tla.stationary(underdamped(S, f, temperature=temperature, friction=friction, mass=mass))
    cov = scipy.linalg.block_diag(temperature * np.linalg.inv(S), temperature / mass * np.eye(n))
    spread = np.sqrt(np.diag(cov))
    np.testing.assert_allclose(
        rest.cov / np.outer(spread, spread), cov / np.outer(spread, spread), atol=1e-12
    )
    position = np.linalg.solve(S, f)
    np.testing.assert_allclose(rest.mean[:n], position, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(rest.mean[n:], 0, atol=1e-12 * np.abs(position).max() / mass)


@pytest.mark.parametrize("t", [0.1, 2.0])
def test_inertia_by_the_moment_equations(t):
    process = underdamped([[3.0, 1.0], [1.0, 2.0]], [1.0, -2.0], friction=0.3, mass=0.2)
    truth, law = oracles.law_by_ode(process.A, process.b, process.D, t), tla.transition(process, t)
    for found, right in zip((law.E, law.shift, law.C), truth, strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-11 * np.abs(right).max())


@pytest.mark.parametrize("friction", [0.1, 2.0, 10.0])
def test_a_mass_on_a_spring(friction):
    """The textbook: m x'' + γ x' + s x = 0 from x = 1, v = 0, below, at and above critical damping;
    its noise heats v at 2γT/m² and x not at all."""
    mass, s = 0.5, 2.0
    process = underdamped([[s]], [0.0], temperature=3.0, friction=friction, mass=mass)
    np.testing.assert_allclose(process.D, [[0, 0], [0, 6 * friction / mass**2]])
    half = friction / (2 * mass)
    omega = np.sqrt(s / mass - half**2 + 0j)
    for t in (0.1, 1.0, 3.0):
        sine = t if omega == 0 else np.sin(omega * t) / omega
        x = np.exp(-half * t) * (np.cos(omega * t) + half * sine)
        v = -np.exp(-half * t) * s / mass * sine
        E = tla.transition(process, t).E
        np.testing.assert_allclose(E[:, 0], np.real([x, v]), rtol=1e-11, atol=1e-13)


def test_a_light_mass_moves_as_if_overdamped():
    S, f = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -1.0])
    heavy = tla.transition(tla.overdamped(S, f, friction=0.7), 0.5)
    gaps = []
    for mass in (1e-3, 1e-4):
        light = tla.transition(underdamped(S, f, friction=0.7, mass=mass), 0.5)
        gaps.append(
            np.linalg.norm(light.C[:2, :2] - heavy.C) + np.linalg.norm(light.E[:2, :2] - heavy.E)
        )
    assert gaps[0] < 1e-2
    assert gaps[1] == pytest.approx(gaps[0] / 10, rel=0.05)  # first order in the mass


def test_inertia_takes_a_drive_per_chain():
    process = underdamped(np.eye(2), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], mass=2.0)
    np.testing.assert_array_equal(process.b[:, :2], 0)
    np.testing.assert_array_equal(process.b[:, 2:], [[0.5, 1.0], [1.5, 2.0], [2.5, 3.0]])


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"temperature": -1.0}, "temperature = -1"),
        ({"friction": 0.0}, "friction = 0"),
        ({"mass": 0.0}, "mass = 0"),
        ({"mass": np.inf}, "mass = inf"),
    ],
)
def test_bad_knobs_of_inertia_are_named(knobs, message):
    with pytest.raises(InvalidInput, match=message):
        underdamped(np.eye(2), B, **knobs)


def test_inertia_needs_a_potential_that_confines():
    with pytest.raises(NotSymmetric, match="S is not symmetric"):
        underdamped(A, B)
    with pytest.raises(Unstable, match="S has the eigenvalue"):
        underdamped([[1, 2], [2, 1]], B)
    with pytest.raises(ShapeMismatch, match="f has shape"):
        underdamped(np.eye(2), np.ones(3))


def test_lists_and_integers_will_do():
    process = tla.OU([[2, 1], [0, 1]], [1, 1], [[1, 0], [0, 1]])
    assert process.A.dtype == process.b.dtype == process.D.dtype == np.float64
    assert process.n == 2


def test_rounding_in_a_symmetric_matrix_is_forgiven():
    S = np.array([[2.0, 1.0], [1.0 + 1e-15, 3.0]])
    D = tla.OU(A, B, S).D
    np.testing.assert_array_equal(D, D.T)


def test_the_drift_decides_the_dtype():
    process = tla.OU(A.astype(np.float32), B, D)
    assert process.b.dtype == process.D.dtype == np.float32


@given(process=testing.ou_processes())
def test_rates_are_real_parts_of_eigenvalues(process):
    rates = np.linalg.eigvals(process.A).real
    assert process.slowest == pytest.approx(rates.min(), rel=1e-9)
    assert process.fastest == pytest.approx(rates.max(), rel=1e-9)


@given(process=testing.ou_processes(reversible=True))
def test_modes_fall_apart(process):
    """In mode coordinates the drift is diagonal and the noise white."""
    modes = process.modes
    if modes is None:  # rounding in A = DS, read in units of A, grows with the condition of D
        assert np.linalg.cond(process.D) > 5
        return
    tolerance = 1e-10 * np.linalg.norm(process.A)
    drift = modes.dual @ process.A @ modes.basis
    np.testing.assert_allclose(drift, np.diag(modes.rates), atol=tolerance)
    np.testing.assert_allclose(modes.dual @ process.D @ modes.dual.T, np.eye(process.n), atol=1e-10)
    x = process.A
    np.testing.assert_allclose(modes.leave(modes.enter(x)), x, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "integrator"),
    [
        ("shear", "exact"),
        ("symmetric, unequal noise", "exact"),
        ("noiseless", "exact"),
        ("underdamped", "exact"),
        ("reversible", "symmetric"),
        ("reversible, unequal noise", "symmetric"),
        ("reversible, coupled noise", "symmetric"),
    ],
)
def test_detailed_balance_decides_the_integrator(name, integrator):
    process = PROCESSES[name]
    assert tla.choose_integrator(process) == integrator
    assert ("detailed balance" in repr(process)) == (integrator == "symmetric")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_coupling_of_slow_coordinates_is_no_rounding_of_fast_ones(dtype):
    """What is lost in the units of the fastest coordinate may rule the slow ones."""
    n, slow = 100, {np.float32: 1e-4, np.float64: 1e-13}[dtype]
    A = np.eye(n, dtype=dtype)
    A[-2:, -2:] = slow * np.array([[1, 0.7], [0, 1]])
    process = tla.OU(A, np.zeros(n, dtype), np.eye(n, dtype=dtype))
    assert process.modes is None
    assert not tla.obeys_detailed_balance(process)
    E = tla.transition(process, 1 / slow).E[-2:, -2:]
    np.testing.assert_allclose(E, np.exp(-1) * np.array([[1, -0.7], [0, 1]]), rtol=1e-3)


INDEFINITE = {
    "a small block beside a large one": np.array([[1e10, 0, 0], [0, 1e-6, 2e-6], [0, 2e-6, 1e-6]]),
    "a small variance": np.diag([1.0, 1.0, -5e-17]),
    "no variance but a covariance": np.array([[1.0, 0, 0], [0, 0, 1e-12], [0, 1e-12, 1.0]]),
}


@pytest.mark.parametrize("name", INDEFINITE)
def test_no_scale_hides_that_noise_is_indefinite(name):
    with pytest.raises(NotPositiveDefinite, match="D has the eigenvalue"):
        tla.OU(np.eye(3), np.zeros(3), INDEFINITE[name])


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_other_precisions_are_refused(dtype):
    with pytest.raises(NotReal, match=r"A has dtype .*single or double"):
        tla.OU(np.eye(2).astype(dtype), np.zeros(2), np.eye(2))
