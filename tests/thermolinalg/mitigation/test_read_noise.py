import numpy as np
import pytest
from scipy.special import ndtr

from tests.thermolinalg.mitigation.asked import assert_adds_up, inverse, linear, off
from tests.thermolinalg.solvers.problems import forbid_digital_solvers
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.converter import Converter
from thermolinalg.mitigation.read_noise import subtract_read_noise
from thermolinalg.mitigation.rounded_readings import left_in_covariance
from thermolinalg.testing import assert_agrees, assert_at_least

NOISY = Device(converter=Converter(noise=1.0))
COARSE = Device(converter=Converter(noise=0.8, bits=4, full_scale=12.0))
HOW = pytest.mark.parametrize("noise", ["described", "measured"])


@HOW
@pytest.mark.parametrize("device", [NOISY, COARSE], ids=["noise", "noise and rounding"])
@pytest.mark.parametrize("seed", range(2))
def test_the_covariance_without_it_is_within_its_error_bar(noise, device, seed):
    problem = inverse(6, seed, rtol=0.02)
    mended = subtract_read_noise(problem, device, noise=noise, rng=seed)
    assert mended.refused is None
    assert_agrees(mended, problem.truth)
    (answer,) = mended.members
    assert off(mended, problem.truth) < off(answer, problem.truth)
    with pytest.raises(AssertionError):
        assert_agrees(answer, problem.truth)


@HOW
def test_intervals_cover_as_often_as_they_say(noise):
    inside = 0
    for seed in range(30):
        problem = inverse(3, seed)
        low, high = subtract_read_noise(problem, NOISY, noise=noise, rng=seed).interval(0.95)
        inside += bool(low[0, 0] <= problem.truth[0, 0] <= high[0, 0])
    assert_at_least(inside, 30, 0.95)


def test_it_refuses_to_leave_a_negative_variance():
    """Noise that hides the stiff modes: rather uncertain, it is more than there is of them."""
    device = Device(converter=Converter(noise=30.0))
    mended = subtract_read_noise(inverse(8, 0, rtol=0.5), device, rng=0)
    assert "more than there is" in mended.refused
    assert np.array_equal(mended.value, mended.members[0].value)


def test_it_refuses_a_step_that_nobody_knows():
    mended = subtract_read_noise(inverse(4, 0), Device(converter=Converter(bits=6)), rng=0)
    assert "full_scale" in mended.refused


def test_a_step_that_is_wide_beside_the_spread_is_in_the_error_bar():
    """Where Sheppard's correction fails its failure is added; it is not claimed to be exact."""
    problem = inverse(4, 0, rtol=0.02)
    wide = Device(converter=Converter(bits=2, full_scale=8.0))
    mended = subtract_read_noise(problem, wide, rng=0)
    assert mended.refused or mended.error > mended.members[0].error


def test_nothing_is_solved_digitally_and_the_bill_adds_up(monkeypatch):
    problem = inverse(5, 0)
    forbid_digital_solvers(monkeypatch)
    described = subtract_read_noise(problem, NOISY, rng=0)
    assert_adds_up(described)
    assert described.programmings == 1
    measured = subtract_read_noise(problem, NOISY, noise="measured", rng=0)
    assert measured.programmings == 2
    assert measured.ledger.seconds("modelled") > described.ledger.seconds("modelled")


def test_what_makes_no_sense_is_an_error():
    with pytest.raises(InvalidInput, match="nothing to do"):
        subtract_read_noise(inverse(4, 0), Device())
    with pytest.raises(InvalidInput, match="the covariance of a network"):
        subtract_read_noise(linear(4, 0), NOISY, rng=0)
    with pytest.raises(InvalidInput, match="described"):
        subtract_read_noise(inverse(4, 0), NOISY, noise="guessed")


def test_steps_that_noise_does_not_reach_are_not_measured_as_nothing():
    """A network at rest reads zero each time; beside a signal rounding adds step²/12 all the same.

    So 0 is measured, and what is hidden is in the error bar.
    """
    device = Device(converter=Converter(bits=3, full_scale=10.0))
    for seed in range(3):
        problem = inverse(4, seed, rtol=0.02)
        mended = subtract_read_noise(problem, device, noise="measured", rng=seed)
        assert "0 ± " in mended.did
        step = 2 * 10.0 / 2**3
        hidden = problem.scale * step**2 / 12
        assert np.all(np.diag(mended.stderr) >= hidden)
        assert_agrees(mended, problem.truth)


def rounded_moments(S, noise, step):
    """E[uu'] of rounded normal readings of two nodes, by quadrature over both."""
    grid = np.arange(-400, 401) * step
    z, w = np.polynomial.hermite_e.hermegauss(161)
    root, w = np.linalg.cholesky(S), w / w.sum()

    def mean_of(x):
        below = ndtr((grid[:, None] + step / 2 - x) / noise)
        above = ndtr((grid[:, None] - step / 2 - x) / noise)
        return (grid[:, None] * (below - above)).sum(axis=0)

    one = mean_of(root[0, 0] * z)
    other = np.stack([mean_of(root[1, 0] * z1 + root[1, 1] * z) for z1 in z])
    return float(np.sum(w[:, None] * w * one[:, None] * other))


@pytest.mark.parametrize("likeness", [0.0, 0.9, -0.9, 0.99])
@pytest.mark.parametrize("step", [1.5, 2.5, 4.0])
def test_rounding_errors_of_nodes_that_move_alike_are_bounded(likeness, step):
    S, noise = np.array([[1.0, likeness], [likeness, 1.0]]), 0.3
    off = rounded_moments(S, noise, step) - likeness
    assert abs(off) <= left_in_covariance(S, noise, step)[0, 1]
