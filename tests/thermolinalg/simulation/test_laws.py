"""Every exact integrator, end to end: what a run adds to E x + shift is N(0, C), and independent.

One long run of any process at any dt shows the whole law of a step: its increments about the exact
mean are independent draws of the exact covariance. The false-alarm rate of 1e-6 is that of all
examples of one integrator together.
"""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PUBLISHED, SEEDS, TIMES
from tests.thermolinalg.simulation.test_lowrank import springs
from thermolinalg import testing
from thermolinalg.backend import to_numpy
from thermolinalg.theory.evolution import transition

EXAMPLES, STEPS, CHAINS = 40, 300, 2


@st.composite
def networks(draw):
    """Sparse, symmetric positive definite by its diagonal."""
    n = draw(st.integers(1, 4))
    links = np.triu(draw(testing.matrices(n, n)), 1)
    A = links + links.T + np.diag(np.abs(links + links.T).sum(axis=1) + draw(st.floats(0.1, 2.0)))
    return tla.Network(sp.csr_array(A), draw(testing.matrices(1, n))[0], draw(st.floats(0.1, 3.0)))


KINDS = {
    "exact": testing.ou_processes(),
    "symmetric": testing.ou_processes(reversible=True),
    "chebyshev": networks(),
    "lowrank": springs(),
}


def exact_law(process, dt):
    """By 60-digit arithmetic."""
    A, D = process.A, getattr(process, "D", None)
    if D is None:
        A, D = to_numpy(A @ np.eye(process.n)), process.diffusion * np.eye(process.n)
    return oracles.law_in_many_digits(A, process.b, D, dt)


def increments(process, integrator, dt, seed, law):
    """What each step adds to its exact mean (CHAINS * STEPS, n), and the size of the states."""
    times = dt * np.arange(STEPS + 1)
    run = tla.simulate(process, times, chains=CHAINS, rng=seed, integrator=integrator)
    x = run.states
    added = x[:, 1:] - (x[:, :-1] @ law.E.T + law.shift)
    return added.reshape(-1, process.n), np.abs(x).max()


@pytest.mark.parametrize("integrator", KINDS)
def test_any_process_at_any_step_has_the_exact_law(integrator):
    @settings(max_examples=EXAMPLES)
    @given(process=KINDS[integrator], dt=TIMES, seed=SEEDS)
    def holds(process, dt, seed):
        if integrator == "symmetric" and process.modes is None:  # drawn too near to singular
            return
        law = exact_law(process, dt)
        added, size = increments(process, integrator, dt, seed, law)
        if not law.C.any():
            assert np.abs(added).max() <= 1e-12 * size
            return
        pairs = np.concatenate([added[::2], added[1::2]], axis=1)  # of neighbours in time
        rate = testing.FALSE_ALARM / EXAMPLES
        testing.assert_covariance_matches(pairs, np.kron(np.eye(2), law.C), false_alarm=rate)

    holds()


@pytest.mark.parametrize("dt", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_matrices_are_right_to_ten_digits(name, dt):
    A, D = (np.asarray(M, float) for M in PUBLISHED[name])
    process = tla.OU(A, np.ones(len(A)), D)
    truth = oracles.law_in_many_digits(A, process.b, D, dt)
    found = transition(process, dt)
    for part, right in zip((found.E, found.shift, found.C), truth, strict=True):
        assert np.abs(part - right).max() <= 1e-10 * np.abs(right).max()
    S, S_true = tla.stationary(process).cov, oracles.stationary_in_many_digits(A, process.b, D)[1]
    assert np.abs(S - S_true).max() <= 1e-10 * np.abs(S_true).max()


def test_the_published_error_is_caught():
    """The law of the symmetric part (thermox 0.0.6) does not pass."""
    A, D = (np.asarray(M, float) for M in PUBLISHED["strong shear"])
    process = tla.OU(A, np.ones(2), D)
    law = exact_law(process, 1.0)
    added, _ = increments(process, "exact", 1.0, 0, law)
    wrong = oracles.symmetric_part_covariance(A, D, 1.0)
    with pytest.raises(AssertionError):
        testing.assert_covariance_matches(added, wrong)
