"""Entropy production against the film itself, and against closed forms.

The film: the relative entropy of two frames (x(0), x(t)) to the same frames in the reversed film,
per time, in 60 digits.
"""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES, SIZES
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.theory.irreversibility import (
    entropy_production_rate,
    irreversible_current,
    obeys_detailed_balance,
)
from thermolinalg.theory.potential import underdamped

S, F = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -2.0])
REVERSIBLE = {"reversible", "reversible, unequal noise", "reversible, coupled noise"}
SINGULAR = {"underdamped", "one noise for all", "noiseless"}
TWO_BATHS = tla.OU(
    np.block([[np.zeros((2, 2)), -np.eye(2)], [S, 0.5 * np.eye(2)]]),
    np.concatenate([[0.0, 0.0], F]),
    np.diag([0.0, 0.0, 1.0, 3.0]),
)


def film_entropy(process, t, odd=()):
    """KL( p(x0) P(x0 -> xt) || p(xt) P(εxt -> εx0) ) of two frames, in 60 digits."""
    n = process.n
    with mpmath.workdps(oracles.DIGITS):
        A, b, D = (mpmath.matrix(np.asarray(M).tolist()) for M in (process.A, process.b, process.D))
        eps = mpmath.diag([-1 if i in odd else 1 for i in range(n)])
        E = mpmath.expm(-A * mpmath.mpf(t), method="taylor")
        S, m = oracles._lyapunov(A, D), mpmath.lu_solve(A, b)
        C, shift = S - E * S * E.T, m - E * m
        # Forward: x0 ~ N(m, S), xt = E x0 + shift + N(0, C). Backward, given xt:
        # x0 = εEε xt + ε shift + N(0, εCε).
        G, back = eps * E * eps, eps * shift
        forward = (stack(m, m), blocks(S, S * E.T, E * S, S))
        backward = (
            stack(G * m + back, m),
            blocks(G * S * G.T + eps * C * eps, G * S, S * G.T, S),
        )
        return kl(forward, backward)


def blocks(a, b, c, d):
    n = a.rows
    M = mpmath.matrix(2 * n)
    for i in range(n):
        for j in range(n):
            M[i, j], M[i, n + j], M[n + i, j], M[n + i, n + j] = a[i, j], b[i, j], c[i, j], d[i, j]
    return M


def stack(a, b):
    return mpmath.matrix([*a, *b])


def kl(p, q):
    inverse, gap = q[1] ** -1, p[0] - q[0]
    product = inverse * p[1]
    trace = sum(product[i, i] for i in range(product.rows)) + (gap.T * inverse * gap)[0]
    return (trace - product.rows - mpmath.log(mpmath.det(product))) / 2


def film_rate(process, odd=()):
    """The rate for short times, two orders of t removed (Richardson)."""
    t = mpmath.mpf(10) ** -6 / np.linalg.norm(process.A)
    one, two, four = (film_entropy(process, k * t, odd) / (k * t) for k in (1, 2, 4))
    return float((8 * one - 6 * two + four) / 3)


@pytest.mark.parametrize("name", sorted(set(PROCESSES) - SINGULAR))
def test_entropy_production_is_what_tells_the_film_from_its_reverse(name):
    process = PROCESSES[name]
    truth = film_rate(process)
    assert entropy_production_rate(process) == pytest.approx(truth, rel=1e-9, abs=1e-12)
    assert obeys_detailed_balance(process) == (abs(truth) < 1e-12)


@given(data=st.data(), n=SIZES)
def test_entropy_production_of_any_process(data, n):
    D = data.draw(testing.spd_matrices(n, condition=100))
    process = tla.OU(data.draw(testing.stable_drifts(n)), np.zeros(n), D)
    A, rest = process.A, tla.stationary(process).cov
    found = entropy_production_rate(process)
    trace = np.trace(A.T @ np.linalg.solve(D / 2, A @ rest))
    assert found == pytest.approx(trace - np.trace(A), abs=1e-9 * trace)


@pytest.mark.parametrize("name", ["shear", "mixed", "symmetric, unequal noise", "whirl"])
def test_entropy_production_is_the_power_of_the_current(name):
    """<v' (D/2)⁻¹ v> over the plane: quadrature, and the gradient of ln p by differences."""
    process = PROCESSES[name]
    mean, cov = oracles.stationary_in_many_digits(process.A, process.b, process.D)
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)  # exact: the integrand is quadratic
    L, P = np.linalg.cholesky(cov), np.linalg.inv(cov)

    def log_p(x):
        return -0.5 * (x - mean) @ P @ (x - mean)

    total = 0.0
    for i, j in np.ndindex(4, 4):
        x = mean + L @ np.array([nodes[i], nodes[j]])
        score = np.array([(log_p(x + h) - log_p(x - h)) / 2e-3 for h in 1e-3 * np.eye(2)])
        v = process.b - process.A @ x - process.D @ score / 2
        total += weights[i] * weights[j] / (2 * math.pi) * v @ np.linalg.solve(process.D / 2, v)
    assert entropy_production_rate(process) == pytest.approx(total, rel=1e-8)


@given(
    k=st.tuples(st.floats(0.5, 5), st.floats(0.5, 5)),
    c=st.floats(-0.4, 0.4),
    T=st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)),
)
def test_a_spring_between_two_baths(k, c, T):
    """The Brownian gyrator: heat c² (T1 - T2)/(k1 + k2) flows from one bath to the other."""
    process = tla.OU([[k[0], c], [c, k[1]]], [0.0, 0.0], 2 * np.diag(T))
    heat = c**2 * (T[0] - T[1]) / (k[0] + k[1])
    produced = heat / T[1] - heat / T[0]
    assert entropy_production_rate(process) == pytest.approx(produced, rel=1e-9, abs=1e-14)
    Q = c * (T[1] - T[0]) / (k[0] + k[1])
    np.testing.assert_allclose(
        irreversible_current(process), [[0, Q], [-Q, 0]], rtol=1e-9, atol=1e-14
    )


@given(rate=st.floats(0.1, 10), turn=st.floats(-10, 10), noise=st.floats(0.1, 10))
def test_a_whirl(rate, turn, noise):
    process = tla.OU([[rate, -turn], [turn, rate]], [1.0, 2.0], noise * np.eye(2))
    produced = 2 * turn**2 / rate
    assert entropy_production_rate(process) == pytest.approx(produced, rel=1e-9, abs=1e-20)


@given(process=testing.ou_processes(reversible=True))
def test_detailed_balance_produces_nothing(process):
    assume(np.linalg.cond(process.D) < 100)  # rounding in A = DS, seen through D, is a current
    speed = np.linalg.norm(process.A, 2) ** 2 / process.slowest
    assert entropy_production_rate(process) <= 1e-24 * speed


@given(
    data=st.data(), n=st.integers(1, 3), mass=st.floats(0.01, 100), friction=st.floats(0.01, 100)
)
def test_inertia_is_reversible_once_velocities_are_odd(data, n, mass, friction):
    stiffness = data.draw(testing.spd_matrices(n, condition=100))
    process = underdamped(
        stiffness, data.draw(testing.matrices(1, n))[0], friction=friction, mass=mass
    )
    velocities = range(n, 2 * n)
    assert obeys_detailed_balance(process, odd=velocities)
    assert entropy_production_rate(process, odd=velocities) <= 1e-20 * friction / mass
    assert not obeys_detailed_balance(process)
    assert entropy_production_rate(process) == math.inf


def test_inertia_between_two_baths():
    truth = film_rate(TWO_BATHS, odd=(2, 3))
    assert truth > 1e-3
    assert entropy_production_rate(TWO_BATHS, odd=[2, 3]) == pytest.approx(truth, rel=1e-8)
    assert not obeys_detailed_balance(TWO_BATHS, odd=[2, 3])


@pytest.mark.parametrize("name", ["underdamped", "one noise for all"])
def test_what_no_noise_could_cause_is_never_seen_in_reverse(name):
    """The two films differ by a finite amount in ever less time."""
    process = PROCESSES[name]
    rates = [film_entropy(process, mpmath.mpf(10) ** -k) * 10**k for k in (3, 4, 5)]
    assert rates[2] > 5 * rates[1] > 25 * rates[0]
    assert entropy_production_rate(process) == math.inf


def test_a_current_within_the_range_of_a_singular_noise():
    """A whirl in a plane, and a direction that has neither noise nor motion."""
    A = np.array([[1.0, -3.0, 0.0], [3.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    for Q in (np.eye(3), turn):
        process = tla.OU(Q @ A @ Q.T, np.ones(3), Q @ np.diag([1.0, 1.0, 0.0]) @ Q.T)
        assert entropy_production_rate(process) == pytest.approx(18.0, rel=1e-9)
        assert not obeys_detailed_balance(process)


def test_at_rest_without_noise_nothing_moves():
    assert obeys_detailed_balance(PROCESSES["noiseless"])
    assert entropy_production_rate(PROCESSES["noiseless"]) == 0.0


@pytest.mark.parametrize("odd", [(0,), (0, 1), (1,)])
def test_drives_and_noises_can_tell_the_direction_of_time(odd):
    """A wind that keeps a velocity going is not reversed with it; neither is a drift across."""
    process = tla.OU([[1.0, 0.5], [0.2, 2.0]], [1.0, -1.0], np.diag([1.0, 2.0]))
    truth = film_rate(process, odd)
    assert entropy_production_rate(process, odd=odd) == pytest.approx(truth, rel=1e-8)
    assert not obeys_detailed_balance(process, odd=odd)
    tied = tla.OU(process.A, process.b, [[1.0, 0.5], [0.5, 1.0]])
    assert (entropy_production_rate(tied, odd=odd) == math.inf) == (len(odd) == 1)


@given(data=st.data(), n=st.integers(2, 4))
def test_units_do_not_matter(data, n):
    process = tla.OU(
        data.draw(testing.stable_drifts(n)),
        np.ones(n),
        data.draw(testing.spd_matrices(n, condition=100)),
    )
    unit = 10.0 ** data.draw(testing.matrices(1, n, largest=9.0))[0]
    other = tla.OU(
        7 * process.A * unit[:, None] / unit, 7 * unit, 7 * process.D * np.outer(unit, unit)
    )
    produced = entropy_production_rate(process)
    assert entropy_production_rate(other) == pytest.approx(7 * produced, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("name", PROCESSES)
def test_the_current_goes_round(name):
    """Antisymmetric, and what is left of AS when D/2 is taken away."""
    process = PROCESSES[name]
    Q, cov = irreversible_current(process), tla.stationary(process).cov
    np.testing.assert_array_equal(Q, -Q.T)
    size = np.abs(process.A) @ np.abs(cov) + np.abs(process.D)
    gap = np.abs(process.A @ cov - process.D / 2 - Q)
    assert (gap <= 1e-14 * size.max()).all()


@pytest.mark.parametrize("measure", [obeys_detailed_balance, entropy_production_rate])
def test_misuse_is_named(measure):
    process = PROCESSES["shear"]
    for odd, message in (([2], r"in 0\.\.1"), ([0, 0], "different"), ([-1], "odd = -1")):
        with pytest.raises(InvalidInput, match=message):
            measure(process, odd=odd)
    with pytest.raises(ShapeMismatch, match="one: OU"):
        measure(tla.OU(process.A, np.ones((3, 2)), process.D))


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_other_libraries(library):
    xp, process = pytest.importorskip(library), PROCESSES["shear"]
    other = tla.OU(*(xp.asarray(part) for part in (process.A, process.b, process.D)))
    found = irreversible_current(other)
    assert isinstance(found, type(other.A))
    np.testing.assert_array_equal(np.asarray(found), irreversible_current(process))
    assert entropy_production_rate(other) == entropy_production_rate(process)
    assert not obeys_detailed_balance(other)
