"""What instruments see: the first coordinates of a process, sample by sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from thermolinalg import testing
from thermolinalg.device.circuit import RLC, MassSpring
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.machine import Device
from thermolinalg.device.noise import ColouredNoise, HeldNoise
from thermolinalg.measurement.centered import CenteredMoments
from thermolinalg.measurement.converter import Converter
from thermolinalg.measurement.lagged import LaggedMoment
from thermolinalg.measurement.moment import MomentEntries, MomentTrace
from thermolinalg.measurement.network_average import NetworkAverage
from thermolinalg.measurement.observed import Observed
from thermolinalg.measurement.snapshot import Snapshot
from thermolinalg.theory.process import OU

A = np.array([[0.9, 0.3, 0.0], [0.3, 0.6, -0.2], [0.0, -0.2, 0.4]])
STILL = tla.overdamped(A, np.zeros(3))


def readouts(n):
    """One of each, for n coordinates."""
    last = n - 1
    return {
        "average": tla.TimeAverage(),
        "second moment": tla.SecondMoment(),
        "entries": MomentEntries(np.array([[0, last], [last, last], [0, 0]])),
        "trace": MomentTrace(),
        "lagged": LaggedMoment(0.7, 2),
        "centered": CenteredMoments(np.arange(1.0, n + 1)),
        "snapshot": Snapshot(),
    }


NAMES = list(readouts(1))


def values(readout, process, seed=0, chains=3, count=3, window=6.0):
    start = np.full((chains, process.n), 0.3)
    return readout.windows(process, start, window, count, np.random.default_rng(seed))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(
    process=st.one_of(
        testing.ou_processes(reversible=True),
        testing.ou_processes(rates=(0.2, 5.0)),
    )
)
def test_an_eye_that_sees_all_reads_the_same_numbers(name, process):
    """The same noise, and sums in another order: numbers agree to rounding."""
    readout = readouts(process.n)[name]
    plain, end = values(readout, process)
    seen, last = values(readout, Observed(process, process.n))
    for found, truth in ((seen, plain), (last, end)):
        np.testing.assert_allclose(found, truth, atol=1e-8 * np.abs(truth).max())
    window = 6.0
    assert readout.numbers(process, window) == readout.numbers(Observed(process, process.n), window)
    observed = Observed(process, process.n)
    assert readout.correlation_rate(observed) == readout.correlation_rate(process)


def test_networks_are_seen_alike():
    network = tla.overdamped(tla.LowRank(0.5, np.array([[0.5], [0.2], [-0.3]])), np.ones(3))
    readout, drives = NetworkAverage(), NetworkAverage(drives=np.eye(3), lead=2.0)
    for each in (readout, drives):
        plain, end = values(each, network)
        seen, last = values(each, Observed(network, 3))
        np.testing.assert_array_equal(plain, seen)
        np.testing.assert_array_equal(end, last)
        assert each.correlation_rate(Observed(network, 3)) == each.correlation_rate(network)
        assert each.numbers(Observed(network, 3), 6.0) == each.numbers(network, 6.0)


@pytest.mark.parametrize("name", NAMES)
def test_hidden_coordinates_are_never_read(name):
    """A coordinate that is out of sight and on its own: whatever its noise, readings are the same.

    Its noise is huge, and the mode in which it moves is its own.
    """
    found = []
    for hot in (1.0, 1e12):
        drift, noise = np.zeros((4, 4)), np.diag([2.0, 2.0, 2.0, 2.0 * hot])
        drift[:3, :3], drift[3, 3] = A, 0.8
        process = Observed(OU(drift, np.array([0.5, 0.0, -0.2, 7 * hot]), noise), 3)
        found.append(values(readouts(3)[name], process)[0])
    assert np.abs(found[1]).max() < 1e4
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6, atol=1e-6)
    shapes = {
        "average": (3, 3, 3),
        "second moment": (3, 3, 3),
        "entries": (3, 3),
        "trace": (3,),
        "lagged": (3, 3, 3),
        "centered": (3, 4, 3),
        "snapshot": (3, 3, 3),
    }
    assert found[0].shape == shapes[name]


class Seven:
    """A converter that reads 7, whatever there is."""

    def read(self, x, _):
        assert x.shape[-1] == 3
        return 0 * x + 7.0


CONSTANT = {
    "average": 7.0,
    "second moment": 49.0,
    "entries": 49.0,
    "trace": 147.0,
    "lagged": 49.0,
    "snapshot": 7.0,
}


@pytest.mark.parametrize("parts", [(), (HeldNoise(0.2),), (TransportDelay(0.3),)], ids=len)
@pytest.mark.parametrize("name", NAMES)
def test_a_converter_reads_samples_and_not_their_products(name, parts):
    moving = STILL
    for part in parts:
        moving = part.dress(moving)
    found, _ = values(readouts(3)[name], Observed(moving, 3, Seven()))
    if name == "centered":
        off = 7.0 - np.arange(1.0, 4.0)
        np.testing.assert_allclose(found[:, 0, :], np.tile(off, (3, 1)))
        np.testing.assert_allclose(found[:, 1:, :], np.tile(np.outer(off, off), (3, 1, 1)))
    else:
        np.testing.assert_allclose(found, CONSTANT[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_converter_does_not_touch_what_moves(name):
    """Its noise and rounding are of the reading: states go on as they would without."""
    coarse = Observed(STILL, 3, Converter(bits=2, offset=1.0))
    _, end = values(readouts(3)[name], STILL)
    _, last = values(readouts(3)[name], coarse)
    np.testing.assert_allclose(last, end, atol=1e-12)


def test_lagged_readings_through_a_noisy_converter():
    """Noise of different readings is independent: it adds to no lagged product."""
    noisy = Observed(STILL, 3, Converter(noise=1.0))
    rest = tla.stationary(STILL)
    truth = tla.transition(STILL, 0.7).E @ rest.cov
    found = []
    for k in range(300):
        start = rest.sample(4, rng=k)
        rng = np.random.default_rng([1, k])
        found.append(LaggedMoment(0.7).windows(noisy, start, 7.0, 1, rng)[0][0])
    found = np.array(found)
    for i in range(3):
        for j in range(3):
            testing.assert_average(found[:, i, j], truth[i, j], false_alarm=1e-6 / 9)


DEVICES = {
    "rlc": Device(circuit=RLC()),
    "masses": Device(circuit=MassSpring(), converter=Converter(bits=12)),
    "coloured": Device(dressings=(ColouredNoise(0.2),), converter=Converter(noise=0.1)),
    "held": Device(dressings=(HeldNoise(0.1, 2.0),)),
    "late": Device(dressings=(TransportDelay(0.3), HeldNoise(0.1)), converter=Converter(bits=8)),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("device", DEVICES)
def test_every_readout_on_every_device(name, device):
    """Shapes, finite numbers, and the same ones again; a run in two parts goes on."""
    device, readout = DEVICES[device], readouts(3)[name]

    def run(parts):
        rng = np.random.default_rng(3)
        going, read = device.program(STILL, np.zeros((2, 3))), []
        going = device.settle(going, 5.0, rng)
        for count in parts:
            value, going = device.measure(going, readout, 6.0, count, rng)
            read.append(value)
        return np.concatenate(read), going

    first, going = run((4,))
    again, _ = run((4,))
    halves, _ = run((2, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == halves.shape == values(readout, STILL, chains=2, count=4)[0].shape
    assert np.isfinite(first).all()
    assert np.isfinite(halves).all()
    assert going.clock == 29.0


@pytest.mark.parametrize("part", [HeldNoise(0.2), TransportDelay(0.3)], ids=["held", "late"])
@pytest.mark.parametrize("name", NAMES)
def test_processes_that_tick_are_read_as_those_that_are_observed(name, part):
    process = part.dress(STILL)
    plain, _ = values(readouts(3)[name], process)
    seen, _ = values(readouts(3)[name], Observed(process, 3))
    np.testing.assert_allclose(seen, plain, rtol=1e-10, atol=1e-12)
