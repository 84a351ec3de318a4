"""The log density of trajectories, against the one dense normal law of all their rows."""

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES, SEEDS
from tests.thermolinalg.theory.joint import joint_log_density
from thermolinalg import testing
from thermolinalg.errors import Degenerate, InvalidInput, NotFinite, NotReal, ShapeMismatch
from thermolinalg.theory.likelihood import log_likelihood
from thermolinalg.theory.observations import observe, read_trajectories

EPS = np.finfo(float).eps
NOISY = [name for name in PROCESSES if name != "noiseless"]
TIMES = np.array([0.0, 0.3, 0.6, 1.4, 1.45, 2.45, 3.45])
GAPS = np.diff(TIMES)


def record(process, times=TIMES, *, missing=0.0, seed=0):
    """States that the process visits, some of them not seen; the first row, and one in each, is."""
    x = tla.simulate(process, times, x0=tla.stationary(process), rng=seed).states[0]
    rng = np.random.default_rng(seed)
    gone = rng.uniform(size=x.shape) < missing
    gone[np.arange(len(x)), rng.integers(process.n, size=len(x))] = False
    gone[0] = False
    return np.where(gone, np.nan, x)


def abD(process):
    return process.A, process.b, process.D


def scaled(C):
    """The correlations in a covariance."""
    width = np.sqrt(np.maximum(np.diag(C), np.finfo(float).tiny))
    return C / np.outer(width, width)


def assert_same(found, right, process, x, *, noise=0.0):
    """Equal up to rounding, which the condition of the law of a step magnifies, and so does the
    size of the states in units of how far a step can take them; the oracle's ODE has 13 digits."""
    laws = [tla.transition(process, dt).C + noise for dt in GAPS]
    condition = max(np.linalg.cond(scaled(C)) for C in laws)
    width = min(np.sqrt(np.diag(C)).min() for C in laws)
    reach = 1 + np.nanmax(np.abs(x)) / width
    assert abs(found - right) <= 100 * EPS * (condition * reach * np.size(x) + 10 * abs(right))


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("name", NOISY)
def test_the_first_row_given(name, missing):
    process = PROCESSES[name]
    x = record(process, missing=missing)
    found, right = log_likelihood(process, TIMES, x), joint_log_density(process, TIMES, x)
    assert_same(found, right, process, x)


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("name", NOISY)
def test_the_first_row_drawn_from_a_law(name, missing):
    process = PROCESSES[name]
    x, rest = record(process, missing=missing), tla.stationary(process)
    if missing:
        x[0, 1:] = np.nan
    right = joint_log_density(process, TIMES, x, start=(rest.mean, rest.cov))
    assert_same(log_likelihood(process, TIMES, x, start="stationary"), right, process, x)
    assert_same(log_likelihood(process, TIMES, x, start=rest), right, process, x)
    other = tla.Gaussian(rest.mean + 1, 2 * rest.cov + np.eye(process.n))
    right = joint_log_density(process, TIMES, x, start=(other.mean, other.cov))
    assert_same(log_likelihood(process, TIMES, x, start=other), right, process, x)


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("name", PROCESSES)
def test_noisy_readings(name, missing):
    """Under noise even a process without diffusion has a density, if it starts from a law."""
    process = PROCESSES[name]
    n, x = process.n, record(process, missing=missing)
    start, noise = tla.Gaussian(tla.stationary(process).mean, np.eye(n)), 0.3 + 0.2 * np.eye(n)
    right = joint_log_density(process, TIMES, x, start=(start.mean, start.cov), noise=noise)
    found = log_likelihood(process, TIMES, x, start=start, noise=noise)
    assert_same(found, right, process, x, noise=noise)


@given(process=testing.ou_processes(reversible=True), seed=SEEDS)
def test_modes_and_propagators_agree(process, seed):
    general = tla.OU(process.A, process.b, process.D)
    vars(general)["modes"] = None
    x = record(process, seed=seed)
    found, right = log_likelihood(process, TIMES, x), log_likelihood(general, TIMES, x)
    assert_same(found, right, process, x)


@given(process=testing.ou_processes(), seed=SEEDS)
def test_any_process_that_has_a_density(process, seed):
    """A random process may be degenerate: then it says so."""
    x = record(process, missing=0.2, seed=seed)
    try:
        found = log_likelihood(process, TIMES, x)
    except Degenerate:
        least = min(np.linalg.eigvalsh(scaled(tla.transition(process, dt).C))[0] for dt in GAPS)
        assert least <= 1e-6
    else:
        assert_same(found, joint_log_density(process, TIMES, x), process, x)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("name", ["reversible", "mixed"])
def test_trajectories_are_independent(name, missing):
    """An array of them, a list, lists of different lengths: always the sum of each alone."""
    process = PROCESSES[name]
    xs = np.array([record(process, missing=missing, seed=seed) for seed in range(4)])
    alone = [log_likelihood(process, TIMES, x, start="stationary") for x in xs]
    lengths, later = [7, 2, 5, 3], [t + 10 for t in range(4)]
    short = [x[:m] for x, m in zip(xs, lengths, strict=True)]
    times = [TIMES[:m] + t for m, t in zip(lengths, later, strict=True)]
    parts = [log_likelihood(process, t, x) for t, x in zip(times, short, strict=True)]
    for found, right in [
        (log_likelihood(process, TIMES, xs, start="stationary"), sum(alone)),
        (log_likelihood(process, TIMES, list(xs), start="stationary"), sum(alone)),
        (log_likelihood(process, [TIMES] * 4, xs, start="stationary"), sum(alone)),
        (log_likelihood(process, times, short), sum(parts)),
    ]:
        assert_same(found, right, process, xs)


@pytest.mark.parametrize("name", ["reversible", "mixed"])
def test_many_steps_of_few_lengths_and_few_of_many(name):
    """Steps of one length go through one matrix product, lone ones through a batch."""
    process, times = PROCESSES[name], np.cumsum(np.r_[[0.5] * 40, [0.25, 0.75] * 3, 0.1])
    x = record(process, times, seed=3)
    alone = [log_likelihood(process, times[k : k + 2], x[k : k + 2]) for k in range(len(x) - 1)]
    assert_same(log_likelihood(process, times, x), sum(alone), process, x)


def test_more_rows_than_a_block_holds():
    process, times = PROCESSES["reversible"], np.arange(50_000) * 0.25
    x = record(process, times)
    halves = [slice(0, 20_001), slice(20_000, None)]
    right = sum(log_likelihood(process, times[part], x[part]) for part in halves)
    assert log_likelihood(process, times, x) == pytest.approx(right, rel=len(x) * EPS)


@pytest.mark.parametrize("name", ["reversible", "mixed"])
def test_a_row_of_nothing_is_no_row(name):
    process = PROCESSES[name]
    x = record(process, missing=0.3)
    x[[2, 3, 6]] = np.nan
    kept = [0, 1, 4, 5]
    right = log_likelihood(process, TIMES[kept], x[kept])
    assert log_likelihood(process, TIMES, x) == right


def test_a_first_row_and_the_rest_make_the_whole():
    process, x = PROCESSES["mixed"], record(PROCESSES["mixed"])
    first = float(tla.stationary(process).log_prob(x[0]))
    whole = log_likelihood(process, TIMES, x, start="stationary")
    assert whole == pytest.approx(first + log_likelihood(process, TIMES, x), rel=1e-13)


@given(process=testing.ou_processes(reversible=True), seed=SEEDS, c=st.sampled_from([1e-6, 8.0]))
def test_units_of_time_and_space(process, seed, c):
    """A density per length: counted in units c times smaller, each number has it divided by c."""
    x = record(process, seed=seed)
    wider = tla.OU(process.A, c * process.b, c * c * process.D)
    faster = tla.OU(c * process.A, c * process.b, c * process.D)
    right = log_likelihood(process, TIMES, x)
    shift = (len(x) - 1) * process.n * np.log(c)
    assert_same(log_likelihood(wider, TIMES, c * x) + shift, right, process, x)
    assert_same(log_likelihood(faster, TIMES / c, x), right, process, x)


@pytest.mark.parametrize("late", [0.0, 1e3, 1e9])
def test_even_steps_are_one_law_whatever_the_rounding_of_the_times(late):
    times = late + 0.1 * np.arange(1000)
    data = observe(
        read_trajectories(times, np.random.default_rng(0).normal(size=(1000, 2))), "given"
    )
    assert len(data.intervals) <= 3
    assert data.intervals @ np.bincount(data.interval) == pytest.approx(times[-1] - times[0])


def test_uneven_steps_keep_their_own_law():
    times = np.sort(np.random.default_rng(0).uniform(0, 1e3, 1000))
    data = observe(read_trajectories(times, np.ones((1000, 1))), "given")
    np.testing.assert_allclose(data.intervals[data.interval], np.diff(times)[data.rows], atol=1e-11)
    assert len(data.intervals) > 990


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_arrays_of_another_library(dtype):
    process, x = PROCESSES["mixed"], record(PROCESSES["mixed"], missing=0.3)
    xp = array_api_strict
    A, b, D, xs = (xp.asarray(part, dtype=getattr(xp, dtype)) for part in (*abD(process), x))
    found = log_likelihood(tla.OU(A, b, D), xp.asarray(TIMES), xs)
    right = log_likelihood(process, TIMES, x)
    assert found == pytest.approx(right, rel=1e4 * float(np.finfo(dtype).eps))


def test_a_process_without_noise_has_no_density():
    with pytest.raises(Degenerate, match="without noise"):
        log_likelihood(PROCESSES["noiseless"], TIMES, np.ones((7, 2)))
    tied = tla.OU(np.eye(2), np.zeros(2), np.ones((2, 2)))
    for x in (np.ones((7, 2)), np.where(np.eye(7, 2, -3) > 0, np.nan, 1.0)):
        with pytest.raises(Degenerate, match=r"noise="):
            log_likelihood(tied, TIMES, x)


def test_noise_that_arrives_through_other_coordinates_is_enough():
    """A position has no noise of its own, only its velocity's: natural, and no degenerate law."""
    process, times = PROCESSES["underdamped"], np.linspace(0, 1e-2, 5)
    x = record(process, times)
    assert np.isfinite(log_likelihood(process, times, x))


GOOD = np.arange(14.0).reshape(7, 2)
HOLED = np.where(np.arange(14).reshape(7, 2) == 1, np.nan, GOOD)


@pytest.mark.parametrize(
    ("ts", "xs", "knobs", "error", "message"),
    [
        (TIMES[::-1], GOOD, {}, InvalidInput, "ts must increase strictly"),
        (0 * TIMES, GOOD, {}, InvalidInput, "ts must increase strictly"),
        (TIMES[:5], GOOD, {}, ShapeMismatch, "a row of coordinates for each"),
        (TIMES, GOOD[:, 0], {}, ShapeMismatch, "a row of coordinates for each"),
        (TIMES, GOOD[:, :0], {}, ShapeMismatch, r"\(7, n\)"),
        (TIMES, np.ones((7, 3)), {}, ShapeMismatch, "xs has 3 coordinates; the process has 2"),
        (TIMES[:1], GOOD[:1], {}, InvalidInput, "at least two times"),
        (TIMES[:0], GOOD[:0], {}, ShapeMismatch, "at least one time"),
        (TIMES, GOOD + 1j, {}, NotReal, "xs has dtype complex128"),
        (TIMES, GOOD > 0, {}, NotReal, "xs has dtype bool"),
        (TIMES, np.array([["a", "b"]] * 7), {}, NotReal, "xs"),
        (TIMES, np.where(GOOD == 5, -np.inf, GOOD), {}, NotFinite, "1 infinite"),
        (np.where(TIMES == 0.3, np.nan, TIMES), GOOD, {}, NotFinite, "ts holds 1"),
        (TIMES, GOOD * np.nan, {}, InvalidInput, "two rows with observed entries"),
        (TIMES, HOLED, {}, InvalidInput, r"first row of trajectory 0 misses coordinates \[1\]"),
        (TIMES, [[1.0, 2.0], [3.0]], {}, ShapeMismatch, "different lengths"),
        (TIMES, [GOOD, GOOD[:3]], {}, ShapeMismatch, r"xs\[1\] has shape"),
        ([TIMES], [GOOD, GOOD], {}, ShapeMismatch, "times for 1 trajectories"),
        (TIMES, [GOOD, np.ones((7, 3))], {}, ShapeMismatch, r"\[2, 3\] coordinates"),
        (TIMES, GOOD, {"start": "somewhere"}, InvalidInput, "start = 'somewhere'"),
        (TIMES, GOOD, {"start": np.ones(2)}, InvalidInput, "'stationary' or a Gaussian"),
        (TIMES, GOOD, {"start": tla.Gaussian(np.ones(3), np.eye(3))}, ShapeMismatch, "3 coord"),
        (TIMES, GOOD, {"noise": np.eye(3)}, ShapeMismatch, r"noise has shape \(3, 3\)"),
        (TIMES, GOOD, {"noise": np.eye(2)}, InvalidInput, "no state is known exactly"),
        (TIMES, GOOD, {"noise": -np.eye(2)}, InvalidInput, "noise has the eigenvalue"),
    ],
)  # fmt: skip
def test_unusable_data_are_refused(ts, xs, knobs, error, message):
    with pytest.raises(error, match=message):
        log_likelihood(PROCESSES["mixed"], ts, xs, **knobs)


def test_a_process_with_several_drives_is_refused():
    with pytest.raises(ShapeMismatch, match="a drive per chain"):
        log_likelihood(tla.OU(np.eye(2), np.ones((3, 2)), np.eye(2)), TIMES, GOOD)
