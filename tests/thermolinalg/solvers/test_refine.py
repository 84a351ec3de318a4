"""Runs that are stopped, saved, gone on with and refined."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse as sp

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import ring, wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, OutputError

ROOT = Path(__file__).parents[3]
A, B = wishart(6), np.arange(1.0, 7.0)
SHEAR = np.array([[1.0, 5.0], [0.0, 2.0]])
EYE = sp.eye_array(16, format="csr")
RING = sp.csr_array(ring(30, 0.5))
X = np.linspace(0.0, 1.0, 5)
CALLS = {
    "solve": lambda **knobs: tla.solve(A, B, rng=1, **knobs),
    "solve, sides": lambda **knobs: tla.solve(A, np.stack([B, -B], axis=1), rng=1, **knobs),
    "solve, shear": lambda **knobs: tla.solve(SHEAR, [1.0, 2.0], rng=1, **knobs),
    "solve, chains": lambda **knobs: tla.solve(A, B, chains=4, rng=1, **knobs),
    "solve, scaled": lambda **knobs: tla.solve(A, B, precondition="diagonal", rng=1, **knobs),
    "solve, sparse": lambda **knobs: tla.solve(RING, np.ones(30), rng=1, **knobs),
    "lstsq": lambda **knobs: tla.lstsq(A[:, :3], B, rng=1, **knobs),
    "lstsq, wide": lambda **knobs: tla.lstsq(A[:3], B[:3], rng=1, **knobs),
    "inv": lambda **knobs: tla.inv(A, rng=1, **knobs),
    "trace": lambda **knobs: tla.inv(A, only="trace", rng=1, **knobs),
    "entries": lambda **knobs: tla.inv(A, only=[(0, 1), (2, 2)], rng=1, **knobs),
    "solve_lyapunov": lambda **knobs: tla.solve_lyapunov(SHEAR, np.eye(2), rng=1, **knobs),
    "indefinite": lambda **knobs: tla.solve_lyapunov(SHEAR, np.diag([1.0, -1.0]), rng=1, **knobs),
    "expm": lambda **knobs: tla.expm(-SHEAR, 0.3, rng=1, **knobs),
    "bar": lambda **knobs: tla.logdet(A, atol=0.1, rng=1, **knobs),
    "jarzynski": lambda **knobs: tla.logdet(A, method="jarzynski", rng=1, **knobs),
    "integration": lambda **knobs: tla.logdet(A, method="integration", rng=1, **knobs),
    "mean": lambda **knobs: (
        tla.gaussian_process(
            X, np.sin(X), [0.3], kernel=tla.RBF(0.5), noise=0.1, rng=1, **knobs
        ).mean
    ),
}
each_solver = pytest.mark.parametrize("name", CALLS)


def stop_at(number):
    """A callback that stops a run when it is asked for the so manieth time."""
    asked = iter(range(1, 1000))
    return lambda _: next(asked) == number


def assert_same(one, other):
    np.testing.assert_array_equal(one.value, other.value)
    np.testing.assert_array_equal(one.stderr, other.stderr)
    assert (one.outcome, one.plan, one.time, one.dof) == (
        other.outcome,
        other.plan,
        other.time,
        other.dof,
    )
    assert one.ledger == other.ledger


@each_solver
def test_a_run_that_was_stopped_goes_on_to_the_same_answer(name):
    whole = CALLS[name]()
    for number in (1, 2, 3):
        stopped = CALLS[name](callback=stop_at(number))
        if stopped.outcome is tla.Outcome.CONVERGED:  # it was done by then
            assert_same(stopped, whole)
            continue
        assert stopped.outcome is tla.Outcome.STOPPED
        assert stopped.time < whole.time
        assert_same(stopped.refine(), whole)


@each_solver
def test_so_it_does_after_a_night_on_the_disk(name, tmp_path):
    CALLS[name](callback=stop_at(2)).save(tmp_path / "run")
    assert_same(tla.load(tmp_path / "run").refine(), CALLS[name]())


def test_so_it_does_in_another_process(tmp_path):
    CALLS["solve, chains"](callback=stop_at(2)).save(tmp_path / "run")
    script = f"""
import thermolinalg as tla
tla.load({str(tmp_path / "run")!r}).refine().save({str(tmp_path / "end")!r})
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    assert_same(tla.load(tmp_path / "end"), CALLS["solve, chains"]())


@each_solver
def test_a_refinement_that_was_stopped_goes_on_to_the_same_answer(name):
    goal = CALLS[name]().plan.target
    finer = {"rtol": goal.rtol / 2, "atol": goal.atol / 2}
    whole = CALLS[name]().refine(**finer)
    stopped = CALLS[name]().refine(**finer, callback=stop_at(1))
    assert_same(stopped.refine(), whole)
    assert (whole.plan.target.rtol, whole.plan.target.atol) == tuple(finer.values())


def test_an_estimate_stays_what_it_is():
    x = CALLS["solve"]()
    value = x.value.copy()
    assert_same(x.refine(rtol=1e-3), x.refine(rtol=1e-3))
    np.testing.assert_array_equal(x.value, value)
    assert x.refine() is x
    coarse = x.refine(rtol=0.1)
    np.testing.assert_array_equal(coarse.value, value)
    assert coarse.time == x.time


def test_what_was_read_before_counts():
    """Refined in two steps, a run takes as long as in one: a third more at the most, of luck."""
    ratios = []
    for seed in range(50):
        x = tla.solve(A, B, rtol=0.02, rng=seed).refine(rtol=0.01)
        assert x.dof == 62
        ratios.append(x.plan.averaging / tla.solve(A, B, rtol=0.01, rng=seed).plan.averaging)
    assert 0.7 < np.median(ratios) < 1.3


RUNS = 300


@pytest.mark.parametrize("name", ["solve", "inv", "logdet", "logdet, rests too short"])
def test_refined_answers_cover_and_meet_the_error(name):
    truths = {"solve": np.linalg.solve(A, B), "inv": np.linalg.inv(A)}
    truth = truths.get(name, np.linalg.slogdet(A)[1])
    calls = {
        "logdet": lambda seed: tla.logdet(A, atol=0.6, rng=seed).refine(atol=0.4),
        "logdet, rests too short": lambda seed: tla.logdet(A, atol=1.2, rng=seed).refine(atol=0.35),
        "solve": lambda seed: tla.solve(A, B, rtol=0.05, rng=seed).refine(rtol=0.02),
        "inv": lambda seed: tla.inv(A, rtol=0.3, rng=seed).refine(rtol=0.2),
    }
    count = RUNS if name in truths else RUNS // 3
    runs = [calls[name](seed) for seed in range(count)]
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), count, 0.95)
    wanted = [x.plan.target.wanted(np.linalg.norm(truth)) for x in runs]
    met = [np.linalg.norm(x.value - truth) <= w for x, w in zip(runs, wanted, strict=True)]
    testing.assert_at_least(sum(met), count, 0.95)


@pytest.mark.parametrize("number", [1, 3])
def test_intervals_of_stopped_runs_cover(number):
    """In the pilot, and within the answer, with fewer degrees of freedom."""
    truth = np.linalg.solve(A, B)
    runs = [tla.solve(A, B, callback=stop_at(number), rng=seed) for seed in range(RUNS)]
    assert all(x.outcome is tla.Outcome.STOPPED for x in runs)
    covered = [(low <= truth) & (truth <= high) for low, high in (x.interval(0.95) for x in runs)]
    testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)


@pytest.mark.parametrize("coarse", [{"rtol": 0.0, "atol": 1e3}, {"rtol": 1.0}])
def test_a_norm_that_noise_hid_is_found_first(coarse):
    """The norm less two error bars says little then; by it runs took 12 times as long as fresh."""
    slow, b = np.diag([1.0, 0.01]), [1.0, 0.05]
    go, ratios = partial(tla.solve, slow, b, temperature=1e3), []
    for seed in range(20):
        refined = go(rng=seed, **coarse).refine(rtol=0.05, atol=0.0)
        assert refined.outcome is tla.Outcome.CONVERGED
        ratios.append(refined.time / go(rtol=0.05, rng=seed).time)
    assert np.mean(ratios) < 2


def test_stretches_of_single_windows_are_no_independent_ones():
    """32 replicas read one window each, here as short as the memory: many refinements follow.

    The coordinates of the identity err independently.
    """
    n, covered, met = 16, 0, 0
    for seed in range(25):
        x = tla.solve(EYE, np.ones(n), rtol=0.3, temperature=2.0, rng=seed)
        for rtol in 0.3 * 0.92 ** np.arange(1, 12):
            x = x.refine(rtol=rtol)
        low, high = x.interval(0.95)
        covered += np.sum((low <= 1.0) & (high >= 1.0))
        met += np.linalg.norm(x.value - 1.0) <= x.plan.target.rtol * n**0.5
        assert x.dof > 31
    testing.assert_at_least(covered, 25 * n, 0.95)
    testing.assert_at_least(met, 25, 0.95)


def test_a_start_that_a_finer_error_would_see_does_not_count():
    """With 32 chains windows begin early; refined a millionfold, the first are no answer."""
    stiff = np.diag([1.0, 1.0, 1.0])
    coarse = tla.solve(stiff, B[:3], rtol=0.5, temperature=1e-9, chains=32, rng=0)
    fine = coarse.refine(rtol=1e-9)
    assert fine.dof == 31
    assert coarse.dof == 31
    testing.assert_agrees(fine, B[:3])


def test_the_callback_sees_the_answer_as_it_comes_about():
    seen = []
    x = tla.solve(A, B, rng=1, callback=seen.append)
    assert len(seen) >= 5
    assert [s.time for s in seen] == sorted(s.time for s in seen)
    assert seen[-1].outcome is x.outcome
    np.testing.assert_array_equal(seen[-1].value, x.value)
    assert all(s.outcome is tla.Outcome.STOPPED for s in seen[:-1])
    assert_same(x, tla.solve(A, B, rng=1))


def test_a_budget_that_was_spent_can_be_raised():
    enough = tla.solve(A, B, rtol=1e-3, rng=0)
    spent = tla.solve(A, B, rtol=1e-3, max_time=enough.time / 3, rng=0)
    assert spent.outcome is tla.Outcome.BUDGET_SPENT
    again = spent.refine(max_time=enough.time / 10)
    assert again.outcome is tla.Outcome.BUDGET_SPENT
    assert spent.error > again.error
    assert again.time == pytest.approx(spent.time + enough.time / 10)
    assert again.refine().outcome is tla.Outcome.CONVERGED


def test_a_budget_of_samples():
    enough = tla.inv(A, rtol=0.1, rng=0)
    samples = 2 * enough.time * enough.plan.slowest
    assert tla.inv(A, rtol=0.1, max_samples=1.1 * samples, rng=0).plan == enough.plan
    spent = tla.inv(A, rtol=0.1, max_samples=samples / 2, rng=0)
    assert spent.outcome is tla.Outcome.BUDGET_SPENT
    assert spent.time == pytest.approx(enough.time / 2)
    with pytest.raises(InvalidInput, match="max_samples = 5 is too few to measure anything"):
        tla.inv(A, max_samples=5)


def test_the_history_ends_at_the_answer():
    x = CALLS["solve"]().refine(rtol=3e-3)
    assert x.history.times[-1] == pytest.approx(x.plan.averaging)
    assert len(x.history.times) == 64
    np.testing.assert_allclose(x.history.values[-1], x.value, rtol=1e-12)
    assert np.all(np.diff(x.history.times) > 0)


def test_windows_that_are_too_large_are_not_kept(monkeypatch):
    monkeypatch.setattr("thermolinalg.solvers.run.KEPT", 100)
    with pytest.raises(InvalidInput, match="no windows of this run are kept"):
        _ = CALLS["solve"]().history


def test_runs_before_a_refinement_count_while_their_rests_are_long_enough():
    coarse = tla.logdet(A, atol=0.2, rng=0)
    near, far = coarse.refine(atol=0.1), coarse.refine(atol=0.02)
    assert near.plan.pilot == coarse.plan.pilot
    assert far.plan.pilot > coarse.plan.pilot
    assert {near.outcome, far.outcome} == {tla.Outcome.CONVERGED}


def test_a_campaign_stopped_before_its_answer_is_planned_for_the_new_error():
    stopped = tla.logdet(A, atol=1.0, rng=0, callback=stop_at(1))
    assert stopped.outcome is tla.Outcome.STOPPED
    fresh, refined = tla.logdet(A, atol=0.03, rng=0), stopped.refine(atol=0.03)
    assert refined.plan.windows > fresh.plan.windows / 2
    assert refined.plan.expected_error <= 0.03


def test_a_relative_error_of_a_determinant_near_one_is_refused_when_refined():
    x = tla.logdet(np.diag([0.5, 2.0]), atol=1.0, rng=0)
    with pytest.raises(InvalidInput, match="next to zero"):
        x.refine(rtol=0.1, atol=0.0)


def test_workers_share_the_runs_of_a_campaign(monkeypatch):
    monkeypatch.setattr("thermolinalg.solvers.campaign.BATCH", 600)
    with joblib.parallel_config(backend="threading"):
        assert_same(CALLS["bar"](n_jobs=2), CALLS["bar"]())


def test_what_cannot_go_on_says_so():
    x = CALLS["solve"]()
    with pytest.raises(InvalidInput, match="rtol"):
        x.refine(rtol=-1.0)
    with pytest.raises(InvalidInput, match=r"max_time = 0\.1 RC is too short"):
        x.refine(rtol=1e-4, max_time=0.1)


def test_files_that_hold_no_result_are_named(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        tla.load(tmp_path / "nothing")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InvalidInput, match="holds no result"):
        tla.load(tmp_path / "text")
    (tmp_path / "other").write_bytes(__import__("pickle").dumps([1, 2]))
    with pytest.raises(InvalidInput, match=r"was not written by save"):
        tla.load(tmp_path / "other")
    with pytest.raises(OutputError, match="could not be written"):
        CALLS["solve"]().save(tmp_path / "no" / "folder")


def prediction(**knobs):
    return tla.gaussian_process(
        X, np.sin(X), [0.3, 0.7], kernel=tla.RBF(0.5), noise=0.1, rng=1, **knobs
    )


def assert_same_predictions(one, other):
    assert_same(one.mean, other.mean)
    assert_same(one.variance, other.variance)


@pytest.mark.parametrize("number", [1, 3])
def test_a_prediction_that_was_stopped_goes_on(number, tmp_path):
    """Of the mean; the run of the variance, which is asked next, goes to its end."""
    stopped = prediction(callback=stop_at(number))
    stopped.save(tmp_path / "run")
    assert stopped.outcome is tla.Outcome.STOPPED
    assert_same_predictions(tla.load(tmp_path / "run").refine(), prediction())


def test_a_prediction_is_refined_as_its_parts_are():
    whole = prediction()
    finer = whole.refine(rtol=5e-3, confidence=0.9)
    assert_same(finer.mean, whole.mean.refine(rtol=5e-3, confidence=0.9))
    assert_same(finer.variance, whole.variance.refine(rtol=5e-3, confidence=0.9))
    for part in (finer.mean, finer.variance):
        assert (part.plan.target.rtol, part.plan.target.confidence) == (5e-3, 0.9)
    assert_same_predictions(whole.refine(), whole)
    with pytest.raises(InvalidInput, match="rtol"):
        whole.refine(rtol=-1.0)


def test_refined_predictions_cover_and_meet_the_error():
    kernel, new = tla.RBF(0.5), np.array([[0.3], [0.7]])
    points = X[:, None]
    K, k = kernel(points, points) + 0.1 * np.eye(len(X)), kernel(new, points)
    truths = k @ np.linalg.solve(K, np.sin(X)), 1 - (k * np.linalg.solve(K, k.T).T).sum(axis=1)
    runs = [
        tla.gaussian_process(
            X, np.sin(X), new, kernel=kernel, noise=0.1, rtol=0.1, rng=seed
        ).refine(rtol=0.05)
        for seed in range(RUNS // 2)
    ]
    for part, truth in zip(("mean", "variance"), truths, strict=True):
        answers = [getattr(x, part) for x in runs]
        pairs = [x.interval(0.95) for x in answers]
        covered = [(low <= truth) & (truth <= high) for low, high in pairs]
        testing.assert_frequency(np.sum(covered, axis=0), len(runs), 0.95)
        met = sum(np.linalg.norm(x.value - truth) <= 0.05 * np.linalg.norm(truth) for x in answers)
        testing.assert_at_least(met, len(runs), 0.95)


H = np.random.default_rng(3).standard_normal((7, 3))
Y = np.random.default_rng(4).standard_normal(7)


def posterior(**knobs):
    return tla.gaussian_posterior(H, Y, noise=0.5, prior_precision=1.0, rng=2, **knobs)


def assert_same_posteriors(one, other):
    for a, b in ((one.mean, other.mean), (one.cov, other.cov)):
        np.testing.assert_array_equal(a.value, b.value)
        np.testing.assert_array_equal(a.stderr, b.stderr)
        assert (a.outcome, a.plan, a.ledger) == (b.outcome, b.plan, b.ledger)
    np.testing.assert_array_equal(one.samples, other.samples)


@pytest.mark.parametrize("knobs", [{}, {"samples": 6}, {"chains": 4, "samples": 6}, {"chains": 32}])
@pytest.mark.parametrize("number", [1, 3])
def test_a_posterior_that_was_stopped_goes_on(knobs, number, tmp_path):
    whole = posterior(**knobs)
    stopped = posterior(**knobs, callback=stop_at(number))
    stopped.save(tmp_path / "run")
    assert_same_posteriors(tla.load(tmp_path / "run").refine(), whole)
    assert len(whole.samples) == knobs.get("samples", 0)
    if "chains" not in knobs:
        assert stopped.outcome is tla.Outcome.STOPPED


def test_workers_share_the_chains_of_a_posterior():
    with joblib.parallel_config(backend="threading"):
        assert_same_posteriors(posterior(chains=4, n_jobs=2), posterior(chains=4))


@pytest.mark.parametrize("knobs", [{}, {"chains": 4, "samples": 3}, {"prior_cov": True}])
def test_the_history_of_a_posterior_ends_at_its_answers(knobs):
    """The mean window by window; the covariance too, about the mean of its stretch."""
    knobs = dict(knobs)
    prior = {"prior_cov": np.eye(3) + 0.2} if knobs.pop("prior_cov", False) else None
    prior = prior or {"prior_precision": 1.0}
    x = tla.gaussian_posterior(H, Y, noise=0.5, rng=2, **prior, **knobs).refine(rtol=0.05)
    for part in (x.mean, x.cov):
        assert part.history.times[-1] == pytest.approx(part.plan.averaging)
        assert len(part.history.times) == 64
        np.testing.assert_allclose(part.history.values[-1], part.value, rtol=1e-10)
    assert x.mean.time == x.run.time


def test_the_parts_of_a_posterior_go_on_together(tmp_path):
    x = posterior()
    with pytest.raises(InvalidInput, match=r"refine\(\.\.\.\) of the posterior itself"):
        x.mean.refine(rtol=1e-2)
    x.cov.save(tmp_path / "cov")
    np.testing.assert_array_equal(tla.load(tmp_path / "cov").value, x.cov.value)
    stopped = posterior(callback=stop_at(1))
    with pytest.raises(InvalidInput, match="stopped before it read"):
        _ = stopped.mean.history


def test_windows_of_a_posterior_that_are_too_large_are_not_kept(monkeypatch):
    monkeypatch.setattr("thermolinalg.solvers.twofold.KEPT", 100)
    with pytest.raises(InvalidInput, match="no windows of this run are kept"):
        _ = posterior().cov.history


@pytest.mark.parametrize("chains", [1, 8])
def test_refined_posteriors_cover_and_meet_the_error(chains):
    cov = np.linalg.inv(H.T @ H / 0.5 + np.eye(3))
    truths = cov @ H.T @ Y / 0.5, cov
    runs = [
        tla.gaussian_posterior(
            H, Y, noise=0.5, prior_precision=1.0, rtol=0.3, chains=chains, rng=seed
        ).refine(rtol=0.2)
        for seed in range(RUNS)
    ]
    for k, truth in enumerate(truths):
        answers = [(x.mean, x.cov)[k] for x in runs]
        pairs = [x.interval(0.95) for x in answers]
        covered = [(low <= truth) & (truth <= high) for low, high in pairs]
        testing.assert_frequency(np.sum(covered, axis=0), RUNS, 0.95)
        wanted = 0.2 * (np.linalg.norm(cov) if k else np.sqrt(np.trace(cov)))
        met = sum(np.linalg.norm(x.value - truth) <= wanted for x in answers)
        testing.assert_at_least(met, RUNS, 0.95)
