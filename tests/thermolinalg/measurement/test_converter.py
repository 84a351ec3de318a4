"""The converter between an analog reading and a number: what it does to means and covariances."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import thermolinalg as tla
from thermolinalg import testing
from thermolinalg.analysis.rounding import EVERYWHERE, clipped, rounded
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.converter import Converter

A = np.array([[0.9, 0.3, 0.0], [0.3, 0.6, -0.2], [0.0, -0.2, 0.4]])
STILL = tla.overdamped(A, np.zeros(3))
DRIVEN = tla.overdamped(A, np.array([1.0, -0.5, 0.2]))
NONE = np.random.default_rng(0)


def read(converter, process=STILL, samples=40_000, seed=1):
    """Readings of states at rest, drawn from their law."""
    rng = np.random.default_rng(seed)
    return converter.read(tla.stationary(process).sample(samples, rng=rng), rng)


def by_codes(mean, spread, step, ends=EVERYWHERE):
    """Mean and variance of a rounded normal number within ends, code by code, in many digits."""
    with mpmath.workdps(40):
        m, s, q = (mpmath.mpf(x) for x in (mean, spread, step))
        codes = range(int((m - 9 * s) / q) - 2, int((m + 9 * s) / q) + 3)
        low, high = (mpmath.mpf(end) for end in ends)
        at = [min(max(j * q, low), high) for j in codes]
        mass = [
            mpmath.ncdf(((j + 0.5) * q - m) / s) - mpmath.ncdf(((j - 0.5) * q - m) / s)
            for j in codes
        ]
        first = sum(x * p for x, p in zip(at, mass, strict=True))
        second = sum(x**2 * p for x, p in zip(at, mass, strict=True))
        return float(first), float(second - first**2)


def read_as(mean, spread, step, ends=EVERYWHERE):
    """The same as it is predicted: what holding within the range does, and rounding then."""
    mean, spread = np.array([mean]), np.array([spread])
    laws = clipped(mean, spread, *ends), rounded(mean, spread, step, ends)
    first = mean + sum(law.shift for law in laws)
    variance = spread**2 + sum(law.added for law in laws)
    square = mean**2 + spread**2 + sum(law.square for law in laws)
    np.testing.assert_allclose(square, variance + first**2, atol=1e-12 * (1 + square.max()))
    return first.item(), variance.item()


@given(mean=st.floats(-2.0, 2.0), spread=st.floats(0.02, 3.0), step=st.floats(0.1, 2.0))
def test_moments_of_a_rounded_number(mean, spread, step):
    first, variance = read_as(mean, spread, step)
    known = by_codes(mean, spread, step)
    assert first == pytest.approx(known[0], abs=1e-12 * step + 1e-14)
    assert variance == pytest.approx(known[1], abs=1e-10 * (step**2 + spread**2))


@given(
    mean=st.floats(-4.0, 4.0),
    spread=st.floats(0.02, 3.0),
    step=st.floats(0.1, 1.0),
    codes=st.tuples(st.integers(-6, 0), st.integers(1, 5)),
)
def test_moments_of_a_number_rounded_within_a_range(mean, spread, step, codes):
    """Of three steps and more in a spread by an asymptotic series, off by its next term."""
    ends = tuple(step * code for code in codes)
    first, variance = read_as(mean, spread, step, ends)
    known = by_codes(mean, spread, step, ends)
    next_term = 31 / 967_680 * 12 * (step / spread) ** 4 * step**2 / spread
    off = next_term if spread >= 3 * step else 1e-9
    assert first == pytest.approx(known[0], abs=off)
    assert variance == pytest.approx(known[1], abs=off * (1 + abs(mean) + spread))


@pytest.mark.parametrize("bits", [3, 4, 5])
def test_rounding_adds_a_twelfth_of_a_step_squared(bits):
    """Sheppard's correction, exactly as by the series; no code is at the end of the range."""
    converter = Converter(bits=bits, full_scale=16.0)
    x, cov = read(converter, DRIVEN), np.linalg.inv(A)
    step = converter.step(x)
    assert step == 32.0 / 2**bits
    centre = np.linalg.solve(A, DRIVEN.b)
    for i in range(3):
        spread = math.sqrt(cov[i, i])
        mean, variance = read_as(centre[i], spread, step)
        testing.assert_average(x[:, i], mean)
        testing.assert_average((x[:, i] - mean) ** 2, variance)
    if bits == 5:
        assert variance == pytest.approx(cov[2, 2] + step**2 / 12, rel=1e-3)
    assert np.array_equal(x, np.round(x / step) * step)


def test_rounding_leaves_what_two_nodes_share():
    converter = Converter(bits=6, full_scale=32.0)
    x, cov = read(converter), np.linalg.inv(A)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        testing.assert_average(x[:, i] * x[:, j], cov[i, j])


@pytest.mark.parametrize("bits", [None, 12])
def test_beyond_full_scale_all_look_alike(bits):
    """E[clip(x)²] of a normal number, and the share of readings at the ends."""
    scale = 1.5
    converter = Converter(bits=bits, full_scale=scale)
    x, cov = read(converter), np.linalg.inv(A)
    assert converter.ends(scale) == (x.min(), x.max())
    for i in range(3):
        s = math.sqrt(cov[i, i])
        t = scale / s
        share = 2 * norm.sf(t)
        if bits is None:
            hits = int((np.abs(x[:, i]) == scale).sum())
            testing.assert_frequency([hits], len(x), share)
        clipped = s**2 * (1 - share - 2 * t * norm.pdf(t)) + scale**2 * share
        rounding = converter.step(x) * scale if bits else 0.0  # half a step, either way, of x²
        off = abs((x[:, i] ** 2).mean() - clipped) - rounding
        assert off <= norm.isf(1e-6 / 6) * (x[:, i] ** 2).std() / math.sqrt(len(x))


@given(size=st.floats(1e-6, 1e6), bits=st.integers(1, 16), seed=st.integers(0, 99))
def test_a_gain_that_sets_itself(size, bits, seed):
    """It takes the power of two that holds all readings, so that none is clipped."""
    x = size * np.random.default_rng(seed).standard_normal((7, 3))
    converter = Converter(bits=bits)
    scale = converter.scale(x)
    assert scale / 2 < np.abs(x).max() / (1 - 0.5**bits) <= scale
    assert math.log2(scale) == round(math.log2(scale))
    off = np.abs(converter.read(x, NONE) - x)
    assert off.max() <= converter.step(x) / 2 * (1 + 1e-9)


@pytest.mark.parametrize("bits", [1, 2, 5])
def test_bits_are_the_logarithm_of_the_number_of_codes(bits):
    converter, x = Converter(bits=bits, full_scale=1.5), np.linspace(-3, 3, 1001)
    codes = np.unique(converter.read(x, NONE))
    np.testing.assert_allclose(
        codes, 1.5 * np.arange(-(2 ** (bits - 1)), 2 ** (bits - 1)) / 2 ** (bits - 1)
    )


def test_a_gain_that_sets_itself_reads_nothing_as_nothing():
    zero = np.zeros((2, 3))
    np.testing.assert_array_equal(Converter(bits=4).read(zero, NONE), zero)


@given(gain=st.floats(-0.5, 0.5), offset=st.floats(-2, 2))
def test_gain_and_offset(gain, offset):
    x = np.arange(6.0).reshape(2, 3)
    found = Converter(gain=gain, offset=offset).read(x, NONE)
    np.testing.assert_allclose(found, (1 + gain) * x + offset, rtol=1e-14, atol=1e-14)


def test_readings_are_new_arrays_and_exact_ones_the_same_numbers():
    x = np.arange(6.0).reshape(2, 3)
    kept = x.copy()
    for knobs in ({}, {"bits": 3}, {"full_scale": 1.0}, {"noise": 1.0}):
        Converter(**knobs).read(x, np.random.default_rng(0))
        np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(Converter().read(x, NONE), x)
    assert Converter().exact
    assert not Converter(noise=0.1).exact


def test_noise_of_a_reading_adds_to_variances_alone():
    converter = Converter(noise=0.7)
    testing.assert_covariance_matches(read(converter), np.linalg.inv(A) + 0.49 * np.eye(3))


def test_an_inverse_through_a_noisy_converter():
    device, size = Device(converter=Converter(noise=0.8)), STILL.fastest
    X = tla.inv(A, rtol=0.02, device=device, rng=2)
    testing.assert_agrees(X, np.linalg.inv(A) + 0.64 / size * np.eye(3))


def test_a_solve_through_a_converter_with_gain_and_offset():
    b = np.array([1.0, -0.5, 0.2])
    device = Device(converter=Converter(gain=0.03, offset=0.1))
    x = tla.solve(A, b, rtol=0.01, device=device, rng=3)
    amplitude = math.sqrt(np.mean(b**2)) / STILL.fastest  # of a reading of 1
    testing.assert_agrees(x, 1.03 * np.linalg.solve(A, b) + 0.1 * amplitude)


@pytest.mark.parametrize("bits", [3, 4])
def test_an_inverse_through_few_bits(bits):
    """Sheppard's correction on the device path, with a range that no reading leaves."""
    device, size = Device(converter=Converter(bits=bits, full_scale=16.0)), STILL.fastest
    step = 32.0 / 2**bits
    spreads = np.sqrt(np.diag(np.linalg.inv(A)) * size)
    X = tla.inv(A, only="diagonal", rtol=0.02, device=device, rng=4)
    truth = np.array([read_as(0.0, s, step)[1] for s in spreads]) / size
    testing.assert_agrees(X, truth)


@pytest.mark.parametrize(
    "bad",
    [{"bits": 0}, {"bits": 2.5}, {"full_scale": 0.0}, {"noise": -1.0}, {"gain": math.inf}],
    ids=str,
)
def test_impossible_converters(bad):
    with pytest.raises(InvalidInput, match=next(iter(bad))):
        Converter(**bad)
