"""The device's answer against e^{-At} and Lyapunov's equation on the matrix formed by autograd."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tngd.oracles import (
    LOSSES,
    Dense,
    Rows,
    assert_within,
    random_rows,
    relaxation_error,
    relaxed,
    solve_error,
    solved,
)
from thermolinalg.errors import InvalidInput, UnstableStep
from thermolinalg.testing import assert_covariance_matches, assert_mean_matches
from tngd.curvature.ggn import GGN
from tngd.linsolve.relaxation import Circuit, EulerRelaxation, ExactRelaxation
from tngd.linsolve.thermodynamic import Thermodynamic
from tngd.linsolve.woodbury import Woodbury

EPS = np.finfo(float).eps
STARTS = ("gradient", "zero", "carried")

dampings = st.floats(-3, 1).map(lambda power: 10.0**power)
times = st.one_of(st.just(0.0), st.floats(-3, 2).map(lambda power: 10.0**power))
starts = st.sampled_from(STARTS)
over_networks = given(
    widths=st.lists(st.integers(2, 4), min_size=2, max_size=3),
    loss=st.sampled_from(sorted(LOSSES)),
    b=st.integers(1, 4),
    damping=dampings,
    time=times,
    start=starts,
)


def answer(solver, curvature, damping, g, memory=None, rng=None):
    return solver.solve(curvature, damping, g, memory, rng or np.random.default_rng(0))


def first_state(start, g, carried):
    return {"gradient": g, "zero": np.zeros_like(g), "carried": carried}[start]


class UnitNoise:
    """Its "normals" are the i-th unit vector, which shows the noise one column at a time."""

    def __init__(self, i):
        self.i = i

    def standard_normal(self, shape, dtype):
        (n,) = shape
        return np.eye(n, dtype=dtype)[self.i]


# the mean


@over_networks
def test_the_mean_at_any_time(widths, loss, b, damping, time, start):
    at = Dense(widths, loss, b=b)
    carried = at.normals()
    x = answer(
        Thermodynamic(time=time, start=start),
        GGN().at(at.objective),
        damping,
        at.objective.gradient,
        carried,
    )
    x0 = first_state(start, at.gradient, carried)
    truth, _ = relaxed(at.G, damping, at.gradient, x0, time)
    size = at.size**2 * np.eye(1)
    assert_within(
        x.value,
        truth,
        relaxation_error(size, damping, at.gradient, x0, time, terms=at.terms),
    )


@given(
    q=st.integers(1, 10),
    p=st.integers(1, 14),
    rank=st.integers(0, 10),
    damping=dampings,
    time=times,
    start=starts,
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_the_mean_for_any_curvature(q, p, rank, damping, time, start, dtype):
    S = random_rows(q, p, rank=min(q, p, rank), dtype=dtype)
    g, carried = np.random.default_rng([q, p]).standard_normal((2, p)).astype(dtype)
    x = answer(Thermodynamic(time=time, start=start), Rows(S), damping, g, carried)
    assert x.value.dtype == dtype
    C, x0 = S.T.astype(float) @ S, first_state(start, g, carried)
    truth, _ = relaxed(C, damping, g, x0, time)
    bound = relaxation_error(C, damping, g, x0, time, terms=20 * (q + p), dtype=dtype)
    assert_within(x.value, truth, bound)


def test_time_zero_gives_the_gradient_itself():
    at = Dense([3, 4, 3], dtype=np.float32, activation="ReLU")
    curvature, g = GGN().at(at.objective), at.objective.gradient
    for noise in (0.0, 1.0):
        for relaxation in (ExactRelaxation(), EulerRelaxation()):
            solver = Thermodynamic(time=0.0, noise=noise, relaxation=relaxation)
            assert answer(solver, curvature, 0.1, g).value.tobytes() == g.tobytes()


def test_time_zero_from_zero_gives_no_step():
    at = Dense([3, 4, 3])
    x = answer(
        Thermodynamic(time=0.0, start="zero"), GGN().at(at.objective), 0.1, at.objective.gradient
    )
    assert not x.value.any()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("damping", [1e-3, 0.1, 10.0])
def test_a_long_time_gives_the_natural_gradient(start, damping):
    at = Dense([3, 4, 3], b=6)
    curvature, g = GGN().at(at.objective), at.objective.gradient
    x = answer(Thermodynamic(time=1e6 / damping, start=start), curvature, damping, g, at.normals())
    ngd = answer(Woodbury(), curvature, damping, g).value
    assert_within(x.value, ngd, 1e-5 * np.linalg.norm(ngd))
    bound = solve_error(at.size**2 * np.eye(1), damping, g, terms=at.terms)
    assert_within(x.value, solved(at.G, damping, at.gradient), bound)


def gain_in_many_digits(mu, damping, t):
    """What a mode of curvature μ makes of its gradient, which is also its first state."""
    with mpmath.workdps(50):
        a = mpmath.mpf(mu) + mpmath.mpf(damping)
        return float(mpmath.exp(-a * t) - mpmath.expm1(-a * mpmath.mpf(t)) / a)


powers = st.floats(-8, 8).map(lambda power: 10.0**power)


@given(mu=st.one_of(st.just(0.0), powers), damping=powers, t=powers)
def test_stiff_and_flat_modes(mu, damping, t):
    """One mode beside a flat one; the answer of each is known to its own gain plus that of the
    flat one, from which it is subtracted."""
    curvature = Rows(np.array([[math.sqrt(mu), 0.0]]))
    x = answer(Thermodynamic(time=t), curvature, damping, np.array([1.0, 1.0])).value
    truth = [gain_in_many_digits(rate, damping, t) for rate in (curvature.gram[0, 0], 0.0)]
    np.testing.assert_allclose(x, truth, rtol=0, atol=40 * EPS * truth[1])


@pytest.mark.parametrize(("t", "gain"), [(5, 5.8), (10, 10.4), (20, 18.9), (50, 40.0)])
def test_gain_of_flat_modes_under_the_damping_of_the_paper(t, gain):
    """(1 - e^{-λt})/λ + e^{-λt}, for λ = 0.01."""
    x = answer(Thermodynamic(time=t), Rows(np.zeros((1, 3))), 0.01, np.ones(3)).value
    np.testing.assert_allclose(x, (1 - math.exp(-0.01 * t)) / 0.01 + math.exp(-0.01 * t))
    np.testing.assert_allclose(x, gain, atol=0.05)


# the state that is carried


@given(
    steps=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    damping=dampings,
    time=st.floats(0.01, 5),
    delay=st.one_of(st.just(0.0), st.floats(0.01, 5)),
)
def test_the_carried_state_follows_one_problem_after_another(steps, damping, time, delay):
    """Under each problem for `time`, is read, and goes on under it for `delay`."""
    solver = Thermodynamic(time=time, start="carried", delay=delay)
    memory = state = None
    bound, p = 0.0, 9
    for seed in steps:
        S = random_rows(5, p, seed=seed)
        C, g = S.T @ S, np.random.default_rng(seed).standard_normal(p)
        state = g if state is None else state
        x = answer(solver, Rows(S), damping, g, memory)
        read, _ = relaxed(C, damping, g, state, time)
        # every later step shrinks the errors of those before
        bound += relaxation_error(C, damping, g, state, time, terms=20 * 14)
        assert_within(x.value, read, bound)
        state, _ = relaxed(C, damping, g, read, delay) if delay else (read, None)
        bound += relaxation_error(C, damping, g, read, delay, terms=20 * 14) if delay else 0.0
        memory = x.memory
        assert_within(memory, state, bound)


@pytest.mark.parametrize("start", ["gradient", "zero"])
def test_after_a_reset_nothing_is_remembered(start):
    S, g = random_rows(3, 5), np.ones(5)
    assert answer(Thermodynamic(start=start), Rows(S), 0.1, g).memory is None


def test_a_carried_state_remembers_most_where_it_is_flat():
    """A mode of curvature μ keeps e^{-(μ + λ)t} of its past: momentum of that strength."""
    curvature, past = Rows(np.diag([0.0, 0.5, 1.0])), np.ones(3)
    solver = Thermodynamic(time=5.0, start="carried")
    kept = answer(solver, curvature, 0.01, np.zeros(3), past).value
    truth = np.exp(-5 * (np.array([0, 0.25, 1]) + 0.01))
    np.testing.assert_allclose(kept, truth, rtol=0, atol=100 * EPS)


# noise


@given(damping=dampings, time=times.filter(bool), noise=st.sampled_from([1e-6, 1.0]))
def test_the_law_of_the_noise(damping, time, noise):
    """x - mean = M z for standard normal z, and MM' = κ (1 - e^{-2At})A⁻¹, column by column."""
    at = Dense([2, 3, 2], b=3)
    curvature, g = GGN().at(at.objective), np.zeros(at.p)
    solver = Thermodynamic(time=time, start="zero", noise=noise)
    M = np.stack(
        [answer(solver, curvature, damping, g, rng=UnitNoise(i)).value for i in range(at.p)]
    )
    _, cov = relaxed(at.G, damping, g, g, time, noise)
    # M is the square root of cov as a function of the curvature; eps |C| moves cov by its slope
    largest = noise * min(2 * time, 1 / damping)
    slope = noise * min(2 * time**2, damping**-2)
    error = at.terms * EPS * (largest + at.size**2 * slope) * at.p
    oracle = at.terms * EPS * noise / damping * (1 + (at.size**2 + damping) * time)
    assert_within(M @ M.T, cov, error + oracle)


@pytest.mark.parametrize("relaxation", [ExactRelaxation(), EulerRelaxation(0.01)], ids=repr)
def test_samples_have_the_law_of_the_process(relaxation):
    """False alarm 1e-6 for each assertion; Euler's covariance is that of its own recursion."""
    rng, draws, noise, t, damping = np.random.default_rng(5), 1500, 0.3, 0.5, 0.2
    S = random_rows(3, 5)
    C, g = S.T @ S, rng.standard_normal(5)
    solver = Thermodynamic(time=t, noise=noise, relaxation=relaxation)
    samples = [answer(solver, Rows(S), damping, g, rng=rng).value for _ in range(draws)]
    if isinstance(relaxation, ExactRelaxation):
        mean, cov = relaxed(C, damping, g, g, t, noise)
    else:
        mean, cov = euler_law(C, damping, g, g, 50, 0.01, noise)
    assert_mean_matches(samples, mean, cov)
    assert_covariance_matches(samples, cov, mean=mean)


def test_noise_repeats_with_its_seed():
    S, g = random_rows(3, 5), np.ones(5)
    solver = Thermodynamic(noise=0.1)
    once, again, other = (
        answer(solver, Rows(S), 0.1, g, rng=np.random.default_rng(seed)).value for seed in (1, 1, 2)
    )
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


# Euler-Maruyama


def euler_law(C, damping, g, x0, steps, dt, noise=0.0):
    """The moments of the recursion x <- x - dt (A x - g) + sqrt(2 κ dt) z."""
    A = C + damping * np.eye(len(C))
    mean, cov, E = x0.astype(float), np.zeros_like(A), np.eye(len(A)) - dt * A
    for _ in range(steps):
        mean, cov = mean - dt * (A @ mean - g), E @ cov @ E + 2 * noise * dt * np.eye(len(A))
    return mean, cov


def by_euler(curvature, damping, g, t, step):
    solver = Thermodynamic(time=t, relaxation=EulerRelaxation(step))
    return answer(solver, curvature, damping, g).value


def test_euler_is_its_recursion():
    at = Dense([3, 4, 3])
    x = by_euler(GGN().at(at.objective), 0.1, at.objective.gradient, 1.0, 0.02)
    truth, _ = euler_law(at.G, 0.1, at.gradient, at.gradient, 50, 0.02)
    bound = relaxation_error(at.G, 0.1, at.gradient, at.gradient, 1.0, terms=50 * at.terms)
    assert_within(x, truth, bound)


def test_euler_steps_fill_the_time():
    """A step that does not divide the time is shortened until it does."""
    curvature, g = Rows(np.zeros((1, 1))), np.ones(1)
    truth, _ = euler_law(np.zeros((1, 1)), 0.5, g, g, 3, 1.0 / 3)
    np.testing.assert_allclose(by_euler(curvature, 0.5, g, 1.0, 0.4), truth, rtol=100 * EPS)


def test_euler_converges_at_first_order():
    """|error| = c dt (1 + r), with r below a dt (2/3 + a t/4) for the fastest rate a: with
    a t = 2 and a dt <= 1/16 each slope of log(error) is within log2(1 + r) < 0.11 of 1, and the
    more so the shorter the step."""
    S = random_rows(6, 9)
    curvature, g = Rows(S), np.random.default_rng(1).standard_normal(9)
    fastest = np.linalg.norm(S, 2) ** 2 + 0.1
    t = 2 / fastest
    truth, _ = relaxed(S.T @ S, 0.1, g, g, t)
    counts = [32, 64, 128, 256, 512]
    errors = [np.linalg.norm(by_euler(curvature, 0.1, g, t, t / n) - truth) for n in counts]
    slopes = np.log2(np.array(errors[:-1]) / errors[1:])
    allowed = np.log2(1 + (2 / 3 + 2 / 4) * 2 / np.array(counts[:-1]))
    assert np.all(np.abs(slopes - 1) <= allowed), slopes


@pytest.mark.parametrize(("share", "stable"), [(0.9, True), (1.1, False)])
def test_euler_refuses_steps_that_diverge(share, stable):
    S = random_rows(6, 9)
    limit = 2 / (np.linalg.norm(S, 2) ** 2 + 0.1)
    g = np.random.default_rng(1).standard_normal(9)
    if stable:
        assert np.isfinite(by_euler(Rows(S), 0.1, g, 1000 * limit, share * limit)).all()
    else:
        with pytest.raises(UnstableStep, match="ExactRelaxation"):
            by_euler(Rows(S), 0.1, g, 1000 * limit, share * limit)


def test_the_sign_that_is_printed_in_the_paper_diverges():
    """Equation 25 has + dt (G g - grad), and no damping: it runs away; ours arrives."""
    S, t, dt, damping = random_rows(6, 9), 50.0, 0.1, 0.1
    C, g = S.T @ S, np.random.default_rng(1).standard_normal(9)
    printed = g
    for _ in range(round(t / dt)):
        printed = printed + dt * (C @ printed - g)
    answer_wanted = solved(C, damping, g)
    ours = by_euler(Rows(S), damping, g, t, dt)
    assert np.linalg.norm(printed) > 1e20 * np.linalg.norm(answer_wanted)
    # e^{-λt} of the way is left at most, however flat the mode
    left = math.exp(-damping * t) * np.linalg.norm(g - answer_wanted)
    assert_within(ours, answer_wanted, left)


# cost and misuse


class Sized(Rows):
    """What one upload of the paper's example holds: b = 32 samples, c = 20 outputs."""

    samples, outputs = 32, 20


@pytest.mark.parametrize(("parameters", "upload"), [(10**4, "4.2 ms"), (10**5, "41 ms")])
def test_device_seconds_are_those_of_the_paper(parameters, upload):
    """Resistors bc (bc + 2N), 16 bits each over 50 Gb/s; RC = 1 us."""
    g = np.zeros(parameters, np.float32)
    cost = answer(Thermodynamic(time=50.0), Sized(np.zeros((1, parameters))), 0.1, g).cost
    numbers = 640 * (640 + 2 * parameters)
    vectors = 2 * parameters
    seconds = (numbers + vectors) * 16 / 50e9
    assert cost.analog_time == 50.0
    assert cost.device_seconds == pytest.approx(seconds + 50e-6, rel=10 * EPS)
    assert f"{1e3 * (cost.device_seconds - 50e-6):.2g} ms" == upload


def test_the_delay_is_device_time():
    solver = Thermodynamic(time=3.0, start="carried", delay=2.0)
    assert answer(solver, Rows(np.zeros((1, 2))), 0.1, np.ones(2)).cost.analog_time == 5.0


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"time": -1.0}, "time"),
        ({"time": math.inf}, "time"),
        ({"noise": -1e-9}, "noise"),
        ({"delay": -1.0}, "delay"),
        ({"start": "random"}, "'gradient', 'zero' or 'carried'"),
        ({"delay": 1.0}, "start='carried'"),
        ({"delay": 1.0, "start": "zero"}, "start='carried'"),
    ],
    ids=str,
)
def test_knobs_that_cannot_be(knobs, words):
    with pytest.raises(InvalidInput, match=words):
        Thermodynamic(**knobs)


@pytest.mark.parametrize("step", [0.0, -0.1, math.nan, "fast"])
def test_euler_steps_that_cannot_be(step):
    with pytest.raises(InvalidInput, match="step"):
        EulerRelaxation(step)


def test_torch_stays_torch():
    torch = pytest.importorskip("torch")
    S, g = random_rows(3, 5), np.ones(5)
    for relaxation in (ExactRelaxation(), EulerRelaxation()):
        truth, theirs = (
            relaxation.relax(
                Circuit(Rows(convert(S)), 0.1, convert(g), 0.1),
                convert(0 * g),
                2.0,
                np.random.default_rng(3),
            )
            for convert in (np.asarray, torch.from_numpy)
        )
        assert isinstance(theirs, torch.Tensor)
        assert_within(theirs.numpy(), truth, 1000 * EPS * np.linalg.norm(truth))


@pytest.mark.parametrize("t", [0.0, 0.3, 20.0])
@pytest.mark.parametrize("relaxation", [ExactRelaxation(), EulerRelaxation()], ids=repr)
def test_no_state_is_the_gradient(relaxation, t):
    circuit = Circuit(Rows(random_rows(3, 5)), 0.1, np.arange(1.0, 6.0), 0.1)
    unsaid, said = (
        relaxation.relax(circuit, x, t, np.random.default_rng(3))
        for x in (None, np.arange(1.0, 6.0))
    )
    assert_within(unsaid, said, 1000 * EPS * np.linalg.norm(said))
