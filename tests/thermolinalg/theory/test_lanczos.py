"""Bounds on eigenvalues by products alone, against the eigenvalues of the dense matrix.

The bounds fail with probability 1e-6 each, over starts that are seeded here.
"""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import aslinearoperator

import thermolinalg as tla
from tests.thermolinalg.solvers.problems import ring
from thermolinalg.errors import InvalidInput, NotFinite, NotSymmetric, ShapeMismatch
from thermolinalg.theory import lanczos


def with_eigenvalues(values, seed):
    """A symmetric matrix that has them, in directions without a pattern."""
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values),) * 2))[0]
    A = (Q * values) @ Q.T
    return (A + A.T) / 2


SPECTRA = {
    "even": lambda n, c: np.linspace(1 / c, 1, n),
    "geometric": lambda n, c: np.geomspace(1 / c, 1, n),
    "one low": lambda n, c: np.append(np.ones(n - 1), 1 / c),
    "one high": lambda n, c: np.append(np.full(n - 1, 1 / c), 1),
    "crowded at the low end": lambda n, c: 1 / c + (1 - 1 / c) * np.linspace(0, 1, n) ** 4,
}


@given(
    n=st.integers(1, 60),
    kind=st.sampled_from(list(SPECTRA)),
    decades=st.floats(0, 6),
    scale=st.sampled_from([1e-150, 1.0, 1e100]),
    seed=st.integers(0, 10**6),
)
def test_bounds_hold_and_the_safety_factor_is_two_at_most(n, kind, decades, scale, seed):
    A = scale * with_eigenvalues(SPECTRA[kind](n, 10.0**decades), seed)
    values = np.linalg.eigvalsh(A)
    low, high = tla.spectral_bounds(A, rng=seed)
    # The eigenvalues of the dense solver are themselves off by its rounding.
    rounding = 4 * n * np.finfo(float).eps * abs(values).max()
    assert low <= values[0] + rounding
    assert values[-1] - rounding <= high
    assert low >= values[0] / 2 - rounding
    assert high <= 2 * values[-1] + rounding


@given(decades=st.floats(0, 3.5), kind=st.sampled_from(list(SPECTRA)), seed=st.integers(0, 10**6))
def test_without_a_basis_to_keep_orthogonal(decades, kind, seed):
    """Rounding makes copies of Ritz values, and the bounds hold all the same."""
    values = np.sort(SPECTRA[kind](300, 10.0**decades))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanczos, "KEPT", 0)
        A = aslinearoperator(sp.diags_array(values))  # no start has a pattern in these axes either
        low, high = tla.spectral_bounds(A, rng=seed)
    assert values[0] / 2 <= low <= values[0] * (1 + 1e-12)
    assert values[-1] * (1 - 1e-12) <= high <= 2 * values[-1]


@given(n=st.integers(2, 40), seed=st.integers(0, 10**6))
def test_eigenvalues_of_both_signs(n, seed):
    M = np.random.default_rng(seed).standard_normal((n, n))
    values = np.linalg.eigvalsh(M + M.T)
    low, high = tla.spectral_bounds(M + M.T, rng=seed)
    rounding = 100 * n * np.finfo(float).eps * abs(values).max()
    assert low <= values[0] + rounding
    assert values[-1] <= high + rounding
    nearest = min((low, values[0]), (high, values[-1]), key=lambda pair: abs(pair[0]))
    assert abs(nearest[0]) <= 2 * abs(nearest[1]) + rounding


@pytest.mark.parametrize("steps", [5, 10, 20, 40])
def test_the_theorem_covers_what_the_ritz_values_miss(steps):
    """At a failure of 0.2 bounds hold in at least 80 % of 500 starts, at any number of products."""
    n, failure = 400, 0.2
    values = np.sort(SPECTRA["crowded at the low end"](n, 1e4))
    doubt = np.log(1.648 * np.sqrt(n) / failure)
    share = (doubt / (2 * steps - 1)) ** 2
    misses = []
    for seed in range(500):
        v = np.random.default_rng(seed).standard_normal(n)
        run = lanczos._Lanczos(aslinearoperator(sp.diags_array(values)), v / np.linalg.norm(v), 0)
        run.extend(steps)
        misses.append(values[-1] - run.ends()[1])
    held = np.array(misses) <= share * (values[-1] - values[0])
    assert held.mean() >= 1 - failure


def test_discs_that_are_near_enough_spare_products(monkeypatch):
    """The low disc of a ring of springs touches its lowest eigenvalue, and one look tells."""
    A = sp.csr_array(ring(3000, 1e-3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanczos, "PRODUCTS", 2000)
        assert tla.spectral_bounds(A)[0] == pytest.approx(1e-3, rel=1e-9)
    monkeypatch.setattr(lanczos, "PRODUCTS", 500)
    with pytest.raises(InvalidInput, match="is beyond"):
        tla.spectral_bounds(aslinearoperator(A))


def test_the_same_start_gives_the_same_bounds():
    A = aslinearoperator(ring(30))
    assert tla.spectral_bounds(A) == tla.spectral_bounds(A, rng=0)


def test_in_single_precision():
    A = ring(200, 0.5).astype(np.float32)
    low, high = tla.spectral_bounds(A)
    assert 0.25 <= low <= 0.5
    assert 4.5 <= high <= 9


@pytest.mark.parametrize(
    ("A", "knobs", "error", "word"),
    [
        (np.ones((2, 3)), {}, ShapeMismatch, "square"),
        (np.array([[1.0, 2.0], [0.0, 1.0]]), {}, NotSymmetric, "not symmetric"),
        (sp.csr_array([[1.0, 2.0], [0.0, 1.0]]), {}, NotSymmetric, "not symmetric"),
        (aslinearoperator(np.diag([1.0, np.nan])), {}, NotFinite, "NaN"),
        (np.eye(2), {"failure": 0.0}, InvalidInput, "failure"),
        (np.eye(2), {"rng": -1}, InvalidInput, "rng"),
    ],
)
def test_bad_input_is_named(A, knobs, error, word):
    with pytest.raises(error, match=word):
        tla.spectral_bounds(A, **knobs)


def test_a_condition_beyond_the_products_is_refused(monkeypatch):
    monkeypatch.setattr(lanczos, "PRODUCTS", 100)
    monkeypatch.setattr(lanczos, "KEPT", 0)
    A = aslinearoperator(sp.diags_array(np.linspace(1e-5, 1, 300)))
    with pytest.raises(InvalidInput, match=r"condition number, .* at least, is beyond"):
        tla.spectral_bounds(A)
