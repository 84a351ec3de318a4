"""measure: the same as keeping the whole trajectory and looking at it afterwards."""

import numpy as np
import pytest

import thermolinalg as tla
from thermolinalg.errors import InvalidInput

PROCESSES = {
    "modes": tla.OU([[2.0, 1.0], [1.0, 3.0]], [1.0, -1.0], np.diag([1.0, 1.0])),
    "general": tla.OU([[1.0, 5.0], [0.0, 2.0]], [1.0, -1.0], np.eye(2)),
}


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("chains", [1, 3])
def test_streaming_equals_the_trajectory(name, chains):
    process, samples = PROCESSES[name], 1000
    run = tla.measure(process, 0.3, samples, tla.Mean(), tla.Covariance(), chains=chains, rng=5)
    kept = tla.simulate(process, 0.3 * np.arange(samples + 1), chains=chains, rng=5)
    states = kept.states[:, 1:, :].reshape(-1, 2)
    mean, cov = run.values
    # Sums of this many numbers round this many times, at the size of the largest.
    rounding = states.size * np.finfo(float).eps * np.abs(states).max()
    assert np.abs(mean - states.mean(axis=0)).max() <= rounding
    assert np.abs(cov - np.cov(states.T)).max() <= rounding * np.abs(states).max()
    assert np.abs(run.last - kept.states[:, -1, :]).max() <= rounding
    assert run.seed == 5


def test_burn_in_forgets_the_start():
    process = PROCESSES["modes"]
    law = tla.stationary(process)
    run = tla.measure(process, 1.0, 1, tla.Mean(), x0=[1e3, 1e3], burn_in=50.0, chains=20, rng=0)
    assert np.abs(run.values[0] - law.mean).max() < 1e3 * np.exp(-50.0 * process.slowest) + 10.0


def test_records_merge():
    process, mean = PROCESSES["modes"], tla.Mean()
    runs = [tla.measure(process, 0.5, 200, mean, rng=seed) for seed in (1, 2)]
    both = mean.value(mean.merge(runs[0].records[0], runs[1].records[0]))
    assert np.allclose(both, (runs[0].values[0] + runs[1].values[0]) / 2, rtol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "knobs", "word"),
    [
        ((1.0, 10), {}, "observable"),
        ((-1.0, 10, tla.Mean()), {}, "dt"),
        ((1.0, 0, tla.Mean()), {}, "samples"),
        ((1.0, 10, tla.Mean()), {"burn_in": -1.0}, "burn_in"),
        ((1.0, 10, tla.Mean()), {"chains": 0}, "chains"),
        ((1.0, 10, tla.Mean()), {"integrator": "guess"}, "integrator"),
    ],
)
def test_bad_input_is_named(arguments, knobs, word):
    with pytest.raises(InvalidInput, match=word):
        tla.measure(PROCESSES["modes"], *arguments, **knobs)


def test_a_measurement_says_what_it_is_in_a_line():
    found = tla.measure(PROCESSES["general"], 0.1, 10, tla.Mean(), tla.Covariance(), rng=7)
    assert repr(found) == (
        "Measured(values of shape (2,), (2, 2); chains=1, n=2, integrator='exact', seed=7)"
    )
