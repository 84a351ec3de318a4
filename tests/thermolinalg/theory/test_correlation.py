"""Memory in time and frequency, against moment equations, quadrature and 60-digit eigenvalues."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad_vec, solve_ivp

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.errors import Degenerate, InvalidInput, NotFinite, NotReal, Unstable
from thermolinalg.theory.correlation import (
    autocorrelation_time,
    autocovariance,
    relaxation_times,
    spectral_density,
    spectral_gap,
)
from thermolinalg.theory.potential import underdamped

EPS = np.finfo(float).eps
MILD = sorted(set(PROCESSES) - {"stiff"})  # what an explicit integrator of the moments can follow
NOISY = sorted(set(MILD) - {"noiseless"})
Q = np.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))[0]
STIFF = tla.OU((Q * np.logspace(0, 12, 4)) @ Q.T, np.ones(4), np.diag([1.0, 2.0, 3.0, 4.0]))
JORDAN = tla.OU(Q @ (np.eye(4) + np.eye(4, k=1)) @ Q.T, np.ones(4), np.eye(4))


def rest_covariance(process):
    return oracles.stationary_in_many_digits(process.A, process.b, process.D)[1]


def one_sided_transform(process, omega):
    """∫₀^∞ e^{-iωt} C(t) dt with dC = -AC dt from C(0) = S, until e^{-t slowest} is rounding."""
    n = process.n
    start = np.concatenate([rest_covariance(process).ravel(), np.zeros(n * n)]).astype(complex)

    def slope(t, y):
        C = y[: n * n].reshape(n, n)
        return np.concatenate([(-process.A @ C).ravel(), np.exp(-1j * omega * t) * y[: n * n]])

    size = np.abs(start).max()
    y = solve_ivp(
        slope, (0.0, 45 / process.slowest), start, method="DOP853", rtol=1e-12, atol=1e-14 * size
    ).y[:, -1]
    return y[n * n :].reshape(n, n)


@pytest.mark.parametrize("lag", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("name", MILD)
def test_autocovariance_decays_as_the_mean_does(name, lag):
    process = PROCESSES[name]
    S = rest_covariance(process)
    C = oracles.law_by_ode(process.A, process.b, process.D, lag).E @ S if lag else S
    tolerance = {"rtol": 0, "atol": 1e-11 * np.abs(S).max()}
    np.testing.assert_allclose(autocovariance(process, lag), C, **tolerance)
    np.testing.assert_allclose(autocovariance(process, -lag), C.T, **tolerance)


def test_a_table_of_lags():
    process = PROCESSES["shear"]
    lags = [[0.0, 1.0, -1.0], [0.5, -2.0, 3.0]]
    table = autocovariance(process, lags)
    assert table.shape == (2, 3, 2, 2)
    for index, lag in np.ndenumerate(lags):
        np.testing.assert_array_equal(table[index], autocovariance(process, lag))
    assert autocovariance(process, []).shape == (0, 2, 2)


@pytest.mark.parametrize("omega", [0.0, 0.7, -3.0])
@pytest.mark.parametrize("name", NOISY)
def test_spectrum_is_the_fourier_transform_of_the_autocovariance(name, omega):
    process = PROCESSES[name]
    half = one_sided_transform(process, omega)
    P = half + half.conj().T
    found = spectral_density(process, omega)
    np.testing.assert_array_equal(found, found.conj().T)
    np.testing.assert_allclose(found, P, rtol=0, atol=1e-9 * np.abs(half).max())


@pytest.mark.parametrize("name", ["shear", "whirl", "underdamped", "one noise for all"])
def test_power_at_all_frequencies_is_the_covariance(name):
    process = PROCESSES[name]
    total, error = quad_vec(
        lambda w: spectral_density(process, w).real / math.pi, 0, np.inf, epsabs=1e-10
    )
    np.testing.assert_allclose(total, rest_covariance(process), rtol=0, atol=2 * error + 1e-10)


def test_no_noise_no_power():
    assert not spectral_density(PROCESSES["noiseless"], [0.0, 1.0]).any()


@given(process=testing.ou_processes(), omega=st.floats(-100, 100))
def test_power_is_positive(process, omega):
    P = spectral_density(process, omega)
    assert np.linalg.eigvalsh(P).min() >= -8 * process.n * EPS * np.abs(P).max()


@pytest.mark.parametrize("name", sorted(set(PROCESSES) - {"one coordinate"}))
def test_relaxation_times_in_many_digits(name):
    process = PROCESSES[name]
    with mpmath.workdps(60):
        rates = mpmath.eig(mpmath.matrix(process.A.tolist()), right=False)
        truth = np.array(sorted((float(1 / mpmath.re(rate)) for rate in rates), reverse=True))
    np.testing.assert_allclose(relaxation_times(process), truth, rtol=1e-9)
    assert spectral_gap(process) == pytest.approx(1 / truth[0], rel=1e-9)


@pytest.mark.parametrize(("process", "truth"), [(STIFF, np.logspace(0, -12, 4)), (JORDAN, 1.0)])
def test_times_that_rounding_blurs(process, truth):
    """It is said by how much, and those who can live with that get them."""
    with pytest.raises(InvalidInput, match="stiff or near a Jordan block") as caught:
        relaxation_times(process)
    with pytest.raises(InvalidInput):
        spectral_gap(process)
    rtol = float(str(caught.value).rpartition("rtol=")[2].rstrip("."))
    assert rtol < 1e-2
    np.testing.assert_allclose(relaxation_times(process, rtol=rtol), truth, rtol=rtol)


@pytest.mark.parametrize("size", [2, 5])
@pytest.mark.parametrize("rtol", [None, 0.5, 10.0])
def test_no_error_is_small_enough_at_a_jordan_block(size, rtol):
    process = tla.OU(np.eye(size) + np.eye(size, k=1), np.zeros(size), np.eye(size))
    for ask in (relaxation_times, spectral_gap):
        with pytest.raises(InvalidInput, match=r"no bound .* parallel .*autocovariance") as caught:
            ask(process, rtol=rtol)
        assert "rtol" not in str(caught.value)


def test_a_rate_that_is_lost_in_the_fastest_has_no_bound():
    process = tla.OU([[1.0, 1e-3], [1e-3, 1e16]], [0.0, 0.0], np.eye(2))
    with pytest.raises(InvalidInput, match=r"no bound .* so stiff"):
        relaxation_times(process, rtol=0.5)


def test_a_diagonal_drift_is_as_it_says():
    process = tla.OU(np.diag([1e-3, 1e12, 1.0]), np.ones(3), np.diag([1.0, 2.0, 0.0]))
    np.testing.assert_array_equal(relaxation_times(process), [1e3, 1.0, 1e-12])


@pytest.mark.parametrize("name", NOISY)
def test_autocorrelation_time_is_the_area_of_the_autocorrelation(name):
    process = PROCESSES[name]
    area, S = one_sided_transform(process, 0.0).real, rest_covariance(process)
    truth = 2 * np.diag(area) / np.diag(S)
    found = autocorrelation_time(process)
    np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-9 * truth.max())


@pytest.mark.parametrize("name", ["reversible", "whirl", "stiff", "underdamped"])
def test_autocorrelation_time_is_the_price_of_an_average(name):
    """T Var(average over T)/S_ii, started at rest, is τ_i - c/T up to what has decayed: two long
    times give τ_i."""
    process = PROCESSES[name]
    S, n, T = rest_covariance(process), process.n, 60 / process.slowest
    with mpmath.workdps(60):
        A = mpmath.matrix(process.A.tolist())

        def inflation(T):
            """2/T ∫₀ᵀ (T - t) C(t) dt/S: e^{-At} twice integrated, as blocks of one exponential."""
            block = mpmath.matrix(3 * n)
            for i in range(n):
                block[i, n + i] = block[n + i, 2 * n + i] = 1
                for j in range(n):
                    block[2 * n + i, 2 * n + j] = -A[i, j]
            twice = mpmath.expm(block * T, method="taylor")[:n, 2 * n :]
            return np.array(
                [float(2 / T * (twice * mpmath.matrix(S.tolist()))[i, i]) for i in range(n)]
            )

        truth = (2 * inflation(2 * T) - inflation(T)) / np.diag(S)
    np.testing.assert_allclose(autocorrelation_time(process), truth, rtol=1e-9, atol=1e-12)


def test_stiff_processes_keep_the_digits_of_averages():
    with mpmath.workdps(60):
        A, D = (mpmath.matrix(M.tolist()) for M in (STIFF.A, STIFF.D))
        P = A**-1 * D * (A.T) ** -1
        power = np.array([float(P[i, i]) for i in range(4)])
    truth = power / np.diag(rest_covariance(STIFF))
    np.testing.assert_allclose(autocorrelation_time(STIFF), truth, rtol=1e-13)


def test_what_cannot_be_said():
    with pytest.raises(Degenerate, match=r"coordinates \[0, 1\] have no noise"):
        autocorrelation_time(PROCESSES["noiseless"])
    with pytest.raises(Unstable, match="at these frequencies"):
        spectral_density(STIFF, [0.0, 1.0])
    with pytest.raises(NotFinite, match="lag"):
        autocovariance(JORDAN, np.nan)
    with pytest.raises(NotFinite, match="frequency"):
        spectral_density(JORDAN, [0.0, np.inf])
    with pytest.raises(NotReal, match="frequency has dtype complex"):
        spectral_density(JORDAN, 1j)
    with pytest.raises(InvalidInput, match="rtol = 0"):
        relaxation_times(JORDAN, rtol=0.0)


def test_units_do_not_make_a_process_hard():
    light = underdamped([[2.0]], [1.0], mass=1e-12)
    overdamped = tla.overdamped([[2.0]], [1.0])
    for omega in (0.0, 3.0):
        found = spectral_density(light, omega)[0, 0]
        assert found.real == pytest.approx(spectral_density(overdamped, omega)[0, 0].real, rel=1e-9)


def test_the_drive_does_not_matter():
    process = PROCESSES["shear"]
    driven = tla.OU(process.A, np.ones((3, 2)), process.D)
    for memory in (autocorrelation_time, relaxation_times, lambda p: autocovariance(p, 1.0)):
        np.testing.assert_array_equal(memory(driven), memory(process))


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
@pytest.mark.parametrize("name", ["shear", "reversible"])
def test_other_libraries(name, library):
    xp, process = pytest.importorskip(library), PROCESSES[name]
    other = tla.OU(*(xp.asarray(part) for part in (process.A, process.b, process.D)))
    for quantity in (
        lambda p: autocovariance(p, [[0.0, 1.0], [-1.0, 2.0]]),
        lambda p: spectral_density(p, [0.0, 0.3]),
        relaxation_times,
        autocorrelation_time,
    ):
        found, right = quantity(other), quantity(process)
        assert isinstance(found, type(other.A))
        np.testing.assert_allclose(np.asarray(found), right, rtol=64 * EPS, atol=64 * EPS)


def test_single_precision():
    process = PROCESSES["reversible"]
    small = tla.OU(*(np.float32(part) for part in (process.A, process.b, process.D)))
    assert spectral_density(small, 0.3).dtype == np.complex64
    for quantity in (relaxation_times, autocorrelation_time, lambda p: autocovariance(p, 1.0)):
        found = quantity(small)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, quantity(process), rtol=1e-5)
