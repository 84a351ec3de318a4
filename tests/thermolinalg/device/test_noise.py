"""Noise with a memory: laws by closed forms, by moment equations, and on a running device."""

from itertools import permutations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.device.runs import dressed, positions, settled
from tests.thermolinalg.simulation.steps import law_of
from thermolinalg import testing
from thermolinalg.device.circuit import RC, RLC, MassSpring
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.machine import Device
from thermolinalg.device.noise import ColouredNoise, HeldNoise, whole
from thermolinalg.errors import DoesNotFit, InvalidInput
from thermolinalg.simulation.clocked import Clockwork, clock_step
from thermolinalg.theory.held import clipped_variance, held_variance
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.process import OU

A = np.array([[0.9, 0.3, 0.0], [0.3, 0.6, -0.2], [0.0, -0.2, 0.4]])
NETWORK = tla.overdamped(A, np.array([1.0, -0.5, 0.2]))
STILL = tla.overdamped(A, np.zeros(3))
RATES, VECTORS = np.linalg.eigh(A)


def of_modes(variances):
    """The covariance 2T times these variances of modes in noise of unit strength."""
    return 2 * (VECTORS * variances) @ VECTORS.T


@given(bound=st.floats(0.01, 8.0))
def test_the_variance_of_a_clipped_number(bound):
    def density(z):
        return z**2 * mpmath.exp(-(z**2) / 2) / mpmath.sqrt(2 * mpmath.pi)

    inside = 2 * mpmath.quad(density, [0, bound])
    truth = float(inside + bound**2 * mpmath.erfc(bound / mpmath.sqrt(2)))
    assert clipped_variance(bound) == pytest.approx(truth, rel=1e-9)
    assert clipped_variance(np.inf) == 1


def law_of_ticks(process, tick, ticks):
    """E, shift and C after some ticks, from the moment equations of (x, w) with w constant."""
    n, one = process.n, np.eye(process.n)
    whole_drift = np.block([[process.A, -one], [0 * one, 0 * one]])
    E = oracles.law_by_ode(whole_drift, np.zeros(2 * n), np.zeros((2 * n, 2 * n)), tick).E
    flow, pushed = E[:n, :n], E[:n, n:]
    far, shift, C = one, np.zeros(n), np.zeros((n, n))
    for _ in range(ticks):
        far, shift = flow @ far, flow @ shift + pushed @ process.b
        C = flow @ C @ flow.T + pushed @ process.D @ pushed.T / tick
    return far, shift, C


@settings(max_examples=15)
@given(
    process=st.one_of(testing.ou_processes(reversible=True), testing.ou_processes()),
    tick=st.floats(0.05, 2.0),
    ticks=st.integers(1, 5),
)
def test_a_tick_of_held_noise_is_exact(process, tick, ticks):
    held = HeldNoise(tick).dress(process)
    found = law_of(Clockwork().prepare(held, ticks * tick), process.n)
    for part, truth in zip(found, law_of_ticks(process, tick, ticks), strict=True):
        # what eigenvectors of an uneven whitening lose, as in the modes themselves
        np.testing.assert_allclose(part, truth, atol=1e-8 * (1e-3 + np.abs(truth).max()))


@pytest.mark.parametrize("bound", [np.inf, 1.5])
@pytest.mark.parametrize("tick", [0.2, 1.0, 3.0])
def test_the_covariance_at_ticks(tick, bound):
    """On the device path; products of clipped noise are not normal, but many of them average."""
    device = dressed(HeldNoise(tick, bound))
    run = settled(device, STILL, 20_000, 60.0, seed=1)
    x = positions(run, 3)
    truth = of_modes(held_variance(RATES, tick, bound))
    for i in range(3):
        for j in range(i + 1):
            testing.assert_average(x[:, i] * x[:, j], truth[i, j], false_alarm=1e-6 / 6)
    if np.isinf(bound):
        testing.assert_covariance_matches(x, truth)


def test_a_bounded_force_moves_no_further_than_it_can():
    """After one tick from rest a node is at an end of its range as often as a number is clipped."""
    device, bound, tick = dressed(HeldNoise(0.5, 1.2)), 1.2, 0.5
    diagonal = OU(np.diag([0.5, 1.0]), np.zeros(2), 2 * np.eye(2))
    run = settled(device, diagonal, 20_000, tick, seed=2)
    reach = -np.expm1(-np.array([0.5, 1.0]) * tick) / [0.5, 1.0] * bound * np.sqrt(2 / tick)
    x = np.abs(positions(run, 2))
    assert (x <= reach * (1 + 1e-12)).all()
    hits = (x >= reach * (1 - 1e-12)).sum(axis=0)
    testing.assert_frequency(hits, 20_000, 2 * norm.sf(bound))


@pytest.mark.parametrize("kind", ["modes", "matrix"])
def test_averages_over_ticks(kind):
    """The joint law of state and average after three ticks, from the moment equations."""
    drift = A if kind == "modes" else A + np.array([[0, 0.3, 0], [0, 0, 0], [0, 0, 0]])
    process, tick = OU(drift, NETWORK.b, np.diag([1.0, 2.0, 0.5])), 0.8
    if kind == "modes":
        process = OU(drift, NETWORK.b, 2 * np.eye(3))
    one, zero = np.eye(3), np.zeros((3, 3))
    chain = np.block([[drift, zero, -one], [-one, zero, zero], [zero, zero, zero]])
    E = oracles.law_by_ode(chain, np.zeros(9), np.zeros((9, 9)), tick).E
    flow, pushed = E[:6, :6], E[:6, 6:]
    mean, C = np.zeros(6), np.zeros((6, 6))
    for _ in range(3):
        mean = flow @ mean + pushed @ process.b
        C = flow @ C @ flow.T + pushed @ process.D @ pushed.T / tick
    unit = np.repeat([1.0, 3 * tick], 3)

    device = dressed(HeldNoise(tick))
    run = settled(device, process, 5000, 0.0, seed=3)
    values, run = device.measure(run, tla.TimeAverage(), 3 * tick, 1, np.random.default_rng(4))
    both = np.concatenate([positions(run, 3), values[0]], axis=1)
    testing.assert_samples_match(both, tla.Gaussian(mean / unit, C / unit[:, None] / unit))


def test_the_latest_ticks_are_clipped_and_older_ones_share_their_covariance():
    held = HeldNoise(0.3, 1.0).dress(STILL)
    step = clock_step(held, 200, with_area=False)
    assert step.drawn == 16
    far = HeldNoise(0.3).dress(STILL)
    E, shift, C = law_of(Clockwork().prepare(far, 60.0), 3)
    rest = of_modes(held_variance(RATES, 0.3))
    np.testing.assert_allclose(C, rest - E @ rest @ E.T, atol=1e-12)
    assert not shift.any()


@pytest.mark.parametrize("time", [0.05, 0.7, 4.0])
def test_coloured_noise_has_the_covariance_of_its_closed_form(time):
    process = ColouredNoise(time).dress(NETWORK)
    mean, cov = oracles.stationary_in_many_digits(process.A, process.b, process.D)
    variances = 1 / (2 * RATES) / (1 + RATES * time)
    np.testing.assert_allclose(cov[:3, :3], of_modes(variances), rtol=1e-10)
    np.testing.assert_allclose(mean[:3], np.linalg.solve(A, NETWORK.b), rtol=1e-12)


@given(process=testing.ou_processes(reversible=True, condition=20.0), exponent=st.floats(-2.0, 1.0))
def test_coloured_noise_acts_on_modes_alone(process, exponent):
    """D^{1/2} f(M) D^{1/2}, with M the whitened drift, also where A is not symmetric."""
    time, rest = 10.0**exponent, tla.stationary(process)
    coloured = tla.stationary(ColouredNoise(time).dress(process))
    n = process.n
    filtered = (np.eye(n) + time * process.A) @ coloured.cov[:n, :n]
    atol = 1e-9 * np.abs(rest.cov).max() * (1 + time * np.linalg.norm(process.A))
    np.testing.assert_allclose(filtered, rest.cov, atol=atol)
    np.testing.assert_allclose(coloured.mean[:n], rest.mean, atol=1e-9 * (1 + abs(rest.mean).max()))


def test_a_device_with_coloured_noise():
    run = settled(dressed(ColouredNoise(0.9)), STILL, 5000, 100.0, seed=5)
    truth = of_modes(1 / (2 * RATES) / (1 + 0.9 * RATES))
    testing.assert_covariance_matches(positions(run, 3), truth)


def test_without_strength_there_is_nothing():
    for dressing in (ColouredNoise(0.0), HeldNoise(0.0), TransportDelay(0.0)):
        assert dressing.dress(NETWORK) is NETWORK
    clipped = HeldNoise(0.0, 1.0).dress(NETWORK)
    np.testing.assert_allclose(clipped.D, clipped_variance(1.0) * NETWORK.D)


@pytest.mark.parametrize(
    "circuit", [RC(), MassSpring(), MassSpring(0.3), RLC(), RLC(resistances=(1.0, 2.0, 4.0))]
)
@pytest.mark.parametrize("tick", [0.02, 0.3])
def test_every_circuit_under_held_noise(circuit, tick):
    """By the moment equations of ticks of what the circuit is, for large circuits in modes too."""
    moving = circuit.realise(STILL)
    bare = whole(moving) if isinstance(moving, Inertial) else moving
    flow, _, kick = law_of_ticks(bare, tick, 1)
    S = np.zeros_like(kick)
    for _ in range(40):  # by doubling: S <- S + E S E', E <- E²
        S = S + flow @ S @ flow.T if S.any() else kick
        flow = flow @ flow if S is not kick else flow
    process = dressed(HeldNoise(tick), circuit=circuit).realised(STILL)
    moved = getattr(process, "process", process)
    E, _, C = law_of(Clockwork().prepare(moved, tick), moved.n)
    np.testing.assert_allclose(E @ S @ E.T + C, S, atol=1e-9 * np.abs(S).max())
    assert (moved.modes is None) == (circuit == RLC(resistances=(1.0, 2.0, 4.0)))


def test_inertia_with_held_noise_on_a_device():
    device = dressed(HeldNoise(0.2), circuit=MassSpring(1.0))
    run = settled(device, STILL, 4000, 100.0, seed=6)
    flow, _, kick = law_of_ticks(whole(MassSpring(1.0).realise(STILL)), 0.2, 1)
    S = kick
    for _ in range(2000):
        S = flow @ S @ flow.T + kick
    testing.assert_covariance_matches(run.states, S)


PARTS = (ColouredNoise(0.4), HeldNoise(0.1), TransportDelay(0.2))


def test_dressings_go_on_in_one_order():
    """Whatever order they are named in: couplings late, noise filtered, its source held."""
    laws = []
    for order in permutations(PARTS):
        process = dressed(*order).realised(STILL).process
        laws.append(law_of(Clockwork().prepare(process, 1.0), process.n))
    for law in laws[1:]:
        for found, first in zip(law, laws[0], strict=True):
            np.testing.assert_array_equal(found, first)


def test_all_at_once_on_a_device():
    """Held noise, filtered, into late couplings, against the spectrum of what all of it does."""
    parts = (ColouredNoise(0.4), HeldNoise(1e-3), TransportDelay(0.2))  # a tick as good as none
    run = settled(dressed(*parts), STILL, 2500, 80.0, seed=7)

    def spectrum(f):
        w = np.tan(f)
        H = np.linalg.inv(1j * w * np.eye(3) + A * np.exp(-0.2j * w))
        return (H @ H.conj().T).real * 2 / (1 + (0.4 * w) ** 2) * (1 + w**2) / (2 * np.pi)

    f = (np.arange(1000) + 0.5) / 1000 * np.pi - np.pi / 2
    truth = sum(spectrum(x) for x in f) * np.pi / 1000
    testing.assert_covariance_matches(positions(run, 3), truth)


def test_what_makes_no_sense_is_refused_once():
    held, late = HeldNoise(0.1).dress(NETWORK), TransportDelay(0.1).dress(NETWORK)
    with pytest.raises(DoesNotFit, match=r"held for 0\.1 is held again, for 0\.3"):
        HeldNoise(0.3).dress(held)
    with pytest.raises(DoesNotFit, match=r"acts 0\.1 late is delayed again, by 0\.2"):
        TransportDelay(0.2).dress(late)
    sparse = tla.overdamped(tla.LowRank(1.0, np.ones((3, 1))), np.zeros(3))
    for part in PARTS:
        with pytest.raises(DoesNotFit, match="whose A is an array"):
            part.dress(sparse)
    for bad in (lambda: HeldNoise(-1.0), lambda: ColouredNoise(-0.1), lambda: TransportDelay(-2.0)):
        with pytest.raises(InvalidInput):
            bad()
    with pytest.raises(InvalidInput, match="bound"):
        HeldNoise(0.1, -1.0)


SIDES = np.array([[1.0, 0.0], [0.5, -1.0], [0.0, 2.0]])


@pytest.mark.parametrize("parts", [PARTS[:2], PARTS[1:], (HeldNoise(0.2, 1.0),)])
def test_runs_repeat_whatever_the_workers_and_go_on(parts):
    device = Device(dressings=parts)
    one = tla.solve(A, SIDES, rtol=0.1, chains=2, device=device, rng=3)
    two = tla.solve(A, SIDES, rtol=0.1, chains=2, n_jobs=2, device=device, rng=3)
    np.testing.assert_array_equal(one.value, two.value)
    further = one.refine(rtol=0.04)
    testing.assert_agrees(further, np.linalg.solve(A, SIDES))
    np.testing.assert_array_equal(further.value, one.refine(rtol=0.04).value)


def test_inverses_on_a_device_of_held_noise():
    device = Device(dressings=(HeldNoise(2.0, 2.0),))
    estimate = tla.inv(A, rtol=0.02, device=device, rng=8)
    norm_of_A = STILL.fastest  # the device's units
    scaled = of_modes(held_variance(RATES / norm_of_A, 2.0, 2.0)) / norm_of_A
    testing.assert_agrees(estimate, scaled)


@pytest.mark.parametrize("circuit", [RC(), MassSpring()], ids=["rc", "masses"])
@pytest.mark.parametrize("parts", [(HeldNoise(0.1, 1.0),), PARTS], ids=["clipped", "all"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_answers_come_in_the_library_of_the_problem(library, dtype, parts, circuit):
    xp = pytest.importorskip(library)
    device, b = Device(dressings=parts, circuit=circuit), np.array([1.0, -0.5, 0.2])
    kind = getattr(xp, dtype)
    x = tla.solve(xp.asarray(A, dtype=kind), xp.asarray(b, dtype=kind), device=device, rng=9)
    assert x.value.dtype == kind
    here = tla.solve(A.astype(dtype), b.astype(dtype), device=device, rng=9)
    size = np.abs(here.value).max()
    # what rounding leaves in a covariance with no width has the square root of that as its width
    error = np.finfo(dtype).eps ** 0.5 * size
    np.testing.assert_allclose(np.asarray(x.value), here.value, rtol=0, atol=error)
