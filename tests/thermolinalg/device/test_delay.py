"""Couplings that act late: against the closed form, the spectrum, and the equation of its rates."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad_vec

import thermolinalg as tla
from tests.thermolinalg.device.runs import dressed, positions, settled
from tests.thermolinalg.simulation.steps import law_of, order
from tests.thermolinalg.simulation.steps import settled as at_rest
from thermolinalg import testing
from thermolinalg.device.circuit import RLC, MassSpring
from thermolinalg.device.delay import TransportDelay
from thermolinalg.device.machine import Device
from thermolinalg.device.noise import HeldNoise
from thermolinalg.errors import DoesNotFit
from thermolinalg.simulation.clocked import Clockwork
from thermolinalg.theory import clocked
from thermolinalg.theory.clocked import Clocked
from thermolinalg.theory.delayed import delayed_rates, delayed_variance
from thermolinalg.theory.process import OU

A = np.array([[0.9, 0.3, 0.0], [0.3, 0.6, -0.2], [0.0, -0.2, 0.4]])
STILL = tla.overdamped(A, np.zeros(3))
RATES, VECTORS = np.linalg.eigh(A)


def rest(process):
    """The covariance of the network at rest in its simulation, by its own recursion."""
    E, _, C = law_of(Clockwork().prepare(process, process.clock), process.n)
    n = process.network.n
    return at_rest(E, C)[:n, :n]


def spectral(A, D, delay):
    """∫ H D H* dω/2π, H = (iω + A e^{-iω delay})⁻¹, less what is known without a delay."""
    one, n = np.eye(len(A)), len(A)

    def difference(w):
        late, now = (
            np.linalg.inv(1j * w * one + A * turn) for turn in (np.exp(-1j * w * delay), 1.0)
        )
        return (late @ D @ late.conj().T - now @ D @ now.conj().T).real.reshape(-1)

    parts = [quad_vec(difference, a, b, epsabs=1e-9)[0] for a, b in ((0, 5), (5, 40), (40, 4000))]
    return scipy.linalg.solve_continuous_lyapunov(A, D) + sum(parts).reshape(n, n) / np.pi


@given(turns=st.floats(1e-3, 1.5))
def test_steps_err_by_less_than_their_share_of_what_a_delay_does(turns):
    process = TransportDelay(turns).dress(OU(np.eye(1), np.zeros(1), np.eye(1)))
    truth = delayed_variance(np.ones(1), turns)[0]
    assert abs(rest(process)[0, 0] - truth) <= clocked.SHARE * (truth - 0.5)


def test_steps_are_of_second_order(monkeypatch):
    truth, errors, steps = delayed_variance(np.ones(1), 0.9)[0], [], []
    for share in (1e-2, 1e-3, 1e-4):
        monkeypatch.setattr(clocked, "SHARE", share)
        process = TransportDelay(0.9).dress(OU(np.eye(1), np.zeros(1), np.eye(1)))
        steps.append(process.step)
        errors.append(abs(rest(process)[0, 0] - truth))
    assert order(steps, errors) == pytest.approx(2.0, abs=0.1)


def test_the_closed_form_is_that_of_the_spectrum():
    for turns in (0.1, 1.2):
        found = spectral(np.eye(1), np.eye(1), turns)[0, 0]
        assert found == pytest.approx(delayed_variance(np.ones(1), turns)[0], rel=1e-4)


@pytest.mark.parametrize(
    ("A", "D"),
    [
        ([[1.0, -0.8], [0.9, 0.5]], [[1.0, 0.3], [0.3, 2.0]]),
        ([[0.8, 0.0, 0.1], [0.5, 0.4, 0.0], [0.0, 0.2, 0.6]], np.diag([1.0, 0.1, 2.0])),
        ([[1.0, 0.3], [0.3, 0.5]], np.diag([0.2, 2.0])),
    ],
)
def test_any_drift_may_act_late(A, D):
    A, D = np.asarray(A), np.asarray(D)
    for delay in (0.1, 0.4):
        process = TransportDelay(delay).dress(OU(A, np.zeros(len(A)), D))
        truth = spectral(A, D, delay)
        effect = np.abs(truth - scipy.linalg.solve_continuous_lyapunov(A, D)).max()
        assert process.modes is None
        assert np.abs(rest(process) - truth).max() <= 2 * clocked.SHARE * effect


@pytest.mark.parametrize("circuit", [MassSpring(1.5), RLC()])
def test_circuits_of_second_order(circuit):
    process = dressed(TransportDelay(0.02), circuit=circuit).realised(STILL).process
    network = process.network
    truth = spectral(network.A, network.D, 0.02)
    effect = np.abs(truth - scipy.linalg.solve_continuous_lyapunov(network.A, network.D)).max()
    assert process.modes.parts == 2
    assert np.abs(rest(process) - truth).max() <= 2 * clocked.SHARE * effect


@pytest.mark.parametrize("delay", [0.1, 0.5, 1.2])
def test_the_covariance_on_a_device(delay):
    run = settled(dressed(TransportDelay(delay)), STILL, 20_000, 80.0, seed=1)
    truth = 2 * (VECTORS * delayed_variance(RATES, delay)) @ VECTORS.T
    testing.assert_covariance_matches(positions(run, 3), truth)


@settings(max_examples=20)
@given(rate=st.floats(0.05, 1.0), turns=st.floats(0.01, 1.5), angle=st.floats(-1.0, 1.0))
def test_rates_solve_their_equation_and_none_is_slower(rate, turns, angle):
    """Exponents s obey s + a e^{-s delay} = 0; none has a real part above the one that is told."""
    a, delay = rate * np.exp(1j * angle), turns / rate
    top = -delayed_rates(np.array([a]), delay)[0]

    def winding(real):
        """How many exponents lie right of a line, by the argument principle."""
        span = 40 * (1 + abs(a) * np.exp(-real * delay))
        y = np.linspace(-span, span, 20_001)
        s = real + 1j * y
        left = np.unwrap(np.angle(s + a * np.exp(-s * delay)))
        return round((np.pi - (left[-1] - left[0])) / (2 * np.pi))

    gap = 1e-3 * rate
    assert winding(top + gap) == 0
    assert winding(top - gap) >= 1


@pytest.mark.parametrize("turns", [0.2, 0.8, 1.3])
def test_the_simulation_forgets_at_that_rate(turns):
    process = TransportDelay(turns).dress(OU(np.eye(1), np.zeros(1), np.eye(1)))
    E = law_of(Clockwork().prepare(process, process.clock), process.n)[0]
    found = -np.log(np.abs(np.linalg.eigvals(E)).max()) / process.clock
    delayed = delayed_rates(np.ones(1), turns)[0]
    assert found == pytest.approx(delayed, rel=0.01)
    assert process.slowest == min(delayed, 1.0)


def test_before_the_start_all_was_as_at_the_start():
    """For the time of a delay the pull is that of the first state: a straight line."""
    noiseless, start, delay = OU(A, np.ones(3), np.zeros((3, 3))), np.array([1.0, -2.0, 0.5]), 0.4
    run = settled(dressed(TransportDelay(delay)), noiseless, 2, delay, seed=0, start=start)
    line = start + delay * (1 - A @ start)
    np.testing.assert_allclose(positions(run, 3), np.tile(line, (2, 1)), rtol=1e-12)
    later = settled(dressed(TransportDelay(delay)), noiseless, 2, 200.0, seed=0, start=start)
    np.testing.assert_allclose(positions(later, 3)[0], np.linalg.solve(A, np.ones(3)), rtol=1e-9)


@pytest.mark.parametrize("tick", [0.0, 0.1])
def test_averages_of_what_acts_late(tick):
    """Over a long window they tend to the answer, with the spectrum's variance at ω = 0."""
    drive, window = np.array([1.0, -0.5, 0.2]), 400.0
    process = tla.overdamped(A, drive)
    device = dressed(TransportDelay(0.5), HeldNoise(tick))
    run = settled(device, process, 4000, 60.0, seed=2)
    values, _ = device.measure(run, tla.TimeAverage(), window, 1, np.random.default_rng(3))
    inverse = np.linalg.inv(A)
    x = values[0] - inverse @ drive
    spread = 2 * inverse @ inverse / window  # a delay changes nothing that is slow
    testing.assert_mean_matches(x, 0.0, 1.2 * spread)
    ratio = (x**2).mean(axis=0) / np.diag(spread)
    # ends of the window take away of the order of a relaxation of the slowest mode
    assert ((ratio > 1 - 2 / (RATES[0] * window) - 0.12) & (ratio < 1.12)).all()


@pytest.mark.parametrize("tick", [0.05, 0.7])
def test_held_noise_into_late_couplings(tick):
    """A recursion in finer steps that interpolates the past: another discretisation."""
    delay, cuts = 0.6, max(4, round(tick / 0.01))
    process = TransportDelay(delay).dress(HeldNoise(tick).dress(OU(np.eye(1), [0.0], np.eye(1))))
    dt = tick / cuts
    back = delay / dt
    past = int(back) + 2
    E = np.eye(past + 1, k=-1)
    E[0, :] = 0
    E[0, 0] = 1
    low, share = int(back), back - int(back)
    for k, weight in ((low - 1, (1 - share) / 2), (low, 0.5), (low + 1, share / 2)):
        E[0, k] -= dt * weight  # x at both ends of the step that lies a delay back
    push = np.zeros(past + 1)
    push[0] = dt
    G = sum(np.linalg.matrix_power(E, k) @ push for k in range(cuts))
    whole = np.linalg.matrix_power(E, cuts)
    S = scipy.linalg.solve_discrete_lyapunov(whole, np.outer(G, G) / tick)
    without = HeldNoise(tick).dress(OU(np.eye(1), [0.0], np.eye(1)))
    effect = S[0, 0] - rest(without)[0, 0]
    assert rest(process)[0, 0] == pytest.approx(S[0, 0], abs=0.02 * effect)


def test_where_nothing_settles():
    """|a| delay < pi/2 - |arg a| and no further; the message says what it is."""
    one = OU([[1.0]], [0.0], [[1.0]])
    TransportDelay(1.57).dress(one)
    with pytest.raises(DoesNotFit, match=r"the rate 1 times it is 1\.6, and .* below 1\.571"):
        TransportDelay(1.6).dress(one)
    whirl = OU([[1.0, -2.0], [2.0, 1.0]], np.zeros(2), np.eye(2))
    allowed = (np.pi / 2 - np.arctan(2)) / np.sqrt(5)
    process = TransportDelay(0.9 * allowed).dress(whirl)
    E = law_of(Clockwork().prepare(process, process.clock), process.n)[0]
    assert np.abs(np.linalg.eigvals(E)).max() < 1
    with pytest.raises(DoesNotFit, match="makes this network unstable"):
        TransportDelay(1.01 * allowed).dress(whirl)
    with pytest.raises(DoesNotFit, match="room for 4096"):
        TransportDelay(0.9).dress(HeldNoise(1e-5).dress(one))


@settings(max_examples=6)
@given(process=testing.ou_processes(3, reversible=True, condition=10.0), share=st.floats(0.01, 0.6))
def test_modes_and_matrices_have_one_law(process, share):
    """What symmetric networks do in modes is what any network does by its whole matrix."""
    delay = share * np.pi / 2 / process.fastest
    modes = Clocked(process, delay=delay, late=process.A)
    n, D = process.n, np.zeros((process.n + 1, process.n + 1))
    D[:n, :n] = process.D  # a still coordinate: no noise, and so no detailed balance
    drift = np.zeros_like(D)
    drift[:n, :n], drift[n, n] = process.A, process.fastest
    drift[:n, n] = 1e-3  # which drives the others, by nothing
    wider = OU(drift, np.append(process.b, 0.0), D)
    matrix = Clocked(wider, delay=delay, late=wider.A)
    assert modes.modes is not None
    assert matrix.modes is None
    size = np.abs(rest(modes)).max()
    np.testing.assert_allclose(rest(matrix)[:n, :n], rest(modes), atol=1e-8 * size)


def test_solves_and_inverts_on_a_device_with_a_delay():
    device, b = Device(dressings=(TransportDelay(0.4),)), np.array([1.0, -0.5, 0.2])
    testing.assert_agrees(tla.solve(A, b, rtol=0.02, device=device, rng=4), np.linalg.solve(A, b))
    size = STILL.fastest  # in the device's units the fastest rate is 1
    rates = RATES / size
    truth = 2 * (VECTORS * delayed_variance(rates, 0.4)) @ VECTORS.T / size
    testing.assert_agrees(tla.inv(A, rtol=0.03, device=device, rng=5), truth)
