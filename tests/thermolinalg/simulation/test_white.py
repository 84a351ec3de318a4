"""Coordinates of white noise: the same law, taken where they keep their digits."""

import numpy as np
import pytest
from hypothesis import assume, given

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES, TIMES
from tests.thermolinalg.simulation.steps import assert_same_law, law_of
from thermolinalg import testing
from thermolinalg.simulation import walk
from thermolinalg.simulation.choice import find_integrator
from thermolinalg.simulation.exact import Exact
from thermolinalg.simulation.integrator import LinearStep
from thermolinalg.simulation.white import WhiteStep, whitened


@given(process=testing.ou_processes(), dt=TIMES)
def test_the_law_of_a_step_is_that_of_the_process(process, dt):
    step = whitened(Exact().prepare(process, dt))
    assume(isinstance(step, WhiteStep))
    truth = oracles.law_in_many_digits(process.A, process.b, process.D, dt)
    assert_same_law(law_of(step, process.n), truth)


def test_its_noise_is_white():
    step = whitened(Exact().prepare(PROCESSES["strong shear"], 1.0))
    z = np.random.default_rng(0).standard_normal((5, 1, 2))
    np.testing.assert_array_equal(step.color(z.copy()), z + step.shift)


@pytest.mark.parametrize("name", ["noiseless", "one noise for all", "underdamped"])
def test_noise_that_cannot_be_undone_in_few_bits_is_colored(name):
    step = Exact().prepare(PROCESSES[name], 1e-3)
    assert whitened(step) is step


def test_no_digit_is_lost_to_units():
    """Metres beside nanometres: y would mix numbers of very different size."""
    unit = np.array([1.0, 1e9])
    A, D = np.array([[1.0, 5.0], [0.0, 2.0]]), np.eye(2)
    process = tla.OU(A * unit[:, None] / unit, unit, D * unit[:, None] * unit)
    step = Exact().prepare(process, 1.0)
    assert whitened(step) is step


def test_a_step_is_whitened_once():
    step = Exact().prepare(PROCESSES["strong shear"], 1.0)
    assert whitened(step) is whitened(step)


def test_only_regular_grids_take_it(monkeypatch):
    taken = []
    monkeypatch.setattr(walk, "whitened", lambda step: taken.append(step) or whitened(step))
    regular, irregular = np.arange(100.0), np.cumsum(np.linspace(0.5, 1.5, 100))
    for times, count in ((regular, 1), (irregular, 1), (regular[:10], 1)):
        tla.simulate(PROCESSES["strong shear"], times, rng=0)
        assert len(taken) == count


@pytest.mark.parametrize("integrator", ["exact", "euler"])
def test_chains_may_have_drives_of_their_own(integrator):
    """Without noise in the comparison: differences of chains that share their noise are exact."""
    A, D = np.array([[1.0, 5.0], [0.0, 2.0]]), np.eye(2)
    drives, dt, steps = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, -1.0]]), 0.1, 200
    process = tla.OU(A, drives, D)
    step = find_integrator(integrator, process).prepare(process, dt)
    white = whitened(step)
    assert isinstance(step, LinearStep)
    assert isinstance(white, WhiteStep)
    x, y, z = np.zeros((3, 2)), white.enter(np.zeros((3, 2))), np.zeros((1, 3, 2))
    for _ in range(steps):
        x = step(x, step.color(z.copy())[0])
        y = white(y, white.color(z.copy())[0])
    np.testing.assert_allclose(white.leave(y), x, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(x, np.linalg.solve(A, drives.T).T, rtol=1e-6, atol=1e-6)
