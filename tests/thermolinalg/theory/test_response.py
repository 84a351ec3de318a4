"""First-order shifts against exact laws at rest, bounds that hold, and scatter by explicit sums."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from thermolinalg import errors
from thermolinalg.theory.process import OU
from thermolinalg.theory.response import (
    covariance_response,
    covariance_scatter,
    mean_response,
    mean_scatter,
)

SEEDS = st.integers(0, 2**32 - 1)


def process_of(seed, *, symmetric):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    G, F = rng.standard_normal((2, n, n))
    A = G @ G.T / n + 0.3 * np.eye(n)
    if not symmetric:
        A = A + (F - F.T)
    D = 2 * np.eye(n) if symmetric else F @ F.T + np.eye(n)
    return OU(A, rng.standard_normal(n), D), rng


def moved(process, dA, db, dD):
    """Mean and covariance at rest by a Kronecker system of the changed process."""
    A, D = process.A + dA, process.D + dD
    n = len(A)
    L = np.kron(A, np.eye(n)) + np.kron(np.eye(n), A)
    return np.linalg.solve(A, process.b + db), np.linalg.solve(L, D.ravel()).reshape(n, n)


def changes(process, rng, size):
    dA, dD = size * rng.standard_normal((2, process.n, process.n))
    return dA, size * rng.standard_normal(process.n), dD + dD.T


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans(), st.floats(1e-4, 0.3))
def test_the_exact_shift_is_within_what_is_neglected(seed, symmetric, size):
    process, rng = process_of(seed, symmetric=symmetric)
    dA, db, dD = changes(process, rng, size)
    mean = mean_response(process, dA=dA, db=db)
    cov = covariance_response(process, dA=dA, dD=dD)
    zero = moved(process, 0, 0, 0)
    there = moved(process, dA, db, dD)
    rounding = 1e-11 * (1 + sum(np.linalg.norm(x) for x in (*zero, *there)))
    for response, old, new in zip((mean, cov), zero, there, strict=True):
        off = np.linalg.norm(new - old - response.first)
        assert off <= response.neglected + rounding
        assert np.isinf(response.neglected) == (response.coupling >= 1)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.booleans())
def test_what_is_left_of_a_small_change_is_of_second_order(seed, symmetric):
    """Halving the change quarters it; the first order is the central difference."""
    process, rng = process_of(seed, symmetric=symmetric)
    dA, db, dD = changes(process, rng, 1e-4)
    ahead, back = moved(process, dA, db, dD), moved(process, -dA, -db, -dD)
    mean, cov = mean_response(process, dA=dA, db=db), covariance_response(process, dA=dA, dD=dD)
    for response, plus, minus in zip((mean, cov), ahead, back, strict=True):
        slope = (plus - minus) / 2
        square = response.coupling**2
        third = square / (1 - square) * np.linalg.norm(response.first)  # E²f + E⁴f + ...
        assert np.linalg.norm(slope - response.first) <= third + 1e-11 * np.linalg.norm(plus)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_bound_for_symmetric_drift_is_that_of_the_relative_change(seed):
    process, rng = process_of(seed, symmetric=True)
    dA = 1e-3 * rng.standard_normal((process.n, process.n))
    lowest = np.linalg.eigvalsh(process.A)[0]
    assert covariance_response(process, dA=dA).coupling == pytest.approx(
        np.linalg.norm(dA, 2) / lowest
    )
    inverse = np.linalg.inv(process.A)
    assert mean_response(process, dA=dA).coupling == pytest.approx(np.linalg.norm(inverse @ dA, 2))


def test_many_drives_and_changes_of_scale():
    """Twice as stiff halves a mean; noise and pull that change together move nothing."""
    rng = np.random.default_rng(0)
    process = OU(np.diag([1.0, 2.0]), rng.standard_normal((3, 2)), 2 * np.eye(2))
    response = mean_response(process, dA=1e-3 * process.A)
    np.testing.assert_allclose(response.first, -1e-3 * process.b / np.array([1.0, 2.0]))
    speed = np.diag([0.1, -0.2])
    together = covariance_response(process, dA=speed @ process.A, dD=speed @ process.D)
    assert not together.first.any()
    assert together.neglected == 0
    with pytest.raises(errors.ShapeMismatch, match="dA has shape"):
        mean_response(process, dA=np.eye(3))


def symmetric_draws(V, rng, count):
    Z = rng.standard_normal((count, *V.shape)) * np.sqrt(V)
    upper = np.triu(Z)
    return upper + np.triu(Z, 1).transpose(0, 2, 1)


def scattered(seed):
    process, rng = process_of(seed, symmetric=True)
    V = rng.random((process.n, process.n)) * 1e-6
    return process, (V + V.T) / 2, rng.random(process.n) * 1e-6, rng


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_scatter_is_the_explicit_sum_over_components(seed):
    process, V, Vb, _ = scattered(seed)
    n, A, b = process.n, process.A, process.b
    G, x = np.linalg.inv(A), np.linalg.solve(A, b)
    mean, cov = np.sum(G**2 * Vb, axis=1), 0.0
    for i in range(n):
        for j in range(i, n):
            E = np.zeros((n, n))
            E[i, j] = E[j, i] = 1.0
            mean = mean + V[i, j] * (G @ E @ x) ** 2
            cov += V[i, j] * np.linalg.norm(G @ E @ G) ** 2
    for i in range(n):
        heat = scipy.linalg.solve_continuous_lyapunov(A, np.diag(np.eye(n)[i]))
        cov += Vb[i] * np.linalg.norm(heat) ** 2
    np.testing.assert_allclose(mean_scatter(process, VA=V, Vb=Vb), np.sqrt(mean), rtol=1e-9)
    assert covariance_scatter(process, VA=V, VD=np.diag(Vb)) == pytest.approx(np.sqrt(cov))


def test_scatter_is_that_of_sampled_chips():
    """4000 chips; a mean of their squares is off by six standard errors once in 1e9."""
    process, V, _, rng = scattered(5)
    G, x = np.linalg.inv(process.A), np.linalg.solve(process.A, process.b)
    draws = symmetric_draws(V, rng, 4000)
    for shifts, known in (
        (draws @ x @ G.T, mean_scatter(process, VA=V)),
        (G @ draws @ G, covariance_scatter(process, VA=V)),
    ):
        squares = np.sum(shifts.reshape(4000, -1) ** 2, axis=1)
        stderr = squares.std(ddof=1) / np.sqrt(4000)
        assert abs(squares.mean() - np.sum(known**2)) <= 6 * stderr
