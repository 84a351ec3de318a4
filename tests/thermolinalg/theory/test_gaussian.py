"""The normal distribution, against scipy.stats, precision matrices and samples."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import thermolinalg as tla
from tests import statistics
from tests.thermolinalg.cases import SIZES, definite, matrices
from thermolinalg.errors import Degenerate, InvalidInput, NotPositiveDefinite, ShapeMismatch


@st.composite
def gaussians(draw, n=None):
    n = n or draw(SIZES)
    return tla.Gaussian(draw(matrices(1, n, 3.0))[0], draw(definite(n, decades=1)))


MODEL = tla.Gaussian([1.0, -2.0, 0.5], [[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 1.0]])
OTHER = tla.Gaussian([0.0, 0.0, 1.0], [[1.0, 0.2, 0.1], [0.2, 2.0, 0.0], [0.1, 0.0, 3.0]])
FLAT = tla.Gaussian([0.0, 0.0], [[1.0, 0.1], [0.1, 0.01]])


@given(g=gaussians(), data=st.data())
def test_log_density(g, data):
    x = data.draw(matrices(5, g.n, 5.0))
    density = stats.multivariate_normal(g.mean, g.cov, allow_singular=False)
    np.testing.assert_allclose(g.log_prob(x), np.reshape(density.logpdf(x), 5), rtol=1e-8)
    np.testing.assert_allclose(g.log_prob(x[0]), density.logpdf(x[0]), rtol=1e-8)


@given(g=gaussians())
def test_entropy(g):
    density = stats.multivariate_normal(g.mean, g.cov, allow_singular=False)
    assert g.entropy() == pytest.approx(density.entropy(), rel=1e-10, abs=1e-10)


@given(data=st.data(), n=st.integers(2, 5))
def test_conditioning_reads_the_precision_matrix(data, n):
    """P = cov⁻¹: the free coordinates have covariance P_ff⁻¹ mean m_f - P_ff⁻¹P_fh(v - m_h)."""
    g = data.draw(gaussians(n))
    held = data.draw(st.permutations(range(n)))[: data.draw(st.integers(1, n - 1))]
    values = dict(zip(held, data.draw(matrices(1, n, 2.0))[0], strict=False))
    free = [i for i in range(n) if i not in values]
    P = np.linalg.inv(g.cov)
    cov = np.linalg.inv(P[np.ix_(free, free)])
    gap = np.array(list(values.values())) - g.mean[list(values)]
    mean = g.mean[free] - cov @ P[np.ix_(free, list(values))] @ gap
    found = g.condition(values)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(found.cov, cov, rtol=1e-7, atol=1e-8 * np.abs(cov).max())


def test_holding_nothing_changes_nothing():
    found = MODEL.condition({})
    np.testing.assert_array_equal(found.mean, MODEL.mean)
    np.testing.assert_array_equal(found.cov, MODEL.cov)


@given(scale=st.floats(0.01, 100.0))
def test_what_is_known_exactly_has_no_width(scale):
    """x1 = scale x0: holding x0 fixes x1, though rounding may say "variance -1e-18"."""
    v = np.array([1.0, scale])
    found = tla.Gaussian([0.0, 0.0], np.outer(v, v)).condition({0: 2.0})
    np.testing.assert_allclose(found.mean, [2 * scale], rtol=1e-12)
    assert 0 <= found.cov[0, 0] <= 1e-14 * scale**2


def test_marginal_keeps_the_order_asked_for():
    found = MODEL.marginal([2, 0])
    np.testing.assert_array_equal(found.mean, [0.5, 1.0])
    np.testing.assert_array_equal(found.cov, [[1.0, 0.0], [0.0, 2.0]])
    np.testing.assert_array_equal(MODEL.marginal(1).cov, [[3.0]])


@given(data=st.data(), n=SIZES)
def test_divergence_by_traces_and_determinants(data, n):
    p, q = data.draw(gaussians(n)), data.draw(gaussians(n))
    Q, gap = np.linalg.inv(q.cov), p.mean - q.mean
    logs = np.linalg.slogdet(q.cov)[1] - np.linalg.slogdet(p.cov)[1]
    truth = 0.5 * (np.trace(Q @ p.cov) + gap @ Q @ gap - n + logs)
    assert p.kl(q) == pytest.approx(truth, rel=1e-8, abs=1e-9)
    assert p.kl(q) >= -1e-9
    assert p.kl(p) == pytest.approx(0.0, abs=1e-12 * n)


def test_divergence_is_the_average_log_ratio():
    x = MODEL.sample(200_000, rng=0)
    statistics.assert_average(MODEL.log_prob(x) - OTHER.log_prob(x), MODEL.kl(OTHER))


@pytest.mark.parametrize("g", [MODEL, OTHER, FLAT, tla.Gaussian([1.0], [[0.0]])])
def test_samples(g):
    x = g.sample(50_000, rng=1)
    statistics.assert_mean_matches(x, g.mean, g.cov)
    statistics.assert_covariance_matches(x, g.cov, mean=g.mean)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_a_seed_repeats_the_samples(seed):
    np.testing.assert_array_equal(MODEL.sample(3, rng=seed), MODEL.sample(3, rng=seed))
    assert MODEL.sample(0, rng=seed).shape == (0, 3)
    assert (MODEL.sample(3) != MODEL.sample(3)).all()


def test_without_a_density():
    with pytest.raises(Degenerate, match=r"^cov is singular"):
        FLAT.log_prob([0.0, 0.0])
    with pytest.raises(Degenerate, match="held coordinates"):
        tla.Gaussian(np.zeros(3), np.ones((3, 3))).condition({0: 1.0, 1: 2.0})
    assert tla.Gaussian([0.0, 0.0], np.eye(2)).kl(FLAT) == math.inf
    assert FLAT.entropy() == -math.inf
    assert FLAT.kl(tla.Gaussian([0.0, 0.0], np.eye(2))) == math.inf


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: tla.Gaussian([0.0], [[1.0, 0.0], [0.0, 1.0]]), ShapeMismatch, "mean has shape"),
        (lambda: tla.Gaussian([0.0], [[-1.0]]), NotPositiveDefinite, "cov has the eigenvalue -1"),
        (lambda: MODEL.marginal([0, 0]), InvalidInput, "must differ"),
        (lambda: MODEL.marginal([3]), InvalidInput, r"lie in 0\.\.2"),
        (lambda: MODEL.condition({0: 0.0, 1: 0.0, 2: 0.0}), InvalidInput, "held names every"),
        (lambda: MODEL.log_prob(np.zeros(2)), ShapeMismatch, "x has shape"),
        (lambda: MODEL.kl(FLAT), ShapeMismatch, "other has 2"),
        (lambda: MODEL.sample(-1), InvalidInput, "n = -1"),
        (lambda: MODEL.sample(2, rng=-1), InvalidInput, "rng = -1"),
    ],
)
def test_misuse_is_named(use, error, message):
    with pytest.raises(error, match=message):
        use()
