"""Regularisation, pruning, estimates and bounds of condition numbers, against dense matrices."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tngd.qnewton.matrices import EPS, spectrum_error, wishart, with_spectrum
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, NotSymmetric
from tngd.qnewton.bounds import definite_bound, general_bound, guggenheimer_bound
from tngd.qnewton.condition import lanczos_condition
from tngd.qnewton.prune import pruned, row_count
from tngd.qnewton.regularize import condition_limit, regularized

seeds, sizes = st.integers(0, 10**6), st.integers(1, 8)


# regularisation


@given(n=sizes, rank=sizes, seed=seeds, power=st.floats(-4, 4))
def test_regularised_semidefinite_matrices_are_as_well_conditioned_as_stated(n, rank, seed, power):
    S = np.random.default_rng(seed).standard_normal((rank, n))
    M = regularized(S.T @ S, 10**power)
    a = np.linalg.eigvalsh(M)
    limit = condition_limit(n, 10**power)
    assert a[-1] <= limit * a[0] + (1 + limit) * spectrum_error(M)


def test_the_limit_is_met_by_a_matrix_of_ones():
    n, eps_norm = 6, 0.3
    M = regularized(np.ones((n, n)), eps_norm)
    limit = condition_limit(n, eps_norm)
    assert abs(np.linalg.cond(M) - limit) <= limit**2 * spectrum_error(M)


def test_the_limit_can_fail_for_indefinite_matrices():
    M = regularized(np.array([[0.0, 1.0], [1.0, 0.0]]), 0.99)
    assert np.linalg.cond(M) > condition_limit(2, 0.99)


@given(n=sizes, seed=seeds, power=st.integers(-20, 20))
def test_regularisation_is_free_of_scale(n, seed, power):
    H, scale = wishart(n, seed), 2.0**power
    np.testing.assert_array_equal(regularized(scale * H, 0.1), scale * regularized(H, 0.1))


def test_a_block_of_zeros_has_a_floor_and_dtypes_stay():
    zero = np.zeros((2, 2), dtype=np.float32)
    M = regularized(zero, 0.5, floor=1e-6)
    assert M.dtype == np.float32
    np.testing.assert_array_equal(M, np.float32(0.5e-6) * np.eye(2, dtype=np.float32))
    with pytest.raises(InvalidInput, match="eps_norm"):
        regularized(zero, -1.0)


# pruning


def top_of_rows(H, d):
    """The d-th largest size of each row: what is not below it may be kept."""
    return np.sort(np.abs(H), axis=1)[:, -d][:, None]


@given(n=sizes, seed=seeds, data=st.data())
def test_pruned_entries_are_the_small_ones_and_pairs_stay_together(n, seed, data):
    H, d = wishart(n, seed), data.draw(st.integers(1, n))
    large = np.abs(H) >= top_of_rows(H, d)  # without ties, as random entries are
    for mask, kept in (("or", large | large.T), ("and", large & large.T)):
        result = pruned(H, d, mask)
        np.testing.assert_array_equal(result.matrix, np.where(kept, H, 0.0))
        np.testing.assert_array_equal(result.matrix, result.matrix.T)
        counts = np.count_nonzero(result.matrix, axis=1)
        assert result.d == row_count(result.matrix) == max(1, counts.max())
        assert (counts >= d).all() if mask == "or" else (counts <= d).all()


@pytest.mark.parametrize("mask", ["or", "and"])
def test_of_equal_entries_only_d_are_kept_and_rows_can_fill(mask):
    result = pruned(np.ones((5, 5)), 2, mask)
    assert result.d == (5 if mask == "or" else 2)
    np.testing.assert_array_equal(result.matrix, result.matrix.T)


def test_d_counts_what_is_there():
    assert pruned(np.diag([1.0, 2.0, 3.0]), 3).d == 1
    assert pruned(np.zeros((3, 3)), 3).d == 1


def test_or_masks_can_fill_rows_far_beyond_what_was_asked_and_pruning_can_break_definiteness():
    """An arrow: every row's largest entries are its diagonal and the first column."""
    n = 20
    H = np.eye(n)
    H[0, :] = H[:, 0] = 0.2
    H[0, 0] = 1.0
    assert (pruned(H, 2, "or").d, pruned(H, 2, "and").d) == (n, 2)
    u = np.array([1.0, 1.0, 1.0, 3.0])
    spiked = np.outer(u, u) + 0.01 * np.eye(4)  # its last diagonal entry holds the rest up
    assert np.linalg.eigvalsh(spiked)[0] > 0 > np.linalg.eigvalsh(pruned(spiked, 1).matrix)[0]


@pytest.mark.parametrize(("d", "mask", "words"), [(0, "or", "d = 0"), (2, "xor", "mask.*and")])
def test_what_cannot_be_pruned(d, mask, words):
    with pytest.raises(InvalidInput, match=words):
        pruned(np.eye(3), d, mask)


# estimates


@given(
    values=st.lists(st.floats(0.1, 10).flatmap(lambda a: st.sampled_from([a, -a])), min_size=1,
                    max_size=8),
    seed=seeds,
)  # fmt: skip
def test_an_estimate_with_all_products_is_the_condition_number(values, seed):
    H = with_spectrum(values, seed)
    found = lanczos_condition(lambda v: H @ v, len(H), np.random.default_rng(seed))
    a, bound = np.abs(np.linalg.eigvalsh(H)), spectrum_error(H)
    assert found.exact
    assert found.products <= len(H)
    assert found.most >= a.min() - bound
    if len(np.unique(np.round(a, 2))) == len(a):  # nearly equal ones end the space early
        assert abs(found.most - a.max()) <= bound + 1e-6 * a.max()
        assert abs(found.least - a.min()) <= bound + 1e-6 * a.max()


@given(n=st.integers(2, 30), seed=seeds, products=st.integers(1, 30), definite=st.booleans())
def test_an_estimate_is_never_above_the_condition_number(n, seed, products, definite):
    rng = np.random.default_rng(seed)
    values = 10 ** rng.uniform(-3, 1, n) * (1 if definite else rng.choice([-1, 1], n))
    H = with_spectrum(values, seed)
    found = lanczos_condition(lambda v: H @ v, n, rng, products)
    a, bound = np.abs(np.linalg.eigvalsh(H)), spectrum_error(H)
    assert a.min() - bound <= found.least <= found.most <= a.max() + bound
    assert found.products <= min(n, products)


def test_an_estimate_has_converged_where_chebyshev_says_so():
    """The Krylov space holds a Chebyshev polynomial that is small on all eigenvalues but the least,
    so that least² - λ1² <= (λn² - λ1²) tan²φ / T(γ)², φ the angle of the start to v1, T of degree
    k - 1 and γ = 1 + 2 (λ2 - λ1)/(λn - λ2) (Kaniel 1966, for H²)."""
    n, k = 150, 25
    H = with_spectrum([1.0, *np.linspace(3, 10, n - 1)])
    found = lanczos_condition(lambda v: H @ v, n, np.random.default_rng(0), k)
    start = np.random.default_rng(0).standard_normal(n)
    cosine = np.linalg.eigh(H)[1][:, 0] @ start / np.linalg.norm(start)
    growth = math.cosh((k - 1) * math.acosh(1 + 2 * (3 - 1) / (10 - 3)))
    excess = (10**2 - 1) * (1 / cosine**2 - 1) / growth**2
    assert excess < 1e-6
    assert not found.exact
    assert -spectrum_error(H) <= found.least - 1 <= excess / 2 + spectrum_error(H)


def test_a_singular_matrix_has_no_finite_condition_number():
    rng = np.random.default_rng(0)
    assert lanczos_condition(lambda v: 0 * v, 3, rng).kappa == math.inf
    assert lanczos_condition(lambda v: 2 * v, 3, rng).kappa == 1.0
    singular = with_spectrum([1.0, 2.0, 0.0])
    assert lanczos_condition(lambda v: singular @ v, 3, rng).kappa > 0.01 / EPS


# bounds


@given(n=st.integers(1, 12), seed=seeds, power=st.floats(0, 4))
def test_bounds_are_above_the_condition_number_of_definite_matrices(n, seed, power):
    rng = np.random.default_rng(seed)
    H = with_spectrum(10 ** rng.uniform(0, power, n), seed)
    kappa = np.linalg.cond(H)
    slack = 1 + kappa * n * 100 * EPS  # of the determinant, and of κ itself
    # near κ = 1 rounding of 1 - x² counts by its root
    slack += 20 * math.sqrt(n * EPS)
    for bound in (general_bound, definite_bound, guggenheimer_bound):
        assert bound(H) * slack >= kappa


@given(n=st.integers(1, 8), seed=seeds)
def test_general_bounds_are_above_the_condition_number_of_any_matrix(n, seed):
    A = np.random.default_rng(seed).standard_normal((n, n))
    kappa = np.linalg.cond(A)
    slack = 1 + kappa * n * 100 * EPS + 20 * math.sqrt(n * EPS)
    assert general_bound(A) * slack >= kappa
    assert guggenheimer_bound(A) * slack >= general_bound(A) * (1 - EPS)


def exact_bounds(values):
    """The three, of a diagonal matrix, in decimal arithmetic with 400 digits and as wide exponents.

    (1 + x)/(1 - x) itself, where x is so near 1 that a float cannot tell.
    """
    with localcontext(prec=400):
        values, n = [Decimal(float(a)) for a in values], Decimal(len(values))
        det, square = math.prod(values), sum(a * a for a in values)
        x = (1 - (n / square) ** n * det**2).sqrt()
        y = (1 - (n / sum(values)) ** n * det).sqrt()
        guggenheimer = 2 / det * (square / n).sqrt() ** n
        return ((1 + x) / (1 - x)).sqrt(), (1 + y) / (1 - y), guggenheimer


@pytest.mark.parametrize(
    ("n", "kappa", "general", "definite", "guggenheimer"),
    [
        (5, 10, "2.90e+01", "1.68e+01", "2.90e+01"),
        (20, 10, "8.5e+03", "4.22e+02", "8.5e+03"),
        (20, 1e3, None, "7.9e+14", "1.4e+20"),
        (100, 10, None, "9.6e+09", "1.6e+17"),
        (100, 1e3, None, None, None),
    ],
)
def test_bounds_of_log_uniform_spectra(n, kappa, general, definite, guggenheimer):
    """Printed digits are those of a table; all are checked against exact arithmetic."""
    values = np.geomspace(1, kappa, n)
    bounds = (general_bound, definite_bound, guggenheimer_bound)
    texts = (general, definite, guggenheimer)
    rounding = 10 * n * EPS * (1 + math.log(kappa) * n)  # of a sum of n logarithms
    for bound, text, truth in zip(bounds, texts, exact_bounds(values), strict=True):
        found = bound(np.diag(values))
        assert abs(found / float(truth) - 1) <= rounding
        if text:
            assert f"{found:.{len(text) - 6}e}" == text


def test_bounds_of_a_matrix_of_two_rows():
    """Both norms and the determinant then make the condition number."""
    A = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert f"{np.linalg.cond(A):.2f}" == f"{general_bound(A):.2f}" == "14.93"
    assert f"{guggenheimer_bound(A):.1f}" == "15.0"


def test_bounds_neither_overflow_nor_underflow_before_they_must():
    wide = np.diag(np.geomspace(1, 1e3, 300))
    assert 1e280 < guggenheimer_bound(wide) < 1e281
    # they differ by (1 + x)/2, which is 1
    assert abs(general_bound(wide) / guggenheimer_bound(wide) - 1) <= 1000 * 300 * EPS
    assert definite_bound(np.diag(np.geomspace(1, 1e6, 900))) == math.inf
    assert general_bound(np.zeros((2, 2))) == guggenheimer_bound(np.ones((2, 2))) == math.inf


@pytest.mark.parametrize(
    ("A", "error"),
    [(np.diag([1.0, -1.0]), NotPositiveDefinite), (np.array([[1.0, 2.0], [0, 1]]), NotSymmetric)],
)
def test_the_bound_for_definite_matrices_refuses_others(A, error):
    with pytest.raises(error):
        definite_bound(A)
