from dataclasses import replace

import numpy as np
import pytest

from tests.thermolinalg.mitigation.asked import assert_adds_up, inverse, linear, off
from tests.thermolinalg.solvers.problems import forbid_digital_solvers
from thermolinalg.device.coefficients import DeadNodes
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.converter import Converter
from thermolinalg.mitigation.calibration import Shared, calibrate
from thermolinalg.testing import assert_agrees, assert_at_least

OFF = Device(converter=Converter(gain=0.06, offset=0.1, noise=0.3))


@pytest.mark.parametrize("seed", range(3))
def test_means_are_corrected_within_their_error_bars(seed):
    problem = linear(8, seed)
    calibration = calibrate(OFF, 8, rtol=3e-3, rng=seed)
    answer = problem.run(OFF, rng=seed)
    mended = calibration.apply(answer)
    assert mended.refused is None
    assert_agrees(mended, problem.truth)
    assert off(mended, problem.truth) < off(answer, problem.truth)
    assert_agrees((calibration.gain, calibration.gain_stderr), 0.06)
    assert_agrees((calibration.offset, calibration.offset_stderr), 0.1)


@pytest.mark.parametrize("seed", range(3))
def test_covariances_are_corrected_within_their_error_bars(seed):
    """The second moment read is (1 + g)²(1 + t) S + o² 11' + σ² I."""
    device, problem = OFF.vary("temperature_offset", 0.2), inverse(6, seed, rtol=0.02)
    calibration = calibrate(device, 6, quantity="covariance", rtol=0.01, rng=seed)
    answer = problem.run(device, rng=seed)
    mended = calibration.apply(answer)
    assert mended.refused is None
    assert_agrees(mended, problem.truth)
    assert off(mended, problem.truth) < off(answer, problem.truth)
    assert_agrees((calibration.gain, calibration.gain_stderr), 1.06**2 * 1.2 - 1)
    assert_agrees((calibration.offset, calibration.offset_stderr), 0.3**2 + 0.1**2)


def test_intervals_cover_as_often_as_they_say():
    inside = 0
    for seed in range(30):
        problem = linear(4, seed)
        mended = calibrate(OFF, 4, rtol=5e-3, rng=seed).apply(problem.run(OFF, rng=seed))
        low, high = mended.interval(0.95)
        inside += bool(low[0] <= problem.truth[0] <= high[0])
    assert_at_least(inside, 30, 0.95)


def test_a_part_that_is_not_significant_is_applied_with_its_error_bar():
    """Else a scale that is wrong, and known to be uncertain, would be hidden."""
    answer = linear(5, 1, rtol=1e-3).run(OFF, rng=1)
    known = calibrate(OFF, 5, rtol=5e-3, rng=1)
    vague = replace(known, shared_gain=Shared(0.06, 0.05, 0.0, 31.0))
    assert not vague.shared_gain.significant
    assert_agrees(vague.apply(answer), linear(5, 1).truth)
    size = np.linalg.norm(vague.apply(answer).value)
    assert vague.apply(answer).error >= 0.05 / 1.06 * size


def test_a_coarse_calibration_has_a_coarse_error_bar():
    fine, coarse = (calibrate(OFF, 8, rtol=rtol, rng=1) for rtol in (3e-3, 3e-2))
    assert coarse.shared_gain.stderr > fine.shared_gain.stderr
    answer = linear(8, 0, rtol=1e-3).run(OFF, rng=0)
    assert coarse.apply(answer).error > fine.apply(answer).error > answer.error


@pytest.mark.parametrize("quantity", ["mean", "covariance"])
def test_it_refuses_what_is_not_significant(quantity):
    problem = linear(5, 0) if quantity == "mean" else inverse(5, 0)
    device = Device(converter=Converter(noise=1e-9))
    mended = calibrate(device, 5, quantity=quantity, rng=3).apply(problem.run(device, rng=0))
    assert "error bars" in mended.refused
    assert np.array_equal(mended.value, mended.members[0].value)
    assert_adds_up(mended)


def test_nodes_of_unequal_temperature_widen_the_error_bar():
    device = Device().vary("temperature_offset", 0.3).vary("temperature_spread", 0.2)
    calibration = calibrate(device, 8, quantity="covariance", rtol=0.02, rng=0)
    assert calibration.shared_gain.scatter > 0
    problem = inverse(8, 1, rtol=0.02)
    mended = calibration.apply(problem.run(device, rng=1))
    assert_agrees(mended, problem.truth)
    alone = replace(calibration, shared_gain=calibration.shared_gain._replace(scatter=0.0))
    assert alone.apply(mended.members[0]).error < mended.error


def test_nothing_is_solved_digitally_and_the_bill_adds_up(monkeypatch):
    problem = linear(5, 0)
    forbid_digital_solvers(monkeypatch)
    mended = calibrate(OFF, 5, rng=0).apply(problem.run(OFF, rng=0))
    assert mended.programmings == 3
    assert_adds_up(mended)
    assert "2 more programmings" in str(mended)
    assert "offset" in str(calibrate(OFF, 5, rng=0))


def test_what_is_not_linear_in_it_is_an_error():
    calibration = calibrate(OFF, 5, rng=0)
    with pytest.raises(InvalidInput, match="calibration of a mean"):
        calibration.apply(inverse(5, 0).run(OFF, rng=0))
    with pytest.raises(InvalidInput, match="quantity"):
        calibrate(OFF, 5, quantity="determinant")
    with pytest.raises(InvalidInput, match="nodes"):
        calibrate(OFF, 2)


def apply(device, quantity="mean", rtol=3e-3):
    problem = linear(8, 0) if quantity == "mean" else inverse(8, 0, rtol=0.05)
    calibration = calibrate(device, 8, quantity=quantity, rtol=rtol, rng=0)
    return calibration.apply(problem.run(device, rng=1)), problem.truth


@pytest.mark.parametrize("bits", [4, 5, 6])
def test_a_scale_that_steps_alone_make_is_not_believed(bits):
    """All nodes read ±1, and are rounded alike: what they share is no scale."""
    device = Device(converter=Converter(bits=bits, full_scale=12.0))
    assert "error bars" in apply(device, rtol=1e-3)[0].refused


def test_a_scale_beside_coarse_steps_is_as_uncertain_as_they_are():
    step = 2 * 12.0 / 2**7
    device = Device(converter=Converter(bits=7, full_scale=12.0, gain=0.4))
    calibration = calibrate(device, 8, rtol=1e-3, rng=0)
    assert abs(calibration.shared_gain.value - 0.4) <= step / 2
    assert calibration.shared_gain.stderr >= step / 12**0.5 * 0.9


@pytest.mark.parametrize("quantity", ["mean", "covariance"])
def test_nodes_that_do_not_answer_are_no_scale(quantity):
    device = Device(dead=DeadNodes(nodes=(1, 4)), converter=Converter(offset=0.3))
    assert "nodes 1, 4 do not answer" in apply(device, quantity, rtol=0.02)[0].refused
    mute = apply(Device(converter=Converter(gain=-1.0)), quantity, rtol=0.1)[0]
    assert "do not answer" in mute.refused
    assert np.all(np.isfinite(mute.stderr))


@pytest.mark.parametrize(("quantity", "end"), [("mean", 0.8), ("mean", 2.0), ("covariance", 2.0)])
def test_readings_beyond_the_range_are_no_scale(quantity, end):
    device = Device(converter=Converter(full_scale=end, gain=0.2))
    assert "reach the converter's full_scale" in apply(device, quantity)[0].refused
    mended, truth = apply(Device(converter=Converter(full_scale=100.0, gain=0.2)), quantity)
    assert_agrees(mended, truth)
