"""One step of every integrator: a step is linear, so its law can be read off without chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES
from tests.thermolinalg.simulation.steps import assert_same_law, law_of
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, UnstableStep
from thermolinalg.simulation.choice import INTEGRATORS, find_integrator
from thermolinalg.simulation.integrator import EXACT

STEPS = [
    (integrator.name, name)
    for integrator in INTEGRATORS.values()
    for name, process in PROCESSES.items()
    if integrator.error == EXACT and integrator.refusal(process) is None
]
IRREVERSIBLE = [name for name, process in PROCESSES.items() if process.modes is None]


@pytest.mark.parametrize("dt", [1e-5, 0.3, 20.0])
@pytest.mark.parametrize(("integrator", "name"), STEPS)
def test_an_exact_step_has_the_exact_law(integrator, name, dt):
    process = PROCESSES[name]
    step = INTEGRATORS[integrator].prepare(process, dt)
    truth = oracles.law_in_many_digits(process.A, process.b, process.D, dt)
    assert_same_law(law_of(step, process.n), truth)


@pytest.mark.parametrize("name", PROCESSES)
def test_an_euler_step_is_the_first_order_of_the_law(name):
    process = PROCESSES[name]
    dt = 1e-3 / np.linalg.norm(process.A)
    E, shift, C = law_of(INTEGRATORS["euler"].prepare(process, dt), process.n)
    np.testing.assert_allclose(E, np.eye(process.n) - dt * process.A, atol=1e-15)
    np.testing.assert_allclose(shift, dt * process.b, rtol=1e-12)
    np.testing.assert_allclose(C, dt * process.D, rtol=1e-12, atol=1e-12 * dt)


@given(process=testing.ou_processes(reversible=True), share=st.floats(0.01, 0.99))
def test_euler_widens_each_mode_by_the_known_factor(process, share):
    """Its covariance at rest, E C E' + dt D, is that of the process times 2/(2 - dt a)."""
    if process.modes is None:
        return
    dt = share * 2 / process.fastest
    E, _, noise = law_of(INTEGRATORS["euler"].prepare(process, dt), process.n)
    modes = process.modes
    wide = (modes.basis * (1 / (2 * modes.rates) * 2 / (2 - dt * modes.rates))) @ modes.basis.T
    np.testing.assert_allclose(E @ wide @ E.T + noise, wide, atol=1e-9 * np.abs(wide).max())


@pytest.mark.parametrize("name", PROCESSES)
def test_euler_refuses_the_steps_that_diverge(name):
    """|1 - dt rate| reaches 1 at dt = 2 Re(rate)/|rate|²."""
    process = PROCESSES[name]
    rates = np.linalg.eigvals(process.A)
    longest = (2 * rates.real / np.abs(rates) ** 2).min()
    step = INTEGRATORS["euler"].prepare(process, 0.999 * longest)
    assert np.abs(np.linalg.eigvals(law_of(step, process.n)[0])).max() < 1
    with pytest.raises(UnstableStep, match=r"diverge.*closer than that, or an exact"):
        INTEGRATORS["euler"].prepare(process, 1.001 * longest)


@pytest.mark.parametrize("name", IRREVERSIBLE)
def test_symmetric_refuses_what_has_no_modes(name):
    with pytest.raises(InvalidInput, match="integrator 'symmetric' needs detailed balance"):
        INTEGRATORS["symmetric"].prepare(PROCESSES[name], 0.1)


def test_an_unknown_integrator_is_named():
    with pytest.raises(InvalidInput, match=r"integrator = 'magic' is unknown.*'auto'.*euler"):
        find_integrator("magic", PROCESSES["shear"])


def test_the_choice_is_one_of_the_table():
    for process in PROCESSES.values():
        assert find_integrator("auto", process) is INTEGRATORS[tla.choose_integrator(process)]
