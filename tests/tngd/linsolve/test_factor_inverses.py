"""Inverses of damped factors: digital ones against NumPy, thermodynamic ones against Wishart's law.

Statistics are seeded; each test says how often it would raise a false alarm on another seed.
"""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from tests.tngd.oracles import assert_within
from thermolinalg.device.coefficients import Mismatch
from thermolinalg.device.machine import Device
from thermolinalg.errors import DoesNotFit, InvalidInput
from tngd.linsolve.contract import Cost
from tngd.linsolve.factor_inverses import Cholesky, Eigen, ThermodynamicInverse

M = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.5]])
DAMPING = 0.1
INVERSE = np.linalg.inv(M + DAMPING * np.eye(3))
FAR = 1e6  # apart, readings of a network whose slowest rate is 0.2 are independent


def factor(n, rank, seed=0, dtype=np.float64):
    x = np.random.default_rng([seed, n, rank]).standard_normal((rank, n))
    return (x.T @ x / max(rank, 1)).astype(dtype)


def inverted(how, F=M, damping=DAMPING, seed=0):
    return how.invert(F, damping, np.random.default_rng(seed))[0]


def estimates(how, count, F=M, damping=DAMPING):
    rng = np.random.default_rng(7)
    return np.stack([how.invert(F, damping, rng)[0] for _ in range(count)])


@pytest.mark.parametrize("how", [Eigen(), Cholesky()], ids=["eigen", "cholesky"])
@given(n=st.integers(1, 6), rank=st.integers(0, 6), power=st.floats(-3, 2), seed=st.integers(0, 99))
def test_digital_inverses(how, n, rank, power, seed):
    F, damping = factor(n, rank, seed), 10.0**power
    found, cost = how.invert(F, damping, np.random.default_rng(0))
    condition = (np.linalg.norm(F) + damping) / damping
    bound = 40 * n**2 * np.finfo(float).eps * condition / damping
    assert_within(found, np.linalg.inv(F + damping * np.eye(n)), bound)
    assert cost == Cost()


def test_cholesky_survives_a_factor_that_rounding_made_indefinite():
    F = np.array([[1.0, 1.0 + 1e-6], [1.0 + 1e-6, 1.0]], dtype=np.float32)
    assert np.array_equal(inverted(Cholesky(), F, 1e-9), inverted(Eigen(), F, 1e-9))


@pytest.mark.parametrize(
    "how", [Eigen(), Cholesky(), ThermodynamicInverse(20), ThermodynamicInverse(20, read_bits=8)]
)
def test_single_precision_is_kept(how):
    assert inverted(how, M.astype(np.float32)).dtype == np.float32


def test_estimates_are_unbiased():
    """Over k readings in all, the sum of (u'x)²/u'M⁻¹u is χ² of k for any u: false alarm 1e-6."""
    samples, count = 20, 300
    X = estimates(ThermodynamicInverse(samples, FAR, FAR), count)
    k = samples * count
    directions = [u for u in np.array(np.meshgrid(*[[-1, 0, 1]] * 3)).reshape(3, -1).T if u.any()]
    for u in directions:
        total = samples * np.einsum("i,kij,j->", u, X, u) / (u @ INVERSE @ u)
        tail = min(scipy.stats.chi2.cdf(total, k), scipy.stats.chi2.sf(total, k))
        assert 2 * tail > 1e-6 / len(directions)


def test_estimates_vary_as_wishart_says():
    """Entry ij has the variance (V_ii V_jj + V_ij²)/samples for V = M⁻¹.

    A mean of squares over many estimates of an excess kurtosis of at most 12/samples. In the normal
    limit the false alarm is 1e-8; the skewness of the squares leaves it below 1e-5.
    """
    samples, count = 20, 1000
    X = estimates(ThermodynamicInverse(samples, FAR, FAR), count)
    v = np.diag(INVERSE)
    truth = (np.outer(v, v) + INVERSE**2) / samples
    off = ((X - INVERSE) ** 2).mean(axis=0) / truth - 1
    spread = np.sqrt((2 + 12 / samples) / count)
    assert (np.abs(off) < scipy.stats.norm.isf(1e-8 / 18) * spread).all()


@pytest.mark.parametrize("time", [0.2, 1.0])
def test_near_readings_say_less(time):
    """In one mode of rate 1 readings k apart have squares of correlation e^{-2k time}.

    False alarm as above.
    """
    samples, count = 30, 700
    X = estimates(ThermodynamicInverse(samples, time, FAR), count, np.array([[3.9]]), 0.1).ravel()
    k = np.arange(1, samples)
    slower = 1 + 2 * np.sum((1 - k / samples) * np.exp(-2 * time * k))
    truth = 2 / 4**2 / samples * slower
    assert abs(X.mean() - 0.25) < 6 * np.sqrt(truth / count)
    fewer = samples / slower
    spread = np.sqrt((2 + 12 / fewer) / count)
    assert abs(((X - 0.25) ** 2).mean() / truth - 1) < scipy.stats.norm.isf(1e-8 / 2) * spread


def test_an_early_reading_is_too_cold():
    """From rest the first reading has the share 1 - e^{-2 burn} of the variance: χ², 1e-6."""
    burn, count = 0.3, 1000
    X = estimates(ThermodynamicInverse(1, burn=burn), count, np.array([[3.9]]), 0.1)
    total = float(X.sum() * 4 / -np.expm1(-2 * burn))
    tail = min(scipy.stats.chi2.cdf(total, count), scipy.stats.chi2.sf(total, count))
    assert 2 * tail > 1e-6


def test_it_is_read_and_not_computed():
    """One reading is one state: an estimate of rank 1, whatever the matrix."""
    values = np.linalg.eigvalsh(inverted(ThermodynamicInverse(1, FAR, FAR)))
    assert (np.abs(values[:2]) < 10 * np.finfo(float).eps * values[2]).all()


@given(bits=st.integers(1, 12), seed=st.integers(0, 99))
def test_what_is_read_is_off_by_half_a_step_at_most(bits, seed):
    exact = inverted(ThermodynamicInverse(20), seed=seed)
    found = inverted(ThermodynamicInverse(20, read_bits=bits), seed=seed)
    step = 2 * np.abs(exact).max() / 2**bits
    assert np.abs(found - exact).max() <= step / 2 * (1 + 1e-12)
    assert np.abs(found / step - np.round(found / step)).max() < 1e-9


@given(bits=st.integers(6, 14), seed=st.integers(0, 99))
def test_what_is_programmed_is_off_by_half_a_step_at_most(bits, seed):
    """The device inverts the factor on the grid, in the same noise."""
    F = factor(3, 6, seed) + np.eye(3)
    step = 2 * np.abs(F + DAMPING * np.eye(3)).max() / 2**bits
    grid = step * np.round((F + DAMPING * np.eye(3)) / step)
    assert np.abs(grid - F - DAMPING * np.eye(3)).max() <= step / 2
    found = inverted(ThermodynamicInverse(20, bits=bits), F)
    truth = inverted(ThermodynamicInverse(20), grid, 0.0)
    # each reading is a function of the matrix that rounding changes by eps, times its condition
    bound = 20 * 9 * np.finfo(float).eps * np.linalg.cond(grid) ** 2
    assert_within(found, truth, bound * np.linalg.norm(truth))


def test_a_network_that_does_not_settle_is_named():
    F = np.array([[1.0, 0.95], [0.95, 1.0]])
    with pytest.raises(DoesNotFit, match="more bits"):
        inverted(ThermodynamicInverse(bits=2), F, 1e-3)


def test_cost_is_that_of_what_goes_in_and_out_and_of_the_time_between():
    device = Device.tngd_paper()
    how = ThermodynamicInverse(11, 3.0, 5.0, device=device)
    cost = how.invert(M, DAMPING, np.random.default_rng(0))[1]
    assert cost.analog_time == 5.0 + 10 * 3.0
    seconds = 35 * device.time_constant + device.transfer(9 + 11 * 3)
    assert cost.device_seconds == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("knobs", "error", "says"),
    [
        ({"samples": 0}, InvalidInput, "samples"),
        ({"time": 0.0}, InvalidInput, "time"),
        ({"burn": -1.0}, InvalidInput, "burn"),
        ({"bits": 0}, InvalidInput, "bits"),
        ({"read_bits": 1.5}, InvalidInput, "read_bits"),
        ({"device": "chip"}, InvalidInput, "device"),
        ({"device": Device(mismatch=Mismatch(0.01))}, DoesNotFit, "imperfections"),
    ],
)
def test_misuse_is_named(knobs, error, says):
    with pytest.raises(error, match=says):
        ThermodynamicInverse(**knobs)
