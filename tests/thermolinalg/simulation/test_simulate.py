"""Trajectories: their law, their times, their seeds, where they start and on which library."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests import oracles
from tests.thermolinalg.cases import PROCESSES, SEEDS
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch
from thermolinalg.simulation import walk
from thermolinalg.simulation.choice import INTEGRATORS

CHAINS = 20_000
LINEAR = ("symmetric", "exact", "euler")
RUNS = [
    (integrator, name)
    for integrator in ("auto", *LINEAR)
    for name, process in PROCESSES.items()
    if integrator == "auto" or INTEGRATORS[integrator].refusal(process) is None
]
SHEAR = PROCESSES["shear"]


@pytest.mark.parametrize(("integrator", "name"), RUNS)
def test_the_law_after_irregular_steps(integrator, name):
    process = PROCESSES[name]
    unit = 0.1 / np.linalg.norm(process.A)
    times = np.array([5.0, 6.0, 6.5, 9.0, 9.25]) * unit
    x0 = np.linspace(-1.0, 2.0, process.n)
    run = tla.simulate(process, times, x0=x0, chains=CHAINS, rng=1, integrator=integrator)
    np.testing.assert_array_equal(run.states[:, 0], np.broadcast_to(x0, (CHAINS, process.n)))
    mean, cov = x0, np.zeros((process.n, process.n))
    for k, dt in enumerate(np.diff(times), start=1):
        if integrator == "euler":
            E = np.eye(process.n) - dt * process.A
            shift, C = dt * process.b, dt * process.D
        else:
            E, shift, C = oracles.law_by_ode(process.A, process.b, process.D, dt)
        mean, cov = E @ mean + shift, E @ cov @ E.T + C
        testing.assert_mean_matches(run.states[:, k], mean, cov)
        testing.assert_covariance_matches(run.states[:, k], cov, mean=mean)


@pytest.mark.parametrize("name", PROCESSES)
def test_equilibrium_stays_equilibrium(name):
    """A run that starts at rest is at rest ever after, and forgets as e^{-At}."""
    process = PROCESSES[name]
    rest = tla.stationary(process)
    t = 0.5 / process.fastest
    x = tla.simulate(process, [0.0, t], x0=rest, chains=CHAINS, rng=2).states - rest.mean
    E = oracles.law_by_ode(process.A, process.b, process.D, t).E
    joint = np.block([[rest.cov, rest.cov @ E.T], [E @ rest.cov, rest.cov]])
    testing.assert_covariance_matches(x.reshape(CHAINS, -1), joint)


def test_euler_settles_too_wide_by_the_known_factor():
    a, dt = 2.0, 0.6
    process = tla.overdamped([[a]], [1.0])
    times = dt * np.arange(101)
    x = tla.simulate(process, times, chains=CHAINS, rng=3, integrator="euler").states[:, -1]
    wide = np.array([[1 / a * 2 / (2 - dt * a)]])
    testing.assert_mean_matches(x, [1 / a], wide)
    testing.assert_covariance_matches(x, wide, mean=1 / a)
    with pytest.raises(AssertionError):
        testing.assert_covariance_matches(x, np.array([[1 / a]]), mean=1 / a)


def test_chains_with_drives_of_their_own():
    A, D = np.array([[1.0, 1.5], [0.0, 1.2]]), np.eye(2)
    drives = np.repeat([[1.0, 0.0], [0.0, -3.0]], CHAINS, axis=0)
    x = tla.simulate(tla.OU(A, drives, D), [0.0, 0.7], chains=2 * CHAINS, rng=4).states[:, 1]
    for half, drive in zip(np.split(x, 2), drives[[0, -1]], strict=True):
        _, shift, C = oracles.law_by_ode(A, drive, D, 0.7)
        testing.assert_mean_matches(half, shift, C)
        testing.assert_covariance_matches(half, C, mean=shift)


@pytest.mark.parametrize("integrator", LINEAR)
def test_without_noise_there_is_no_chance(integrator):
    process = tla.overdamped([[2.0, 1.0], [1.0, 2.0]], [1.0, 0.0], temperature=0.0)
    if integrator == "symmetric":
        assert process.modes is None
        return
    one, other = (tla.simulate(process, [0, 0.1, 0.3], rng=seed, integrator=integrator).states
                  for seed in (0, 1))  # fmt: skip
    np.testing.assert_array_equal(one, other)
    if integrator == "exact":
        shift = oracles.law_by_ode(process.A, process.b, process.D, 0.3).shift
        np.testing.assert_allclose(one[0, -1], shift, rtol=1e-13)


@pytest.mark.parametrize("name", ["shear", "reversible", "one noise for all"])
@pytest.mark.parametrize("block", [1, 7, 64])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_blocks_leave_no_trace(name, block, dtype, monkeypatch):
    process = PROCESSES[name]
    process = tla.OU(process.A.astype(dtype), process.b, process.D)
    times = np.cumsum([0.1, 0.1, 0.1, 0.2, 0.1, 0.1, 0.3, 0.3, 0.3, 0.1])
    whole = tla.simulate(process, times, chains=3, rng=5).states
    monkeypatch.setattr(walk, "BLOCK", block)
    parts = tla.simulate(process, times, chains=3, rng=5).states
    tolerance = 16 * np.finfo(dtype).eps  # the shape of a matrix product decides its rounding
    np.testing.assert_allclose(parts, whole, rtol=tolerance, atol=tolerance)


def test_rounding_in_the_times_prepares_no_step_twice(monkeypatch):
    prepared = []
    kind = type(INTEGRATORS["exact"])
    prepare = kind.prepare
    monkeypatch.setattr(kind, "prepare", lambda self, *a: prepared.append(a) or prepare(self, *a))
    tla.simulate(SHEAR, np.linspace(0.0, 10.0, 1001), rng=0)
    assert len(prepared) == 1


@given(process=testing.ou_processes(), seed=SEEDS)
def test_a_seed_repeats_the_run_bit_for_bit(process, seed):
    one, other = (tla.simulate(process, [0, 0.1, 1.0], chains=2, rng=seed) for _ in range(2))
    np.testing.assert_array_equal(one.states, other.states)
    assert one.seed == other.seed == seed


def test_no_seed_is_fresh_entropy_and_is_recorded():
    one, other = (tla.simulate(SHEAR, [0.0, 1.0]) for _ in range(2))
    assert one.seed != other.seed
    assert (one.states[:, 1] != other.states[:, 1]).all()
    again = tla.simulate(SHEAR, [0.0, 1.0], rng=one.seed)
    np.testing.assert_array_equal(again.states, one.states)


def test_generators_are_advanced_and_seed_sequences_are_not():
    generator, sequence = np.random.default_rng(0), np.random.SeedSequence(0)
    seeds = [tla.simulate(SHEAR, [0.0, 1.0], rng=generator).seed for _ in range(2)]
    assert seeds[0] != seeds[1]
    seeds = [tla.simulate(SHEAR, [0.0, 1.0], rng=sequence).seed for _ in range(2)]
    assert seeds[0] == seeds[1]
    assert tla.simulate(SHEAR, [0.0, 1.0], rng=np.int64(3)).seed == 3


@pytest.mark.parametrize(
    ("x0", "start"),
    [
        (None, np.zeros((3, 2))),
        ([1, 2], np.broadcast_to([1.0, 2.0], (3, 2))),
        (np.arange(6).reshape(3, 2), np.arange(6.0).reshape(3, 2)),
    ],
)
def test_where_chains_start(x0, start):
    run = tla.simulate(SHEAR, [0.0, 1.0], x0=x0, chains=3, rng=0)
    np.testing.assert_array_equal(run.states[:, 0], start)
    assert run.states.shape == (3, 2, 2)


def test_a_start_is_not_written_to():
    x0 = np.ones((3, 2))
    tla.simulate(SHEAR, [0.0, 1.0, 2.0], x0=x0, chains=3, rng=0)
    np.testing.assert_array_equal(x0, 1.0)


def test_a_single_time_is_the_start():
    run = tla.simulate(SHEAR, [3.0], x0=[1.0, 2.0], rng=0)
    np.testing.assert_array_equal(run.states, [[[1.0, 2.0]]])
    np.testing.assert_array_equal(run.times, [3.0])
    assert run.integrator == "exact"


@pytest.mark.parametrize("integrator", ["auto", "exact", "euler"])
def test_single_precision_is_kept(integrator):
    for name in ("shear", "reversible"):
        process = PROCESSES[name]
        single = tla.OU(process.A.astype(np.float32), process.b, process.D)
        run = tla.simulate(single, [0.0, 0.1], chains=2, rng=0, integrator=integrator)
        assert run.states.dtype == run.times.dtype == np.float32
        assert tla.transition(single, 0.1).C.dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "knobs", "error", "message"),
    [
        ([[]], {}, ShapeMismatch, "times has shape"),
        ([1.0], {}, ShapeMismatch, "times has shape"),
        ([[[0, 1]]], {}, ShapeMismatch, "times has shape"),
        ([[0, 0]], {}, InvalidInput, "times must increase"),
        ([[1, 0]], {}, InvalidInput, "times must increase"),
        ([[0, np.nan]], {}, NotFinite, "times holds 1 NaN"),
        ([[0, 1]], {"chains": 0}, InvalidInput, "chains = 0"),
        ([[0, 1]], {"chains": 1.5}, InvalidInput, "chains = 1.5"),
        ([[0, 1]], {"chains": True}, InvalidInput, "chains = True"),
        ([[0, 1]], {"x0": np.ones(3)}, ShapeMismatch, "x0 has shape"),
        ([[0, 1]], {"x0": np.ones((2, 2))}, ShapeMismatch, "x0 has shape"),
        ([[0, 1]], {"x0": [0, np.inf]}, NotFinite, "x0 holds 1"),
        ([[0, 1]], {"x0": tla.Gaussian([0], [[1]])}, ShapeMismatch, "x0 has 1 coordinates"),
        ([[0, 1]], {"rng": -1}, InvalidInput, "rng = -1"),
        ([[0, 1]], {"rng": 0.5}, InvalidInput, "rng = 0.5"),
        ([[0, 1]], {"rng": True}, InvalidInput, "rng = True"),
        ([[0, 1]], {"integrator": "magic"}, InvalidInput, "integrator = 'magic'"),
    ],
)
def test_misuse_is_named(arguments, knobs, error, message):
    with pytest.raises(error, match=message):
        tla.simulate(SHEAR, *arguments, **knobs)


def test_chains_and_drives_must_match():
    with pytest.raises(ShapeMismatch, match=r"2 drives.*chains = 1"):
        tla.simulate(tla.OU(np.eye(2), np.ones((2, 2)), np.eye(2)), [0, 1])


@given(seed=SEEDS, names=st.lists(st.text() | st.integers(), max_size=3))
def test_streams_are_known_by_seed_and_name(seed, names):
    from_one, from_other = (tla.streams.Streams(seed).stream(*names) for _ in range(2))
    assert from_one.bytes(8) == from_other.bytes(8)
    child = tla.streams.Streams(seed).child(*names)
    assert child == tla.streams.Streams(seed).child(*names)
    assert child.stream().bytes(8) != tla.streams.Streams(seed).stream().bytes(8)


def test_step_divides_the_intervals_and_keeps_the_given_times():
    process = tla.OU([[2.0, 1.0], [1.0, 3.0]], [1.0, -1.0], np.eye(2))
    fine = tla.simulate(process, np.arange(0, 13) * 0.1, rng=3, integrator="euler")
    coarse = tla.simulate(process, [0.0, 0.3, 0.7, 1.2], rng=3, integrator="euler", step=0.1000001)
    rounding = 100 * np.finfo(float).eps * np.abs(fine.states).max()
    assert np.abs(coarse.states - fine.states[:, [0, 3, 7, 12], :]).max() <= rounding


def test_a_trajectory_says_what_it_is_in_a_line():
    run = tla.simulate(tla.OU([[1.0]], [0.0], [[1.0]]), [0.0, 0.5, 2.0], chains=4, rng=7)
    assert repr(run) == (
        "Trajectory(chains=4, times=3 from 0 to 2, n=1, integrator='symmetric', seed=7)"
    )


@pytest.mark.parametrize("step", [1e-300, 1e-17])
def test_no_end_of_steps_is_refused(step):
    process = tla.Nonlinear(lambda x: -x, [[1.0]])
    with pytest.raises(InvalidInput, match=r"step = .* asks for"):
        tla.simulate(process, [0.0, 1.0, 3.0], step=step)
    with pytest.raises(InvalidInput, match=r"step = .* asks for"):
        tla.measure(process, 1.0, 3, tla.Mean(), step=step)


@pytest.mark.parametrize("step", ["0.1", True])
def test_text_is_no_number(step):
    with pytest.raises(InvalidInput, match=r"step = .* must be a number"):
        tla.simulate(tla.Nonlinear(lambda x: -x, [[1.0]]), [0.0, 1.0], step=step)


def test_rounding_of_times_does_not_make_steps():
    """k/10 are apart by 1/10 and a rounding error; a step of 1/10 fits once."""
    force = tla.Nonlinear(lambda x: -x, np.eye(1))
    tenths = 0.1 * np.arange(21)
    whole = tla.simulate(force, tenths, step=0.1, rng=0, integrator="euler")
    none = tla.simulate(force, tenths, rng=0, integrator="euler")
    assert np.array_equal(whole.states, none.states)
    third = tla.measure(force, 3 * 0.1, 5, tla.Mean(), step=0.1, rng=0, integrator="euler")
    exact = tla.measure(force, 0.3, 5, tla.Mean(), step=0.1, rng=0, integrator="euler")
    assert np.allclose(third.values[0], exact.values[0], rtol=1e-12)
