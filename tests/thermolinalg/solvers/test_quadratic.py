"""solve_qp: the optimum to the stated error, proofs where there is none, networks all the way."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import SEEDS
from tests.thermolinalg.solvers.problems import forbid_digital_solvers
from thermolinalg.errors import (
    InvalidInput,
    NotFinite,
    NotPositiveDefinite,
    NotReal,
    NotSymmetric,
    ShapeMismatch,
    ThermoError,
)

EPS = np.finfo(float).eps
RANKS = ("definite", "semidefinite", "linear")
OUTCOME = tla.QuadraticOutcome


def with_known_optimum(seed, kind, n):
    """A programme built around its optimum: multipliers first, then the q that they balance."""
    rng = np.random.default_rng(seed)
    rank = {"definite": 2 * n, "semidefinite": max(n // 2, 1), "linear": 0}[kind]
    root = rng.standard_normal((n, rank))
    P = root @ root.T / max(rank, 1)
    x = rng.standard_normal(n)
    G, A = rng.standard_normal((2 * n, n)), rng.standard_normal((int(rng.integers(0, n)), n))
    active = rng.permutation(2 * n) < n  # as many as it takes to hold a linear programme
    z = np.where(active, rng.uniform(0.1, 1, 2 * n), 0.0)
    h = G @ x + np.where(active, 0.0, rng.uniform(0.1, 1, 2 * n))
    low, held = x - rng.uniform(0.1, 1, n), rng.uniform(size=n) < 0.3
    low, push = np.where(held, x, low), np.where(held, rng.uniform(0.1, 1, n), 0.0)
    q = -(P @ x) - G.T @ z - A.T @ rng.standard_normal(len(A)) + push
    return x, (P, q), {"G": G, "h": h, "A": A, "b": A @ x, "lower": low}


def infeasible(seed, n=4, bounded=False):
    """Constraints with a Farkas proof built in."""
    rng = np.random.default_rng(seed)
    G, y = rng.standard_normal((2 * n, n)), rng.uniform(0.2, 1, 2 * n)
    h = rng.standard_normal(2 * n)
    if bounded:
        return {"G": -np.abs(G), "h": -np.abs(G).sum(1) - y, "lower": -1.0, "upper": 1.0}
    G[-1] = -(y[:-1] @ G[:-1]) / y[-1]
    h[-1] = -(1 + y[:-1] @ h[:-1]) / y[-1]
    return {"G": G, "h": h}


def unbounded(seed, n=4, curved=False):
    """A programme with a ray built in, and the ray."""
    rng = np.random.default_rng(seed)
    v = rng.standard_normal(n)
    across = np.eye(n) - np.outer(v, v) / (v @ v)
    G = rng.standard_normal((n, n)) @ across - np.outer(rng.uniform(0.1, 1, n), v)
    root = across @ rng.standard_normal((n, 2)) * curved
    q = across @ rng.standard_normal(n) - v / (v @ v)
    return (root @ root.T, q), {"G": G, "h": G @ rng.standard_normal(n) + 1}


def objective(P, q, x):
    return x @ P @ x / 2 + q @ x


def violation(x, G=None, h=None, A=None, b=None, lower=-np.inf, upper=np.inf):
    parts = [np.maximum(lower - x, 0), np.maximum(x - upper, 0)]
    parts += [] if G is None else [np.maximum(G @ x - h, 0) / np.linalg.norm(G, axis=1)]
    parts += [] if A is None else [np.abs(A @ x - b) / np.linalg.norm(A, axis=1)]
    return max(float(part.max(initial=0)) for part in parts)


def balance(P, q, x, multipliers, G=None, A=None):
    """Px + q + A'y + G'z - lower + upper, and the size of what cancels in it."""
    m = multipliers
    terms = [P @ x, q, m["upper"], -m["lower"]]
    terms += [] if G is None else [G.T @ m["G"]]
    terms += [] if A is None else [A.T @ m["A"]]
    within = [] if G is None else [np.abs(G).T @ m["G"]]
    within += [] if A is None else [np.abs(A).T @ np.abs(m["A"])]
    return sum(terms), max(float(np.abs(term).max(initial=0)) for term in [*terms, *within])


@settings(max_examples=12)
@given(seed=SEEDS, kind=st.sampled_from(RANKS), n=st.integers(1, 6))
def test_the_optimum_to_the_stated_error(seed, kind, n):
    x, cost, constraints = with_known_optimum(seed, kind, n)
    found = tla.solve_qp(*cost, **constraints, rng=seed)
    assert found.outcome is OUTCOME.CONVERGED
    assert abs(found.objective - objective(*cost, x)) <= found.gap
    assert np.linalg.norm(found.value - x) <= min(found.error, found.reach)
    stray = violation(found.value, **constraints)
    assert stray <= found.primal_residual + 10 * n * EPS * np.abs(found.value).max()


@pytest.mark.parametrize("kind", RANKS)
def test_multipliers_are_the_proof(kind):
    """They balance the gradient and bound the optimum from below, in the caller's own units."""
    _, (P, q), given = with_known_optimum(3, kind, 5)
    found = tla.solve_qp(P, q, **given, rtol=1e-6, rng=0)
    m = found.multipliers
    assert all((m[name] >= 0).all() for name in ("G", "lower", "upper"))
    left, size = balance(P, q, found.value, m, given["G"], given["A"])
    assert np.abs(left).max() <= found.dual_residual + 100 * EPS * size
    x = found.value
    slack = m["G"] @ (given["h"] - given["G"] @ x) + m["lower"] @ (x - given["lower"])
    assert slack + m["A"] @ (given["b"] - given["A"] @ x) <= found.gap * (1 + 1e-9)


@pytest.mark.parametrize("sector", [None, 0.4])
@pytest.mark.parametrize("n", [5, 20])
def test_portfolios_agree_with_a_digital_solver(n, sector):
    rng = np.random.default_rng(n)
    returns = rng.standard_normal((3 * n, n))
    S, gain = np.cov(returns.T), 0.1 * rng.standard_normal(n)
    limit = {} if sector is None else {"G": (np.arange(n) < n // 2)[None, :] * 1.0, "h": [sector]}
    found = tla.solve_qp(S, -gain, A=np.ones((1, n)), b=[1.0], lower=0.0, **limit, rng=0)
    assert found.outcome is OUTCOME.CONVERGED
    assert abs(found.digital.difference) <= found.gap
    assert found.digital.distance <= found.error


def test_linear_programmes_agree_with_a_digital_solver():
    _, cost, constraints = with_known_optimum(0, "linear", 6)
    found = tla.solve_qp(*cost, **constraints, rng=0)
    assert found.digital.contender.name == "HiGHS"
    assert abs(found.digital.difference) <= found.gap
    assert found.error == np.inf


@pytest.mark.parametrize("rtol", [1e-2, 1e-4, 1e-6])
def test_the_wanted_gap_is_met(rtol):
    x, (P, q), constraints = with_known_optimum(1, "definite", 4)
    found = tla.solve_qp(P, q, **constraints, rtol=rtol, rng=0)
    assert found.history[-1] <= rtol
    assert abs(found.objective - objective(P, q, x)) <= found.gap


def test_no_digital_solver_is_called(monkeypatch):
    x, cost, constraints = with_known_optimum(0, "definite", 5)
    hopeless, ((flat, down), open_side) = infeasible(0), unbounded(0)
    forbid_digital_solvers(monkeypatch)
    found = tla.solve_qp(*cost, **constraints, rng=0)
    assert np.linalg.norm(found.value - x) <= found.error
    assert found.networks >= found.steps > 0
    assert tla.solve_qp(np.eye(4), np.ones(4), **hopeless, rng=0).radius > 0
    assert tla.solve_qp(flat, down, **open_side, rng=0).ray is not None
    repr(found)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("curved", [0.0, 1.0])
def test_infeasibility_is_proved(seed, bounded, curved):
    given = infeasible(seed, bounded=bounded)
    q = np.random.default_rng(seed).standard_normal(4)
    found = tla.solve_qp(curved * np.eye(4), q, **given, rng=seed)
    assert found.outcome is OUTCOME.INFEASIBLE
    m = found.multipliers
    assert all((m[name] >= 0).all() for name in ("G", "lower", "upper"))
    left, size = balance(np.zeros((4, 4)), np.zeros(4), np.zeros(4), m, given["G"])
    sides = m["G"] @ given["h"]
    sides += m["lower"].sum() + m["upper"].sum() if bounded else 0.0  # of -1 <= x <= 1
    assert sides == pytest.approx(-1)
    assert np.linalg.norm(left) <= (1 + 1e-9) / found.radius + 100 * EPS * size
    assert "no feasible point within" in str(found)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("curved", [False, True])
def test_unboundedness_is_proved(seed, curved):
    (P, q), given = unbounded(seed, curved=curved)
    found = tla.solve_qp(P, q, **given, rng=seed)
    assert found.outcome is OUTCOME.UNBOUNDED
    assert violation(found.value, **given) <= found.primal_residual + EPS * np.abs(given["h"]).max()
    v = found.ray
    assert q @ v == pytest.approx(-1)
    far = [objective(P, q, found.value + t * v) for t in (0.0, 10.0, 100.0)]
    assert far[0] > far[1] > far[2]
    assert violation(found.value + 100 * v, **given) <= found.primal_residual + 1e-3


def test_equalities_may_contradict_each_other_or_repeat():
    A = np.array([[1.0, 1.0], [2.0, 2.0]])
    apart = tla.solve_qp(np.eye(2), np.zeros(2), A=A, b=[1, 4], rng=0)
    assert apart.outcome is OUTCOME.INFEASIBLE
    same = tla.solve_qp(np.eye(2), np.zeros(2), A=A, b=[1, 2], rng=0)
    np.testing.assert_allclose(same.value, 0.5, atol=same.error)


def test_without_constraints_and_with_fixed_coordinates():
    free = tla.solve_qp(np.diag([1.0, 4.0]), [-1.0, -4.0], rng=0)
    np.testing.assert_allclose(free.value, 1.0, atol=free.error)
    held = tla.solve_qp(np.eye(2), [1.0, 1.0], lower=[2.0, -5.0], upper=[2.0, np.inf], rng=0)
    np.testing.assert_allclose(held.value, [2.0, -1.0], atol=held.error)
    np.testing.assert_allclose(held.multipliers["lower"], [3.0, 0.0], atol=held.error)
    still = tla.solve_qp(np.eye(2), np.zeros(2), lower=-1.0, upper=1.0, rng=0)
    assert still.outcome is OUTCOME.CONVERGED
    assert not still.value.any()


@given(power=st.integers(-20, 20), seed=st.integers(0, 5))
@settings(max_examples=3)
def test_units_do_not_matter(power, seed):
    _, (P, q), given = with_known_optimum(seed, "definite", 3)
    c = 2.0**power
    lengths = {"h": c * given["h"], "b": c * given["b"], "lower": c * given["lower"]}
    found = tla.solve_qp(P, q, **given, rng=seed)
    longer = tla.solve_qp(P, c * q, **(given | lengths), rng=seed)
    dearer = tla.solve_qp(c * P, c * q, **given, rng=seed)
    np.testing.assert_array_equal(longer.value, c * found.value)
    np.testing.assert_array_equal(dearer.value, found.value)
    assert dearer.gap == c * found.gap
    assert longer.error == pytest.approx(c * found.error)


def test_a_spent_budget_is_told_and_honest():
    x, cost, constraints = with_known_optimum(0, "definite", 4)
    whole = tla.solve_qp(*cost, **constraints, rng=0)
    for share in (1e-9, 0.3):
        part = tla.solve_qp(*cost, **constraints, rng=0, max_time=share * whole.time)
        assert part.outcome is OUTCOME.BUDGET_SPENT
        assert part.time <= share * whole.time
        assert np.linalg.norm(part.value - x) <= part.error
        assert "BUDGET_SPENT" in repr(part)


def test_a_cold_network_is_no_slower_and_a_hot_one_no_worse():
    x, cost, constraints = with_known_optimum(2, "definite", 4)
    cold, hot = (tla.solve_qp(*cost, **constraints, temperature=T, rng=0) for T in (1e-4, 10.0))
    assert cold.time <= hot.time
    for found in (cold, hot):
        assert found.outcome is OUTCOME.CONVERGED
        assert np.linalg.norm(found.value - x) <= found.error


def test_the_ledger_sums_over_all_networks():
    _, cost, constraints = with_known_optimum(0, "definite", 4)
    device = tla.Device(time_constant=1e-3)
    found = tla.solve_qp(*cost, **constraints, device=device, rng=0)
    clock = sum(s.seconds for s in found.ledger.lines if s.activity in {"settle", "measure"})
    assert clock == pytest.approx(1e-3 * found.time)
    upload = sum(line.seconds for line in found.ledger.lines if line.activity == "upload")
    assert upload == pytest.approx(found.networks * device.transfer(4 * 5))


def test_seeds():
    _, cost, constraints = with_known_optimum(0, "definite", 3)
    fresh, other = (tla.solve_qp(*cost, **constraints) for _ in range(2))
    assert (fresh.value != other.value).any()
    again = tla.solve_qp(*cost, **constraints, rng=fresh.seed)
    np.testing.assert_array_equal(again.value, fresh.value)
    np.testing.assert_array_equal(np.asarray(again), again.value)


def test_the_report_says_what_was_proved_and_what_it_cost():
    _, cost, constraints = with_known_optimum(0, "definite", 3)
    report = str(tla.solve_qp(*cost, **constraints, rng=7))
    for said in ("CONVERGED", "proved", "networks", "modelled", "SLSQP", "measured", "rng=7"):
        assert said in report


def test_other_libraries_and_single_precision():
    xp = array_api_strict
    found = tla.solve_qp(xp.eye(2), xp.asarray([-1.0, -2.0]), lower=0.0, upper=1.5, rng=0)
    assert type(found.value) is type(xp.eye(2))
    np.testing.assert_allclose(np.asarray(found), [1.0, 1.5], atol=found.error)
    single = tla.solve_qp(np.eye(2, dtype=np.float32), [-1.0, -2.0], rng=0)
    assert single.value.dtype == np.float32


EYE, ONES = np.eye(2), np.ones(2)

BAD = {
    "asymmetric": (([[1, 1], [0, 1]], ONES), {}, NotSymmetric, "P is not symmetric.*P.T"),
    "indefinite": ((-EYE, ONES), {}, NotPositiveDefinite, "P has the eigenvalue -1.*ridge"),
    "NaN": ((EYE * np.nan, ONES), {}, NotFinite, "P holds 4 NaN"),
    "NaN in q": ((EYE, ONES * np.nan), {}, NotFinite, "q holds 2 NaN"),
    "long q": ((EYE, np.ones(3)), {}, ShapeMismatch, r"q has shape \(3,\)"),
    "not square": ((np.ones((2, 3)), ONES), {}, ShapeMismatch, "P has shape"),
    "complex": ((EYE * 1j, ONES), {}, NotReal, "P has dtype complex"),
    "h alone": ((EYE, ONES), {"h": ONES}, InvalidInput, "h is given without G"),
    "G alone": ((EYE, ONES), {"G": EYE}, InvalidInput, "G is given without h"),
    "b alone": ((EYE, ONES), {"b": ONES}, InvalidInput, "b is given without A"),
    "wide G": ((EYE, ONES), {"G": np.eye(3), "h": np.ones(3)}, ShapeMismatch, "G has shape"),
    "flat A": ((EYE, ONES), {"A": ONES, "b": [1.0]}, ShapeMismatch, "A has shape"),
    "long h": ((EYE, ONES), {"G": EYE, "h": np.ones(3)}, ShapeMismatch, "h has shape"),
    "infinite h": ((EYE, ONES), {"G": EYE, "h": ONES * np.inf}, NotFinite, "h holds 2"),
    "crossed": (
        (EYE, ONES),
        {"lower": 1, "upper": [2, 0]},
        InvalidInput,
        r"lower\[1\] = 1 exceeds",
    ),
    "NaN bound": ((EYE, ONES), {"lower": np.nan}, NotFinite, "lower holds 1 NaN"),
    "lower inf": ((EYE, ONES), {"lower": np.inf}, NotFinite, "lower holds 1"),
    "long bound": ((EYE, ONES), {"upper": np.ones(3)}, ShapeMismatch, "upper has shape"),
    "rtol": ((EYE, ONES), {"rtol": 0}, InvalidInput, "rtol = 0 must be > 0"),
    "confidence": ((EYE, ONES), {"confidence": 1}, InvalidInput, "confidence = 1 must lie"),
    "cold": ((EYE, ONES), {"temperature": 0}, InvalidInput, "temperature = 0 must be > 0"),
    "no time": ((EYE, ONES), {"max_time": 0.0}, InvalidInput, "max_time = 0.* must be > 0"),
    "rng": ((EYE, ONES), {"rng": "lucky"}, InvalidInput, "rng = 'lucky'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    cost, given, error, message = BAD[name]
    with pytest.raises(error, match=message) as caught:
        tla.solve_qp(*cost, **given)
    assert isinstance(caught.value, ThermoError)
