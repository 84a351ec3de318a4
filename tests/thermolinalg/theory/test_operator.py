"""Networks with noise of their own on every coordinate: what is accepted, and bounds that hold."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import aslinearoperator

import thermolinalg as tla
from thermolinalg.errors import (
    InvalidInput,
    NotFinite,
    NotReal,
    NotSymmetric,
    ShapeMismatch,
    Unstable,
)
from thermolinalg.theory.balance import balance_weights
from thermolinalg.theory.gershgorin import gershgorin

S = sp.csr_array(3.0 * np.eye(4) + np.eye(4, k=1) + np.eye(4, k=-1))
FRICTION = np.array([0.5, 1.0, 2.0, 8.0])
F = np.ones(4)


@st.composite
def springs(draw):
    """A sparse symmetric S that dominates its diagonal, and frictions over four decades."""
    n = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    links = np.triu(rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.5), 1)
    links += links.T
    stiff = np.diag(np.abs(links).sum(axis=1) + draw(st.floats(0.01, 2.0)))
    return stiff + links, 10.0 ** rng.uniform(-2, 2, n)


@given(case=springs())
def test_discs_hold_every_eigenvalue_and_are_the_best_of_three(case):
    stiff, friction = case
    A = stiff / friction[:, None]
    network = tla.Network(sp.csr_array(A), np.ones(len(A)), 2 / friction)
    rates = np.sort(np.linalg.eigvals(A).real)
    rounding = 1e-12 * rates[-1]
    assert network.slowest - rounding <= rates[0]
    assert rates[-1] <= network.fastest + rounding
    rows = gershgorin(sp.csr_array(A), 1.0)
    assert rows[0] <= network.slowest
    assert network.fastest <= rows[1]


@given(case=springs(), temperature=st.sampled_from([0.0, 1.5]))
def test_overdamped_is_the_same_process_whatever_holds_S(case, temperature):
    """Dense, sparse, an operator: the same drift, drive, noise and valid bounds."""
    stiff, friction = case
    f = np.linspace(-1.0, 2.0, len(stiff))
    edges = np.linalg.eigvalsh(stiff)[[0, -1]]
    knobs = {"friction": friction, "temperature": temperature}
    full = tla.overdamped(stiff, f, **knobs)
    assert isinstance(full, tla.OU)
    np.testing.assert_allclose(full.A, stiff / friction[:, None], rtol=1e-15)
    np.testing.assert_allclose(full.D, np.diag(2 * temperature / friction), rtol=1e-15)
    sparse = tla.overdamped(sp.csr_array(stiff), f, **knobs)
    operator = tla.overdamped(aslinearoperator(stiff), f, bounds=edges, **knobs)
    for network in (sparse, operator):
        assert isinstance(network, tla.Network)
        A = network.A @ np.eye(len(f))
        np.testing.assert_allclose(A, full.A, rtol=1e-14, atol=1e-15 * np.abs(A).max())
        np.testing.assert_allclose(network.b, full.b, rtol=1e-15)
        np.testing.assert_allclose(network.diffusion, np.diag(full.D), rtol=1e-15)
        assert network.slowest <= full.slowest * (1 + 1e-9)
        assert full.fastest <= network.fastest * (1 + 1e-9)


@pytest.mark.parametrize("friction", [1.0, 2.5])
def test_one_friction_for_all_divides_everything(friction):
    U, f = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    kinds = [S, aslinearoperator(S), tla.LowRank([1.0, 2, 3, 4], U, [1.0, 2.0])]
    for kind in kinds:
        bounds = (1.0, 5.0) if kind is kinds[1] else None
        network = tla.overdamped(kind, f, friction=friction, temperature=0.5, bounds=bounds)
        np.testing.assert_allclose(network.A @ F, kind @ F / friction, rtol=1e-14)
        np.testing.assert_allclose(network.b, f / friction)
        np.testing.assert_allclose(network.diffusion, 1.0 / friction)
    assert tla.overdamped(S, f, friction=2.0).bounds == (0.5, 2.5)


def test_noise_may_vanish_where_A_stays_symmetric():
    """Two networks side by side, one of them at temperature zero."""
    A = sp.block_diag([S, S]).tocsr()
    noise = np.repeat([0.0, 2.0], 4)
    assert isinstance(balance_weights(A, noise), float)
    tla.Network(A, np.ones(8), noise)
    with pytest.raises(NotSymmetric, match="A D is not symmetric"):
        tla.Network(A, np.ones(8), np.tile([0.0, 2.0], 4))
    with pytest.raises(NotSymmetric, match="A is not symmetric"):
        tla.Network(S / FRICTION[:, None], F, [0.0, 1.0, 1.0, 1.0])


def test_bounds_of_the_whole_are_one_number_on_a_diagonal():
    assert tla.Network(sp.eye_array(3).tocsr(), np.ones(3), [1.0, 2.0, 3.0]).bounds == (1.0, 1.0)


@pytest.mark.parametrize(
    ("A", "diffusion", "knobs", "error", "message"),
    [
        (S, [1.0, 2.0, 1.0, 1.0], {}, NotSymmetric, r"A D is not.*AD = DA'.*OU\(A, b, D\)"),
        (S / FRICTION[:, None], 1.0, {}, NotSymmetric, "A is not symmetric"),
        (S, [1.0, 2.0], {}, ShapeMismatch, r"diffusion has shape \(2,\)"),
        (S, [1.0, -1.0, 1.0, 1.0], {}, InvalidInput, "smallest diffusion = -1"),
        (S, [1.0, np.nan, 1.0, 1.0], {}, NotFinite, "diffusion holds"),
        (S, -1.0, {}, InvalidInput, "diffusion = -1"),
        (S * np.nan, 1.0, {}, NotFinite, "A holds 10 NaN"),
        (S * 1j, 1.0, {}, NotReal, "A has dtype complex"),
        (S, 1.0, {"bounds": 3.0}, InvalidInput, r"bounds = 3.0 must be two numbers"),
        (S, 1.0, {"bounds": (1.0, np.inf)}, InvalidInput, r"bounds\[1\] = inf"),
        (S, 1.0, {"bounds": (3.0, 2.0)}, Unstable, "bounds"),
        (aslinearoperator(S), 1.0, {}, InvalidInput, "bounds are needed"),
        (np.triu(np.ones((4, 4))), 1.0, {"bounds": (1, 2)}, InvalidInput, r"A is an array.*OU\("),
        ([[1.0, 0.0], [0.0, 1.0]], 1.0, {}, InvalidInput, r"A is an array \(or a list\)"),
    ],
)
def test_bad_networks_are_named(A, diffusion, knobs, error, message):
    with pytest.raises(error, match=message):
        tla.Network(A, F, diffusion, **knobs)


@pytest.mark.parametrize(
    ("stiff", "f", "knobs", "error", "message"),
    [
        (S.toarray(), F, {"bounds": (1.0, 5.0)}, InvalidInput, "bounds are for an S that is only"),
        (S.toarray(), F, {"friction": [1.0, 2.0]}, ShapeMismatch, "friction has shape"),
        (S.toarray(), F, {"friction": [1.0, 0.0, 1.0, 1.0]}, InvalidInput, "smallest friction = 0"),
        (S, F, {"friction": [1.0, 0.0, 1.0, 1.0]}, InvalidInput, "smallest friction = 0"),
        (S, F, {"friction": -1.0}, InvalidInput, "friction = -1"),
        (S, F, {"temperature": -1.0}, InvalidInput, "temperature = -1"),
        (S, np.ones((2, 4)), {}, ShapeMismatch, r"f has shape \(2, 4\)"),
        (sp.eye_array(3, 4).tocsr(), F, {}, ShapeMismatch, "S has shape"),
        (sp.triu(S).tocsr(), F, {}, NotSymmetric, "S is not symmetric"),
        (aslinearoperator(S), F, {}, InvalidInput, "bounds are needed"),
        (S, F, {"bounds": (-1.0, 5.0)}, Unstable, "bounds"),
    ],
)
def test_bad_potentials_are_named(stiff, f, knobs, error, message):
    with pytest.raises(error, match=message):
        tla.overdamped(stiff, f, **knobs)


SOFT = tla.LowRank(1.0, np.ones((2, 1)))  # eigenvalues 1 and 3, and the diagonal [2, 2]


@pytest.mark.parametrize(
    ("A", "diffusion", "wrong", "right"),
    [
        (sp.diags_array([1.0, 100.0]).tocsr(), 1.0, (1, 2), (1, 100)),
        (sp.diags_array([1.0, 100.0]).tocsr(), 1.0, (2, 100), (0.5, 101)),
        (sp.csr_array([[1.0, 0.5], [5.0, 10.0]]), [1.0, 10.0], (2, 11), (0.5, 11)),
        (SOFT, 1.0, (5, 6), (1, 3)),
        (SOFT, 1.0, (1.5, 3), (1, 3.5)),
        (SOFT, 1.0, (1, 2.5), (0.5, 3)),
    ],
)
def test_bounds_that_entries_contradict_are_named(A, diffusion, wrong, right):
    assert tla.Network(A, np.ones(2), diffusion, bounds=right).bounds == right
    with pytest.raises(InvalidInput, match=r"bounds = .* do not hold the eigenvalues of A"):
        tla.Network(A, np.ones(2), diffusion, bounds=wrong)


@given(case=springs())
def test_bounds_that_hold_are_never_contradicted(case):
    stiff, friction = case
    for knob in (1.0, friction):
        edges = np.linalg.eigvalsh(stiff)[[0, -1]]
        f = np.ones(len(stiff))
        assert tla.overdamped(sp.csr_array(stiff), f, friction=knob, bounds=edges).n == len(f)
    low = tla.LowRank(np.diag(stiff), stiff)
    edges = np.linalg.eigvalsh(np.diag(np.diag(stiff)) + stiff @ stiff.T)[[0, -1]]
    assert tla.overdamped(low, f, bounds=edges).n == len(f)


@pytest.mark.parametrize("stiff", [-np.eye(2), [[1.0, 2.0], [2.0, 1.0]]])
@pytest.mark.parametrize("potential", [tla.overdamped, tla.underdamped])
def test_a_stiffness_that_pushes_away_is_named_as_given(stiff, potential):
    with pytest.raises(Unstable, match=r"^S has the eigenvalue -1, .* f - Sx"):
        potential(stiff, np.ones(2))


def test_a_drive_moves_to_the_library_of_the_sparse_array():
    torch = pytest.importorskip("torch")
    for network in (
        tla.overdamped(S, torch.ones(4), friction=torch.ones(4)),
        tla.Network(S, torch.ones(4), torch.ones(4)),
    ):
        assert isinstance(tla.simulate(network, [0.0, 1.0], rng=0).states, np.ndarray)


def test_eigenvalues_beyond_the_dtype_are_named():
    for factor in (np.full((3, 1), 1e200), np.full((3, 1), 1e30, np.float32)):
        with pytest.raises(NotFinite, match=r"largest eigenvalue of LowRank.* beyond"):
            tla.overdamped(tla.LowRank(1.0, factor), np.ones(3))


def test_it_says_what_it_is():
    assert repr(tla.overdamped(S, F)) == "Network(n=4, only multiplied, rates 1 to 5)"
    low = tla.overdamped(tla.LowRank(1.0, np.eye(4)[:, :1]), F)
    assert repr(low) == "Network(n=4, diagonal + 1, rates 1 to 2)"


@pytest.mark.parametrize("kind", ["dia", "csr", "csc", "coo", "lil", "dok", "bsr"])
def test_every_sparse_format_is_taken(kind):
    A = sp.diags_array([0.5, 2.0, 0.5], offsets=[-1, 0, 1], shape=(4, 4)).asformat(kind)
    expected = tla.simulate(tla.Network(A.tocsr(), np.ones(4), 1.0), [0.0, 1.0], rng=0).states
    networks = tla.Network(A, np.ones(4), 1.0), tla.overdamped(A, np.ones(4), temperature=0.5)
    for network in networks:
        found = tla.simulate(network, [0.0, 1.0], rng=0).states
        np.testing.assert_allclose(found, expected, rtol=1e-12)
