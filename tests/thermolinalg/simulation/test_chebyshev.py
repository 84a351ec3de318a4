"""Large networks: the law of a step, read off by unit vectors, against dense transitions."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.simulation.steps import law_of
from thermolinalg.errors import (
    InvalidInput,
    NotFinite,
    NotSymmetric,
    ShapeMismatch,
    Unstable,
    UnstableStep,
)
from thermolinalg.simulation.chebyshev import Chebyshev
from thermolinalg.simulation.polynomials import GROWTH
from thermolinalg.theory.operator import Network


def ring(n, ridge=0.3):
    """Springs in a ring; symmetric, sparse, with eigenvalues from ridge to ridge + 4."""
    links = sp.eye_array(n, k=1) + sp.eye_array(n, k=1 - n) if n > 2 else sp.eye_array(n, k=1)
    return ((2 + ridge) * sp.eye_array(n) - links - links.T).tocsr()


@given(
    n=st.integers(3, 5),
    dt=st.sampled_from([1e-3, 0.1, 1.0, 30.0]),
    diffusion=st.sampled_from([0.0, 0.5, 2.0]),
)
def test_a_step_has_the_law_of_the_dense_process(n, dt, diffusion):
    A, b = ring(n), np.arange(1.0, n + 1)
    step = Chebyshev().prepare(Network(A, b, diffusion), dt)
    expected = oracles.law_in_many_digits(A.toarray(), b, diffusion * np.eye(n), dt)
    # A series of so many terms rounds in each, at the size of the function's largest value.
    rounding = 32 * step.products * np.finfo(float).eps
    for found, wanted, size in zip(law_of(step, n), expected, (1, n * dt, dt), strict=True):
        assert np.abs(found - wanted).max() <= rounding * size * max(1.0, diffusion)


FRICTIONS = st.lists(st.floats(-1, 1).map(lambda e: 10.0**e), min_size=4, max_size=4)


@given(
    friction=FRICTIONS,
    dt=st.sampled_from([1e-6, 0.1, 1.0, 30.0]),
    temperature=st.sampled_from([0.0, 0.5]),
    low_rank=st.booleans(),
)
def test_every_coordinate_may_have_noise_of_its_own(friction, dt, temperature, low_rank):
    """A is no longer symmetric; AD is. In units of each coordinate's width nothing is lost."""
    S = tla.LowRank(friction[::-1], ring(4).toarray()[:, :2]) if low_rank else ring(4)
    f, friction = np.arange(1.0, 5.0), np.array(friction)
    network = tla.overdamped(S, f, friction=friction, temperature=temperature)
    step = Chebyshev().prepare(network, dt)
    A = network.A @ np.eye(4)
    expected = oracles.law_in_many_digits(A, network.b, np.diag(network.diffusion), dt)
    units = friction**-0.5
    grids = units[:, None] / units, units, units[:, None] * units
    rounding = 64 * step.products * np.finfo(float).eps
    sizes = 1.0, np.abs(f / friction**0.5).sum() * dt, dt
    for found, wanted, unit, size in zip(law_of(step, 4), expected, grids, sizes, strict=True):
        assert (np.abs(found - wanted) / unit).max() <= rounding * size


def test_an_operator_is_as_good_as_its_matrix():
    A, b = ring(8), np.ones(8)
    sparse = Network(A, b, 2.0)
    operator = Network(aslinearoperator(A), b, 2.0, bounds=sparse.bounds)
    runs = [tla.simulate(p, [0.0, 0.5, 1.5], chains=2, rng=0) for p in (sparse, operator)]
    assert runs[0].integrator == "chebyshev"
    rounding = 1000 * np.finfo(float).eps * np.abs(runs[0].states).max()
    assert np.abs(runs[0].states - runs[1].states).max() <= rounding


@pytest.mark.parametrize("dt", [30.0, 1e3, 1e5])
def test_a_long_step_takes_products_as_its_root(dt):
    """About 6 sqrt(fastest dt) terms, as e^{-at} needs on [slowest, fastest], however long."""
    network = Network(ring(9, ridge=1e-3), np.ones(9), 2.0)
    step = Chebyshev().prepare(network, dt)
    assert step.products <= 20 * np.sqrt(network.fastest * dt)
    A, b = ring(9, ridge=1e-3).toarray(), np.ones(9)
    E, _, C = law_of(step, 9)
    right = oracles.law_by_lyapunov(A, b, 2.0 * np.eye(9), dt)
    np.testing.assert_allclose(E, right.E, rtol=0, atol=1e-12)
    np.testing.assert_allclose(C, right.C, rtol=0, atol=1e-10 * np.abs(right.C).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_coupling_survives_however_short_the_step(dtype):
    """(E - I)/dt = -A, to the rounding of E = 1 itself."""
    dt, K = 2.0**-22 if dtype == "float32" else 2.0**-51, np.array([[2.0, -1.0], [-1.0, 2.0]])
    network = Network(sp.csr_array(K.astype(dtype)), np.zeros(2, dtype), 0.0)
    step = Chebyshev().prepare(network, dt)
    E = step(np.eye(2, dtype=dtype), np.zeros((2, 2), dtype))
    np.testing.assert_allclose((E - np.eye(2)) / dt, -K, atol=np.finfo(dtype).eps / dt)
    assert E[0, 1] == pytest.approx(dt, rel=1e-2 if dtype == "float32" else 0.3)


@pytest.mark.parametrize("ends", [(1.0, 1.0), (1.0, 1.0 + 1e-15), (1e-13, 10.0)])
def test_bounds_may_be_as_tight_or_wide_as_they_are(ends):
    A = sp.diags_array(np.linspace(*ends, 3)).tocsr()
    step = Chebyshev().prepare(Network(A, np.zeros(3), 2.0, bounds=ends), 3.0)
    E, _, _ = law_of(step, 3)
    np.testing.assert_allclose(np.diag(E), np.exp(-3.0 * A.diagonal()), rtol=0, atol=1e-14)


@pytest.mark.parametrize("bounds", [(1.0, 2.0), (10.0, 100.0)])
def test_bounds_that_products_contradict_are_named(bounds):
    """Of an operator they are believed, until a polynomial that they bound by 1 grows."""
    A = aslinearoperator(sp.diags_array(np.linspace(1.0, 100.0, 5)).tocsr())
    network = Network(A, np.zeros(5), 1.0, bounds=bounds)
    with pytest.raises(UnstableStep, match=r"bounds = .* outside these bounds"):
        tla.simulate(network, [0.0, 1.0, 2.0], rng=0)
    with pytest.raises(UnstableStep, match=r"step 1: .* outside these bounds"):
        tla.simulate(Network(A, np.zeros(5), 0.0, bounds=bounds), [0, 1], x0=np.ones(5), rng=0)


def test_bounds_that_miss_by_a_little_are_forgiven():
    """By a thousandth, at a cost of so many roundings as GROWTH allows."""
    A, b = ring(9), np.ones(9)
    low, high = np.linalg.eigvalsh(A.toarray())[[0, -1]]
    close = low * 1.001, high * 0.999
    E = law_of(Chebyshev().prepare(Network(aslinearoperator(A), b, 2.0, bounds=close), 5.0), 9)[0]
    right = oracles.law_by_lyapunov(A.toarray(), b, 2.0 * np.eye(9), 5.0).E
    np.testing.assert_allclose(E, right, rtol=0, atol=4 * GROWTH * 3 * np.finfo(float).eps)


def test_products_that_are_not_numbers_are_named():
    A = LinearOperator((3, 3), matvec=lambda x: x * np.nan, dtype=float)
    with pytest.raises(UnstableStep, match="or NaN"):
        tla.simulate(Network(A, np.ones(3), 1.0, bounds=(1.0, 2.0)), [0.0, 1.0], rng=0)


def test_products_grow_with_the_step():
    products = [
        Chebyshev().prepare(Network(ring(9), np.ones(9), 2.0), t).products for t in (0.1, 5)
    ]
    assert 2 <= products[0] < products[1]


@pytest.mark.parametrize(
    ("A", "b", "knobs", "error", "word"),
    [
        (sp.eye_array(3, 4).tocsr(), np.ones(3), {}, ShapeMismatch, "square"),
        (ring(4), np.ones(3), {}, ShapeMismatch, "b"),
        (ring(4), np.array([1, 2, np.nan, 3]), {}, NotFinite, "b"),
        (ring(4) + sp.eye_array(4, k=1).tocsr(), np.ones(4), {}, NotSymmetric, "symmetric"),
        (ring(4, ridge=-1.0), np.ones(4), {}, Unstable, "bounds"),
        (aslinearoperator(ring(4)), np.ones(4), {}, InvalidInput, "bounds"),
        (ring(4), np.ones(4), {"bounds": (-1.0, 2.0)}, Unstable, "bounds"),
    ],
)
def test_bad_input_is_named(A, b, knobs, error, word):
    with pytest.raises(error, match=word):
        Network(A, b, 2.0, **knobs)
