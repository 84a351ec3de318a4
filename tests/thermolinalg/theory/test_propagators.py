"""Batches of transitions and their derivative, against 60 digits and against complex steps."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES, SEEDS
from thermolinalg import testing
from thermolinalg.theory.batches import roots
from thermolinalg.theory.propagators import Coefficients, Laws, propagators, with_start

EPS = np.finfo(float).eps
STEP = 1e-20
TIMES = np.array([1e-3, 0.1, 0.7, 0.7001, 3.0, 20.0])


def coefficients(process):
    return Coefficients(process.A, process.b, process.D)


def directions(process, seed):
    """A random change of A, b and D, D's symmetric."""
    rng, n = np.random.default_rng(seed), process.n
    M = rng.normal(size=(n, n))
    return Coefficients(rng.normal(size=(n, n)), rng.normal(size=n), M + M.T)


def moved(process, direction):
    """What the laws change by, along a direction: exact to rounding, one complex step."""
    shifted = (x + 1j * STEP * d for x, d in zip(coefficients(process), direction, strict=True))
    laws = propagators(Coefficients(*shifted), TIMES).laws
    return Laws(*(part.imag / STEP for part in laws))


def product(first, second):
    return sum(float(np.sum(x * y)) for x, y in zip(first, second, strict=True))


def magnitude(parts):
    return float(np.sqrt(sum(np.sum(np.square(part)) for part in parts)))


@pytest.mark.parametrize("name", PROCESSES)
def test_every_law_of_a_batch(name):
    process = PROCESSES[name]
    laws = propagators(coefficients(process), TIMES).laws
    for k, t in enumerate(TIMES):
        truth = oracles.law_in_many_digits(process.A, process.b, process.D, t)
        for found, right in zip((part[k] for part in laws), truth, strict=True):
            gap = np.linalg.norm(found - right)
            assert gap <= 1e-10 * np.linalg.norm(right) + 1e-16


@given(process=testing.ou_processes(), seed=SEEDS)
def test_slopes_are_the_adjoint_of_the_change(process, seed):
    """<slope, change of the laws> = <slope pulled back, change of the coefficients>."""
    rng, batch = np.random.default_rng(seed), propagators(coefficients(process), TIMES)
    slopes = Laws(*(rng.normal(size=part.shape) for part in batch.laws))
    slopes = slopes._replace(C=slopes.C + np.swapaxes(slopes.C, 1, 2))
    direction = directions(process, seed)
    change = moved(process, direction)
    left, right = product(slopes, change), product(batch.pull_back(slopes), direction)
    doublings = 5 + np.log2(1 + np.linalg.norm(process.A, 1) * TIMES[-1])
    size = magnitude(slopes) * magnitude(change)
    assert abs(left - right) <= 100 * EPS * 2**doublings * max(size, 1e-300)


def test_the_derivative_keeps_its_digits_at_a_jordan_block():
    """Where eigenvectors coincide, formulas made of them lose half the digits or all of them."""
    A, t = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]), 0.7
    process = tla.OU(A, np.zeros(3), np.eye(3))
    slope = np.random.default_rng(0).normal(size=(1, 3, 3))
    nothing = Laws(slope, np.zeros((1, 3)), np.zeros((1, 3, 3)))
    found = propagators(coefficients(process), np.array([t])).pull_back(nothing).A
    with mpmath.workdps(60):
        tiny, right = mpmath.mpf(10) ** -25, np.zeros((3, 3))
        for i, j in np.ndindex(3, 3):
            ends = []
            for sign in (1, -1):
                M = mpmath.matrix((-A * t).tolist())
                M[i, j] -= sign * tiny * mpmath.mpf(t)
                ends.append(mpmath.expm(M, method="taylor"))
            difference = (ends[0] - ends[1]) / (2 * tiny)
            right[i, j] = float(sum(difference[k, l] * slope[0, k, l] for k, l in np.ndindex(3, 3)))
    np.testing.assert_allclose(found, right, rtol=0, atol=20 * EPS * np.abs(right).max())


def test_a_start_forgets_where_it_began():
    laws = propagators(coefficients(PROCESSES["mixed"]), TIMES).laws
    more = with_start(laws, tla.Gaussian([1.0, 2.0], np.eye(2)))
    assert len(more.E) == len(TIMES) + 1
    assert not more.E[-1].any()
    np.testing.assert_array_equal(more.shift[-1], [1.0, 2.0])
    assert with_start(laws, None) is laws


@given(seed=SEEDS, decades=st.floats(0, 12))
def test_roots_do_not_mind_units(seed, decades):
    M = np.random.default_rng(seed).normal(size=(5, 3, 6))
    C = M @ np.swapaxes(M, 1, 2)
    unit = 10.0 ** np.array([-decades, 0.0, decades])
    L = roots(C * np.outer(unit, unit))
    np.testing.assert_allclose(
        (L @ np.swapaxes(L, 1, 2)) / np.outer(unit, unit), C, rtol=0, atol=20 * EPS * C.max()
    )


@pytest.mark.parametrize(
    "C", [np.zeros((2, 2)), np.ones((2, 2)), np.diag([1.0, -1.0]), [[1.0, 2.0], [2.0, 1.0]]]
)
def test_roots_of_singular_or_indefinite_matrices_are_refused(C):
    with pytest.raises(np.linalg.LinAlgError):
        roots(np.array([np.eye(2), C]))
