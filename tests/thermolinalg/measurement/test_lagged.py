"""Lagged products: right on average, in any coordinates, in any cut into windows and blocks."""

import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.errors import InvalidInput
from thermolinalg.simulation import walk
from thermolinalg.simulation.choice import find_integrator

LAG = 0.7


@pytest.mark.parametrize("per_lag", [1, 3])
@pytest.mark.parametrize("name", ["shear", "whirl", "reversible, coupled noise"])
def test_the_average_is_the_autocovariance(name, per_lag):
    process = PROCESSES[name]
    driven = tla.OU(process.A, np.zeros(process.n), process.D)
    start = tla.stationary(driven).sample(1000, rng=0)
    readout = tla.LaggedMoment(LAG, per_lag)
    each = [
        readout.windows(driven, x[None, :], 2.5, 2, np.random.default_rng(k))[0]
        for k, x in enumerate(start)
    ]
    truth = tla.autocovariance(driven, LAG)
    for values in np.moveaxis(each, 1, 0):
        for i, j in np.ndindex(truth.shape):
            testing.assert_average(values[:, i, j], truth[i, j])


@pytest.mark.parametrize("per_lag", [1, 2, 5])
@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_blocks_and_windows_cut_no_pair(monkeypatch, per_lag, block):
    """The same states, read by hand."""
    process, count, chains = PROCESSES["shear"], 3, 2
    monkeypatch.setattr(walk, "BLOCK", block * chains * process.n)
    x0 = np.ones((chains, process.n))
    readout = tla.LaggedMoment(LAG, per_lag)
    window = 2.6 * LAG
    samples = int(2.6 * per_lag)
    values, last = readout.windows(process, x0, window, count, np.random.default_rng(1))
    times = LAG / per_lag * np.arange(count * samples + 1)
    rng = np.random.default_rng(1)
    blocks = walk.walk(process, x0, np.diff(times), find_integrator("auto", process), rng)
    states = np.concatenate([x0[:, None, :], *(b.states.copy() for b in blocks)], axis=1)
    np.testing.assert_allclose(last, states[:, -1])
    for k in range(count):
        ends = [s for s in range(k * samples + 1, (k + 1) * samples + 1) if s >= per_lag]
        truth = np.mean([np.outer(c[s], c[s - per_lag]) for c in states for s in ends], axis=0)
        np.testing.assert_allclose(values[k], truth, rtol=1e-10, atol=1e-12)
    assert readout.numbers(process, window) == process.n * samples


def test_it_forgets_no_sooner_than_a_lag():
    process = PROCESSES["stiff"]
    assert tla.LaggedMoment(1e-3).correlation_rate(process) == 2 * process.slowest
    assert tla.LaggedMoment(1e3).correlation_rate(process) == 1e-3


@pytest.mark.parametrize("lag", [0.0, -1.0, np.inf])
def test_a_lag_is_a_time(lag):
    with pytest.raises(InvalidInput, match="lag ="):
        tla.LaggedMoment(lag)


def test_a_window_shorter_than_the_lag():
    process = PROCESSES["shear"]
    with pytest.raises(InvalidInput, match="shorter than the lag"):
        tla.LaggedMoment(1.0).windows(process, np.ones((1, 2)), 0.5, 1, np.random.default_rng(0))
