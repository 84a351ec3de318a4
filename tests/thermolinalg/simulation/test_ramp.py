"""Work: its mean from a moment recursion, its law from the theorems of Jarzynski and Crooks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import oracles
from thermolinalg import testing
from thermolinalg.backend import to_numpy
from thermolinalg.errors import InvalidInput, NotFinite, NotPositiveDefinite, NotSymmetric
from thermolinalg.simulation.ramp import Protocol, ramp

SOFT = np.array([[2.0, 0.6, 0.1], [0.6, 1.5, -0.3], [0.1, -0.3, 1.0]])
STIFF = np.array([[4.0, -0.5, 0.0], [-0.5, 2.0, 0.4], [0.0, 0.4, 3.0]])
FIRST, SECOND = np.array([1.0, 0.0, -0.5]), np.array([0.0, 1.0, 0.5])
T, FRICTION = 0.8, 1.7
BATH = {"temperature": T, "friction": FRICTION}
CHAINS = 20_000

PROTOCOLS = {
    "general": Protocol(SOFT, STIFF, **BATH),
    "general, driven": Protocol(SOFT, STIFF, b1=FIRST, b2=SECOND, **BATH),
    "general, u²": Protocol(SOFT, STIFF, b2=SECOND, schedule=lambda u: u * u, **BATH),
    "to the identity": Protocol(SOFT, 2 * np.eye(3), b1=FIRST, **BATH),
    "to the identity, root": Protocol(SOFT, 2 * np.eye(3), schedule="root", **BATH),
    "from the identity, u²": Protocol(np.eye(3), SOFT, schedule=lambda u: u * u, **BATH),
    "commuting, root": Protocol(SOFT, SOFT @ SOFT + SOFT, b2=SECOND, schedule="root", **BATH),
}
each_protocol = pytest.mark.parametrize("name", PROTOCOLS)


def potentials(protocol, steps):
    """The matrices A_k and vectors b_k, from their definition."""
    for k in range(steps + 1):
        u = k / steps
        s = protocol.schedule(u) if callable(protocol.schedule) else u
        b = (1 - s) * protocol.b1 + s * protocol.b2
        if protocol.schedule == "root":
            first, last = (root_of(A) for A in (protocol.A1, protocol.A2))
            root = (1 - s) * first + s * last
            yield np.linalg.inv(root @ root), b
        else:
            yield (1 - s) * protocol.A1 + s * protocol.A2, b


def root_of(A):
    """A^{-1/2}."""
    a, V = np.linalg.eigh(A)
    return (V / np.sqrt(a)) @ V.T


def expected(protocol, duration, steps, *, reverse=False):
    """Mean work, and mean and covariance at the end, by the transition of each stage."""
    stages = list(potentials(protocol, steps))[:: -1 if reverse else 1]
    A, b = stages[0]
    mean, cov, work = np.linalg.solve(A, b), protocol.temperature * np.linalg.inv(A), 0.0
    for after, drive in stages[1:]:
        work += np.trace((after - A) @ (cov + np.outer(mean, mean))) / 2 - (drive - b) @ mean
        A, b, friction = after, drive, protocol.friction
        noise = 2 * protocol.temperature / friction * np.eye(len(b))
        E, shift, C = oracles.law_by_lyapunov(A / friction, b / friction, noise, duration / steps)
        mean, cov = E @ mean + shift, E @ cov @ E.T + C
    return work, mean, cov


def free_energy(protocol):
    """F2 - F1, where F = -T ln ∫ exp(-U/T) dx."""
    ends = ((protocol.A1, protocol.b1), (protocol.A2, protocol.b2))
    first, last = (
        (protocol.temperature * np.linalg.slogdet(A)[1] - b @ np.linalg.solve(A, b)) / 2
        for A, b in ends
    )
    return last - first


@each_protocol
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("duration", "steps"), [(0.0, 1), (2.0, 1), (3.0, 7)])
def test_mean_work_and_the_law_at_the_end(name, reverse, duration, steps):
    protocol = PROTOCOLS[name]
    run = ramp(protocol, duration, steps=steps, chains=CHAINS, reverse=reverse, rng=1)
    work, mean, cov = expected(protocol, duration, steps, reverse=reverse)
    testing.assert_average(run.work, work)
    testing.assert_mean_matches(run.states, mean, cov)
    testing.assert_covariance_matches(run.states, cov, mean=mean)


@pytest.mark.parametrize("steps", [1, 10])
def test_the_equality_of_jarzynski(steps):
    """<e^{-W/T}> = e^{-dF/T}. This ramp only stiffens, so W >= 0 and the average is of bounded
    numbers; the second law, <W> > dF, is no close call."""
    for stiffer in (SOFT + STIFF, SOFT + 2 * np.eye(3)):
        protocol = Protocol(SOFT, stiffer, **BATH)
        work = ramp(protocol, 1.0, steps=steps, chains=CHAINS, rng=2).work
        change = free_energy(protocol)
        assert work.min() >= -1e-12
        testing.assert_average(np.exp(-(work - change) / T), 1.0)
        with pytest.raises(AssertionError):
            testing.assert_average(work, change)
        assert work.mean() > change


@each_protocol
@pytest.mark.parametrize(("duration", "steps"), [(0.0, 1), (2.0, 5)])
def test_the_theorem_of_crooks(name, duration, steps):
    """P(W) = P_reverse(-W) e^{(W - dF)/T}, as equal averages of bounded numbers: beyond any
    threshold, and under the weight of Bennett's acceptance ratio."""
    protocol = PROTOCOLS[name]
    there, back = (
        ramp(protocol, duration, steps=steps, chains=CHAINS, reverse=reverse, rng=3).work / T
        for reverse in (False, True)
    )
    change, tail = free_energy(protocol) / T, testing.FALSE_ALARM / 4

    def acceptance(w):
        return 1 / (1 + np.exp(w))

    gaps = acceptance(there - change) - acceptance(back + change)
    testing.assert_average(gaps, 0.0, false_alarm=tail)
    for threshold in change + np.array([-0.5, 0.0, 0.5]):
        beyond = np.where(there > threshold, np.exp(change - there), 0.0)
        testing.assert_average(beyond - (-back > threshold), 0.0, false_alarm=tail)
    wrong = change + 0.1
    gaps = acceptance(there - wrong) - acceptance(back + wrong)
    with pytest.raises(AssertionError):
        testing.assert_average(gaps, 0.0, false_alarm=tail)


@each_protocol
def test_a_switch_at_once(name):
    """No time to move: the work is the difference of the two potentials, and no heat flows."""
    protocol = PROTOCOLS[name]
    x0 = np.random.default_rng(0).normal(size=(50, 3))
    right = np.einsum("ki,ij,kj->k", x0, protocol.A2 - protocol.A1, x0) / 2
    right = right - x0 @ (protocol.b2 - protocol.b1)
    for steps in (1, 5):
        run = ramp(protocol, 0.0, steps=steps, chains=50, x0=x0, rng=0)
        np.testing.assert_allclose(run.work, right, atol=1e-12)
        np.testing.assert_allclose(run.heat, 0.0, atol=1e-12)
        np.testing.assert_allclose(run.states, x0, atol=1e-13)


def test_the_work_of_a_switch_from_rest():
    """<W> = T/2 tr(dA A1⁻¹) and Var W = T²/2 tr((dA A1⁻¹)²)."""
    work = ramp(Protocol(SOFT, STIFF, **BATH), 0.0, steps=1, chains=CHAINS, rng=4).work
    M = (STIFF - SOFT) @ np.linalg.inv(SOFT)
    mean, variance = T / 2 * np.trace(M), T**2 / 2 * np.trace(M @ M)
    testing.assert_average(work, mean)
    testing.assert_average((work - mean) ** 2, variance)


def test_a_slow_ramp_dissipates_by_the_known_formula():
    """friction T/duration Σ (a1^{-1/2} - a2^{-1/2})² under schedule "root"; more under "linear"."""
    soft, stiff, n, duration, steps = 0.5, 2.0, 20, 50.0, 400
    formula = FRICTION * T / duration * (soft**-0.5 - stiff**-0.5) ** 2
    lost = {}
    for schedule in ("root", "linear"):
        one = Protocol([[soft]], [[stiff]], schedule=schedule, **BATH)
        lost[schedule] = expected(one, duration, steps)[0] - free_energy(one)
        many = Protocol(soft * np.eye(n), stiff * np.eye(n), schedule=schedule, **BATH)
        work = ramp(many, duration, steps=steps, chains=1000, rng=5).work
        testing.assert_average(work - free_energy(many), n * lost[schedule])
    # the next order is a relaxation time of the duration, with a number of order one
    assert lost["root"] == pytest.approx(formula, rel=FRICTION / soft / duration)
    assert lost["linear"] > 1.2 * lost["root"]


@each_protocol
@pytest.mark.parametrize("x0", [None, [1.0, -2.0, 0.5]])
def test_a_short_rest_is_a_transition_from_the_start(name, x0):
    protocol, rest = PROTOCOLS[name], 0.4
    run = ramp(protocol, 0.0, steps=1, chains=CHAINS, x0=x0, rest=rest, rng=10)
    noise = 2 * T / FRICTION * np.eye(3)
    E, mean, cov = oracles.law_by_lyapunov(
        protocol.A1 / FRICTION, protocol.b1 / FRICTION, noise, rest
    )
    mean = mean if x0 is None else mean + E @ x0
    testing.assert_mean_matches(run.states, mean, cov)
    testing.assert_covariance_matches(run.states, cov, mean=mean)


@each_protocol
def test_the_first_law(name):
    protocol = PROTOCOLS[name]
    x0 = np.random.default_rng(0).normal(size=(50, 3))
    run = ramp(protocol, 1.0, steps=7, chains=50, x0=x0, rng=0)

    def energy(x, A, b):
        return np.einsum("ki,ij,kj->k", x, A, x) / 2 - x @ b

    gain = energy(run.states, protocol.A2, protocol.b2) - energy(x0, protocol.A1, protocol.b1)
    np.testing.assert_allclose(run.work + run.heat, gain, atol=1e-12)


def test_a_potential_that_does_not_change_takes_no_work():
    run = ramp(Protocol(SOFT, SOFT, b1=FIRST, b2=FIRST, **BATH), 1.0, chains=CHAINS, rng=6)
    np.testing.assert_array_equal(run.work, 0.0)
    testing.assert_average(run.heat, 0.0)


@given(
    A=testing.spd_matrices(3, condition=100),
    steps=st.integers(1, 20),
    duration=st.floats(0.01, 10.0),
)
def test_shared_modes_change_the_cost_and_nothing_else(A, steps, duration):
    """Without noise the two ways must agree to rounding."""
    bath = {"temperature": 0.0, "b1": FIRST, "b2": SECOND}
    fast, plain = (Protocol(A, 2 * A + np.eye(3), **bath) for _ in range(2))
    assert fast.modes is not None
    plain.__dict__["modes"] = None  # where the cached property keeps it
    one, other = (ramp(p, duration, steps=steps, x0=[1.0, -2.0, 0.5], rng=0) for p in (fast, plain))
    size = np.abs(one.work).max() + np.abs(one.heat).max() + np.linalg.norm(A) + 1
    for part in ("work", "heat", "states"):
        np.testing.assert_allclose(getattr(one, part), getattr(other, part), atol=1e-12 * size)


def test_which_protocols_share_modes():
    shared = [name for name, protocol in PROTOCOLS.items() if protocol.modes is not None]
    assert shared == [name for name in PROTOCOLS if not name.startswith("general")]
    V, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(60, 60)))
    A, B = ((V * np.random.default_rng(k).uniform(1, 2, 60)) @ V.T for k in (1, 2))
    assert Protocol((A + A.T) / 2, (B + B.T) / 2).modes is not None
    B[0, 1] = B[1, 0] = B[0, 1] + 1e-7
    assert Protocol((A + A.T) / 2, (B + B.T) / 2).modes is None


def test_a_seed_repeats_and_a_direction_has_noise_of_its_own():
    protocol = PROTOCOLS["general, driven"]
    one, same, back = (
        ramp(protocol, 1.0, chains=4, steps=3, rng=7, reverse=r) for r in (False, False, True)
    )
    for part in ("work", "heat", "states"):
        np.testing.assert_array_equal(getattr(one, part), getattr(same, part))
    still = Protocol(SOFT, SOFT)
    there, back = (ramp(still, 1.0, chains=4, rng=7, reverse=r).states for r in (False, True))
    assert (there != back).all()
    fresh = ramp(still, 1.0, chains=4)
    again = ramp(still, 1.0, chains=4, rng=fresh.seed)
    np.testing.assert_array_equal(fresh.states, again.states)


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
@pytest.mark.parametrize("name", ["general, driven", "commuting, root"])
def test_other_libraries(library, name):
    xp, protocol = pytest.importorskip(library), PROTOCOLS[name]
    arrays = [xp.asarray(part) for part in (protocol.A1, protocol.A2)]
    drives = {"b1": xp.asarray(protocol.b1), "b2": xp.asarray(protocol.b2)}
    moved = Protocol(*arrays, **drives, schedule=protocol.schedule, **BATH)
    found, right = (ramp(p, 1.0, steps=3, chains=4, rng=8) for p in (moved, protocol))
    for part in ("work", "heat", "states"):
        assert isinstance(getattr(found, part), type(arrays[0]))
        np.testing.assert_allclose(
            to_numpy(getattr(found, part)), getattr(right, part), rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize("name", ["general", "commuting, root"])
def test_single_precision_is_kept(name):
    protocol = PROTOCOLS[name]
    single = Protocol(
        protocol.A1.astype(np.float32), protocol.A2, schedule=protocol.schedule, **BATH
    )
    run = ramp(single, 1.0, chains=CHAINS, rng=9)
    assert {run.work.dtype, run.heat.dtype, run.states.dtype} == {np.dtype(np.float32)}
    double = Protocol(protocol.A1, protocol.A2, schedule=protocol.schedule, **BATH)
    testing.assert_average(run.work, expected(double, 1.0, 100)[0])


@pytest.mark.parametrize(
    ("ends", "knobs", "error", "message"),
    [
        (([[1, 2], [0, 1]], np.eye(2)), {}, NotSymmetric, "A1 is not symmetric"),
        ((np.eye(2), [[1, 2], [2, 1]]), {}, NotPositiveDefinite, "A2 has the eigenvalue -1"),
        ((np.eye(2), np.zeros((2, 2))), {}, NotPositiveDefinite, "A2 has the eigenvalue 0"),
        ((np.eye(2), np.eye(3)), {}, InvalidInput, "A2 has shape"),
        ((np.eye(2), [[np.nan]]), {}, NotFinite, "A2 holds 1 NaN"),
        ((np.eye(2), np.eye(2)), {"b1": [1]}, InvalidInput, "b1 has shape"),
        ((np.eye(2), np.eye(2)), {"schedule": "slow"}, InvalidInput, "schedule = 'slow'.*'root'"),
        ((np.eye(2), np.eye(2)), {"schedule": []}, InvalidInput, r"schedule = \[\]"),
        ((SOFT, STIFF), {"schedule": "root"}, InvalidInput, "do not share eigenvectors"),
        ((SOFT, STIFF), {"temperature": -1}, InvalidInput, "temperature = -1"),
        ((SOFT, STIFF), {"friction": 0}, InvalidInput, "friction = 0"),
    ],
)
def test_a_protocol_that_cannot_be_is_named(ends, knobs, error, message):
    with pytest.raises(error, match=message):
        Protocol(*ends, **knobs)


@pytest.mark.parametrize(
    ("duration", "knobs", "error", "message"),
    [
        (-1.0, {}, InvalidInput, "duration = -1"),
        (np.inf, {}, InvalidInput, "duration = inf"),
        (1.0, {"steps": 0}, InvalidInput, "steps = 0"),
        (1.0, {"chains": 0}, InvalidInput, "chains = 0"),
        (1.0, {"x0": np.ones(2)}, InvalidInput, "x0 has shape"),
        (1.0, {"x0": np.ones((2, 3))}, InvalidInput, "x0 holds 2 states, but chains = 1"),
        (1.0, {"x0": [np.nan] * 3}, NotFinite, "x0 holds 3 NaN"),
        (1.0, {"rest": -1}, InvalidInput, "rest = -1"),
        (1.0, {"rng": -1}, InvalidInput, "rng = -1"),
    ],
)
def test_a_ramp_that_cannot_be_is_named(duration, knobs, error, message):
    with pytest.raises(error, match=message):
        ramp(PROTOCOLS["general"], duration, **knobs)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (lambda u: 1 - u, "goes from 1 to 0"),
        (lambda u: u / 2, "end at 1"),
        (lambda u: u + 4 * u * (1 - u), "between 0 and 1.56"),
        (lambda _: np.nan, r"schedule\(u\) = nan"),
        (lambda _: "x", r"schedule\(u\) = 'x'"),
    ],
)
def test_a_schedule_that_leaves_the_way_is_named(schedule, message):
    with pytest.raises(InvalidInput, match=message):
        ramp(Protocol(SOFT, STIFF, schedule=schedule), 1.0)


def test_what_is_printed():
    assert repr(PROTOCOLS["general, u²"]) == "Protocol(n=3, general, schedule of the user's)"
    assert repr(PROTOCOLS["to the identity, root"]) == (
        "Protocol(n=3, in shared modes, schedule 'root')"
    )
    assert repr(ramp(PROTOCOLS["general"], 0.0, steps=1, x0=np.zeros(3), rng=1)) == (
        "Ramp(chains=1, work 0 ± nan, seed=1)"
    )
