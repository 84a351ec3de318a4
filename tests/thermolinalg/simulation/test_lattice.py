"""The lattice random walk: moments of one step without chance, and its known law at rest."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import thermolinalg as tla
from tests.thermolinalg.simulation.steps import run
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, UnstableStep
from thermolinalg.simulation.lattice import Lattice
from thermolinalg.simulation.walk import walk
from thermolinalg.theory.langevin import Langevin, Nonlinear

GRAIN = 2**14
"""Random numbers per coordinate, evenly spread: chance left out, up to one part in GRAIN."""

EVEN = norm.ppf((np.arange(GRAIN) + 0.5) / GRAIN)
COUPLED = tla.overdamped([[1.0, 0.5], [0.5, 1.0]], [0.0, 0.0])


def moves(lattice, process, dt, x):
    """What one step does to a state x (n,), for evenly spread random numbers."""
    step = lattice.prepare(process, dt)
    start = np.broadcast_to(np.asarray(x, float), (GRAIN, process.n))
    return step(start, step.color(np.repeat(EVEN[:, None], process.n, axis=1))) - start, step


@given(
    share=st.floats(-1.0, 1.0), dt=st.floats(1e-3, 1.0), s=st.floats(0.1, 10.0),
    coarser=st.floats(1.0, 5.0) | st.none(),
)  # fmt: skip
def test_the_first_two_moments_of_a_step_are_exact(share, dt, s, coarser):
    """<Δ> = f dt and <Δ²> = s² dt, for any drift that the lattice can follow."""
    spacing = None if coarser is None else coarser * s * np.sqrt(dt) * (1 + 1e-12)
    f = share * s**2 / (spacing or s * np.sqrt(dt))
    process = Nonlinear(lambda x: f + 0 * x, [[s**2]])
    moved, step = moves(Lattice(spacing), process, dt, [0.3])
    dx = step.dx[0]
    assert set(np.round(moved.ravel() / dx, 9)) <= {-1.0, 0.0, 1.0}
    assert abs(moved.mean() - f * dt) <= 3 * dx / GRAIN
    assert abs((moved**2).mean() - s**2 * dt) <= 3 * dx**2 / GRAIN


def test_coordinates_have_their_own_noise_and_step_on_their_own():
    process = Nonlinear(lambda x: np.array([1.0, -2.0, 0.0]) + 0 * x, np.diag([1.0, 4.0, 9.0]))
    x = run(process, Lattice(), np.zeros((20_000, 3)), 0.1, 1, seed=0)
    np.testing.assert_allclose(np.abs(x), np.sqrt([[0.1, 0.4, 0.9]] * len(x)))
    for i, f in enumerate([1.0, -2.0, 0.0]):
        testing.assert_average(x[:, i], 0.1 * f)
        for j, g in enumerate([1.0, -2.0, 0.0][:i]):
            testing.assert_average(x[:, i] * x[:, j], 0.01 * f * g)


def test_without_a_spacing_no_coordinate_stays():
    for dt in np.random.default_rng(0).uniform(0.001, 1.0, 50):
        step = Lattice().prepare(COUPLED, dt)
        np.testing.assert_array_equal(step.stay, 0.0)
        kick = step.color(np.array([[-40.0, 40.0]]))
        np.testing.assert_array_equal(step(np.zeros((1, 2)), kick), [[1, -1]] * step.dx)


def covariance_at_rest(A, D, dt):
    """S of AS + SA' - dt offdiag(ASA') = D, as linear equations in its entries."""
    n = len(A)
    identity, off = np.eye(n), np.diag(1 - np.eye(n).ravel())
    equations = np.kron(A, identity) + np.kron(identity, A) - dt * off @ np.kron(A, A)
    return np.linalg.solve(equations, D.ravel()).reshape(n, n)


def test_the_covariance_at_rest_is_the_known_one_and_not_the_true_one():
    """As each coordinate steps on its own, moves that a drift would correlate are not."""
    dt, chains, settle, steps = 0.08, 1000, 200, 6000
    products = np.zeros((chains, 3))
    intervals, seen = np.full(settle + steps, dt), 0
    for block in walk(
        COUPLED, np.zeros((chains, 2)), intervals, Lattice(), np.random.default_rng(3)
    ):
        x = block.states[:, max(0, settle - seen) :]
        seen += block.states.shape[1]
        pairs = [x[..., 0] ** 2, x[..., 0] * x[..., 1], x[..., 1] ** 2]
        products += np.stack([pair.sum(axis=1) for pair in pairs], axis=1) / steps
    S = covariance_at_rest(COUPLED.A, COUPLED.D, dt)
    for found, right in zip(products.T, [S[0, 0], S[0, 1], S[1, 1]], strict=True):
        testing.assert_average(found, right)
    true = scipy.linalg.solve_continuous_lyapunov(COUPLED.A, COUPLED.D)
    with pytest.raises(AssertionError):
        testing.assert_average(products[:, 1], true[0, 1])


def test_a_drift_that_a_lattice_cannot_follow():
    process = tla.overdamped([[10.0]], [0.0])  # s² = 2: dx = 0.447, and |f| <= 4.47
    message = r"drift reaches 10.*spacing.*0\.1.*clip=True"
    with pytest.raises(UnstableStep, match=message):
        run(process, Lattice(), [[1.0]], 0.1, 1, seed=0)
    moved, step = moves(Lattice(clip=True), process, 0.1, [1.0])
    np.testing.assert_allclose(moved, -step.dx * np.ones_like(moved))
    run(process, Lattice(), [[1.0]], 0.01, 100, seed=0)


@pytest.mark.parametrize("clip", [False, True])
def test_a_drift_that_is_not_finite_is_never_followed(clip):
    process = Nonlinear(lambda x: np.log(x), [[1.0]])
    with pytest.raises(UnstableStep, match="drift reaches nan"):
        run(process, Lattice(clip=clip), [[-1.0]], 0.1, 1, seed=0)


@pytest.mark.parametrize(
    ("lattice", "process", "error", "message"),
    [
        (Lattice(0.1), COUPLED, UnstableStep, r"further than the spacing.*at most 0\.005"),
        (Lattice(), tla.OU(np.eye(2), [0, 0], [[2, 1], [1, 2]]), InvalidInput, "couples some"),
        (Lattice(), tla.OU(np.eye(2), [0, 0], np.diag([1, 0])), InvalidInput, "zero on its"),
        (Lattice(), Langevin(lambda x: -x, [1.0]), InvalidInput, "zero on its diagonal"),
    ],
)
def test_what_cannot_walk_on_a_lattice_is_named(lattice, process, error, message):
    with pytest.raises(error, match=message):
        lattice.prepare(process, 0.1)


@pytest.mark.parametrize("spacing", [0.0, -1.0, np.inf, "wide"])
def test_a_spacing_is_a_positive_number(spacing):
    with pytest.raises(InvalidInput, match="spacing = "):
        Lattice(spacing)


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lattice", [Lattice(), Lattice(0.4), Lattice(clip=True)])
def test_other_libraries_and_single_precision(library, dtype, lattice):
    xp = pytest.importorskip(library)
    kind = getattr(xp, dtype)
    start, z = np.zeros((4, 2), dtype), np.random.default_rng(0).normal(size=(4, 2)).astype(dtype)
    moved = []
    for D, x, noise in (
        (np.eye(2, dtype=dtype), start, z),
        (xp.eye(2, dtype=kind), xp.asarray(start), xp.asarray(z)),
    ):
        step = lattice.prepare(Nonlinear(lambda x: 0.3 - x, D), 0.1)
        moved.append(step(x, step.color(noise)))
    right, found = moved
    assert isinstance(found, type(xp.asarray(0.0)))
    assert (str(right.dtype), found.dtype) == (dtype, kind)
    np.testing.assert_allclose(np.asarray(found), right, rtol=8 * np.finfo(dtype).eps)
