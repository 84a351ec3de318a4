"""Chains: pooled answers that do not depend on who simulates them."""

import joblib
import numpy as np
import pytest

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import ring, wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput

A, B = wishart(6), np.arange(1.0, 7.0)
SHEAR = np.array([[1.0, 5.0], [0.0, 2.0]])
RUNS = 200
CALLS = {
    "solve": lambda **knobs: tla.solve(A, B, rng=1, **knobs),
    "solve, sides": lambda **knobs: tla.solve(A, np.stack([B, -B], axis=1), rng=1, **knobs),
    "solve, shear": lambda **knobs: tla.solve(SHEAR, [1.0, 2.0], rng=1, **knobs),
    "lstsq": lambda **knobs: tla.lstsq(A[:, :3], B, rng=1, **knobs),
    "inv": lambda **knobs: tla.inv(A, rng=1, **knobs),
    "trace": lambda **knobs: tla.inv(A, only="trace", rng=1, **knobs),
    "solve_lyapunov": lambda **knobs: tla.solve_lyapunov(SHEAR, np.eye(2), rng=1, **knobs),
    "gaussian_process": lambda **knobs: (
        tla.gaussian_process(
            np.arange(6.0), B, [0.5, 2.5], kernel=tla.RBF(2.0), noise=0.5, rng=1, **knobs
        ).mean
    ),
    "expm": lambda **knobs: tla.expm(-SHEAR, 0.3, rng=1, **knobs),
}
TRUTHS = {
    "solve": np.linalg.solve(A, B),
    "solve, sides": np.linalg.solve(A, np.stack([B, -B], axis=1)),
    "solve, shear": np.linalg.solve(SHEAR, [1.0, 2.0]),
    "inv": np.linalg.inv(A),
}


@pytest.mark.parametrize("chains", [2, 8, 32])
@pytest.mark.parametrize("name", CALLS)
def test_the_answer_does_not_depend_on_the_workers(name, chains):
    one = CALLS[name](chains=chains, n_jobs=1)
    with joblib.parallel_config(backend="threading"):
        two = CALLS[name](chains=chains, n_jobs=2)
    np.testing.assert_array_equal(one.value, two.value)
    np.testing.assert_array_equal(one.stderr, two.stderr)
    assert one.plan == two.plan
    assert one.ledger == two.ledger


@pytest.mark.parametrize("name", ["solve", "inv"])
def test_nor_on_where_the_workers_are(name):
    one, other = CALLS[name](chains=4), CALLS[name](chains=4, n_jobs=2)  # processes
    np.testing.assert_array_equal(one.value, other.value)


def test_nor_on_a_cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        there = CALLS["solve"](chains=4, n_jobs=2)
    np.testing.assert_array_equal(CALLS["solve"](chains=4).value, there.value)


@pytest.mark.parametrize("chains", [4, 32])
@pytest.mark.parametrize("name", TRUTHS)
def test_coverage_and_wanted_error(name, chains):
    truth, count = TRUTHS[name], RUNS if chains < 32 else RUNS // 2
    call = {
        "solve": lambda seed: tla.solve(A, B, chains=chains, rng=seed),
        "solve, sides": lambda seed: tla.solve(A, np.stack([B, -B], 1), chains=chains, rng=seed),
        "solve, shear": lambda seed: tla.solve(SHEAR, [1.0, 2.0], chains=chains, rng=seed),
        "inv": lambda seed: tla.inv(A, rtol=0.3, chains=chains, rng=seed),
    }[name]
    runs = [call(seed) for seed in range(count)]
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), count, 0.95)
    met = [
        np.linalg.norm(x.value - truth) <= x.plan.target.rtol * np.linalg.norm(truth) for x in runs
    ]
    testing.assert_at_least(sum(met), count, 0.95)


def test_chains_of_a_network_that_is_only_multiplied():
    sparse = pytest.importorskip("scipy.sparse").csr_array(ring(30, 0.5))
    b = np.random.default_rng(0).standard_normal(30)
    one = tla.solve(sparse, b, chains=4, rng=0)
    with joblib.parallel_config(backend="threading"):
        two = tla.solve(sparse, b, chains=4, n_jobs=2, rng=0)
    np.testing.assert_array_equal(one.value, two.value)
    testing.assert_agrees(one, np.linalg.solve(ring(30, 0.5), b))


def test_the_budget_is_of_all_chains():
    plan = tla.solve(A, B, chains=4, rtol=1e-3, rng=0).plan
    limit = plan.burn_in + 2.5 * plan.pilot
    x = tla.solve(A, B, chains=4, rtol=1e-3, max_time=limit, rng=0)
    assert x.outcome is tla.Outcome.BUDGET_SPENT
    assert x.plan.time <= limit * (1 + 1e-12)


@pytest.mark.parametrize("chains", [0, 3, 64, -2, 1.5, True])
def test_bad_chains_are_named(chains):
    with pytest.raises(InvalidInput, match="chains"):
        tla.solve(A, B, chains=chains)


@pytest.mark.parametrize("n_jobs", [0, 1.5, "all", None])
def test_bad_jobs_are_named(n_jobs):
    with pytest.raises(InvalidInput, match="n_jobs"):
        tla.solve(A, B, n_jobs=n_jobs)
