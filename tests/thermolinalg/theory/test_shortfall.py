"""The shortfall of a covariance on its way from zero, against the law of the process itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import SIZES, TIMES
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, ShapeMismatch


@given(data=st.data(), n=SIZES, t=TIMES)
def test_it_is_the_distance_to_the_covariance_at_rest(data, n, t):
    """By matrices: of the soft modes at rest, all others at zero."""
    A = data.draw(testing.spd_matrices(n, condition=10))
    K = data.draw(st.integers(0, n))
    a, U = np.linalg.eigh(A)
    soft = (U[:, :K] / a[:K]) @ U[:, :K].T
    E, _, cov = oracles.law_by_lyapunov(A, np.zeros(n), 2 * np.eye(n), t)
    gap = np.linalg.norm(E @ soft @ E.T + cov - np.linalg.inv(A))
    assert tla.shortfall(a[K:], t) == pytest.approx(gap, rel=1e-6, abs=1e-11 / a[0])


@given(rates=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6), error=st.floats(1e-12, 1e4))
def test_the_time_is_the_first_with_so_small_an_error(rates, error):
    t = tla.settling_time(rates, error)
    if t == 0:
        assert tla.shortfall(rates, 0.0) <= error * (1 + 1e-12)
    else:
        assert tla.shortfall(rates, t) == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("d", [50, 1000])
@pytest.mark.parametrize(
    ("error", "cold", "warm"), [(1e-2, 5.30, 0.29), (1e-3, 7.60, 0.49), (1e-4, 9.90, 0.69)]
)
def test_published_times(d, error, cold, warm):
    """Of arXiv:2603.24183, ten modes prethermalised; they do not depend on d."""
    rates = np.linspace(0.5, 0.5 * d, d)
    assert round(tla.settling_time(rates, error), 2) == cold
    assert round(tla.settling_time(rates[10:], error), 2) == warm


def test_no_modes_are_at_rest():
    assert tla.shortfall([], 0.0) == tla.settling_time([], 1e-9) == 0.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tla.shortfall([1.0, 0.0], 1.0), InvalidInput, "smallest rate is 0"),
        (lambda: tla.shortfall([[1.0]], 1.0), ShapeMismatch, "rates has shape"),
        (lambda: tla.shortfall([1.0], -1.0), InvalidInput, "t = -1"),
        (lambda: tla.settling_time([1.0], 0.0), InvalidInput, "error = 0"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
