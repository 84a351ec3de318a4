"""The normal distribution, against scipy.stats, precision matrices and samples."""

import math
import pickle

import mpmath
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

import thermolinalg as tla
from tests.thermolinalg.cases import SIZES
from thermolinalg import testing
from thermolinalg.errors import (
    Degenerate,
    InvalidInput,
    NotFinite,
    NotPositiveDefinite,
    NotReal,
    ShapeMismatch,
)
from thermolinalg.theory.gaussian import square_root


@given(data=st.data(), n=SIZES)
def test_square_root(data, n):
    cov = data.draw(testing.diffusions(n)) * np.outer(*[np.logspace(0, -9, n)] * 2)
    F, width = square_root(cov), np.sqrt(np.diag(cov))
    assert (np.abs(F @ F.T - cov) <= 1e-13 * np.outer(width, width)).all()


def test_a_variance_too_small_for_a_number_is_none():
    """Its covariances may be numbers still; a covariance that is none of rounding is refused."""
    law = tla.Gaussian([0.0, 0.0], [[7e-137, 6.5e-290], [6.5e-290, 0.0]])
    assert (law.sample(3, rng=0)[:, 1] == 0).all()
    with pytest.raises(NotPositiveDefinite, match="in units of its variances"):
        tla.Gaussian([0.0, 0.0], [[1.0, 1e-100], [1e-100, 0.0]])


@st.composite
def gaussians(draw, n=None):
    n = n or draw(SIZES)
    return tla.Gaussian(
        draw(testing.matrices(1, n, largest=3.0))[0], draw(testing.spd_matrices(n, condition=100))
    )


MODEL = tla.Gaussian([1.0, -2.0, 0.5], [[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 1.0]])
OTHER = tla.Gaussian([0.0, 0.0, 1.0], [[1.0, 0.2, 0.1], [0.2, 2.0, 0.0], [0.1, 0.0, 3.0]])
FLAT = tla.Gaussian([0.0, 0.0], [[1.0, 0.1], [0.1, 0.01]])


@given(g=gaussians(), data=st.data())
def test_log_density(g, data):
    x = data.draw(testing.matrices(5, g.n, largest=5.0))
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
    values = dict(zip(held, data.draw(testing.matrices(1, n, largest=2.0))[0], strict=False))
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


@given(g=gaussians(), data=st.data())
def test_either_form_says_the_same(g, data):
    """A law by its precision matrix and potential, and the same law by its moments."""
    P = np.linalg.inv(g.cov)
    P = (P + P.T) / 2
    twin = tla.Gaussian.from_precision(P, P @ g.mean)
    assert (twin.n, twin.by_precision, g.by_precision) == (g.n, True, False)
    close = {"rtol": 1e-8, "atol": 1e-9}
    for part in ("mean", "cov", "precision", "potential"):
        np.testing.assert_allclose(getattr(twin, part), getattr(g, part), **close)
    x = data.draw(testing.matrices(5, g.n, largest=5.0))
    np.testing.assert_allclose(twin.log_prob(x), g.log_prob(x), rtol=1e-8)
    np.testing.assert_allclose(twin.sample(3, rng=0), g.sample(3, rng=0), **close)
    assert twin.entropy() == pytest.approx(g.entropy(), rel=1e-8, abs=1e-8)
    for found in (twin.kl(g), g.kl(twin), twin.wasserstein(g)):
        assert found == pytest.approx(0.0, abs=1e-7)
    if g.n > 1:
        kept, right = twin.condition({0: 0.3}), g.condition({0: 0.3})
        assert kept.by_precision
        np.testing.assert_allclose(kept.mean, right.mean, **close)
        np.testing.assert_allclose(kept.cov, right.cov, **close)


def test_the_precision_form_inverts_nothing_until_asked():
    """Holding a coordinate still adds its pull to the potential, digit for digit."""
    P, h = np.array([[1e12, 3.0, 0.0], [3.0, 2.0, 1.0], [0.0, 1.0, 4.0]]), np.array([1.0, 2.0, 3.0])
    law = tla.Gaussian.from_precision(P, h).condition({0: 7.0})
    np.testing.assert_array_equal(law.precision, P[1:, 1:])
    np.testing.assert_array_equal(law.potential, h[1:] - 7 * P[1:, 0])
    assert "cov" not in vars(law)
    law.log_prob([0.0, 0.0])
    assert "cov" not in vars(law)


@given(data=st.data(), n=SIZES, k=SIZES)
def test_maps_and_sums(data, n, k):
    """Moments of Mx + c, and of x + y: the mean and covariance formulas, entry by entry."""
    g, other = data.draw(gaussians(n)), data.draw(gaussians(k))
    M, c = data.draw(testing.matrices(k, n, largest=3.0)), data.draw(testing.matrices(1, k))[0]
    image = g.push_forward(M, c)
    cov = np.einsum("ia,ab,jb->ij", M, g.cov, M)
    size = {"rtol": 1e-10, "atol": 1e-12 * (1 + np.abs(cov).max())}
    np.testing.assert_allclose(image.mean, M @ g.mean + c, **size)
    np.testing.assert_allclose(image.cov, cov, **size)
    np.testing.assert_allclose(g.push_forward(M).mean, M @ g.mean, **size)
    both = image + other
    np.testing.assert_allclose(both.mean, image.mean + other.mean)
    np.testing.assert_allclose(both.cov, image.cov + other.cov)
    together = tla.Gaussian(
        np.concatenate([image.mean, other.mean]),
        np.block([[image.cov, np.zeros((k, k))], [np.zeros((k, k)), other.cov]]),
    )
    added = together.push_forward(np.hstack([np.eye(k), np.eye(k)]))
    np.testing.assert_allclose(added.cov, both.cov, **size)


def test_a_marginal_is_a_map():
    pick = np.eye(3)[[2, 0]]
    np.testing.assert_allclose(MODEL.push_forward(pick).cov, MODEL.marginal([2, 0]).cov, atol=1e-15)


@given(data=st.data(), n=SIZES)
def test_wasserstein_by_matrix_square_roots(data, n):
    p, q, r = (data.draw(gaussians(n)) for _ in range(3))
    root = scipy.linalg.sqrtm(p.cov).real
    overlap = np.trace(scipy.linalg.sqrtm(root @ q.cov @ root).real)
    square = np.sum((p.mean - q.mean) ** 2) + np.trace(p.cov) + np.trace(q.cov) - 2 * overlap
    assert p.wasserstein(q) ** 2 == pytest.approx(square, abs=1e-8 * (1 + np.trace(p.cov + q.cov)))
    assert p.wasserstein(q) == pytest.approx(q.wasserstein(p), rel=1e-7, abs=1e-10)
    assert p.wasserstein(r) <= p.wasserstein(q) + q.wasserstein(r) + 1e-10


def test_wasserstein_of_laws_without_width():
    """Points, planes, and a law moved by less than rounding would show in its square."""
    a, b = tla.Gaussian([0.0, 0.0], np.zeros((2, 2))), tla.Gaussian([3.0, 4.0], np.zeros((2, 2)))
    assert a.wasserstein(b) == 5.0
    assert a.wasserstein(FLAT) == pytest.approx(math.sqrt(1.01), rel=1e-14)
    crossed = tla.Gaussian([0.0, 0.0], [[0.0, 0.0], [0.0, 4.0]])
    assert crossed.wasserstein(tla.Gaussian([0.0, 0.0], np.diag([1.0, 0.0]))) == math.sqrt(5.0)
    wide = tla.Gaussian([0.0], [[(1 + 1e-11) ** 2]])
    assert tla.Gaussian([0.0], [[1.0]]).wasserstein(wide) == pytest.approx(1e-11, rel=1e-4)


@given(size=st.floats(-7, -1), data=st.data(), n=SIZES)
def test_a_small_divergence_keeps_its_digits(size, data, n):
    """cov' = (1 + e) cov: KL = n/2 (ln(1 + e) - e/(1 + e)), about n e²/4."""
    g, e = data.draw(gaussians(n)), 10.0**size
    other = tla.Gaussian(g.mean, (1 + e) * g.cov)
    with mpmath.workdps(40):
        e = mpmath.mpf(e)
        truth = float(n * (mpmath.log(1 + e) - e / (1 + e)) / 2)
    rounding = 1e3 * np.finfo(float).eps / float(e)  # of the covariances themselves
    assert g.kl(other) == pytest.approx(truth, rel=rounding + 1e-11)


def test_divergence_between_laws_on_a_plane():
    point, still = tla.Gaussian([1.0, 2.0], np.zeros((2, 2))), tla.Gaussian([1.0], [[0.0]])
    assert point.kl(point) == 0.0
    assert point.kl(tla.Gaussian([1.0, 2.5], np.zeros((2, 2)))) == math.inf
    assert still.kl(still) == 0.0
    assert FLAT.kl(FLAT) == pytest.approx(0.0, abs=1e-15)
    wider = tla.Gaussian([0.0, 0.0], 4 * FLAT.cov)
    assert FLAT.kl(wider) == pytest.approx(0.5 * (0.25 - 1 + math.log(4)), rel=1e-12)
    assert tla.Gaussian([1.0, 0.1], FLAT.cov).kl(FLAT) == pytest.approx(0.5, rel=1e-12)
    assert tla.Gaussian([1.0, 0.1 + 1e-9], FLAT.cov).kl(FLAT) == math.inf
    assert tla.Gaussian([0.0, 0.0], FLAT.cov + np.diag([0.0, 1e-9])).kl(FLAT) == math.inf
    assert tla.Gaussian([0.0, 0.0], [[1.0, 0.2], [0.2, 0.04]]).kl(FLAT) == math.inf
    assert point.kl(FLAT) == math.inf
    far = 1e8 * np.array([1.0, 1.0])
    edge = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert tla.Gaussian(far, edge).kl(tla.Gaussian(far, 4 * edge)) == pytest.approx(
        0.5 * (0.25 - 1 + math.log(4))
    )


@given(T=st.floats(0.1, 10.0), stiffness=st.floats(0.1, 10.0), centre=st.floats(-3, 3))
def test_free_energy_is_the_logarithm_of_a_partition_function(T, stiffness, centre):
    law = tla.Gaussian([centre], [[T / stiffness]])
    width = math.sqrt(T / stiffness)
    Z, _ = quad(
        lambda x: math.exp(-stiffness * (x - centre) ** 2 / (2 * T)),
        centre - 12 * width,
        centre + 12 * width,
    )
    assert law.free_energy(temperature=T) == pytest.approx(-T * math.log(Z), rel=1e-9, abs=1e-9)


def test_free_energy_of_several_coordinates():
    logs = np.linalg.slogdet(2 * np.pi * MODEL.cov)[1]
    assert MODEL.free_energy() == pytest.approx(-logs / 2, rel=1e-13)
    assert MODEL.free_energy(temperature=3.0) == pytest.approx(-1.5 * logs, rel=1e-13)
    assert FLAT.free_energy() == math.inf


@given(data=st.data(), n=st.integers(2, 4))
def test_units_may_mix(data, n):
    """Metres and nanometres: a wide range of widths is not a singular covariance."""
    p, q = data.draw(gaussians(n)), data.draw(gaussians(n))
    unit = np.logspace(0, -12, n)
    a, b = (tla.Gaussian(unit * g.mean, np.outer(unit, unit) * g.cov) for g in (p, q))
    assert a.kl(b) == pytest.approx(p.kl(q), rel=1e-8, abs=1e-9)
    assert a.entropy() == pytest.approx(p.entropy() + np.log(unit).sum(), rel=1e-9, abs=1e-9)
    held = {0: 0.5, n - 1: 0.5 * unit[-1]} if n > 2 else {0: 0.5}
    plain = dict.fromkeys(held, 0.5)
    free = [i for i in range(n) if i not in held]
    found, right = a.condition(held), p.condition(plain)
    np.testing.assert_allclose(found.mean / unit[free], right.mean, rtol=1e-7, atol=1e-7)
    M = np.eye(n) + np.eye(n, k=1)
    image, plain_image = a.push_forward(M * unit[:, None] / unit), p.push_forward(M)
    size = np.abs(plain_image.cov).max()
    np.testing.assert_allclose(
        image.cov / np.outer(unit, unit), plain_image.cov, rtol=0, atol=1e-12 * size
    )
    np.testing.assert_allclose(a.sample(3, rng=0) / unit, p.sample(3, rng=0), rtol=1e-7, atol=1e-7)


def test_a_law_is_a_record():
    with pytest.raises(AttributeError):
        MODEL.mean = np.zeros(3)
    assert repr(MODEL) == "Gaussian(n=3, by moments, mean=[ 1.  -2.   0.5])"
    twin = pickle.loads(pickle.dumps(tla.Gaussian.from_precision(np.eye(2), [1.0, 2.0])))
    np.testing.assert_array_equal(twin.mean, [1.0, 2.0])


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
    testing.assert_average(MODEL.log_prob(x) - OTHER.log_prob(x), MODEL.kl(OTHER))


@pytest.mark.parametrize("g", [MODEL, OTHER, FLAT, tla.Gaussian([1.0], [[0.0]])])
def test_samples(g):
    x = g.sample(50_000, rng=1)
    testing.assert_mean_matches(x, g.mean, g.cov)
    testing.assert_covariance_matches(x, g.cov, mean=g.mean)


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
        (
            lambda: tla.Gaussian.from_precision(np.eye(2), [1.0]),
            ShapeMismatch,
            "potential has shape",
        ),
        (lambda: tla.Gaussian.from_precision(-np.eye(1), [1.0]), NotPositiveDefinite, "precision"),
        (
            lambda: tla.Gaussian.from_precision(np.ones((2, 2)), np.ones(2)),
            Degenerate,
            "the precision is singular",
        ),
        (lambda: FLAT.precision, Degenerate, "cov is singular"),
        (lambda: MODEL.push_forward(np.eye(2)), ShapeMismatch, r"M has shape \(2, 2\); \(k, 3\)"),
        (lambda: MODEL.push_forward(np.eye(3), [1.0]), ShapeMismatch, "c has shape"),
        (lambda: MODEL.push_forward(np.eye(3) * 1j), NotReal, "M has dtype complex"),
        (lambda: MODEL + FLAT, ShapeMismatch, "other has 2"),
        (lambda: MODEL + 1.0, InvalidInput, "other is a float"),
        (lambda: MODEL.wasserstein(FLAT), ShapeMismatch, "other has 2"),
        (lambda: MODEL.free_energy(temperature=0.0), InvalidInput, "temperature = 0"),
        (lambda: MODEL.condition({0: np.nan}), NotFinite, "held holds 1"),
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
