"""Which integrator: one table, one place for what is valid, and a text that says why."""

import numpy as np
import pytest
import scipy.sparse as sp

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES
from thermolinalg.errors import InvalidInput
from thermolinalg.simulation.choice import INTEGRATORS, find_integrator
from thermolinalg.simulation.integrator import EXACT
from thermolinalg.theory.langevin import Multiplicative

CASES = {
    "lowrank": tla.overdamped(tla.LowRank(1.0, np.eye(3)[:, :1]), np.ones(3)),
    "chebyshev": tla.overdamped(sp.eye_array(3).tocsr(), np.ones(3)),
    "symmetric": PROCESSES["reversible"],
    "exact": PROCESSES["shear"],
    "baoab": tla.Langevin(lambda x: -x, np.ones(2)),
    "heun": tla.Nonlinear(lambda x: -(x**3), np.eye(2)),
    "euler": Multiplicative(lambda x: -x, lambda x: x[..., None], np.ones(1)),
}


@pytest.mark.parametrize("name", CASES)
def test_auto_is_the_first_that_takes_the_process(name):
    process = CASES[name]
    assert tla.choose_integrator(process) == name
    assert find_integrator("auto", process) is INTEGRATORS[name]
    assert tla.simulate(process, [0.0, 0.1], rng=0).integrator == name


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_to_be_valid_runs_and_what_is_refused_raises(name):
    process = CASES[name]
    explanation = tla.explain(process)
    assert [c.name for c in explanation.candidates] == list(INTEGRATORS)
    for c in explanation.candidates:
        if c.refusal is None:
            run = tla.simulate(process, [0.0, 0.01, 0.02], rng=0, integrator=c.name)
            assert np.isfinite(run.states).all()
            continue
        for refuse in (
            lambda c=c: find_integrator(c.name, process),
            lambda c=c: INTEGRATORS[c.name].prepare(process, 0.01),
        ):
            with pytest.raises(InvalidInput) as error:
                refuse()
            assert str(error.value).startswith(f"integrator {c.name!r} {c.refusal}.")


def test_those_without_error_come_first():
    errors = [integrator.error for integrator in INTEGRATORS.values()]
    assert errors == sorted(errors, key=[EXACT, "weak order two", "weak order one"].index)


def test_an_explanation_is_a_short_table():
    text = str(tla.explain(CASES["exact"]))
    head, verdict, _, *rows = text.splitlines()
    assert head == repr(CASES["exact"])
    assert verdict == "'auto' takes 'exact': the cheapest without step-size error."
    assert len(rows) == len(INTEGRATORS)
    assert [row.split()[1] for row in rows if row.startswith("*")] == ["exact"]
    assert "  symmetric   -                no: needs detailed balance" in text
    assert "  euler       weak order one   one drift a step" in text
    verdict = str(tla.explain(CASES["heun"])).splitlines()[1]
    assert verdict.startswith("'auto' takes 'heun': weak order two, as none without")


def test_asking_computes_no_modes_of_a_network(monkeypatch):
    network = CASES["lowrank"]
    monkeypatch.setattr(type(network), "split", property(lambda _: pytest.fail("not needed")))
    assert tla.explain(network).integrator == "lowrank"


def test_what_cannot_be_run_is_named():
    for ask in (tla.choose_integrator, tla.explain, lambda p: find_integrator("auto", p)):
        with pytest.raises(
            InvalidInput, match="process has the type int, which no integrator runs"
        ):
            ask(3)


@pytest.mark.parametrize("name", ["euler", "heun", "lattice"])
def test_a_network_moves_like_its_dense_twin(name):
    """Noise of its own on every coordinate: one step of the same normals ends in the same place."""
    stiff, friction = np.array([[2.0, 1.0], [1.0, 3.0]]), [0.5, 2.0]
    dense = tla.overdamped(stiff, [1.0, -1.0], friction=friction)
    large = tla.overdamped(sp.csr_array(stiff), [1.0, -1.0], friction=friction)
    runs = [
        tla.simulate(p, [0.0, 0.1, 0.2], chains=3, rng=0, integrator=name).states
        for p in (dense, large)
    ]
    np.testing.assert_allclose(*runs, rtol=1e-13)


def test_euler_refuses_steps_that_may_diverge_on_a_network():
    with pytest.raises(InvalidInput, match=r"a step of 2.5.*longer than 2\. "):
        tla.simulate(CASES["chebyshev"], [0.0, 2.5], integrator="euler")
