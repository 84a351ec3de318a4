"""Steps of networks with inertia: the law of the general process, at O(n) a step."""

import numpy as np
import pytest

import thermolinalg as tla
from thermolinalg import testing
from thermolinalg.errors import ShapeMismatch
from thermolinalg.simulation.choice import INTEGRATORS
from thermolinalg.simulation.walk import walk

S, f = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1.0, -1.0])
NETWORKS = {
    "springs": tla.overdamped(S, f),
    "frictions of their own": tla.overdamped(S, f, friction=[0.5, 2.0], temperature=3.0),
    "alike": tla.overdamped(np.eye(2), f),
}
FRICTION = 0.9
each_network = pytest.mark.parametrize("name", NETWORKS)


def general(network, friction=FRICTION):
    """The same over (x, v), without its modes."""
    n, zero = network.n, np.zeros((network.n, network.n))
    A = np.block([[zero, -np.eye(n)], [network.A, friction * np.eye(n)]])
    D = np.block([[zero, zero], [zero, friction * network.D]])
    return tla.OU(A, np.concatenate([np.zeros(n), network.b]), D)


@each_network
@pytest.mark.parametrize("dt", [1e-4, 0.7, 40.0])
def test_a_step_has_the_law_of_the_general_process(name, dt):
    network = NETWORKS[name]
    step = INTEGRATORS["swinging"].prepare(tla.Inertial(network, FRICTION), dt)
    zero, unit = np.zeros((1, 4)), np.eye(4)
    shift = step.leave(step(zero, step.color(zero.copy())))[0]
    E = step.leave(step.flow(step.enter(unit))).T
    F = step.leave(step.color(unit.copy())).T - shift[:, None]
    truth = tla.transition(general(network), dt)
    np.testing.assert_allclose(E, truth.E, atol=1e-11 * np.abs(truth.E).max())
    np.testing.assert_allclose(shift, truth.shift, atol=1e-12)
    widths = np.sqrt(np.diag(truth.C))
    scale = np.outer(widths, widths)
    np.testing.assert_allclose(F @ F.T / scale, truth.C / scale, atol=1e-10)
    five = step.repeated(5)
    np.testing.assert_allclose(
        five.leave(five.flow(five.enter(unit))).T,
        np.linalg.matrix_power(truth.E, 5),
        atol=1e-11,
    )


@pytest.mark.parametrize("chains", [1, 200])
def test_many_steps_at_once_are_steps_one_by_one(chains):
    """A single chain is stepped in stretches of 32, many chains one step at a time."""
    process = tla.Inertial(NETWORKS["springs"], FRICTION)
    steps = np.full(1000, 0.3)

    def states(intervals):
        start, rng = np.ones((chains, 4)), np.random.default_rng(0)
        return np.concatenate(
            [b.states for b in walk(process, start, intervals, INTEGRATORS["swinging"], rng)],
            axis=1,
        )

    uneven = steps * (1 + 1e-9 * (np.arange(1000) % 2))  # other steps, prepared in turn
    np.testing.assert_allclose(states(steps), states(uneven), atol=1e-6)


def test_a_run_has_the_equilibrium_of_the_network():
    network = NETWORKS["springs"]
    run = tla.simulate(tla.Inertial(network, FRICTION), [0.0, 40.0], chains=4000, rng=0)
    assert run.integrator == "swinging"
    rest = tla.stationary(general(network))
    testing.assert_mean_matches(run.states[:, -1], rest.mean, rest.cov)
    testing.assert_covariance_matches(run.states[:, -1], rest.cov, mean=rest.mean)


@pytest.mark.parametrize("name", ["heun", "euler"])
def test_integrators_with_a_step_size_error_take_it_too(name):
    network = NETWORKS["springs"]
    runs = [
        tla.simulate(process, [0.0, 0.05, 0.1], chains=3, rng=0, integrator=name).states
        for process in (tla.Inertial(network, FRICTION), general(network))
    ]
    np.testing.assert_allclose(*runs, rtol=1e-12, atol=1e-13)


def test_drives_of_several_chains():
    drives = np.array([[1.0, 0.0], [0.0, -3.0], [2.0, 2.0]])
    network = tla.overdamped(S, drives)
    run = tla.simulate(tla.Inertial(network, FRICTION), [0.0, 1.0], chains=3, rng=0)
    assert run.states.shape == (3, 2, 4)
    with pytest.raises(ShapeMismatch, match="3 drives"):
        tla.simulate(tla.Inertial(network, FRICTION), [0.0, 1.0], chains=2, rng=0)
