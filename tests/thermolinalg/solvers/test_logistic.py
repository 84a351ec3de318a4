"""logistic_posterior: against quadrature, a Metropolis walk, and its own halving of the step."""

from functools import partial

import numpy as np
import pytest
from scipy import stats

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, NotPositiveDefinite, ShapeMismatch
from thermolinalg.solvers import logistic, logistic_motion

RNG = np.random.default_rng(0)
X2 = np.stack([np.ones(20), 3 * RNG.standard_normal(20)], axis=1)
Y2 = (RNG.random(20) < 1 / (1 + np.exp(-X2 @ [0.5, 0.6]))).astype(float)
NEW = np.array([[1.0, 0.0], [1.0, 4.0], [1.0, -4.0]])
RUNS = 8


def potential(T, X, y, P, mean):
    """U at rows of T, by the logarithm of the likelihood."""
    L = T @ X.T
    return np.logaddexp(0, L).sum(1) - L @ y + 0.5 * np.einsum("ki,ij,kj->k", T - mean, P, T - mean)


def by_quadrature(X, y, P, mean, half=9.0, points=401):
    """Mean, covariance and probabilities at NEW; the trapezium rule converges exponentially."""
    g = np.linspace(-half, half, points)
    T = np.stack(np.meshgrid(g, g, indexing="ij"), axis=-1).reshape(-1, 2) + mean
    U = potential(T, X, y, P, mean)
    p = np.exp(U.min() - U)
    p /= p.sum()
    m = p @ T
    return m, (T - m).T @ ((T - m) * p[:, None]), p @ (1 / (1 + np.exp(-T @ NEW.T)))


def by_metropolis(X, y, P, steps, seed, walkers=400):
    """Independent walkers (walkers, n): random walks with Metropolis' test have no step bias."""
    rng, n = np.random.default_rng(seed), X.shape[1]
    root = np.linalg.cholesky(np.linalg.inv(X.T @ X / 6 + P))
    x = rng.standard_normal((walkers, n)) @ root.T
    U, zero = potential(x, X, y, P, 0.0), 0.0
    for _ in range(steps):
        new = x + 2.4 / np.sqrt(n) * rng.standard_normal((walkers, n)) @ root.T
        proposed = potential(new, X, y, P, zero)
        taken = np.log(rng.random(walkers)) < U - proposed
        x, U = np.where(taken[:, None], new, x), np.where(taken, proposed, U)
    return x


def test_coverage_and_wanted_error():
    right, cov, chances = by_quadrature(X2, Y2, np.eye(2), np.zeros(2))
    runs = [tla.logistic_posterior(X2, Y2, rtol=0.15, rng=seed) for seed in range(RUNS)]
    ends = [run.mean.interval(0.95) for run in runs]
    covered = np.sum([(low <= right) & (right <= high) for low, high in ends], axis=0)
    testing.assert_frequency(covered, RUNS, 0.95)
    met = sum(np.linalg.norm(np.asarray(x) - right) <= 0.15 * np.sqrt(np.trace(cov)) for x in runs)
    testing.assert_at_least(met, RUNS, 0.95)
    for entries, expected in zip(np.array([x.mean.mean for x in runs]).T, right, strict=True):
        testing.assert_average(entries, expected)
    for x in runs[:5]:
        testing.assert_agrees(x.predict(NEW), chances)
        assert x.outcome is tla.Outcome.CONVERGED


def test_a_prior_mean_and_a_full_precision():
    mean, P = np.array([1.0, -1.0]), np.array([[2.0, 1.0], [1.0, 3.0]])
    right, _, chances = by_quadrature(X2, Y2, P, mean)
    found = tla.logistic_posterior(
        X2, Y2 == 1, prior_mean=mean, prior_precision=P, rtol=0.05, rng=1
    )
    testing.assert_agrees(found.mean, right)
    testing.assert_agrees(found.predict(NEW), chances)


def test_more_weights_against_metropolis():
    rng = np.random.default_rng(8)
    X = rng.standard_normal((40, 5)) * [1.0, 1.0, 3.0, 10.0, 0.1]  # of many scales
    y = (rng.random(40) < 0.5).astype(float)
    P = wishart(5, 4)
    found = tla.logistic_posterior(X, y, prior_precision=P, rng=0)
    walkers = by_metropolis(X, y, P, 1500, 3)
    gap = np.asarray(found) - walkers.mean(axis=0)
    error = np.hypot(found.mean.stderr, walkers.std(axis=0) / np.sqrt(len(walkers)))
    limit = stats.t.isf(testing.FALSE_ALARM / 10, found.mean.dof)
    assert (np.abs(gap) <= limit * error).all()


def test_a_biased_step_is_seen_and_halved(monkeypatch):
    """With Euler-Maruyama in place of BAOAB, whose bias is too small to be seen here."""
    right, *_ = by_quadrature(X2, Y2, np.eye(2), np.zeros(2))
    crude = partial(logistic_motion.simulate, integrator="euler")
    monkeypatch.setattr(logistic_motion, "simulate", crude)
    monkeypatch.setattr(logistic, "STEP", 1.5)
    found = tla.logistic_posterior(X2, Y2, rtol=0.05, rng=0)
    assert found.step < logistic.STEP / 2
    testing.assert_agrees(found.mean, right)


def test_no_digital_solver_is_called(monkeypatch):
    forbid_digital_solvers(monkeypatch)
    str(tla.logistic_posterior(X2, Y2, rtol=0.3, rng=0))


def test_seeds_and_the_report():
    one, same = (tla.logistic_posterior(X2, Y2, rtol=0.3, rng=5) for _ in range(2))
    np.testing.assert_array_equal(one.draws, same.draws)
    text = str(one)
    assert all(part in text for part in ("CONVERGED", "bias by the step", "rhat"))
    assert one.mean.mean.shape == one.step_bias.shape == (2,)


def test_a_spent_budget_is_told():
    plain = tla.logistic_posterior(X2, Y2, rtol=0.3, rng=0)
    short = tla.logistic_posterior(X2, Y2, rtol=0.01, max_time=plain.time, rng=0)
    assert short.outcome is tla.Outcome.BUDGET_SPENT
    assert short.time <= plain.time
    testing.assert_agrees(short.mean, by_quadrature(X2, Y2, np.eye(2), np.zeros(2))[0])


BAD = {
    "labels": ((X2, Y2 + 1), {}, InvalidInput, "labels other than 0 and 1"),
    "sizes": ((X2, Y2[:3]), {}, ShapeMismatch, "y has shape"),
    "design": ((Y2, Y2), {}, ShapeMismatch, "X has shape"),
    "NaN": ((X2 * np.nan, Y2), {}, NotFinite, "X holds"),
    "flat": ((X2, Y2), {"prior_precision": 0.0}, InvalidInput, "smallest prior_precision"),
    "flat somewhere": (
        (X2, Y2),
        {"prior_precision": np.ones((2, 2))},
        NotPositiveDefinite,
        "prior_precision is singular",
    ),
    "precision": ((X2, Y2), {"prior_precision": np.ones(3)}, ShapeMismatch, "prior_precision has"),
    "large": ((X2, Y2), {"prior_precision": np.eye(3)}, ShapeMismatch, r"\(2, 2\) is needed"),
    "mean": ((X2, Y2), {"prior_mean": [0.0]}, ShapeMismatch, "prior_mean has"),
    "chains": ((X2, Y2), {"chains": 0}, InvalidInput, "chains = 0"),
    "time": ((X2, Y2), {"max_time": 1.0}, InvalidInput, "max_time = 1 is too short"),
    "rtol": ((X2, Y2), {"rtol": 0.0}, InvalidInput, "rtol"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    arguments, knobs, error, message = BAD[name]
    with pytest.raises(error, match=message):
        tla.logistic_posterior(*arguments, **knobs)


def test_new_rows_must_fit():
    with pytest.raises(ShapeMismatch, match="2 weights"):
        tla.logistic_posterior(X2, Y2, rtol=0.5, rng=0).predict(np.ones((1, 3)))
