"""The independent answers agree with each other, and with a case that can be done by hand."""

import numpy as np
import pytest

from tests import oracles
from tests.thermolinalg.cases import OTHERS, PUBLISHED


def relative(x, truth):
    return np.linalg.norm(x - truth) / np.linalg.norm(truth)


@pytest.mark.parametrize("t", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_oracles_agree(name, t):
    A, D = PUBLISHED[name]
    arguments = (A, np.arange(1.0, len(A) + 1), D, t)
    truth = oracles.law_in_many_digits(*arguments)
    for part, by_ode, by_lyapunov in zip(
        truth, oracles.law_by_ode(*arguments), oracles.law_by_lyapunov(*arguments), strict=True
    ):
        assert relative(by_ode, part) < 1e-11
        assert relative(by_lyapunov, part) < 1e-12


def test_one_coordinate_by_hand():
    a, b, d, t = 0.7, 2.0, 3.0, 1.3
    E, shift, C = oracles.law_by_ode([[a]], [b], [[d]], t)
    np.testing.assert_allclose(E, [[np.exp(-a * t)]], rtol=1e-13)
    np.testing.assert_allclose(shift, [(1 - np.exp(-a * t)) * b / a], rtol=1e-13)
    np.testing.assert_allclose(C, [[(1 - np.exp(-2 * a * t)) * d / (2 * a)]], rtol=1e-13)


def test_the_average_by_hand():
    a, t = 0.7, 1.3
    E, shift, C = oracles.law_by_ode(*oracles.averaged([[a]], [2.0], [[1.0]], t), t)
    np.testing.assert_allclose(E[1, 0], (1 - np.exp(-a * t)) / (a * t), rtol=1e-12)
    np.testing.assert_allclose(shift[1], 2 / a * (1 - (1 - np.exp(-a * t)) / (a * t)), rtol=1e-12)
    variance = oracles.integral_variance_by_quadrature(a, t) / t**2
    np.testing.assert_allclose(C[1, 1], variance, rtol=1e-12)


def test_the_equilibrium_is_where_the_law_ends():
    A, D = PUBLISHED["mixed"]
    _, shift, C = oracles.law_by_ode(A, [1.0, 2.0], D, 60.0)
    mean, S = oracles.stationary_in_many_digits(A, [1.0, 2.0], D)
    assert relative(shift, mean) < 1e-12
    assert relative(C, S) < 1e-12


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_planted_error_is_an_error_where_the_drift_is_not_normal(name):
    A, D = (np.asarray(x, float) for x in PUBLISHED[name])
    gap = relative(
        oracles.symmetric_part_covariance(A, D, 1.0), oracles.law_by_ode(A, A[0], D, 1.0).C
    )
    assert gap > 0.005


def test_the_planted_error_is_right_for_a_reversible_process():
    A, D = (np.asarray(x, float) for x in OTHERS["reversible"])
    truth = oracles.law_by_ode(A, A[0], D, 1.0).C
    assert relative(oracles.symmetric_part_covariance(A, D, 1.0), truth) < 1e-12
