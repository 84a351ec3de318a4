"""Batch means: the same however cut and merged, and an error bar that theory foresees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.backend import to_numpy
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch, ShortRecord, StuckRecord


def record_of(observable, *blocks):
    record = observable.init(blocks[0])
    for block in blocks:
        record = observable.update(record, block)
    return record


def by_definition(runs, batches):
    """Mean, stderr, ess and the number of batches, from whole runs (steps, chains, n)."""
    longest, n = max(len(x) for x in runs), runs[0].shape[-1]
    length = 1
    while longest // length >= batches:
        length *= 2
    while sum(len(x) // (2 * length) * x.shape[1] for x in runs) >= batches / 2:
        length *= 2
    chains = [x[:, k] for x in runs for k in range(x.shape[1]) if len(x) >= length]
    parts = [
        part
        for x in chains
        for part in ([x] if len(x) < 2 * length else np.split(x, range(length, len(x), length)))
        if len(part) >= length
    ]
    means, lengths = np.array([part.mean(axis=0) for part in parts]), [len(part) for part in parts]
    every = np.concatenate([x.reshape(-1, n) for x in runs])
    variance = np.cov(means.T, ddof=1, aweights=lengths).reshape(n, n).diagonal()
    V = np.array(lengths) / np.sum(lengths)
    squared = variance * (1 - V @ V) / (len(parts) - 1) * np.sum(lengths) / len(every)
    return every.mean(axis=0), np.sqrt(squared), every.var(axis=0, ddof=1) / squared, len(means)


def assert_same(average, truth, *, rtol=1e-9):
    mean, stderr, ess, batches = truth
    assert average.batches == batches
    np.testing.assert_allclose(average.mean, mean, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(average.stderr, stderr, rtol=rtol)
    np.testing.assert_allclose(average.ess, ess, rtol=rtol)


@given(
    data=st.data(),
    steps=st.integers(2, 150),
    chains=st.integers(1, 3),
    batches=st.integers(4, 9),
    seed=st.integers(0, 99),
    offset=st.sampled_from([0.0, 1e8]),
)
def test_blocks_add_up_to_the_whole(data, steps, chains, batches, seed, offset):
    x = np.random.default_rng(seed).standard_normal((steps, chains, 2)) + offset
    cuts = data.draw(st.lists(st.integers(0, steps), max_size=5).map(sorted))
    observable = tla.BatchMeans(batches)
    record = record_of(observable, *np.split(x, cuts))
    (run,) = record.runs
    assert run.means.shape[0] < batches
    average = observable.value(record)
    # The samples themselves are rounded at the size of their mean; no more than that is lost.
    assert_same(average, by_definition([x], batches), rtol=1e-9 + 1e-15 * offset * steps)


@given(seed=st.integers(0, 99), sizes=st.tuples(*[st.integers(4, 90)] * 3))
def test_merging_in_any_order(seed, sizes):
    rng, observable = np.random.default_rng(seed), tla.BatchMeans(8)
    runs = [rng.standard_normal((m, 1 + m % 2, 2)) for m in sizes]
    one, two, three = (record_of(observable, x) for x in runs)
    merge, truth = observable.merge, by_definition(runs, 8)
    for record in (merge(merge(one, two), three), merge(three, merge(two, one))):
        assert_same(observable.value(record), truth)
    again = observable.update(observable.update(merge(one, two), runs[2][:3]), runs[2][3:])
    assert_same(observable.value(again), truth)


@pytest.mark.parametrize(("chains", "length", "batches"), [(1, 16, 6), (3, 32, 9), (5, 96, 5)])
@pytest.mark.parametrize("name", ["shear", "reversible"])
def test_the_squared_error_bar_has_the_expected_value_that_theory_says(
    name, chains, length, batches
):
    """(V_length - V_all/chains)/(batches - 1), with V_m the variance of the mean of m samples."""
    process, dt, samples, trials = PROCESSES[name], 0.3, 96, 800
    observable, rest = tla.BatchMeans(8), tla.stationary(process)
    states = tla.simulate(
        process, dt * np.arange(samples), x0=rest, chains=chains * trials, rng=2
    ).states.reshape(trials, chains, samples, -1)
    found = [observable.value(record_of(observable, x.transpose(1, 0, 2))) for x in states]
    assert {(average.length, average.batches) for average in found} == {(length, batches)}
    batch, whole = (np.diag(tla.covariance_of_mean(process, dt, m)) for m in (length, samples))
    expected = (batch - whole / chains) / (batches - 1)
    for i in range(process.n):
        testing.assert_average([average.stderr[i] ** 2 for average in found], expected[i])


def test_intervals_cover_the_truth():
    process, dt, trials = PROCESSES["reversible"], 0.5, 400
    rest, observable = tla.stationary(process), tla.BatchMeans(16)
    states = tla.simulate(process, dt * np.arange(1000), x0=rest, chains=trials, rng=4).states
    ends = [observable.value(record_of(observable, x)).interval(0.95) for x in states]
    hits = sum((low <= rest.mean) & (rest.mean <= high) for low, high in ends)
    testing.assert_frequency(hits, trials, 0.95)


@pytest.mark.parametrize(
    ("chains", "samples", "dt"),
    [(100, 60, 0.1), (100, 300, 0.1), (40, 300, 0.2), (20, 300, 0.2), (1, 20_000, 0.1)],
)
def test_intervals_of_short_chains_cover_the_truth(chains, samples, dt):
    process = tla.OU([[2.0, 0.5], [0.5, 1.0]], [1.0, 0.0], np.eye(2))
    observable, trials = tla.BatchMeans(), 200
    rest, hits = tla.stationary(process), 0
    for seed in range(trials):
        run = tla.measure(process, dt, samples, observable, x0=rest, chains=chains, rng=seed)
        low, high = run.values[0].interval(0.95)
        hits = hits + ((low <= rest.mean) & (rest.mean <= high))
    testing.assert_frequency(hits, trials, 0.95)


def test_merged_chains_are_worth_what_they_are_side_by_side():
    x = np.random.default_rng(0).standard_normal((60, 50, 2)).cumsum(axis=0)
    observable = tla.BatchMeans()
    beside = observable.value(record_of(observable, x))
    assert (beside.batches, beside.length) == (50, 60)
    np.testing.assert_allclose(beside.stderr, x.mean(axis=0).std(axis=0, ddof=1) / 50**0.5)
    merged = observable.init(x[0])
    for k in range(50):
        merged = observable.merge(merged, record_of(observable, x[:, k]))
    np.testing.assert_allclose(observable.value(merged).stderr, beside.stderr, rtol=1e-12)


def test_single_precision_far_from_where_the_run_began():
    """A million samples near 1000, from 0: means are right to the last digits of a single."""
    x = 1000 + np.random.default_rng(0).standard_normal((2**20, 1, 2)).astype(np.float32)
    x[0] = 0
    observable, rounding = tla.BatchMeans(), 4 * float(np.finfo(np.float32).eps)
    record = record_of(observable, x[:1], x[1:5000], x[5000:])
    (run,) = record.runs
    truth = x.astype(float)[: run.length * len(run.means)].reshape(-1, run.length, 2).mean(axis=1)
    np.testing.assert_allclose(run.means[:, 0], truth, rtol=rounding)
    average = observable.value(record)
    np.testing.assert_allclose(average.mean, x.mean(axis=(0, 1), dtype=float), rtol=rounding)


@pytest.mark.parametrize("name", ["shear", "reversible"])
def test_measured_in_the_coordinates_of_the_step(name):
    process, observable = PROCESSES[name], tla.BatchMeans()
    run = tla.measure(process, 0.3, 500, observable, tla.BatchMeans(ess=False), chains=3, rng=5)
    kept = tla.simulate(process, 0.3 * np.arange(501), chains=3, rng=5).states[:, 1:, :]
    assert_same(run.values[0], by_definition([kept.transpose(1, 0, 2)], 64))
    np.testing.assert_array_equal(run.values[1].stderr, run.values[0].stderr)
    assert np.isnan(run.values[1].ess).all()
    np.testing.assert_array_equal(np.asarray(run.values[0]), run.values[0].mean)
    assert repr(run.values[0]).startswith("Average(n=2, 1500 samples, 45 batches of 32, least ess")


STUCK = {
    "constant": lambda x: 0 * x + 0.1,
    "near-constant": lambda x: 0.1 + 1e-30 * x,
    "at rounding": lambda x: 1e8 + 1e-8 * x,
    "constant per chain": lambda x: 0 * x + x[:1],
    "one chain of three": lambda x: np.concatenate([x[:, :2], 0 * x[:, 2:] + 0.1], axis=1),
    "zero": lambda x: 0 * x,
}


@pytest.mark.parametrize("name", STUCK)
@pytest.mark.parametrize("steps", [2, 500])
def test_what_does_not_move_is_worth_nothing(name, steps):
    moving = np.random.default_rng(0).standard_normal((steps, 3, 1))
    x = np.concatenate([STUCK[name](moving), moving], axis=-1)
    observable = tla.BatchMeans()
    with pytest.warns(StuckRecord, match="coordinates 0 do not move"):
        average = observable.value(record_of(observable, x))
    assert average.ess[0] == 0
    assert np.isnan(average.stderr[0])
    assert average.ess[1] > 0
    assert average.stderr[1] > 0


def test_no_noise_is_noticed_in_any_coordinates():
    process = tla.OU([[1.0, 0.0], [0.0, 2.0]], [0.3, 1.0], np.diag([0.0, 1.0]))
    start = tla.stationary(process).mean
    with pytest.warns(StuckRecord, match="coordinates 0 do not"):
        run = tla.measure(process, 0.3, 100, tla.BatchMeans(), x0=start, rng=0)
    assert run.values[0].ess[0] == 0


def test_the_unit_does_not_matter():
    x = np.random.default_rng(0).standard_normal((300, 2, 1))
    observable = tla.BatchMeans()
    one, tiny = (observable.value(record_of(observable, s)) for s in (x, 2.0**-100 * x))
    np.testing.assert_allclose(tiny.ess, one.ess, rtol=1e-12)


def test_too_few_samples_have_no_error_bar():
    observable = tla.BatchMeans()
    none = observable.value(record_of(observable, np.empty((0, 1, 2))))
    assert np.isnan([none.mean, none.stderr, none.ess, *none.interval()]).all()
    one = observable.value(record_of(observable, np.ones((1, 1, 2))))
    np.testing.assert_array_equal(one.mean, 1.0)
    assert np.isnan([one.stderr, one.ess, *one.interval()]).all()


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_other_libraries(library):
    xp, observable = pytest.importorskip(library), tla.BatchMeans(4)
    x = np.random.default_rng(0).standard_normal((9, 2, 3))
    right = observable.value(record_of(observable, x))
    found = observable.value(record_of(observable, xp.asarray(x[:4]), xp.asarray(x[4:])))
    for part in ("mean", "stderr", "ess"):
        assert isinstance(getattr(found, part), type(xp.asarray([1.0])))
        np.testing.assert_allclose(to_numpy(getattr(found, part)), getattr(right, part), rtol=1e-12)
    assert repr(found) == repr(right)


def test_bad_input():
    for batches in (3, 8.5):
        with pytest.raises(InvalidInput, match="batches"):
            tla.BatchMeans(batches)
    observable = tla.BatchMeans()
    record = record_of(observable, np.ones((3, 2, 2)))
    for samples in (np.ones((3, 3, 2)), np.ones(2)):
        with pytest.raises(ShapeMismatch, match="steps, chains, n"):
            observable.update(record, samples)
    with pytest.raises(InvalidInput, match="ess"):
        tla.BatchMeans(ess="no")
    with pytest.raises(ShapeMismatch, match="coordinates cannot be merged"):
        observable.merge(record, record_of(observable, np.ones((3, 2, 1))))
    with pytest.raises(InvalidInput, match="no scatter"):
        observable.merge(record, record_of(tla.BatchMeans(ess=False), np.ones((3, 2, 2))))
    for value in (np.nan, np.inf):
        with pytest.raises(NotFinite, match="samples"):
            observable.update(record, np.full((3, 2, 2), value))


def test_batches_that_resemble_each_other_are_warned_of():
    """Five relaxation times: fifty batches of one sample, and an error bar far too small."""
    process = tla.OU([[1.0]], [0.0], [[2.0]])
    start = tla.stationary(process)
    with pytest.warns(ShortRecord, match="neighbouring batches are correlated"):
        tla.measure(process, 0.1, 50, tla.BatchMeans(), x0=start, rng=3)
    tla.measure(process, 0.1, 50_000, tla.BatchMeans(), x0=start, rng=3)  # long enough: no warning


def test_the_scatter_is_left_out_of_many_coordinates():
    x = np.random.default_rng(0).standard_normal((20, 1, 1001))
    for observable, known in ((tla.BatchMeans(), False), (tla.BatchMeans(ess=True), True)):
        average = observable.value(observable.update(observable.init(x[0]), x))
        assert bool(np.isfinite(average.ess).all()) is known
        assert np.isfinite(average.stderr).all()
