"""The way to equilibrium, against moment equations, 60-digit divergences and closed forms."""

import math
import re

import mpmath
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, NotReal, ShapeMismatch, Unstable
from thermolinalg.theory.approach import relaxation
from thermolinalg.theory.evolution import evolve
from thermolinalg.theory.potential import underdamped

EPS = np.finfo(float).eps
TIMES = [0.0, 0.01, 0.5, 3.0]
STARTS = {
    "point": lambda n: np.linspace(-2.0, 3.0, n),
    "law": lambda n: tla.Gaussian(np.linspace(-2.0, 3.0, n), 0.5 * np.eye(n) + 0.2),
    "plane": lambda n: tla.Gaussian(np.linspace(-2.0, 3.0, n), np.ones((n, n))),
}
MILD = sorted(set(PROCESSES) - {"stiff"})


def moments(start, n):
    return (start.mean, start.cov) if isinstance(start, tla.Gaussian) else (start, np.zeros((n, n)))


def divergence(p, q):
    """KL by traces and determinants, in 60 digits."""
    with mpmath.workdps(oracles.DIGITS):
        (m, S), (k, R) = ([mpmath.matrix(np.asarray(x).tolist()) for x in law] for law in (p, q))
        ratio = R**-1 * S
        square = ((m - k).T * R**-1 * (m - k))[0]
        trace = sum(ratio[i, i] for i in range(ratio.rows))
        return float((trace + square - ratio.rows - mpmath.log(mpmath.det(ratio))) / 2)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", MILD)
def test_laws_on_the_way(name, start):
    """Mean and covariance by the moment equations; evolve and relaxation agree."""
    process = PROCESSES[name]
    begin = STARTS[start](process.n)
    mean, cov = moments(begin, process.n)
    way = relaxation(process, begin, TIMES)
    for k, t in enumerate(TIMES):
        law = evolve(process, begin, t)
        np.testing.assert_array_equal(way.means[k], law.mean)
        np.testing.assert_array_equal(way.covs[k], law.cov)
        if t:
            E, shift, C = oracles.law_by_ode(process.A, process.b, process.D, t)
        else:
            E, shift, C = np.eye(process.n), 0.0, 0.0
        right = E @ cov @ E.T + C
        np.testing.assert_allclose(law.mean, E @ mean + shift, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(law.cov, right, rtol=1e-10, atol=1e-11 * np.abs(right).max())


@pytest.mark.parametrize("name", ["shear", "reversible", "whirl", "underdamped", "stiff"])
def test_divergence_keeps_its_digits_all_the_way(name):
    """From a narrow law to within 1e-10 of rest, where KL is 1e-20."""
    process = PROCESSES[name]
    times = np.array([1e-3, 0.1, 1.0, 4.0, 12.0]) / process.slowest
    way = relaxation(process, np.zeros(process.n), times)
    S = oracles.stationary_in_many_digits(process.A, process.b, process.D)
    for k, t in enumerate(times):
        law = oracles.law_in_many_digits(process.A, process.b, process.D, t)
        truth = divergence((law.shift, law.C), S)
        # The law itself is rounded, as the transition says: KL feels that by its square root.
        rounding = 8 * process.n * EPS * (1 + np.linalg.norm(process.A) / process.slowest)
        assert way.kl[k] == pytest.approx(
            truth, rel=1e-9, abs=rounding * math.sqrt(truth) + rounding**2
        )


@given(process=testing.ou_processes(), data=st.data())
def test_divergence_never_grows(process, data):
    """The second law, for every process, reversible or not."""
    start = tla.Gaussian(
        data.draw(testing.matrices(1, process.n, largest=3.0))[0],
        data.draw(testing.spd_matrices(process.n, condition=10000)),
    )
    kl = relaxation(process, start, np.linspace(0, 5, 6)).kl
    assert not np.isnan(kl).any()
    assert (kl >= 0).all()
    finite = kl[np.isfinite(kl)]
    assert (np.diff(finite) <= 1e-7 * (1 + finite[:-1])).all()


@pytest.mark.parametrize("name", ["shear", "reversible", "underdamped", "one noise for all"])
def test_wasserstein_by_matrix_square_roots(name):
    process = PROCESSES[name]
    way = relaxation(process, STARTS["law"](process.n), [0.1, 1.0, 5.0])
    mean, S = oracles.stationary_in_many_digits(process.A, process.b, process.D)
    root = scipy.linalg.sqrtm(S).real
    for k in range(3):
        overlap = np.trace(scipy.linalg.sqrtm(root @ way.covs[k] @ root).real)
        square = np.sum((way.means[k] - mean) ** 2) + np.trace(way.covs[k] + S) - 2 * overlap
        assert way.wasserstein[k] ** 2 == pytest.approx(square, abs=1e-10)


@given(a=st.floats(0.1, 10), T=st.floats(0.1, 10), x0=st.floats(-5, 5), t=st.floats(0.01, 10))
def test_one_coordinate_in_closed_form(a, T, x0, t):
    process = tla.overdamped([[a]], [1.0], temperature=T)
    way = relaxation(process, [x0], [t])
    gap, shrink = (x0 - 1 / a) * math.exp(-a * t), -math.expm1(-2 * a * t)
    assert way.wasserstein[0] == pytest.approx(
        math.hypot(gap, math.sqrt(T / a) * (1 - math.sqrt(shrink))), abs=1e-12
    )
    kl = 0.5 * (shrink - 1 - math.log(shrink) + gap**2 * a / T)
    assert way.kl[0] == pytest.approx(kl, rel=1e-9, abs=1e-14)
    np.testing.assert_allclose(way.free_energy(temperature=T), T * way.kl)


@pytest.mark.parametrize("inertia", [False, True])
def test_free_energy_is_energy_less_heat_bound_by_entropy(inertia):
    S, f, T, m = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -2.0]), 0.7, 0.3
    if inertia:
        process = underdamped(S, f, temperature=T, mass=m)
        stiffness, force = scipy.linalg.block_diag(S, m * np.eye(2)), np.array([*f, 0.0, 0.0])
    else:
        process, stiffness, force = tla.overdamped(S, f, temperature=T), S, f

    def free_energy(law):
        energy = 0.5 * (np.trace(stiffness @ law.cov) + law.mean @ stiffness @ law.mean)
        return energy - force @ law.mean - T * law.entropy()

    start = STARTS["law"](process.n)
    way = relaxation(process, start, [0.0, 0.3, 1.0])
    above = [free_energy(evolve(process, start, t)) - free_energy(way.rest) for t in way.times]
    np.testing.assert_allclose(way.free_energy(temperature=T), above, rtol=1e-10)


def test_a_point_and_a_process_without_noise_have_no_density():
    way = relaxation(PROCESSES["shear"], [1.0, 2.0], [0.0, 1.0])
    assert way.kl[0] == math.inf
    assert np.isfinite(way.kl[1])
    quiet = PROCESSES["noiseless"]
    rest = np.linalg.solve(quiet.A, quiet.b)
    way = relaxation(quiet, [3.0, 1.0], [0.0, 1.0])
    np.testing.assert_array_equal(way.kl, math.inf)
    np.testing.assert_allclose(way.wasserstein[0], np.linalg.norm([3.0, 1.0] - rest))
    np.testing.assert_array_equal(relaxation(quiet, rest, [0.0, 1.0]).kl, 0.0)


@pytest.mark.parametrize("name", PROCESSES)
def test_rest_stays_at_rest(name):
    process = PROCESSES[name]
    way = relaxation(process, tla.stationary(process), [0.0, 1.0, 1e3])
    size = np.sqrt(np.trace(way.rest.cov))
    assert (way.wasserstein <= 1e-7 * (size + np.abs(way.rest.mean).max())).all()
    assert (way.kl <= 1e-15).all()


@given(process=testing.ou_processes(), s=st.floats(0, 5), t=st.floats(0, 5))
def test_two_ways_are_one_longer_way(process, s, t):
    start = tla.Gaussian(np.ones(process.n), np.eye(process.n))
    whole, parts = evolve(process, start, s + t), evolve(process, evolve(process, start, s), t)
    size = max(np.abs(whole.cov).max(), 1.0)
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=0, atol=1e-9 * size)
    np.testing.assert_allclose(parts.cov, whole.cov, rtol=0, atol=1e-9 * size)


SHEAR = PROCESSES["shear"]
BAD = {
    "times negative": ((SHEAR, [0.0, 0.0], [-1.0, 1.0]), InvalidInput, "times begin at -1"),
    "times unsorted": ((SHEAR, [0.0, 0.0], [2.0, 1.0]), InvalidInput, "times must increase"),
    "times empty": ((SHEAR, [0.0, 0.0], []), ShapeMismatch, "times has shape"),
    "times NaN": ((SHEAR, [0.0, 0.0], [np.nan]), NotFinite, "times holds 1"),
    "start too long": ((SHEAR, np.ones(3), [1.0]), ShapeMismatch, "start has shape"),
    "start a larger law": (
        (SHEAR, tla.Gaussian(np.ones(3), np.eye(3)), [1.0]),
        ShapeMismatch,
        "start has 3 coordinates, the process 2",
    ),
    "start complex": ((SHEAR, np.ones(2) * 1j, [1.0]), NotReal, "start has dtype complex"),
    "start NaN": ((SHEAR, np.ones(2) * np.nan, [1.0]), NotFinite, "start holds 2"),
    "several drives": (
        (tla.OU(SHEAR.A, np.ones((3, 2)), SHEAR.D), [0.0, 0.0], [1.0]),
        ShapeMismatch,
        r"OU\(A, b\[0\], D\)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    arguments, error, message = BAD[name]
    with pytest.raises(error, match=message):
        relaxation(*arguments)


@pytest.mark.parametrize("t", [-1.0, np.nan, np.inf])
def test_impossible_times_are_refused(t):
    with pytest.raises(InvalidInput, match="t = "):
        evolve(SHEAR, [0.0, 0.0], t)


def test_a_temperature_is_positive():
    with pytest.raises(InvalidInput, match="temperature = 0"):
        relaxation(SHEAR, [0.0, 0.0], [1.0]).free_energy(temperature=0.0)


def test_a_way_is_named_in_a_line():
    way = relaxation(SHEAR, [0.0, 0.0], [0.0, 2.0, 9.0])
    shown = r"Relaxation\(times=3 from 0 to 9, n=2, kl inf to [^,]+, wasserstein [^,]+ to [^,]+\)"
    assert re.fullmatch(shown, repr(way))


def test_a_rest_that_rounding_hides_is_not_approached():
    A = np.triu(np.full((4, 4), 1e3), 1) + np.diag(np.logspace(-6, 6, 4))
    Q = np.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))[0]
    with pytest.raises(Unstable):
        relaxation(tla.OU(Q @ A @ Q.T, np.ones(4), np.eye(4)), np.zeros(4), [1.0])


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_other_libraries(library):
    xp = pytest.importorskip(library)
    other = tla.OU(*(xp.asarray(part) for part in (SHEAR.A, SHEAR.b, SHEAR.D)))
    for start in (np.ones(2), STARTS["law"](2)):
        found, right = (relaxation(process, start, TIMES) for process in (other, SHEAR))
        for part in ("times", "means", "covs", "kl", "wasserstein"):
            assert isinstance(getattr(found, part), type(other.A))
            np.testing.assert_allclose(
                np.asarray(getattr(found, part)), getattr(right, part), rtol=1e-13, atol=1e-14
            )
