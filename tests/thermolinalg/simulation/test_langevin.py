"""BAOAB: what is known in closed form for linear forces, and a quartic against quadrature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import cumulative_simpson
from scipy.stats import kstest, norm

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.simulation.steps import law_of, order, run, settled
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch, UnstableStep
from thermolinalg.simulation.langevin import BAOAB
from thermolinalg.theory.langevin import Langevin

STIFFNESS = np.array([[3.0, 1.0, 0.2], [1.0, 4.0, -0.5], [0.2, -0.5, 2.0]])
MASS = np.array([1.0, 0.5, 3.0])
FORCE = np.array([1.0, -2.0, 0.5])


def springs(x):
    return FORCE - x @ STIFFNESS.T


def cubic(x):
    return -(x**3)


COUPLED = Langevin(springs, MASS, temperature=0.7, friction=1.3)


def as_linear(process):
    """A, b and D of the process under `springs`, over (x, v)."""
    n = len(MASS)
    zero, per_mass = np.zeros((n, n)), np.diag(1 / MASS)
    A = np.block([[zero, -np.eye(n)], [per_mass @ STIFFNESS, process.friction * per_mass]])
    noise = 2 * process.friction * process.temperature / MASS**2
    return A, np.concatenate([np.zeros(n), FORCE / MASS]), np.diag([*np.zeros(n), *noise])


@pytest.mark.parametrize("dt", [0.01, 0.3, 0.6])
def test_positions_under_springs_have_the_exact_law_at_rest(dt):
    """Whatever the step: x ~ N(S⁻¹f, T S⁻¹), and <vv'> = T (M⁻¹ - dt²/4 M⁻¹SM⁻¹), uncorrelated."""
    E, shift, C = law_of(BAOAB().prepare(COUPLED, dt), 6)
    rest, T, per_mass = settled(E, C), COUPLED.temperature, np.diag(1 / MASS)
    x = np.linalg.solve(np.eye(6) - E, shift)
    np.testing.assert_allclose(x, [*np.linalg.solve(STIFFNESS, FORCE), 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rest[:3, :3], T * np.linalg.inv(STIFFNESS), atol=1e-12)
    np.testing.assert_allclose(rest[:3, 3:], 0.0, atol=1e-12)
    velocities = T * (per_mass - dt**2 / 4 * per_mass @ STIFFNESS @ per_mass)
    np.testing.assert_allclose(rest[3:, 3:], velocities, atol=1e-12)


@given(
    k=st.floats(0.1, 10.0), m=st.floats(0.1, 10.0), T=st.floats(0.1, 10.0),
    friction=st.floats(0.01, 10.0), share=st.floats(0.01, 0.9),
)  # fmt: skip
def test_an_oscillator_at_any_step_below_its_limit(k, m, T, friction, share):
    dt = share * 2 * np.sqrt(m / k)
    process = Langevin(lambda x: -k * x, [m], temperature=T, friction=friction)
    E, _, C = law_of(BAOAB().prepare(process, dt), 2)
    right = np.diag([T / k, T / m * (1 - k * dt**2 / (4 * m))])
    np.testing.assert_allclose(settled(E, C), right, rtol=1e-8, atol=1e-8 * right.max())
    beyond = law_of(BAOAB().prepare(process, 1.01 * dt / share), 2)[0]
    assert np.abs(np.linalg.eigvals(beyond)).max() > 1


def test_the_weak_order_is_two():
    """Mean and covariance after a time 1 from a point, against the linear process it follows."""
    truth = oracles.law_in_many_digits(*as_linear(COUPLED), 1.0)
    counts, errors = [100, 200], []
    for count in counts:
        E, shift, C = law_of(BAOAB().prepare(COUPLED, 1 / count), 6)
        x, S = np.zeros(6), np.zeros((6, 6))
        for _ in range(count):
            x, S = E @ x + shift, E @ S @ E.T + C
        errors.append([np.linalg.norm(x - truth.shift), np.linalg.norm(S - truth.C)])
    np.testing.assert_allclose(order(1 / np.array(counts), np.array(errors)), 2, atol=0.05)


def test_the_process_knows_its_drift_and_noise():
    A, b, D = as_linear(COUPLED)
    state = np.arange(12.0).reshape(2, 6)
    np.testing.assert_allclose(COUPLED.drift(state), b - state @ A.T, rtol=1e-14)
    np.testing.assert_allclose(COUPLED.D, D, rtol=1e-15)


def test_a_quartic_settles_into_its_density():
    """The density of x at rest is exp(-x⁴/4T), of v normal, and the two are independent."""
    chains, T, m, dt = 20_000, 0.5, 2.0, 0.1
    process = Langevin(cubic, [m], temperature=T, friction=2.0)
    state = run(process, BAOAB(), np.zeros((chains, 2)), dt, 200, seed=1)
    x, v = process.split(state)
    grid = np.linspace(-4.0, 4.0, 4001)
    mass = cumulative_simpson(np.exp(-(grid**4) / (4 * T)), x=grid, initial=0.0)
    tail = testing.FALSE_ALARM / 3
    assert kstest(x[:, 0], lambda q: np.interp(q, grid, mass / mass[-1])).pvalue > tail
    assert kstest(v[:, 0], norm(scale=np.sqrt(T / m)).cdf).pvalue > tail
    testing.assert_average(x[:, 0] ** 2 * (v[:, 0] ** 2 - T / m), 0.0, false_alarm=tail)
    colder = cumulative_simpson(np.exp(-(grid**4) / (3 * T)), x=grid, initial=0.0)
    assert kstest(x[:, 0], lambda q: np.interp(q, grid, colder / colder[-1])).pvalue < tail


def test_without_friction_it_is_leapfrog():
    """Velocity Verlet is reversible, and its energy stays within O(dt²)."""
    process = Langevin(cubic, [1.0], friction=0.0)
    start = np.array([[1.0, 0.5]])
    there = run(process, BAOAB(), start, 0.05, 400, seed=0)
    back = run(process, BAOAB(), there * [1, -1], 0.05, 400, seed=1) * [1, -1]
    np.testing.assert_allclose(back, start, atol=1e-11)

    def energy(state):
        return state[0, 1] ** 2 / 2 + state[0, 0] ** 4 / 4

    assert abs(energy(there) - energy(start)) < 0.05**2


def test_a_seed_repeats_the_run_bit_for_bit():
    one, same, other = (
        run(COUPLED, BAOAB(), np.ones((4, 6)), 0.1, 20, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_libraries_and_single_precision(library, dtype):
    xp = pytest.importorskip(library)
    kind = getattr(xp, dtype)
    start, z = np.array([[0.5, -1.0, 2.0, 0.0]], dtype), np.ones((1, 4), dtype)
    moved = []
    for mass, x, noise in (
        (np.array([1.0, 2.0], dtype), start, z),
        (xp.asarray([1.0, 2.0], dtype=kind), xp.asarray(start), xp.asarray(z)),
    ):
        step = BAOAB().prepare(Langevin(cubic, mass), 0.1)
        moved.append(step(x, step.color(noise)))
    right, found = moved
    assert isinstance(found, type(xp.asarray(0.0)))
    assert (str(right.dtype), found.dtype) == (dtype, kind)
    np.testing.assert_allclose(np.asarray(found), right, rtol=32 * np.finfo(dtype).eps)


def test_a_run_never_goes_on_in_nan():
    process = Langevin(cubic, [1.0], temperature=0.0)
    with pytest.raises(UnstableStep, match=r"chain 1 left the finite numbers in one step of 0\.5"):
        run(process, BAOAB(), [[0.0, 0.0], [20.0, 0.0]], 0.5, 100, seed=0)


def test_baoab_moves_masses_only():
    with pytest.raises(InvalidInput, match=r"'baoab' moves masses.*OU.*Langevin\(F, mass\)"):
        BAOAB().prepare(tla.overdamped([[1.0]], [0.0]), 0.1)


@pytest.mark.parametrize(
    ("F", "mass", "knobs", "error", "message"),
    [
        (cubic, 1.0, {}, ShapeMismatch, "mass has shape.*np.ones"),
        (cubic, [], {}, ShapeMismatch, "mass has shape"),
        (cubic, [1.0, 0.0], {}, InvalidInput, "the smallest mass = 0 must be > 0"),
        (cubic, [np.nan], {}, NotFinite, "mass holds 1 NaN"),
        (cubic, [1.0], {"temperature": -1.0}, InvalidInput, "temperature = -1"),
        (cubic, [1.0], {"friction": -1.0}, InvalidInput, "friction = -1"),
        (cubic, [1.0], {"probe": [1.0, 2.0]}, ShapeMismatch, "probe has shape"),
        (lambda x: x[0], [1.0, 2.0], {}, ShapeMismatch, r"F turns shape \(3, 2\) into \(2,\)"),
        (lambda x: x / 0, [1.0], {}, NotFinite, "F is NaN or infinite"),
    ],
)
def test_misuse_is_named(F, mass, knobs, error, message):
    with pytest.raises(error, match=message):
        Langevin(F, mass, **knobs)


def test_it_says_what_it_is():
    assert repr(COUPLED) == ("Langevin(3 positions, force springs, temperature 0.7, friction 1.3)")
    assert (COUPLED.n, COUPLED.positions) == (6, 3)
