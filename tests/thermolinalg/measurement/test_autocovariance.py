"""Streamed autocovariances: those of the whole record, however cut; and those of theory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import PROCESSES
from thermolinalg import testing
from thermolinalg.backend import to_numpy
from thermolinalg.errors import InvalidInput, ShapeMismatch


def record_of(observable, *blocks):
    record = observable.init(blocks[0])
    for block in blocks:
        record = observable.update(record, block)
    return record


def two_pass(runs, lag):
    """The cross-covariance of all pairs of some runs (steps, chains, n), seen at once."""
    n = runs[0].shape[-1]
    later = np.concatenate([x[lag:].reshape(-1, n) for x in runs])
    earlier = np.concatenate([x[: max(len(x) - lag, 0)].reshape(-1, n) for x in runs])
    if len(later) < 2:
        return np.full((n, n), np.nan)
    return (later - later.mean(axis=0)).T @ (earlier - earlier.mean(axis=0)) / (len(later) - 1)


def cut(data, x):
    cuts = data.draw(st.lists(st.integers(0, len(x)), max_size=4).map(sorted))
    return np.split(x, cuts)  # some may be empty


@given(
    data=st.data(),
    steps=st.integers(1, 12),
    chains=st.integers(1, 3),
    n=st.integers(1, 3),
    lags=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    offset=st.sampled_from([0.0, 1e8]),
)
def test_blocks_add_up_to_the_whole(data, steps, chains, n, lags, offset):
    x = data.draw(testing.matrices(steps * chains, n)).reshape(steps, chains, n) + offset
    observable = tla.Autocovariance(lags)
    found = observable.value(record_of(observable, *cut(data, x)))
    assert found.shape == (len(lags), n, n)
    # The samples themselves are rounded at the size of their mean; no more than that is lost.
    tolerance = 1e-12 + 64 * np.finfo(float).eps * offset
    for entry, lag in zip(found, lags, strict=True):
        np.testing.assert_allclose(entry, two_pass([x], lag), rtol=0, atol=tolerance)


@given(data=st.data(), n=st.integers(1, 3), lags=st.integers(0, 3))
def test_merging_in_any_order_pairs_only_within_runs(data, n, lags):
    runs = [
        data.draw(testing.matrices(steps * chains, n)).reshape(steps, chains, n)
        for steps, chains in data.draw(
            st.lists(st.tuples(st.integers(0, 6), st.integers(1, 2)), min_size=3, max_size=3)
        )
    ]
    observable = tla.Autocovariance(lags)
    one, two, three = (record_of(observable, *cut(data, x)) for x in runs)
    merge = observable.merge
    orders = (
        merge(merge(one, two), three),
        merge(one, merge(two, three)),
        merge(three, merge(two, one)),
    )
    truth = np.array([two_pass(runs, lag) for lag in range(lags + 1)])
    for record in orders:
        np.testing.assert_allclose(observable.value(record), truth, rtol=0, atol=1e-12)
    later = observable.update(orders[0], runs[0])  # begins a run of its own
    truth = np.array([two_pass([*runs, runs[0]], lag) for lag in range(lags + 1)])
    np.testing.assert_allclose(observable.value(later), truth, rtol=0, atol=1e-12)


def test_lag_zero_is_the_covariance_and_one_chain_may_go_without_its_axis():
    x = np.random.default_rng(0).standard_normal((50, 3))
    observable = tla.Autocovariance([0, 2])
    found = observable.value(record_of(observable, x[:20], x[20:]))
    np.testing.assert_allclose(found[0], np.cov(x.T), rtol=1e-13)
    np.testing.assert_allclose(found[1], np.cov(x[2:].T, x[:-2].T)[:3, 3:], rtol=0, atol=1e-14)


def test_memory_is_that_of_the_longest_lag():
    observable = tla.Autocovariance([0, 7])
    record = record_of(observable, *np.ones((20, 100, 2, 3)))
    assert record.tail.shape == (7, 2, 3)
    assert record.tail.base is None


@pytest.mark.parametrize("name", ["shear", "reversible", "whirl"])
def test_theory(name):
    """Independent runs from rest: each entry has the expected value that the bias foresees."""
    process, dt, samples, lags = PROCESSES[name], 0.2, 30, [0, 1, 5]
    rest, observable = tla.stationary(process), tla.Autocovariance(lags)
    states = tla.simulate(process, dt * np.arange(samples), x0=rest, chains=1000, rng=3).states
    values = np.array([observable.value(record_of(observable, x)) for x in states])
    for k, lag in enumerate(lags):
        truth = expected(process, dt, samples, lag)
        for i, j in np.ndindex(process.n, process.n):
            testing.assert_average(values[:, k, i, j], truth[i, j])


def expected(process, dt, samples, lag):
    """C(lag) less the covariance of the means of both sides, times m/(m - 1) for m pairs."""
    pairs = samples - lag
    steps = np.arange(pairs)
    gaps = lag + steps[:, None] - steps[None, :]
    values, where = np.unique(gaps, return_inverse=True)
    between = tla.autocovariance(process, dt * values)[where.ravel()].mean(axis=0)
    return (tla.autocovariance(process, lag * dt) - between) * pairs / (pairs - 1)


@pytest.mark.parametrize("name", ["shear", "reversible"])
def test_measured_in_the_coordinates_of_the_step(name):
    """Whatever coordinates the run is in, the orientation is that of tla.autocovariance."""
    process, samples = PROCESSES[name], 400
    observable = tla.Autocovariance(3)
    run = tla.measure(process, 0.3, samples, observable, chains=3, rng=5)
    kept = tla.simulate(process, 0.3 * np.arange(samples + 1), chains=3, rng=5).states[:, 1:, :]
    states = kept.transpose(1, 0, 2)
    for lag in range(4):
        np.testing.assert_allclose(run.values[0][lag], two_pass([states], lag), rtol=0, atol=1e-12)
    np.testing.assert_allclose(run.records[0].tail, states[-3:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_other_libraries(library):
    xp, observable = pytest.importorskip(library), tla.Autocovariance([0, 2])
    x = np.random.default_rng(0).standard_normal((9, 2, 3))
    right = observable.value(record_of(observable, x[:4], x[4:]))
    found = observable.value(record_of(observable, xp.asarray(x[:4]), xp.asarray(x[4:])))
    assert isinstance(found, type(xp.asarray([1.0])))
    np.testing.assert_allclose(to_numpy(found), right, rtol=1e-12, atol=1e-14)


def test_single_precision_is_kept():
    observable = tla.Autocovariance(1)
    record = record_of(observable, np.ones((3, 1, 2), np.float32))
    assert observable.value(observable.merge(record, record)).dtype == np.float32


@pytest.mark.parametrize("lags", [-1, 1.5, True, [0, -2], [], "12"])
def test_bad_lags(lags):
    with pytest.raises(InvalidInput, match="lag"):
        tla.Autocovariance(lags)


def test_bad_samples():
    observable = tla.Autocovariance(1)
    record = record_of(observable, np.ones((3, 2, 2)))
    with pytest.raises(ShapeMismatch, match="3 chains"):
        observable.update(record, np.ones((3, 3, 2)))
    with pytest.raises(ShapeMismatch, match="steps, chains, n"):
        observable.update(record, np.ones(2))


def test_records_know_their_lags():
    one, two = tla.Autocovariance((0, 1)), tla.Autocovariance((0, 2))
    x = np.random.default_rng(0).standard_normal((9, 1, 2))
    other = record_of(two, x)
    for use in (
        lambda: one.merge(record_of(one, x), other),
        lambda: two.merge(record_of(one, x), other),
        lambda: one.update(other, x),
        lambda: tla.Autocovariance(3).merge(other, other),
    ):
        with pytest.raises(InvalidInput, match="lags"):
            use()


def test_single_precision_with_a_large_mean():
    x = (1000 + np.random.default_rng(0).standard_normal((2**21, 1, 2))).astype(np.float32)
    observable, rounding = tla.Autocovariance(1), float(np.finfo(np.float32).eps)
    record = record_of(observable, x)
    for lag, earlier in enumerate(record.earlier):
        truth = x[: len(x) - lag, 0].astype(float).mean(axis=0)
        np.testing.assert_allclose(earlier, truth, rtol=2 * rounding)
        found = observable.value(record)[lag]
        truth = two_pass([x.astype(float)], lag)
        np.testing.assert_allclose(found, truth, rtol=0, atol=rounding * 2 * 1024**0.5)
