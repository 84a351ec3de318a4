"""Nonlinear drift: the order of each scheme, measured without chance; and how a run may not end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.interpolate import CubicSpline

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES
from tests.thermolinalg.simulation.steps import law_of, order, run, settled
from thermolinalg import testing
from thermolinalg.errors import (
    InvalidInput,
    NotFinite,
    NotPositiveDefinite,
    NotReal,
    ShapeMismatch,
    UnstableStep,
)
from thermolinalg.simulation.drift import drift_of
from thermolinalg.simulation.weak import EulerMaruyama, Heun
from thermolinalg.theory.langevin import Langevin, Nonlinear

SCHEMES = {1: EulerMaruyama(), 2: Heun()}
each_scheme = pytest.mark.parametrize("p", SCHEMES)
UNMEASURED = {"noiseless", "stiff"}  # no covariance; a slow mode whose error is below rounding
RATES = st.floats(0.1, 10.0)


def cubic(x):
    return -(x**3)


QUARTIC = Nonlinear(cubic, [[2.0]])  # at rest, the density of x is exp(-x⁴/4)


@pytest.mark.parametrize(
    ("scheme", "ratio"),
    [
        (EulerMaruyama(), lambda z: 2 / (2 - z)),
        (Heun(), lambda z: (1 - z + z**2 / 4) / (1 - z + z**2 / 2 - z**3 / 8)),
    ],
)
@given(a=RATES, share=st.floats(0.01, 0.95))
def test_a_linear_mode_settles_too_wide_by_the_known_ratio(scheme, ratio, a, share):
    """Heun multiplies by 1 - z + z²/2, its noise by 1 - z/2, where z = a dt."""
    z = 2 * share
    step = scheme.prepare(Nonlinear(lambda x: -a * x, [[3.0]]), z / a)
    E, _, C = law_of(step, 1)
    np.testing.assert_allclose(settled(E, C), 3.0 / (2 * a) * ratio(z), rtol=1e-10)


@each_scheme
@pytest.mark.parametrize("name", [name for name in PROCESSES if name not in UNMEASURED])
def test_the_weak_order_under_any_linear_drift(name, p):
    """Mean and covariance, from a point and at rest, are off by O(dt^p). At steps dt ‖A‖ of 1/100
    the next order changes the measured one by about that much."""
    process = PROCESSES[name]
    size = np.linalg.norm(process.A)
    truth = oracles.law_in_many_digits(process.A, process.b, process.D, 1 / size)
    rest = oracles.stationary_in_many_digits(process.A, process.b, process.D)[1]
    counts, errors = [100, 200], []
    for count in counts:
        E, shift, C = law_of(SCHEMES[p].prepare(process, 1 / size / count), process.n)
        still = settled(E, C)
        x, S = np.zeros(process.n), np.zeros_like(C)
        for _ in range(count):
            x, S = E @ x + shift, E @ S @ E.T + C
        gaps = (x - truth.shift, S - truth.C, still - rest)
        errors.append([np.linalg.norm(gap) for gap in gaps])
    np.testing.assert_allclose(order(1 / np.array(counts), np.array(errors)), p, atol=0.05)


def at_rest(scheme, dt, power=2):
    """<x^power> of the scheme's own law at rest, for the quartic, without chance.

    Its transition turns values on a grid into values on the grid: an average over the kick by
    Gauss-Hermite quadrature, of the spline through the values. The law at rest is its left
    eigenvector. Beyond the grid the density is e^{-42}.
    """
    grid = np.linspace(-3.6, 3.6, 161)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    step = scheme.prepare(QUARTIC, dt)
    x, z = (part.reshape(-1, 1) for part in np.meshgrid(grid, nodes, indexing="ij"))
    after = np.clip(step(x, step.color(z.copy()))[:, 0], grid[0], grid[-1])
    values = CubicSpline(grid, np.eye(grid.size))(after).reshape(grid.size, nodes.size, -1)
    P = np.einsum("j,ijk->ik", weights / weights.sum(), values)
    normal = np.vstack([P.T - np.eye(grid.size), np.ones(grid.size)])
    law = np.linalg.lstsq(normal, np.eye(grid.size + 1)[-1], rcond=None)[0]
    return law @ grid**power


@each_scheme
@pytest.mark.parametrize("power", [2, 4])
def test_the_weak_order_under_a_quartic_potential(p, power):
    top, bottom = (quad(lambda x, k=k: x**k * np.exp(-(x**4) / 4), -9, 9)[0] for k in (power, 0))
    dts = [0.02, 0.01]
    errors = [abs(at_rest(SCHEMES[p], dt, power) - top / bottom) for dt in dts]
    assert order(dts, errors) == pytest.approx(p, abs=0.1)  # it tends to p as 1 + O(dt <x⁴>)


@each_scheme
def test_chains_settle_into_the_law_of_their_scheme(p):
    x = run(QUARTIC, SCHEMES[p], np.zeros((20_000, 1)), 0.1, 80, seed=p)[:, 0]
    for power in (2, 4):
        testing.assert_average(x**power, at_rest(SCHEMES[p], 0.1, power))
    other = at_rest(SCHEMES[3 - p], 0.1, 4)
    with pytest.raises(AssertionError):
        testing.assert_average(x**4, other)


@each_scheme
@pytest.mark.parametrize("name", ["shear", "thermox README", "one noise for all"])
def test_a_linear_process_moves_as_its_drift(name, p):
    linear = PROCESSES[name]
    same = Nonlinear(lambda x: linear.b - x @ linear.A.T, linear.D)
    for found, right in zip(
        *(law_of(SCHEMES[p].prepare(process, 0.1), linear.n) for process in (same, linear)),
        strict=True,
    ):
        np.testing.assert_array_equal(found, right)


@each_scheme
def test_chains_may_have_drives_of_their_own(p):
    process = tla.OU(np.eye(2), [[1.0, 0.0], [0.0, -3.0], [2.0, 2.0]], np.zeros((2, 2)))
    x = run(process, SCHEMES[p], np.zeros((3, 2)), 0.1, 1, seed=0)
    np.testing.assert_allclose(x, process.b * {1: 0.1, 2: 0.095}[p])


@each_scheme
@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
@pytest.mark.parametrize("D", [np.diag([1.0, 4.0]), np.array([[2.0, 1.0], [1.0, 3.0]])])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_libraries_and_single_precision(p, library, D, dtype):
    xp = pytest.importorskip(library)
    kind = getattr(xp, dtype)
    start = np.array([[0.5, -1.0], [2.0, 0.0]], dtype)
    right = SCHEMES[p].prepare(Nonlinear(cubic, D.astype(dtype)), 0.01)
    right = right(start, right.color(np.ones((2, 2), dtype)))
    step = SCHEMES[p].prepare(Nonlinear(cubic, xp.asarray(D, dtype=kind)), 0.01)
    found = step(xp.asarray(start), step.color(xp.ones((2, 2), dtype=kind)))
    assert isinstance(found, type(xp.asarray(0.0)))
    assert found.dtype == kind
    assert right.dtype == dtype
    np.testing.assert_allclose(np.asarray(found), right, rtol=32 * np.finfo(dtype).eps)


def test_a_drift_in_double_keeps_single_states_single():
    process = Nonlinear(lambda x: -x * np.array([1.0, 2.0]), np.eye(2, dtype=np.float32))
    assert run(process, Heun(), np.ones((3, 2), np.float32), 0.1, 3, seed=0).dtype == np.float32
    assert drift_of(process)(np.ones((3, 2), np.float32)).dtype == np.float32


@each_scheme
def test_a_run_never_goes_on_in_nan(p):
    """A cubic that pulls too hard for the step, one that pushes, and a force with an edge."""
    message = r"chain 1 left the finite numbers.*smaller one, or bound the force"
    start = np.array([[0.0], [50.0], [0.1]])
    with pytest.raises(UnstableStep, match=message):
        run(QUARTIC, SCHEMES[p], start, 0.1, 100, seed=0)
    with pytest.raises(UnstableStep, match=message):
        run(Nonlinear(lambda x: x**3, [[0.0]]), SCHEMES[p], start, 0.1, 100, seed=0)
    with pytest.raises(UnstableStep, match=message):
        run(Nonlinear(lambda x: -np.log(40 - x), [[0.0]]), SCHEMES[p], start, 0.1, 1, seed=0)


def swapped(x):
    return np.array([x[1], -x[0]])


@pytest.mark.parametrize(
    ("f", "D", "error", "message"),
    [
        (swapped, np.eye(2), ShapeMismatch, r"f turns shape \(3, 2\) into \(2, 2\).*x @ M.T"),
        (lambda x: np.eye(3) @ x, np.eye(3), InvalidInput, r"f failed on .* shape \(2, 3\)"),
        (lambda x: x[:, 0], np.eye(2), ShapeMismatch, "f turns shape"),
        (
            lambda x: 1 / (x - 0.5),
            [[1.0]],
            NotFinite,
            r"f is NaN .* x = \[0.5\].*probe",
        ),
        (lambda x: x * 1j, [[1.0]], NotReal, r"f\(x\) has dtype complex128"),
        (lambda _: None, [[1.0]], NotReal, r"f\(x\) is not an array|has dtype object"),
        (cubic, np.ones((2, 1)), ShapeMismatch, "D has shape"),
        (cubic, -np.eye(2), NotPositiveDefinite, "D has the eigenvalue"),
    ],
)
def test_misuse_is_named(f, D, error, message):
    with pytest.raises(error, match=message):
        Nonlinear(f, D)


def test_a_pole_where_a_force_is_tried_can_be_avoided():
    def pole(x):
        return 1 / (x - 0.5)

    assert repr(Nonlinear(pole, [[1.0]], probe=[0.0])) == "Nonlinear(n=1, drift pole)"
    with pytest.raises(NotFinite, match="f is NaN or infinite"):
        Nonlinear(pole, [[1.0]], probe=[0.5])
    with pytest.raises(ShapeMismatch, match="probe has shape"):
        Nonlinear(pole, [[1.0]], probe=[0.0, 0.0])


def test_motion_with_mass_is_a_drift_too():
    """Weak order one and two hold for states (x, v), against the linear process they follow."""
    process = Langevin(lambda x: 1 - 4 * x, [2.0], friction=0.6, temperature=3.0)
    A, D = np.array([[0.0, -1.0], [2.0, 0.3]]), np.diag([0.0, 2 * 0.6 * 3.0 / 4])
    same = tla.OU(A, [0.0, 0.5], D)
    np.testing.assert_allclose(process.D, D)
    for scheme in SCHEMES.values():
        laws = (law_of(scheme.prepare(either, 0.1), 2) for either in (process, same))
        for found, right in zip(*laws, strict=True):
            np.testing.assert_allclose(found, right, atol=1e-15)
