"""Soft modes by Lanczos, starts in which they are at rest, and how soon these are forgotten."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import SEEDS
from tests.thermolinalg.solvers.problems import forbid_digital_solvers, ring, wishart
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, NotSymmetric
from thermolinalg.solvers import prethermal

CHAINS = 20_000
MATRICES = {
    "wishart": wishart(30),
    "ring, modes in pairs": ring(30),
    "one rate": 2.5 * np.eye(12),
    "many of one rate": np.diag(np.r_[np.full(9, 0.1), np.linspace(1, 2, 40)]),
    "small": wishart(3),
}
each_matrix = pytest.mark.parametrize("name", MATRICES)


@each_matrix
@pytest.mark.parametrize("count", [1, 2, 3])
def test_modes_are_the_softest(name, count):
    A = MATRICES[name]
    found, a = tla.soft_modes(A, count), np.append(np.linalg.eigvalsh(A), np.inf)
    V, scale = found.vectors, a[-2]
    np.testing.assert_allclose(found.rates, a[:count], atol=1e-9 * scale)
    np.testing.assert_allclose(V.T @ V, np.eye(count), atol=1e-10)
    np.testing.assert_allclose(A @ V, V * found.rates, atol=found.residual)
    assert found.following <= a[count] + 1e-12 * scale
    assert found.following == pytest.approx(a[count], rel=1e-6)
    assert found.stiffest >= scale * (1 - 1e-12)
    assert found.products > 0


def test_what_lanczos_overlooks_is_found_at_the_second_look(monkeypatch):
    A, lowest, calls = wishart(30), prethermal._lowest, []
    a, U = np.linalg.eigh(A)

    def careless(*arguments, **options):
        calls.append(arguments)
        return (U[:, 2:5], 1) if len(calls) == 1 else lowest(*arguments, **options)

    monkeypatch.setattr(prethermal, "_lowest", careless)
    np.testing.assert_allclose(tla.soft_modes(A, 3).rates, a[:3], rtol=1e-8)
    assert len(calls) == 4  # two were overlooked, and the last look finds none


@pytest.mark.parametrize("t", [0.0, 0.7])
def test_the_covariance_from_such_a_start(t):
    """Soft modes at rest, and all others 1 - e^{-2at} of it."""
    A, T = wishart(4), 2.0
    a, U = np.linalg.eigh(A)
    found = tla.soft_modes(A, 2)
    start = found.start(CHAINS, temperature=T, rng=1)
    process = tla.overdamped(A, np.zeros(4), temperature=T)
    x = (
        tla.simulate(process, [-1.0, t - 1.0], x0=start, chains=CHAINS, rng=2).states[:, -1]
        if t
        else start
    )
    share = np.where(np.arange(4) < 2, 1.0, -np.expm1(-2 * a * t))
    testing.assert_covariance_matches(x, T * (U * (share / a)) @ U.T)


def perturbed(A, count, size, seed):
    """Modes that are only nearly those of A, with their honest residual."""
    n, z = len(A), np.random.default_rng(seed).standard_normal((len(A), count))
    a, U = np.linalg.eigh(A)
    V = np.linalg.qr(U[:, :count] + size * z)[0]
    theta, W = np.linalg.eigh(V.T @ A @ V)
    V = V @ W
    residual = np.linalg.norm(A @ V - V * theta)
    following = a[count] if count < n else np.inf
    return tla.SoftModes(theta, V, following, a[-1], residual, 0)


@settings(max_examples=200)
@given(
    data=st.data(),
    n=st.integers(2, 6),
    size=st.floats(-8, -1),
    error=st.floats(-4, -0.1),
    seed=SEEDS,
)
def test_a_start_by_approximate_modes_is_forgotten_after_its_rest(data, n, size, error, seed):
    """In every direction the covariance then falls short by at most `error` of itself, and it never
    exceeds that at rest."""
    A = data.draw(testing.spd_matrices(n, condition=25))
    soft = perturbed(A, data.draw(st.integers(1, n)), 10.0**size, seed)
    if soft.residual >= soft.rates[0]:
        return
    wanted = 10.0**error
    E, _, cov = oracles.law_by_lyapunov(A, np.zeros(n), 2 * np.eye(n), soft.rest(wanted) + 1e-12)
    cov = cov + E @ (soft.vectors / soft.rates) @ soft.vectors.T @ E.T
    a, U = np.linalg.eigh(A)
    root = (U * a**0.5) @ U.T
    gaps = np.linalg.eigvalsh(np.eye(n) - root @ cov @ root)
    assert gaps.max() <= wanted + 1e-9
    assert gaps.min() >= -1e-9


@pytest.mark.parametrize("count", [1, 5, 29])
def test_exact_modes_wait_for_the_next_one_alone(count):
    A = wishart(30)
    a = np.linalg.eigvalsh(A)
    assert tla.soft_modes(A, count).rest(0.01) == pytest.approx(np.log(100) / (2 * a[count]))


def test_modes_that_are_worthless_are_as_good_as_none():
    A = wishart(30)
    a = np.linalg.eigvalsh(A)
    modes = tla.soft_modes(A, 3)
    crude = tla.SoftModes(modes.rates, modes.vectors, modes.following, 10.0, a[0] / 2, 0)
    assert crude.rest(0.01) == pytest.approx(np.log(100) / a[0])  # the rate may be half as large
    assert crude.rest(0.01) > modes.rest(0.01)


def test_all_modes_at_rest_need_no_rest():
    assert tla.soft_modes(wishart(3), 3).rest(1e-9) == 0.0
    assert tla.soft_modes(wishart(3), 1).rest(1.0) == 0.0


def test_no_digital_solver_is_called(monkeypatch):
    forbid_digital_solvers(monkeypatch)
    assert tla.soft_modes(wishart(30), 4).rest(0.1) > 0


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_other_libraries(library):
    xp = pytest.importorskip(library)
    A = wishart(12)
    found, right = tla.soft_modes(xp.asarray(A), 2), tla.soft_modes(A, 2)
    start = found.start(5, rng=0)
    assert isinstance(start, type(xp.asarray(A)))
    np.testing.assert_allclose(np.asarray(start), right.start(5, rng=0), rtol=1e-12)
    assert found.rest(0.1) == right.rest(0.1)


def test_single_precision_is_kept():
    A = wishart(30)
    found = tla.soft_modes(A.astype(np.float32), 3)
    assert found.vectors.dtype == found.start(2, rng=0).dtype == np.float32
    np.testing.assert_allclose(found.rates, np.linalg.eigvalsh(A)[:3], rtol=1e-4)


@pytest.mark.parametrize(
    ("A", "count", "error", "message"),
    [
        (wishart(3), 4, InvalidInput, "count = 4 modes are asked of a network of 3"),
        (wishart(3), 0, InvalidInput, "count = 0"),
        (np.triu(np.ones((3, 3))), 1, NotSymmetric, "A is not symmetric"),
        (np.diag([-1.0, 1.0, 2.0, 3.0]), 1, NotPositiveDefinite, "eigenvalue -1 <= 0"),
        (np.diag(np.logspace(-13, 0, 50)), 3, InvalidInput, "did not tell them apart"),
    ],
)
def test_bad_input_is_named(A, count, error, message):
    with pytest.raises(error, match=message):
        tla.soft_modes(A, count)


def test_a_mode_that_may_be_singular_is_refused():
    modes = tla.SoftModes(np.array([0.1]), np.eye(3)[:, :1], 1.0, 1.0, 0.2, 0)
    with pytest.raises(NotPositiveDefinite, match=r"known to ± 0\.2"):
        modes.rest(0.1)
