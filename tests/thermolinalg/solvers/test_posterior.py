"""gaussian_posterior: mean, covariance and draws of one run, by either network."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import SEEDS
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, NotPositiveDefinite, ShapeMismatch

RNG = np.random.default_rng(3)
H, Y, MEAN = RNG.standard_normal((6, 3)), 2 * RNG.standard_normal(6), np.array([1.0, -2.0, 30.0])
PRIOR, NOISE = wishart(3, 1), wishart(6, 2) + np.eye(6)
ROWS = np.arange(1.0, 7.0)
RUNS = 150
RTOL = 0.15


def truth(H, y, noise, mean, cov):
    """By conditioning the joint Gaussian of unknowns and data, written in covariances."""
    gain = np.linalg.solve(H @ cov @ H.T + noise, H @ cov).T
    return mean + gain @ (y - H @ mean), cov - gain @ H @ cov


PROBLEMS = {
    "numbers": ({"noise": 2.0, "prior_cov": 3.0}, 2 * np.eye(6), 3 * np.eye(3)),
    "precision": ({"noise": ROWS, "prior_precision": PRIOR}, np.diag(ROWS), np.linalg.inv(PRIOR)),
    "covariances": ({"noise": NOISE, "prior_cov": PRIOR}, NOISE, PRIOR),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_coverage_bias_and_wanted_error(name):
    knobs, noise, prior = PROBLEMS[name]
    runs_wanted = RUNS // 3 if name == "covariances" else RUNS
    mean, cov = truth(H, Y, noise, MEAN, prior)
    runs = [
        tla.gaussian_posterior(H, Y, prior_mean=MEAN, rtol=RTOL, rng=seed, **knobs)
        for seed in range(runs_wanted)
    ]
    spread, once = np.sqrt(np.trace(cov)), np.tril_indices(3)
    for part, right, size in (("mean", mean, spread), ("cov", cov, np.linalg.norm(cov))):
        found = [getattr(run, part) for run in runs]
        ends = [x.interval(0.95) for x in found]
        covered = np.sum([(low <= right) & (right <= high) for low, high in ends], axis=0)
        entries = covered if part == "mean" else covered[once]
        testing.assert_frequency(entries, len(runs), 0.95)
        values = np.array([np.asarray(x) for x in found])
        for index in np.ndindex(right.shape):
            testing.assert_average(values[(slice(None), *index)], right[index])
        met = sum(np.linalg.norm(x.value - right) <= RTOL * size for x in found)
        testing.assert_at_least(met, len(runs), 0.95)


@settings(max_examples=10)
@given(data=st.data(), n=st.integers(1, 3), m=st.integers(1, 4), seed=SEEDS)
def test_the_answer(data, n, m, seed):
    design, y = (
        data.draw(testing.matrices(m, n, largest=2.0)),
        data.draw(testing.matrices(1, m, largest=5.0))[0],
    )
    precision = data.draw(testing.spd_matrices(n, condition=10))
    post = tla.gaussian_posterior(design, y, noise=1.0, prior_precision=precision, rng=seed)
    prior = np.linalg.inv(precision)
    mean, cov = truth(design, y, np.eye(m), np.zeros(n), prior)
    testing.assert_agrees(post.mean, mean)
    testing.assert_agrees(post.cov, cov)


def test_the_two_networks_agree_with_the_same_truth_from_a_flat_prior():
    post = tla.gaussian_posterior(H, Y, noise=2.0, prior_precision=0.0, rng=0)
    normal = H.T @ H / 2
    testing.assert_agrees(post.mean, np.linalg.solve(normal, H.T @ Y / 2))
    testing.assert_agrees(post.cov, np.linalg.inv(normal))


def test_samples_are_independent_draws_of_the_posterior():
    knobs, noise, prior = PROBLEMS["precision"]
    mean, cov = truth(H, Y, noise, MEAN, prior)
    x = tla.gaussian_posterior(H, Y, prior_mean=MEAN, samples=4000, rng=0, **knobs).samples
    testing.assert_mean_matches(x, mean, cov)
    testing.assert_covariance_matches(x, cov, mean=mean)
    assert (tla.effective_sample_size(x) > 0.8 * len(x)).all()
    assert tla.gaussian_posterior(H, Y, noise=1, prior_cov=1, rng=0).samples.shape == (0, 3)


def test_no_digital_solver_is_called(monkeypatch):
    forbid_digital_solvers(monkeypatch)
    for knobs, *_ in PROBLEMS.values():
        post = tla.gaussian_posterior(H, Y, rtol=0.3, rng=0, **knobs)
        repr(post)
        with pytest.raises(AssertionError, match="digital solver"):
            str(post)


@given(seed=SEEDS, power=st.integers(-20, 20))
@settings(max_examples=5)
def test_units_of_the_data_do_not_matter(seed, power):
    c = 2.0**power
    one = tla.gaussian_posterior(H, Y, noise=1.0, prior_precision=1.0, rtol=0.3, rng=seed)
    same = tla.gaussian_posterior(
        c * H, c * Y, noise=c * c, prior_precision=1.0, rtol=0.3, rng=seed
    )
    np.testing.assert_allclose(same.mean.value, one.mean.value, rtol=1e-12)
    np.testing.assert_allclose(same.cov.value, one.cov.value, rtol=1e-12)


def test_the_report_and_a_spent_budget():
    post = tla.gaussian_posterior(H, Y, noise=1.0, prior_cov=1.0, rng=7)
    assert "n = 3, covariance: CONVERGED" in str(post)
    np.testing.assert_array_equal(np.asarray(post), post.mean.value)
    assert max(x.residual for part in (post.mean, post.cov) for x in part.digital.contenders) < 1e-9
    again = tla.gaussian_posterior(H, Y, noise=1.0, prior_cov=1.0, rng=post.seed)
    np.testing.assert_array_equal(again.cov.value, post.cov.value)
    plan = post.cov.plan
    limit = plan.burn_in + 2.1 * plan.pilot
    short = tla.gaussian_posterior(H, Y, noise=1.0, prior_cov=1.0, rtol=0.01, max_time=limit, rng=0)
    assert short.outcome is tla.Outcome.BUDGET_SPENT
    assert short.cov.plan.time <= limit * (1 + 1e-12)
    testing.assert_agrees(short.cov, truth(H, Y, np.eye(6), np.zeros(3), np.eye(3))[1])


ONE = {"noise": 1.0, "prior_cov": 1.0}
BAD = {
    "two priors": ((H, Y), ONE | {"prior_precision": 1.0}, InvalidInput, "either prior_cov"),
    "no prior": ((H, Y), {"noise": 1.0}, InvalidInput, "either prior_cov"),
    "needs an inverse": (
        (H, Y),
        {"noise": NOISE, "prior_precision": PRIOR},
        InvalidInput,
        "would need the inverse.*Pass prior_cov",
    ),
    "draws of data": (
        (H, Y),
        {"noise": NOISE, "prior_cov": PRIOR, "samples": 3},
        InvalidInput,
        "samples are states",
    ),
    "flat": (
        (H[:2], Y[:2]),
        {"noise": 1.0, "prior_precision": 0},
        NotPositiveDefinite,
        "no finite",
    ),
    "design": ((Y, Y), ONE, ShapeMismatch, "H has shape"),
    "data": ((H, Y[:3]), ONE, ShapeMismatch, "y has shape"),
    "mean": ((H, Y), ONE | {"prior_mean": [1.0]}, ShapeMismatch, "prior_mean has shape"),
    "noise": ((H, Y), ONE | {"noise": np.ones(3)}, ShapeMismatch, "noise has shape"),
    "no noise": ((H, Y), ONE | {"noise": 0}, InvalidInput, "smallest entry of noise = 0"),
    "negative": ((H, Y), ONE | {"prior_cov": -1}, InvalidInput, "smallest entry of prior_cov"),
    "indefinite": ((H, Y), ONE | {"noise": NOISE - 9 * np.eye(6)}, NotPositiveDefinite, "noise"),
    "NaN": ((H * np.nan, Y), ONE, NotFinite, "H holds"),
    "samples": ((H, Y), ONE | {"samples": -1}, InvalidInput, "samples = -1"),
    "rtol": ((H, Y), ONE | {"rtol": 0}, InvalidInput, "rtol and atol are both 0"),
    "time": ((H, Y), ONE | {"max_time": 1.0}, InvalidInput, "max_time = 1 RC is too short"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    arguments, knobs, error, message = BAD[name]
    with pytest.raises(error, match=message):
        tla.gaussian_posterior(*arguments, **knobs)
