"""Solutions keep their digits where the condition number would take them, or say that they cannot.

The truth comes from rational numbers and from 60-digit arithmetic.
"""

from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from thermolinalg import testing
from thermolinalg.errors import Unstable
from thermolinalg.theory.equilibrium import TRUSTED, solve_lyapunov
from thermolinalg.theory.refinement import SLICES, product, slices, two_sum

EPS = np.finfo(float).eps
Q = np.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))[0]
JORDAN = np.eye(4, k=1)
WHIRLS = scipy.linalg.block_diag([[1.0, -1e9], [2e9, 3.0]], [[2.0, 5e8], [-1e9, 1.0]])


def symmetric(decades):
    A = (Q * np.logspace(0, decades, 4)) @ Q.T
    return (A + A.T) / 2


HARD = {  # drift, noise
    "stiff": (symmetric(9), np.diag([1.0, 2.0, 3.0, 4.0])),
    "stiffer": (symmetric(12), np.diag([1.0, 2.0, 3.0, 4.0])),
    "stiff, reversible": (symmetric(12), np.eye(4)),
    "stiff, triangular": (np.array([[1e12, 1.0], [0.0, 1.0]]), np.eye(2)),
    "far from normal": (np.array([[1e-6, 1e3], [0.0, 1e6]]), np.eye(2)),
    "light mass": (np.array([[0.0, -1.0], [1e12, 1e12]]), np.diag([0.0, 2e12])),
    "nearly singular": (np.array([[1.0, 1.0], [1.0, 1 + 1e-12]]), np.diag([1.0, 2.0])),
    "Jordan block": (np.eye(4) + JORDAN, np.eye(4)),
    "Jordan block, turned": (Q @ (np.eye(4) + JORDAN) @ Q.T, np.eye(4)),
    "slow Jordan block": (0.01 * np.eye(4) + JORDAN, np.eye(4)),
    "fast whirls": (Q @ WHIRLS @ Q.T, np.diag([1.0, 2.0, 3.0, 4.0])),
    "graded noise": (np.array([[1.0, 0.5], [0.2, 2.0]]), np.diag([1.0, 1e-20])),
}


def assert_right_digits(process, within):
    """In units of each coordinate's own spread."""
    mean, S = oracles.stationary_in_many_digits(process.A, process.b, process.D)
    rest, spread = tla.stationary(process), np.sqrt(np.diag(S))
    assert np.abs((rest.cov - S) / np.outer(spread, spread)).max() <= within
    assert np.abs(rest.mean - mean).max() <= within * np.abs(mean).max()


@pytest.mark.parametrize("name", HARD)
def test_every_digit_of_an_equilibrium(name):
    A, D = HARD[name]
    assert_right_digits(tla.OU(A, np.arange(1.0, len(A) + 1), D), 4 * EPS)


@given(data=st.data(), decades=st.floats(0, 18), spread=st.floats(0, 6))
def test_half_of_the_digits_or_an_error(data, decades, spread):
    """Stiff, far from normal and, beyond 16 decades, stable only on paper."""
    turn, above = (
        data.draw(testing.orthogonal_matrices(3)),
        np.triu(data.draw(testing.matrices(3, 3)), 1) * 10.0**spread,
    )
    A = turn @ (np.diag(np.logspace(-decades / 2, decades / 2, 3)) + above) @ turn.T
    try:
        process = tla.OU(A, np.ones(3), np.diag([1.0, 2.0, 3.0]))
        assert_right_digits(process, TRUSTED)
    except Unstable:
        # Of a chain of three, 10^spread each, Lyapunov's operator has a condition of 10^(5 spread)
        # or so, and refinement ends at 10^16.
        assert decades + 2 * spread > 6


def test_what_cannot_be_known_is_not_answered():
    A = np.triu(np.full((4, 4), 1e3), 1) + np.diag(np.logspace(-6, 6, 4))
    with pytest.raises(Unstable, match="stable only within rounding"):
        solve_lyapunov(Q @ A @ Q.T, np.eye(4))


@given(data=st.data(), rows=st.integers(1, 3), inner=st.integers(1, 40), columns=st.integers(1, 3))
def test_a_product_in_twice_the_precision(data, rows, inner, columns):
    exponents = data.draw(testing.matrices(rows, inner, largest=8.0))
    A = data.draw(testing.matrices(rows, inner)) * 10.0**exponents
    X = data.draw(testing.matrices(inner, columns))
    high, low = product(slices(A, axis=1), X)
    for i in range(rows):
        for j in range(columns):
            pairs = zip(A[i], X[:, j], strict=True)
            exact = sum(Fraction(a) * Fraction(x) for a, x in pairs)
            left = abs(exact - Fraction(high[i, j]) - Fraction(low[i, j]))
            assert left <= 2.0**-90 * inner * np.abs(A[i]).max() * np.abs(X[:, j]).max()


@given(M=testing.matrices(3, 5))
def test_slices_add_up_and_multiply_without_rounding(M):
    cut = slices(M, axis=1)
    assert len(cut) <= SLICES
    np.testing.assert_array_equal(sum(cut[::-1]), M)
    other = slices(M.T, axis=0)
    for left in cut:
        for right in other:
            exact = [
                [sum(map(Fraction, left[i] * right[:, j])) for j in range(3)] for i in range(3)
            ]
            np.testing.assert_array_equal(left @ right, np.array(exact, float))


@given(a=st.floats(-1e100, 1e100), b=st.floats(-1e100, 1e100))
def test_a_sum_and_its_error(a, b):
    total, error = two_sum(np.float64(a), np.float64(b))
    assert Fraction(float(total)) + Fraction(float(error)) == Fraction(a) + Fraction(b)
