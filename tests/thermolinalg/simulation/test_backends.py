"""Other array libraries: arrays stay in theirs, and the same seed gives the same numbers."""

import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES
from thermolinalg.backend import to_numpy

LIBRARIES = ["array_api_strict", "torch"]
A = np.array([[3.0, 1.0, 0.2], [1.0, 4.0, -0.5], [0.2, -0.5, 2.0]])
B = np.array([1.0, -2.0, 0.5])


@pytest.fixture(params=LIBRARIES)
def library(request):
    return pytest.importorskip(request.param)


def moved(process, xp):
    return tla.OU(*(xp.asarray(part) for part in (process.A, process.b, process.D)))


def assert_same(found, right, xp, *, steps=1):
    """Libraries may round differently, each operation by one unit in the last place."""
    assert isinstance(found, type(xp.asarray([1.0])))
    right = np.asarray(right)
    tolerance = 64 * steps * np.finfo(right.dtype).eps
    np.testing.assert_allclose(
        to_numpy(found), right, rtol=tolerance, atol=tolerance * np.abs(right).max()
    )


@pytest.mark.parametrize("name", ["shear", "reversible", "thermox README", "noiseless"])
def test_simulate_and_transition(name, library):
    process = PROCESSES[name]
    other = moved(process, library)
    assert tla.choose_integrator(other) == tla.choose_integrator(process)
    for part in ("E", "shift", "C"):
        found, right = (getattr(tla.transition(p, 0.7), part) for p in (other, process))
        assert_same(found, right, library)
    for integrator in ("auto", "exact", "euler"):
        knobs = {"chains": 2, "rng": 0, "integrator": integrator}
        found, right = (
            tla.simulate(p, [0.0, 0.1, 0.2, 0.25], x0=np.ones(p.n), **knobs)
            for p in (other, process)
        )
        assert_same(found.states, right.states, library, steps=3)
        assert_same(found.times, right.times, library)


@pytest.mark.parametrize("name", ["shear", "reversible"])
def test_equilibrium(name, library):
    other, process = moved(PROCESSES[name], library), PROCESSES[name]
    found, right = tla.stationary(other), tla.stationary(process)
    assert_same(found.mean, right.mean, library)
    assert_same(found.cov, right.cov, library)
    assert_same(found.log_prob(library.asarray([0.0, 1.0])), right.log_prob([0.0, 1.0]), library)
    assert_same(found.condition({0: 1.0}).cov, right.condition({0: 1.0}).cov, library)
    assert_same(found.marginal(1).mean, right.marginal(1).mean, library)
    assert found.kl(found) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("sides", [1, 2])
def test_solve(sides, library):
    b = B if sides == 1 else np.stack([B, 2 * B], axis=1)
    right = tla.solve(A, b, rng=0)
    found = tla.solve(library.asarray(A), library.asarray(b), rng=0)
    assert_same(found.value, right.value, library, steps=64)
    assert_same(found.stderr, right.stderr, library, steps=64)
    assert found.outcome is right.outcome
    assert str(found).splitlines()[0] == str(right).splitlines()[0]


def test_inv(library):
    right, found = tla.inv(A, rng=0), tla.inv(library.asarray(A), rng=0)
    assert_same(found.value, right.value, library, steps=1000)
    seconds = [estimate.ledger.seconds("modelled") for estimate in (found, right)]
    assert seconds[0] == pytest.approx(seconds[1], rel=1e-12)


def test_single_precision(library):
    xp = library
    single = xp.asarray(A, dtype=xp.float32), xp.asarray(B, dtype=xp.float32)
    found = tla.solve(*single, rng=0)
    assert found.value.dtype == xp.float32
    assert np.asarray(found).dtype == np.float32


def test_observables(library):
    x = np.random.default_rng(0).standard_normal((4, 5, 3))
    for observable in (tla.Mean(), tla.Covariance()):
        found, right = (
            observable.value(observable.update(observable.init(s), s))
            for s in (library.asarray(x), x)
        )
        assert_same(found, right, library)


def test_a_long_run_of_one_chain(library):
    """It is stepped in stretches, which small arrays of every library go through."""
    process = PROCESSES["shear"]
    times = 0.5 * np.arange(400)
    found, right = (
        tla.simulate(p, times, x0=np.ones(2), rng=0) for p in (moved(process, library), process)
    )
    assert_same(found.states, right.states, library, steps=32)
