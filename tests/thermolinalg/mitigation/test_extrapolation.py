import numpy as np
import pytest

from tests.thermolinalg.mitigation.asked import assert_adds_up, inverse, linear, off, orders
from tests.thermolinalg.solvers.problems import forbid_digital_solvers
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.converter import Converter
from thermolinalg.mitigation.extrapolation import CONTROLLED, extrapolate
from thermolinalg.mitigation.fitting import FALSE_ALARM, fit_at_zero
from thermolinalg.testing import assert_agrees, assert_at_least
from thermolinalg.theory.equilibrium import stationary_covariance

EXACT = [("read_noise", 1.0), ("temperature_spread", 0.15), ("temperature_offset", 0.3)]
"""Knobs in which a covariance is a polynomial of degree 1, and strengths of them."""


@pytest.mark.parametrize(("knob", "strength"), EXACT)
@pytest.mark.parametrize("seed", range(2))
def test_the_answer_without_it_is_within_its_error_bar(knob, strength, seed):
    problem, device = inverse(5, seed, rtol=0.01), Device().vary(knob, strength)
    mended = extrapolate(problem, device, knob, factors=(1, 1.5, 2), rng=seed)
    assert mended.refused is None
    assert_agrees(mended, problem.truth)
    assert off(mended, problem.truth) < off(mended.members[0], problem.truth)
    with pytest.raises(AssertionError):
        assert_agrees(mended.members[0], problem.truth)


def test_intervals_cover_as_often_as_they_say():
    inside = 0
    for seed in range(30):
        problem, device = inverse(3, seed), Device().vary("read_noise", 2.0)
        low, high = extrapolate(problem, device, "read_noise", rng=seed).interval(0.95)
        inside += bool(low[0, 0] <= problem.truth[0, 0] <= high[0, 0])
    assert_at_least(inside, 30, 0.95)


def test_coloured_noise_is_taken_out():
    problem, device = inverse(5, 0, rtol=0.005), Device().vary("coloured", 0.3)
    mended = extrapolate(problem, device, "coloured", factors=(1, 2, 3, 4), degree=2, rng=0)
    assert mended.refused is None
    assert off(mended, problem.truth) < off(mended.members[0], problem.truth)


@pytest.mark.parametrize("degree", [1, 2])
def test_a_degree_more_is_an_order_more(degree):
    """Of exact covariances under coloured noise: no sampling, so that orders can be seen."""
    problem = inverse(6, 1)
    truth, strengths, factors = problem.truth, 0.02 / 2.0 ** np.arange(4), np.array([1, 2, 3, 4.0])

    def covariance(strength):
        process = Device().vary("coloured", strength).realised(problem.network).process
        return problem.scale * stationary_covariance(process)[:6, :6]

    plain, mended = [], []
    for s in strengths:
        y = np.stack([covariance(f * s) for f in factors])
        fitted, c = fit_at_zero(factors, y, np.ones_like(y), np.full(4, 31.0), degree)
        assert np.allclose(np.tensordot(c, y, 1), fitted.value)
        plain.append(off(y[0], truth))
        mended.append(off(fitted.value, truth))
    assert round(orders([plain])) == 1
    assert round(orders([mended])) == 1 + degree


def test_the_fit_is_that_of_weighted_least_squares():
    """By the normal equations, with another point as well measured as two."""
    rng = np.random.default_rng(0)
    x, sigma = np.array([1.0, 2.0, 3.5, 5.0]), np.array([1.0, 0.5, 2.0, 1.5])
    y, s = rng.standard_normal((4, 3)), np.repeat(sigma[:, None], 3, axis=1)
    fitted, _ = fit_at_zero(x, y, s, np.full(4, 31.0), 1)
    rows = np.stack([np.ones(4), x], axis=1)
    covariance = np.linalg.inv(rows.T @ (rows / sigma[:, None] ** 2))
    best = covariance @ rows.T @ (y / sigma[:, None] ** 2)
    assert np.allclose(fitted.value, best[0])
    assert np.allclose(fitted.stderr, covariance[0, 0] ** 0.5)
    residual = (y - rows @ best) / sigma[:, None]
    assert fitted.worst**2 <= (residual**2).sum(axis=0).max() * (1 + 1e-12)


def test_the_test_of_the_fit_raises_no_false_alarm():
    """On a line with the noise that it states, fewer alarms than the rate allows: none."""
    rng, x = np.random.default_rng(1), np.array([1.0, 2.0, 4.0])
    alarms = 0
    for _ in range(200):
        y = x[:, None] + rng.standard_normal((3, 40))
        alarms += not fit_at_zero(x, y, np.ones((3, 40)), np.full(3, 31.0), 1)[0].consistent
    assert FALSE_ALARM * 200 < 1
    assert alarms == 0
    bent = x[:, None] ** 2 * 20 + rng.standard_normal((3, 40))
    assert not fit_at_zero(x, bent, np.ones((3, 40)), np.full(3, 31.0), 1)[0].consistent


def test_it_refuses_points_on_no_polynomial():
    """Rounding to the nearest is no smooth function of the step."""
    problem = linear(6, 0, temperature=1e-6, rtol=1e-3)
    mended = extrapolate(problem, Device().vary("bits", 8), "bits", rng=0)
    assert "no polynomial" in mended.refused
    assert mended.programmings == 3
    assert np.array_equal(mended.value, mended.members[0].value)
    assert_adds_up(mended)


def test_it_refuses_a_bias_that_is_not_seen():
    """Noise of readings does not move a mean."""
    mended = extrapolate(linear(5, 0), Device().vary("read_noise", 0.5), "read_noise", rng=0)
    assert "no larger than the error bar" in mended.refused


def test_rounding_of_readings_is_taken_out():
    """It goes with the square of the step (Sheppard), until a step is wider than the signal."""
    problem = inverse(4, 0, rtol=0.004)
    fine = Device(converter=Converter(bits=5, full_scale=8.0))
    mended = extrapolate(problem, fine, "adc_bits", rng=0)
    assert mended.refused is None
    assert off(mended, problem.truth) < off(mended.members[0], problem.truth)
    wide = extrapolate(problem, fine.vary("adc_bits", 4), "adc_bits", rng=0)
    assert "no polynomial" in wide.refused


def test_nothing_is_solved_digitally_and_the_bill_adds_up(monkeypatch):
    problem = inverse(5, 0)
    forbid_digital_solvers(monkeypatch)
    mended = extrapolate(problem, Device().vary("read_noise", 2.0), "read_noise", rng=0)
    assert mended.refused is None
    assert mended.programmings == 3
    assert_adds_up(mended)


@pytest.mark.parametrize("knob", ["mismatch", "stray", "dead", "chip", "colour"])
def test_what_nobody_can_turn_is_an_error(knob):
    assert knob not in CONTROLLED
    with pytest.raises(InvalidInput, match="cannot be made worse"):
        extrapolate(linear(4, 0), Device(), knob)


def test_what_makes_no_sense_is_an_error():
    noisy = Device().vary("read_noise", 1.0)
    with pytest.raises(InvalidInput, match="the device has no"):
        extrapolate(linear(4, 0), Device(), "read_noise")
    for factors in [(1, 2), (2, 3, 4), (1, 2, 2)]:
        with pytest.raises(InvalidInput, match="factors"):
            extrapolate(linear(4, 0), noisy, "read_noise", factors=factors)
    for factors in [(1, 3, 4), (1, 2, 256)]:
        with pytest.raises(InvalidInput, match="whole number of bits"):
            extrapolate(linear(4, 0), Device().vary("bits", 8), "bits", factors=factors)


def test_a_bend_that_the_test_does_not_see_is_in_the_error_bar():
    """Five error bars of the worst contrast are not seen, and move the value at zero by more."""
    rng, x = np.random.default_rng(0), np.array([1.0, 2.0, 4.0])
    y = x[:, None] + 2.5 * x[:, None] ** 2 + rng.standard_normal((3, 30))
    fitted, c = fit_at_zero(x, y, np.ones((3, 30)), np.full(3, 31.0), 1)
    assert fitted.consistent
    line = np.sqrt(np.sum(c**2))
    assert np.sqrt(np.mean(fitted.value**2)) > 5 * line
    assert np.sqrt(np.mean((fitted.value / fitted.stderr) ** 2)) < 1.5
