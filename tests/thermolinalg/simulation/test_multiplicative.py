"""Noise that depends on the state: against geometric Brownian motion, whose law is exact."""

import math

import array_api_strict
import numpy as np
import pytest

import thermolinalg as tla
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch, UnstableStep
from thermolinalg.simulation.explanation import explain
from thermolinalg.simulation.weak import EulerMaruyama
from thermolinalg.testing import assert_average
from thermolinalg.theory.langevin import Multiplicative

MU, SIGMA = 0.3, 0.4
GROWTH = Multiplicative(lambda x: MU * x, lambda x: SIGMA * x[..., None], np.ones(1))


def ends(process, steps, chains=40_000, rng=0):
    run = tla.simulate(
        process, np.array([0.0, 1.0]), x0=np.ones(process.n), chains=chains, rng=rng, step=1 / steps
    )
    return run.states[:, -1, :]


@pytest.mark.parametrize("steps", [1, 4, 16])
def test_moments_of_euler_steps_are_its_own_exact_ones(steps):
    """Each step multiplies by 1 + mu dt + sigma dW, so that both moments of the end are powers."""
    x, dt = ends(GROWTH, steps)[:, 0], 1 / steps
    assert_average(x, (1 + MU * dt) ** steps)
    assert_average(x**2, ((1 + MU * dt) ** 2 + SIGMA**2 * dt) ** steps)


def test_noise_is_read_by_ito_not_by_stratonovich():
    """Without drift Ito's mean stands still; Stratonovich's would grow by sigma²/2."""
    still = Multiplicative(lambda x: 0 * x, GROWTH.B, np.ones(1))
    assert_average(ends(still, 8)[:, 0], 1.0)
    with pytest.raises(AssertionError):
        assert_average(ends(still, 8)[:, 0], math.exp(SIGMA**2 / 2))


def test_one_noise_shared_by_two_coordinates_keeps_them_together():
    def B(x):
        return np.stack([x, 0 * x], axis=-1)  # both rows of the first noise

    pair = Multiplicative(lambda x: MU * x, B, np.array([1.0, 2.0]))
    x = ends(pair, 8, chains=50)
    np.testing.assert_allclose(x[:, 0], x[:, 1], rtol=1e-14)
    assert np.ptp(x[:, 0]) > 0


def test_euler_is_the_one_that_takes_it():
    table = explain(GROWTH)
    assert table.integrator == "euler"
    refused = {c.name: c.refusal for c in table.candidates if c.refusal}
    assert set(refused) == {c.name for c in table.candidates} - {"euler"}
    assert "does not depend on the state" in refused["heun"]
    assert "does not depend on the state" in refused["lattice"]
    assert "Multiplicative(n=1" in str(table)
    with pytest.raises(InvalidInput, match="take 'euler'"):
        tla.simulate(GROWTH, [0.0, 1.0], integrator="heun")


def test_a_law_of_it_is_not_known():
    with pytest.raises(InvalidInput, match=r"Multiplicative.*depends on the state"):
        tla.stationary(GROWTH)


def test_it_stays_in_its_library_and_dtype():
    xp = array_api_strict
    start = xp.ones(2, dtype=xp.float32)

    def B(x):
        return xp.eye(2, dtype=x.dtype) * x[:, None, :]

    process = Multiplicative(lambda x: -x, B, start)
    step = EulerMaruyama().prepare(process, 0.1)
    x = xp.ones((3, 2), dtype=xp.float32)
    moved = step(x, step.color(xp.ones((3, 2), dtype=xp.float32)))
    assert moved.dtype == xp.float32
    np.testing.assert_allclose(np.asarray(moved), 0.9 + np.sqrt(0.1), rtol=1e-6)


def test_a_run_that_diverges_is_stopped():
    blown = Multiplicative(lambda x: x**3, lambda x: x[..., None], np.ones(1))
    with pytest.raises(UnstableStep, match="left the finite numbers"):
        ends(blown, 200, chains=3)


@pytest.mark.parametrize(
    ("f", "B", "probe", "error"),
    [
        (lambda x: x[:1], GROWTH.B, np.ones(1), ShapeMismatch),
        (lambda x: x, lambda x: x, np.ones(2), ShapeMismatch),
        (lambda x: x, lambda x: x @ x, np.ones(3), InvalidInput),
        (lambda x: x, lambda x: np.sqrt(-x)[..., None], np.ones(1), NotFinite),
        (lambda x: x, GROWTH.B, np.ones((1, 1)), ShapeMismatch),
        (lambda x: x, GROWTH.B, np.ones(0), ShapeMismatch),
    ],
)
def test_wrong_input_is_refused(f, B, probe, error):
    with pytest.raises(error):
        Multiplicative(f, B, probe)
