"""What samples are worth, against the double sum over their pairs in 60 digits."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.errors import Degenerate, InvalidInput

NOISY = sorted(set(PROCESSES) - {"noiseless"})


def mean_by_pairs(process, dt, samples):
    """(1/m²) Σ_jk Cov(x_j, x_k) and S, term by term."""
    n = process.n
    with mpmath.workdps(oracles.DIGITS):
        E, S = step_and_rest(process, dt)
        total, power = samples * S, mpmath.eye(n)
        for k in range(1, samples):
            power = E * power
            total += (samples - k) * (power * S + (power * S).T)
        return oracles._floats(total / samples**2, n), oracles._floats(S, n)


def mean_of_many(process, dt, samples):
    """The same, by summing the geometric series: with R = (I - E)⁻¹,
    Σ (m - k) Eᵏ over 0 < k < m is (m I - R (I - Eᵐ)) E R."""
    n, m = process.n, samples
    with mpmath.workdps(oracles.DIGITS):
        E, S = step_and_rest(process, dt)
        eye = mpmath.eye(n)
        R = (eye - E) ** -1
        later = (m * eye - R * (eye - E**m)) * E * R * S
        of_sum = m * S + later + later.T
        return oracles._floats(of_sum / mpmath.mpf(m) ** 2, n), oracles._floats(S, n)


def step_and_rest(process, dt):
    A = mpmath.matrix(process.A.tolist())
    D = mpmath.matrix(process.D.tolist())
    return mpmath.expm(-A * mpmath.mpf(dt), method="taylor"), oracles._lyapunov(A, D)


def assert_mean_is(process, dt, samples, oracle, *, rtol=1e-11):
    cov, S = oracle(process, dt, samples)
    sizes = np.sqrt(np.diag(cov))
    found = tla.covariance_of_mean(process, dt, samples)
    np.testing.assert_allclose(
        found / np.outer(sizes, sizes), cov / np.outer(sizes, sizes), atol=rtol
    )
    worth = tla.independent_samples(process, dt, samples)
    np.testing.assert_allclose(worth, np.diag(S) / np.diag(cov), rtol=rtol)


@pytest.mark.parametrize(("dt", "samples"), [(0.01, 9), (1.0, 4)])
@pytest.mark.parametrize("name", NOISY)
def test_every_pair_of_few_samples_counts(name, dt, samples):
    assert_mean_is(PROCESSES[name], dt, samples, mean_by_pairs)


@pytest.mark.parametrize("dt", [1e-6, 0.1])
@pytest.mark.parametrize("name", sorted(set(NOISY) - {"stiff"}))
def test_many_samples(name, dt):
    assert_mean_is(PROCESSES[name], dt, 999_999, mean_of_many, rtol=1e-9)


@pytest.mark.parametrize("dt", [1e-9, 1e-3, 10.0])
def test_stiff_modes_under_detailed_balance_keep_their_digits(dt):
    process = tla.OU(np.diag([1e6, 1.0, 1e-6]), np.zeros(3), np.eye(3))
    assert_mean_is(process, dt, 12_345_678, mean_of_many, rtol=1e-13)


@given(process=testing.ou_processes(), dt=st.floats(0.01, 10.0), samples=st.integers(1, 8))
def test_the_double_sum(process, dt, samples):
    lags = np.arange(samples)
    terms = (samples - lags[:, None, None]) * tla.autocovariance(process, dt * lags)
    total = terms.sum(axis=0) + terms[1:].sum(axis=0).T
    found, size = tla.covariance_of_mean(process, dt, samples), np.abs(terms[0]).max()
    np.testing.assert_allclose(found * samples**2, total, rtol=0, atol=1e-10 * size)


@pytest.mark.parametrize("name", ["shear", "reversible", "thermox README"])
def test_limits(name):
    process = PROCESSES[name]
    tau = tla.autocorrelation_time(process)
    np.testing.assert_allclose(tla.independent_samples(process, 0.3, 1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(tla.independent_samples(process, 1e3, 50), 50.0, rtol=1e-12)
    # A fine grid sums what τ integrates, up to dt² and the ends of the run.
    np.testing.assert_allclose(tla.independent_samples(process, 1e-4, 10**12), 1e8 / tau, rtol=1e-6)


def test_what_cannot_be_said():
    process = PROCESSES["shear"]
    with pytest.raises(Degenerate, match=r"coordinates \[0, 1\] have no noise"):
        tla.independent_samples(PROCESSES["noiseless"], 1.0, 3)
    assert not tla.covariance_of_mean(PROCESSES["noiseless"], 1.0, 3).any()
    for function in (tla.independent_samples, tla.covariance_of_mean):
        with pytest.raises(InvalidInput, match="dt = 0"):
            function(process, 0.0, 3)
        with pytest.raises(InvalidInput, match="samples = 0"):
            function(process, 1.0, 0)


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
@pytest.mark.parametrize("name", ["shear", "reversible"])
def test_other_libraries(name, library):
    xp, process = pytest.importorskip(library), PROCESSES[name]
    other = tla.OU(*(xp.asarray(part) for part in (process.A, process.b, process.D)))
    for quantity in (tla.independent_samples, tla.covariance_of_mean):
        found = quantity(other, 0.3, 11)
        assert isinstance(found, type(other.A))
        np.testing.assert_allclose(np.asarray(found), quantity(process, 0.3, 11), rtol=1e-13)
