"""dwell: the slope of the energy at stops has the known average, settled or not."""

import numpy as np
import pytest

from tests.thermolinalg.simulation.test_ramp import PROTOCOLS
from thermolinalg import testing
from thermolinalg.simulation.dwell import Stop, dwell

CHAINS = 20_000
STRAIGHT = [name for name in PROTOCOLS if "root" not in name]


def moments(protocol, s):
    """Mean and covariance at rest."""
    A = protocol.A1 + s * (protocol.A2 - protocol.A1)
    b = protocol.b1 + s * (protocol.b2 - protocol.b1)
    return np.linalg.solve(A, b), protocol.temperature * np.linalg.inv(A)


@pytest.mark.parametrize("name", STRAIGHT)
def test_the_mean_slope_is_that_of_the_free_energy(name):
    protocol = PROTOCOLS[name]
    change, drive = protocol.A2 - protocol.A1, protocol.b2 - protocol.b1
    stops = [Stop(s, settle=40.0, gap=1.0, readings=2) for s in (0.0, 0.3, 1.0)]
    slopes = dwell(protocol, stops, chains=CHAINS, rng=1)
    assert slopes.shape == (CHAINS, 3)
    for stop, found in zip(stops, slopes.T, strict=True):
        mean, cov = moments(protocol, stop.share)
        right = np.trace(change @ (cov + np.outer(mean, mean))) / 2 - drive @ mean
        testing.assert_average(found, right, false_alarm=testing.FALSE_ALARM / 3)


def test_readings_without_rest_see_the_start():
    """From zero the variance is (1 - e^{-2at/friction}) T/a."""
    protocol = PROTOCOLS["from the identity, u²"]
    T, friction = protocol.temperature, protocol.friction
    slopes = dwell(protocol, [Stop(0.0, 0.0, 0.5, 1)], chains=CHAINS, rng=2)[:, 0]
    variance = T * -np.expm1(-2 * 0.5 / friction)
    testing.assert_average(slopes, np.trace(protocol.A2 - protocol.A1) / 2 * variance)


def test_the_time_of_a_stop():
    assert Stop(0.5, settle=2.0, gap=0.25, readings=4).time == 3.0
