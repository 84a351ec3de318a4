"""measure: the same as keeping the whole trajectory and looking at it afterwards."""

import numpy as np
import pytest
from scipy import stats

import thermolinalg as tla
from thermolinalg.errors import InvalidInput
from thermolinalg.simulation import walk
from thermolinalg.testing import FALSE_ALARM

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


def soft(x):
    return -np.tanh(x)


def test_a_burn_in_is_no_longer_step_than_the_others():
    """One step of 20 would leave a variance of 9.9. The same law as of a run in short steps."""
    process, chains = tla.Nonlinear(soft, [[0.5]]), 4000
    observables = tla.Mean(), tla.Covariance()
    found = tla.measure(process, 0.05, 1, *observables, burn_in=20.0, chains=chains, rng=0)
    run = tla.simulate(process, [0.0, 20.0], step=0.05, chains=chains, rng=1)
    x = run.states[:, -1, 0]
    spread = np.sqrt(2 * ((x**2).var() + found.values[1].item() ** 2) / chains)
    assert abs(found.values[1].item() - x.var()) <= stats.norm.isf(FALSE_ALARM / 2) * spread


@pytest.mark.parametrize("step", [0.5, 0.17, 0.05])
def test_step_divides_dt(step):
    """Samples are the states that `simulate` has at the same times, in the same steps."""
    process, samples = tla.Nonlinear(soft, [[0.5]]), 50
    found = tla.measure(process, 0.5, samples, tla.Mean(), rng=3, step=step)
    run = tla.simulate(process, 0.5 * np.arange(samples + 1), rng=3, step=step)
    np.testing.assert_allclose(found.values[0], run.states[0, 1:].mean(axis=0), rtol=1e-9)


def test_step_divides_dt_across_blocks(monkeypatch):
    process, knobs = tla.Nonlinear(soft, [[0.5]]), {"rng": 3, "step": 0.11}
    whole = tla.measure(process, 0.5, 30, tla.Mean(), tla.Autocovariance(2), **knobs)
    monkeypatch.setattr(walk, "BLOCK", 7)  # no multiple of 5
    cut = tla.measure(process, 0.5, 30, tla.Mean(), tla.Autocovariance(2), **knobs)
    for one, other in zip(whole.values, cut.values, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_an_observable_must_be_one():
    with pytest.raises(InvalidInput, match=r"instances, such as Mean\(\)"):
        tla.measure(PROCESSES["modes"], 0.1, 10, tla.Mean)


def test_chains_and_drives_must_match():
    process = tla.OU(np.eye(2), np.ones((3, 2)), np.eye(2))
    with pytest.raises(InvalidInput, match="3 drives"):
        tla.measure(process, 0.1, 10, tla.Mean(), chains=2)


def test_an_integrator_may_be_made_by_hand():
    process = tla.Nonlinear(soft, [[0.5]])
    found = tla.measure(process, 0.01, 100, tla.Mean(), integrator=tla.Lattice(spacing=0.2), rng=0)
    assert found.integrator == "lattice"
    run = tla.simulate(process, [0.0, 0.01, 0.02], integrator=tla.Lattice(spacing=0.2), rng=0)
    np.testing.assert_allclose(run.states / 0.2, np.round(run.states / 0.2), atol=1e-12)
