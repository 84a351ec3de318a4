"""Heat: unequal among nodes, and drifting in time."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.device.runs import positions, settled
from tests.thermolinalg.simulation.steps import law_of
from thermolinalg import testing
from thermolinalg.device.circuit import RLC, MassSpring
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.machine import Device
from thermolinalg.device.noise import ColouredNoise, HeldNoise
from thermolinalg.device.realising import heated
from thermolinalg.device.temperature import TemperatureDrift, Temperatures
from thermolinalg.errors import DoesNotFit, ShapeMismatch
from thermolinalg.simulation.clocked import Clockwork
from thermolinalg.theory.process import OU

A = np.array([[0.9, 0.3, 0.0], [0.3, 0.6, -0.2], [0.0, -0.2, 0.4]])
STILL = tla.overdamped(A, np.zeros(3))


@given(process=testing.ou_processes(), factor=st.floats(0.1, 10.0), time=st.floats(0.1, 3.0))
def test_a_heated_process_is_one_that_was_built_hot(process, factor, time):
    hot, fresh = process.heated(factor), OU(process.A, process.b, factor * process.D)
    assert (hot.slowest, hot.fastest) == pytest.approx((fresh.slowest, fresh.fastest), rel=1e-9)
    assert (hot.modes is None) == (fresh.modes is None)
    ours, theirs = tla.transition(hot, time), tla.transition(fresh, time)
    for name in ("E", "shift", "C"):
        found, truth = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_allclose(found, truth, atol=1e-9 * (1e-12 + np.abs(truth).max()))


@given(process=testing.ou_processes(reversible=True), factor=st.floats(0.1, 10.0))
def test_heated_modes_are_modes(process, factor):
    """In them drift is diagonal and diffusion one, as of modes that were found hot."""
    hot = process.heated(factor)
    n, modes = process.n, hot.modes
    assume(modes is not None)  # balance was lost in rounding
    np.testing.assert_allclose(modes.dual @ modes.basis, np.eye(n), atol=1e-9)
    np.testing.assert_allclose(modes.basis @ modes.basis.T, hot.D, atol=1e-9 * np.abs(hot.D).max())
    scale = np.abs(process.A).max()
    drift = modes.basis @ np.diag(modes.rates) @ modes.dual
    np.testing.assert_allclose(drift, process.A, atol=1e-8 * scale)


def test_without_modes_nothing_is_kept_wrongly():
    general = OU(A + np.eye(3, k=1), np.ones(3), np.eye(3))
    assert general.heated(2.0).modes is None


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"circuit": MassSpring()},
        {"circuit": RLC()},
        {"dressings": (ColouredNoise(0.3),)},
        {"dressings": (HeldNoise(0.3, 1.0),)},
        {"dressings": (TransportDelay(0.3), HeldNoise(0.1))},
    ],
    ids=["rc", "masses", "rlc", "coloured", "held", "late"],
)
def test_every_process_of_a_device_can_be_heated(parts):
    """Means stay, kicks grow with the square root; for laws that are read off their steps."""
    process = Device(**parts).realised(STILL)
    moving = getattr(process, "process", process)
    hot = heated(process, 4.0)
    hot = getattr(hot, "process", hot)
    find = tla.simulation.choice.find_integrator
    z = np.random.default_rng(0).standard_normal((1, 5, 200))
    kicks = []
    for p in (moving, hot):
        step = find("auto", p).prepare(p, 0.9)
        m = step.enter(np.zeros((1, p.n))).shape[-1]
        y = step(step.enter(np.zeros((5, p.n))), step.color(z[:, :, :m].copy())[0])
        kicks.append(step.leave(y))
    np.testing.assert_allclose(kicks[1], 2 * kicks[0], atol=1e-12)


@given(
    amount=st.floats(-0.9, 3.0),
    period=st.floats(0.5, 1e3),
    start=st.floats(0.0, 1e3),
    length=st.floats(1e-3, 1e3),
)
def test_the_mean_temperature_of_a_window(amount, period, start, length):
    drift = TemperatureDrift(amount, period)

    def temperature(t):
        return 1 + amount * (1 - math.exp(-t / period))

    truth = quad(temperature, start, start + length, epsrel=1e-11)[0] / length
    assert drift.factor(start, start + length) == pytest.approx(truth, rel=1e-7)
    assert drift.factor(start, start) == pytest.approx(temperature(start), rel=1e-12)


def test_covariances_follow_the_temperature():
    """Windows of a run that warms up by half, each against its own mean temperature."""
    drift = TemperatureDrift(0.5, 400.0)
    device = Device(drift=drift)
    run = settled(device, STILL, 400, 60.0, seed=1)
    window, windows, copies = 100.0, 4, 400
    values = []
    for k in range(copies):  # a window's value is of all chains: here of one
        one = type(run)(run.process, run.states[k : k + 1, :], run.ledger, run.clock)
        rng = np.random.default_rng([2, k])
        values.append(device.measure(one, tla.SecondMoment(), window, windows, rng)[0])
    inverse = np.linalg.inv(A)
    for k in range(windows):
        begin = run.clock + k * window
        warm = drift.factor(begin, begin + window)
        # it starts at the temperature of the window before, and forgets that in 1/(2 slowest)
        memory = (drift.factor(begin, begin + window) - drift.factor(begin - window, begin)) / (
            2 * STILL.slowest * window
        )
        for i in range(3):
            average = np.array([v[k, i, i] for v in values])
            error = average.std(ddof=1) / math.sqrt(copies)
            off = abs(average.mean() - warm * inverse[i, i])
            assert off <= 5.5 * error + memory * inverse[i, i]  # 5.5 sigma, 12 times: < 1e-6
    warmed = np.mean([v[-1] for v in values], axis=0) / np.mean([v[0] for v in values], axis=0)
    assert warmed[0, 0] > 1.15


def test_the_clock_goes_on_with_a_run():
    device = Device(drift=TemperatureDrift(1.0, 50.0))
    run = settled(device, STILL, 2, 30.0, seed=3)
    assert run.clock == 30.0
    _, run = device.measure(run, tla.TimeAverage(), 10.0, 3, np.random.default_rng(0))
    assert run.clock == 60.0
    X = tla.inv(A, rtol=0.05, device=Device(drift=TemperatureDrift(1.0, 1.0)), rng=4)
    testing.assert_agrees(X, 2 * np.linalg.inv(A))  # warm before it is read: T is twice as high


@pytest.mark.parametrize("nodes", [(1.0, 2.0, 0.5), (0.0, 1.0, 1.0)])
def test_unequal_temperatures(nodes):
    """A S + S A = 2 diag(T), as linear equations in many digits; and on a running device."""
    _, truth = oracles.stationary_in_many_digits(A, np.zeros(3), 2 * np.diag(nodes))
    device = Device(temperatures=Temperatures(nodes=nodes))
    run = settled(device, STILL, 4000, 120.0, seed=5)
    testing.assert_covariance_matches(positions(run, 3), truth)
    mean = tla.solve(A, np.ones(3), rtol=0.02, device=device, rng=6)
    testing.assert_agrees(mean, np.linalg.solve(A, np.ones(3)))  # means do not feel it


def test_a_shared_offset_is_a_factor():
    device = Device(temperatures=Temperatures(offset=0.3))
    testing.assert_agrees(tla.inv(A, rtol=0.03, device=device, rng=7), 1.3 * np.linalg.inv(A))


def test_held_noise_in_uneven_temperatures_has_no_modes_and_the_right_law():
    device = Device(temperatures=Temperatures(nodes=(1.0, 2.0, 0.5)), dressings=(HeldNoise(1e-3),))
    process = device.realised(STILL)
    E, _, C = law_of(Clockwork().prepare(process, 1.0), 3)
    truth = oracles.law_by_ode(A, np.zeros(3), 2 * np.diag([1.0, 2.0, 0.5]), 1.0)
    np.testing.assert_allclose(E, truth.E, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(C, truth.C, atol=1e-6)  # a tick's square


def test_temperatures_below_zero_are_refused():
    with pytest.raises(DoesNotFit, match="temperature below zero"):
        Device(temperatures=Temperatures(spread=5.0)).realised(STILL)
    with pytest.raises(ShapeMismatch, match="2 temperatures to 3 nodes"):
        Device(temperatures=Temperatures(nodes=(1.0, 2.0))).realised(STILL)
    with pytest.raises(DoesNotFit, match="below zero temperature"):
        TemperatureDrift(-1.0)
