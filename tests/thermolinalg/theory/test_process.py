"""What an OU process accepts, and what it says to what it does not."""

import numpy as np
import pytest
from hypothesis import given

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES, processes, reversible_processes
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
    with pytest.raises(Unstable, match="A has an eigenvalue"):
        tla.overdamped([[1, 2], [2, 1]], B)
    with pytest.raises(ShapeMismatch, match="f has shape"):
        tla.overdamped(np.eye(2), np.ones(3))


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


@given(process=processes())
def test_rates_are_real_parts_of_eigenvalues(process):
    rates = np.linalg.eigvals(process.A).real
    assert process.slowest == pytest.approx(rates.min(), rel=1e-9)
    assert process.fastest == pytest.approx(rates.max(), rel=1e-9)


@given(process=reversible_processes())
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
