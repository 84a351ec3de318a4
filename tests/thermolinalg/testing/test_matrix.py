"""Random matrices are what they promise, by other mathematics than made them; and they shrink."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from tests import oracles
from tests.thermolinalg.testing.shrinking import found
from thermolinalg import testing
from thermolinalg.errors import InvalidInput

EPS = np.finfo(float).eps
CONDITIONS = st.sampled_from([1.0, 2.0, 50.0, 1e6])


@given(data=st.data(), n=st.integers(1, 12), condition=CONDITIONS)
def test_definite_matrices_by_their_factor_and_singular_values(data, n, condition):
    S = data.draw(testing.spd_matrices(n, condition=condition))
    np.testing.assert_array_equal(S, S.T)
    scipy.linalg.cholesky(S)  # by Sylvester's criterion
    assert np.linalg.cond(S) <= condition * (1 + 100 * n * EPS * condition)


@given(data=st.data(), n=st.integers(1, 12), condition=CONDITIONS)
def test_diffusions_by_their_singular_values(data, n, condition):
    """Of a semidefinite matrix alone the trace is the sum of the singular values."""
    D = data.draw(testing.diffusions(n, condition=condition))
    np.testing.assert_array_equal(D, D.T)
    values = np.linalg.svd(D, compute_uv=False)
    rounding = 100 * n * EPS * values[0]
    assert abs(np.trace(D) - values.sum()) <= rounding
    wide = values[values > rounding]
    assert len(wide) == 0 or wide[0] / wide[-1] <= condition * (1 + 100 * n * EPS * condition)


@pytest.mark.parametrize("rank", range(4))
def test_diffusions_of_every_rank(rank):
    D = found(testing.diffusions(3), lambda D: np.linalg.matrix_rank(D) == rank)
    np.testing.assert_array_equal(D, np.diag(np.diag(D)))
    assert set(np.diag(D)) <= {0.0, 1.0}


@given(D=testing.diffusions(definite=True))
def test_definite_diffusions_have_full_rank(D):
    scipy.linalg.cholesky(D)


@given(A=testing.stable_drifts(rates=(0.5, 2.0)))
def test_drifts_are_stable_by_lyapunov_in_many_digits(A):
    """A is stable if and only if AS + SA' = I has a positive definite solution."""
    _, S = oracles.stationary_in_many_digits(A, np.zeros(len(A)), np.eye(len(A)))
    assert (np.linalg.eigvalsh(S) > 0).all()
    assert 0.5 * len(A) <= np.trace(A) + 1e-9 <= 2.0 * len(A) + 2e-9  # the sum of the rates


@given(data=st.data(), n=st.integers(5, 40))
def test_drifts_stay_stable_in_many_dimensions(data, n):
    assert np.linalg.eigvals(data.draw(testing.stable_drifts(n))).real.min() > 0


def test_drifts_far_from_normal_and_their_smallest_examples():
    def departs(A):
        return np.linalg.norm(A @ A.T - A.T @ A) > np.linalg.norm(A) ** 2 / 4

    def turns(A):
        return np.abs(np.linalg.eigvals(A).imag).max() > 0.5

    def pushes(A):
        return np.linalg.eigvalsh(A + A.T)[0] < 0

    np.testing.assert_array_equal(found(testing.stable_drifts(), departs), [[1, 1], [0, 1]])
    np.testing.assert_array_equal(found(testing.stable_drifts(2), turns), [[1, 1], [-1, 1]])
    worst = found(testing.stable_drifts(2), pushes)
    assert np.count_nonzero(worst) == 3


@given(A=testing.stable_drifts(shear=0))
def test_without_shear_drifts_are_symmetric(A):
    np.testing.assert_allclose(A, A.T, atol=1e-14)


@given(data=st.data(), n=st.integers(1, 8))
def test_orthogonal_matrices_keep_lengths(data, n):
    Q, x = data.draw(testing.orthogonal_matrices(n)), np.arange(1.0, n + 1)
    np.testing.assert_allclose(np.linalg.norm(Q @ x), np.linalg.norm(x), rtol=1e-13)
    np.testing.assert_allclose(np.abs(np.linalg.det(Q)), 1.0, rtol=1e-13)


def test_rotations_and_reflections():
    def dense(sign):
        return lambda Q: sign * np.linalg.det(Q) > 0 and np.abs(Q).min() > 0.1

    for sign in (1, -1):
        assert found(testing.orthogonal_matrices(3), dense(sign)).shape == (3, 3)


@given(M=testing.matrices(2, testing.sizes(3), largest=5.0))
def test_entries_are_bounded(M):
    assert M.shape[0] == 2
    assert 1 <= M.shape[1] <= 3
    assert np.abs(M).max() <= 5


@pytest.mark.parametrize(
    ("strategy", "least"),
    [
        (testing.matrices(), [[0]]),
        (testing.spd_matrices(), [[1]]),
        (testing.diffusions(), [[1]]),
        (testing.stable_drifts(), [[1]]),
        (testing.orthogonal_matrices(2), [[1, 0], [0, 1]]),
        (testing.stable_drifts(rates=(2.5, 4)), [[3]]),
    ],
)
def test_the_least_example(strategy, least):
    np.testing.assert_array_equal(found(strategy, lambda _: True), least)


@pytest.mark.parametrize("high", [1e2, 1e8, 1e12])
@given(data=st.data())
def test_drifts_of_many_scales_stay_stable(high, data):
    A = data.draw(testing.stable_drifts(rates=(1.0, high), shear=high))
    assert np.linalg.eigvals(A).real.min() > 0.5


@pytest.mark.parametrize("condition", [1e8, 1e12])
@given(data=st.data())
def test_matrices_of_many_scales_stay_definite(condition, data):
    values = np.linalg.eigvalsh(data.draw(testing.spd_matrices(condition=condition)))
    assert 0 < values[-1] <= 1.02 * condition * values[0]


def test_large_matrices_fit_an_example():
    for strategy in (testing.spd_matrices(60), testing.stable_drifts(60)):
        assert found(strategy, lambda M: np.abs(M).sum() > 60, shrunk=False).shape == (60, 60)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: testing.spd_matrices(0), "n = 0 must be an integer >= 1"),
        (lambda: testing.spd_matrices(2.0), "n = 2.0 must be an integer"),
        (lambda: testing.spd_matrices(condition=0.5), "condition = 0.5 must be >= 1"),
        (lambda: testing.diffusions(condition=np.nan), "condition = nan must be finite"),
        (lambda: testing.stable_drifts(rates=(2.0, 1.0)), "rates = .* low <= high"),
        (lambda: testing.stable_drifts(rates=(0.0, 1.0)), "must be > 0"),
        (lambda: testing.stable_drifts(shear=-1), "shear = -1 must be >= 0"),
        (lambda: testing.matrices(1, 1, largest=0), "largest = 0 must be > 0"),
        (lambda: testing.spd_matrices(condition=1e20), "condition = 1e.20 must be <= 1e.12"),
        (lambda: testing.stable_drifts(rates=(1e-9, 1e9)), "ratio of rates = 1e.18 must be <="),
        (lambda: testing.sizes(0), "most = 0 must be an integer >= 1"),
    ],
)
def test_a_wrong_argument_is_named_before_any_example(call, match):
    with pytest.raises(InvalidInput, match=match):
        call()
