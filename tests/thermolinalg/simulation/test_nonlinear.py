"""Nonlinear processes through the front door: `simulate` chooses, runs and refuses."""

import numpy as np
import pytest

from thermolinalg.errors import InvalidInput, UnstableStep
from thermolinalg.simulation.choice import choose_integrator
from thermolinalg.simulation.simulate import simulate
from thermolinalg.theory.langevin import Langevin, Nonlinear

QUARTIC = Nonlinear(lambda x: -(x**3), 2 * np.eye(2))
PENDULUM = Langevin(lambda x: -np.sin(x), np.ones(1))


@pytest.mark.parametrize(("process", "name"), [(QUARTIC, "heun"), (PENDULUM, "baoab")])
def test_auto_chooses_by_the_kind_of_process(process, name):
    run = simulate(process, [0.0, 0.5, 1.0], chains=3, rng=0, step=0.01)
    assert choose_integrator(process) == run.integrator == name
    assert run.states.shape == (3, 3, process.n)
    assert np.isfinite(run.states).all()


def test_a_run_that_diverges_says_at_which_step():
    with pytest.raises(UnstableStep, match=r"step \d+: chain 0"):
        simulate(QUARTIC, np.arange(50) * 1.0, x0=[10.0, 10.0], rng=0, integrator="euler")


@pytest.mark.parametrize("name", ["symmetric", "exact"])
def test_exact_integrators_refuse_what_is_not_linear(name):
    with pytest.raises(InvalidInput):
        simulate(QUARTIC, [0.0, 1.0], integrator=name)
