"""What components do to coefficients: mean and variance of each change, over chips and events."""

import numpy as np
import pytest

from thermolinalg import errors
from thermolinalg.device.coefficients import DeadNodes, Mismatch, Parasitics, Quantisation
from thermolinalg.device.floor import systematic
from thermolinalg.device.imperfection import Change
from thermolinalg.device.machine import Device
from thermolinalg.device.temperature import Temperatures
from thermolinalg.streams import Streams
from thermolinalg.theory.process import OU

EPS = np.finfo(float).eps

CHIPS = 400
FALSE_ALARM_SIGMAS = 7.0  # of means of 400; 64 entries and four cases: below one in 1e9


def network(n=4, seed=0):
    G = np.random.default_rng(seed).standard_normal((n, 3 * n))
    A = G @ G.T
    A = A / np.linalg.norm(A, 2)
    A[0, 3] = A[3, 0] = 0.0
    return OU(A, np.linspace(0.5, 1.5, n), 2 * np.eye(n))


def changes(part, asked):
    for chip in range(CHIPS):
        yield Change.between(part.distort(asked, Streams(chip)), asked)


@pytest.mark.parametrize(
    "part",
    [
        Mismatch(couplings=0.01, drives=0.02),
        Quantisation(bits=8, rounding="stochastic"),
        Temperatures(spread=0.1, offset=0.05),
        Parasitics(0.01, reach=2),
    ],
    ids=["mismatch", "random rounding", "temperatures", "stray couplings"],
)
def test_mean_and_variance_of_each_entry_are_as_stated(part):
    """400 chips; D to first order, since a factor of its square root enters."""
    asked = network()
    expected, variance = part.expected(asked), part.variance(asked)
    drawn = list(changes(part, asked))
    for field in ("A", "b", "D"):
        x = np.array([getattr(change, field) for change in drawn]) - getattr(expected, field)
        V = getattr(variance, field)
        stderr = np.sqrt(V / CHIPS)
        assert np.all(np.abs(x.mean(axis=0)) <= FALSE_ALARM_SIGMAS * stderr + 1e-12)
        spread = (x**2).std(axis=0, ddof=1) / np.sqrt(CHIPS)
        assert np.all(np.abs((x**2).mean(axis=0) - V) <= FALSE_ALARM_SIGMAS * spread + 1e-12)


@pytest.mark.parametrize(
    "part",
    [Quantisation(bits=9), Quantisation(levels=tuple(np.arange(257.0) ** 1.5 / 257**1.5))],
    ids=["bits", "levels"],
)
def test_nearest_rounding_scatters_over_problems_as_if_uniform(part):
    """Over 300 matrices, the sum of squares over that of the variances stated, entry by entry."""
    ratios = []
    for seed in range(300):
        asked = network(6, seed)
        change = Change.between(part.distort(asked, Streams(0)), asked)
        largest = np.unravel_index(np.argmax(np.abs(asked.A)), asked.A.shape)
        V = part.variance(asked).A
        V[largest] = change.A[largest] = 0.0  # which is on the scale itself
        ratios.append((np.sum(change.A**2) - np.sum(V)) / np.sum(V))
    mean, stderr = np.mean(ratios), np.std(ratios, ddof=1) / np.sqrt(300)
    assert abs(mean) <= 6 * stderr


def test_rounding_to_the_nearest_errs_by_half_a_step_and_random_rounding_by_a_whole_one():
    asked = network()
    step = 2 * np.abs(asked.A).max() / 2**6
    for rounding, most in (("nearest", 0.5), ("stochastic", 1.0)):
        part = Quantisation(bits=6, rounding=rounding)
        real = part.distort(asked, Streams(3)).A
        np.testing.assert_allclose(real / step, np.round(real / step), atol=1e-9)
        assert np.abs(real - asked.A).max() <= most * step * (1 + 1e-9)
        assert real[0, 3] == 0
        np.testing.assert_array_equal(real, real.T)


def test_events_of_random_rounding_are_other_roundings_of_the_same_chip():
    asked = network()
    one, again, other = (
        Quantisation(bits=6, rounding="stochastic", event=k).distort(asked, Streams(0)).A
        for k in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert np.any(one != other)


def test_drives_have_bits_of_their_own():
    asked = network()
    part = Quantisation(drive_bits=4)
    step = 2 * 1.5 / 16
    real = part.distort(asked, Streams(0))
    np.testing.assert_array_equal(real.A, asked.A)
    assert np.abs(real.b - asked.b).max() <= step / 2
    np.testing.assert_allclose(part.variance(asked).b, step**2 / 12)


def test_levels_are_those_of_the_bank():
    asked = network()
    scale = np.abs(asked.A).max()
    levels = np.array([0.0, 0.1, 0.25, 0.6, 1.0])
    real = Quantisation(levels=tuple(levels)).distort(asked, Streams(0)).A
    best = np.abs(np.abs(asked.A)[..., None] - scale * levels).argmin(axis=-1)
    np.testing.assert_allclose(real, np.sign(asked.A) * scale * levels[best])


def test_stray_conductances_are_a_laplacian_that_only_stiffens():
    asked = network()
    stray = Parasitics(0.02, reach=2).distort(asked, Streams(0)).A - asked.A
    np.testing.assert_allclose(stray.sum(axis=1), 0, atol=1e-15)
    assert np.linalg.eigvalsh(stray)[0] >= -1e-15
    assert stray[0, 1] == pytest.approx(-0.02)
    assert stray[0, 3] == 0


def test_time_constants_of_nodes_do_not_move_what_is_at_rest():
    asked = network()
    real = Mismatch(nodes=0.1).distort(asked, Streams(1))
    S = np.linalg.inv(asked.A)
    np.testing.assert_allclose(real.A @ S + S @ real.A.T, real.D, atol=1e-12)
    np.testing.assert_allclose(np.linalg.solve(real.A, real.b), S @ asked.b)
    assert np.abs(real.A - asked.A).max() > 0.01


def test_dead_nodes_are_still_and_hold_nobody():
    asked = network()
    part = DeadNodes(nodes=(2,))
    real = part.distort(asked, Streams(0))
    assert real.b[2] == 0
    assert not real.D[2].any()
    assert not real.A[2, [0, 1, 3]].any()
    counts = [len(DeadNodes(share=s).dead(20, Streams(0))) for s in (0.0, 0.05, 0.5)]
    assert counts == [0, 1, 10]


def test_temperatures_that_are_given_have_no_scatter():
    asked, part = network(), Temperatures(nodes=(1.0, 1.5, 1.0, 0.5))
    real = part.distort(asked, Streams(0))
    np.testing.assert_allclose(part.expected(asked).D, real.D - asked.D, atol=1e-12)
    assert not part.variance(asked).D.any()


def test_what_does_not_fit_names_the_number():
    asked = network()
    with pytest.raises(errors.DoesNotFit, match=r"full_scale is 0\.1"):
        Quantisation(bits=8, full_scale=0.1).distort(asked, Streams(0))
    with pytest.raises(errors.DoesNotFit, match="finite bits moves its slowest"):
        Quantisation(bits=1).distort(OU(np.eye(2) + 1.2, np.ones(2), 2 * np.eye(2)), Streams(0))
    with pytest.raises(errors.InvalidInput, match="give one"):
        Quantisation(bits=8, levels=(0.0, 1.0))
    with pytest.raises(errors.InvalidInput, match=r"0 \.\.\. 3"):
        DeadNodes(nodes=(7,)).distort(asked, Streams(0))
    assert Device(quantisation=Quantisation(bits=8)).vary("bits", 5).quantisation.bits == 5


@pytest.mark.parametrize(
    "part", [Mismatch(0.1, 0.1, 0.1), Temperatures(spread=0.1)], ids=["mismatch", "temperatures"]
)
def test_a_chip_is_the_same_in_any_precision(part):
    A, b = np.array([[1.0, 0.25], [0.25, 0.5]]), np.ones(2)
    one, other = (
        part.distort(OU(A.astype(t), b.astype(t), 2 * np.eye(2, dtype=t)), Streams(3))
        for t in (np.float64, np.float32)
    )
    for name in ("A", "b", "D"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-6)
    np.testing.assert_allclose(
        systematic(3, (4,), np.ones(4, np.float32)), systematic(3, (4,), np.ones(4)), rtol=1e-6
    )


def test_time_constants_scale_noise_that_nodes_share_symmetrically():
    """As a Lyapunov equation or an exponential has it; a node's own noise goes with its speed."""
    D = np.array([[1.0, 0.4], [0.4, 2.0]])
    asked = OU(np.array([[1.0, 0.3], [0.1, 0.8]]), np.zeros(2), D)
    real = Mismatch(nodes=0.1).distort(asked, Streams(0))
    speed = real.A[:, 0] / asked.A[:, 0]
    np.testing.assert_allclose(real.D, D * np.sqrt(np.outer(speed, speed)), rtol=8 * EPS)
    assert np.ptp(speed) > 0
