"""What a process settles to: AS + SA' = D, in digits the code does not have."""

import numpy as np
import pytest
from hypothesis import given

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.errors import ShapeMismatch


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process(name):
    process = PROCESSES[name]
    mean, S = oracles.stationary_in_many_digits(process.A, process.b, process.D)
    rest = tla.stationary(process)
    np.testing.assert_allclose(rest.mean, mean, rtol=1e-10)
    np.testing.assert_allclose(rest.cov, S, rtol=1e-10, atol=1e-11 * np.abs(S).max())


@given(process=testing.ou_processes())
def test_lyapunov_equation(process):
    S = tla.stationary(process).cov
    A, size = process.A, np.linalg.norm(process.A) * np.linalg.norm(S)
    residual = np.linalg.norm(A @ S + S @ A.T - process.D)
    assert residual <= 1e3 * np.finfo(float).eps * max(size, np.linalg.norm(process.D))


@given(process=testing.ou_processes(reversible=True))
def test_detailed_balance(process):
    """No current flows at rest: AS is symmetric, and equals D/2."""
    S = tla.stationary(process).cov
    np.testing.assert_allclose(2 * process.A @ S, process.D, rtol=1e-9, atol=1e-9)


def test_temperature_scales_the_covariance_alone():
    S, f = np.array([[3.0, 2.0], [2.0, 4.0]]), np.array([1.0, 2.0])
    for temperature, friction in ((1.0, 1.0), (0.25, 1.0), (1.0, 7.0)):
        rest = tla.stationary(tla.overdamped(S, f, temperature=temperature, friction=friction))
        np.testing.assert_allclose(rest.mean, [0.0, 0.5], rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(rest.cov, temperature * np.linalg.inv(S), rtol=1e-14)


def test_one_law_at_a_time():
    with pytest.raises(ShapeMismatch, match=r"OU\(A, b\[0\], D\)"):
        tla.stationary(tla.OU(np.eye(2), np.ones((3, 2)), np.eye(2)))
