"""Streaming moments equal those of the whole record, however it is cut and merged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, NotReal, ShapeMismatch

OBSERVABLES = [tla.Mean(), tla.Covariance()]
ROWS = st.integers(2, 30)
COLUMNS = st.integers(1, 4)


def record_of(observable, *blocks):
    record = observable.init(blocks[0])
    for block in blocks:
        record = observable.update(record, block)
    return record


@given(data=st.data(), rows=ROWS, columns=COLUMNS, offset=st.sampled_from([0.0, 1e6]))
def test_blocks_add_up_to_the_whole(data, rows, columns, offset):
    x = data.draw(testing.matrices(rows, columns)) + offset
    cuts = data.draw(st.lists(st.integers(0, rows), max_size=4).map(sorted))
    blocks = np.split(x, cuts)  # some may be empty
    tolerance = {"rtol": 1e-12, "atol": 1e-14 * (1 + offset)}
    mean = tla.Mean().value(record_of(tla.Mean(), *blocks))
    np.testing.assert_allclose(mean, np.mean(x, axis=0), **tolerance)
    cov = tla.Covariance().value(record_of(tla.Covariance(), *blocks))
    np.testing.assert_allclose(cov, np.cov(x.T).reshape(columns, columns), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("observable", OBSERVABLES)
@given(data=st.data(), columns=COLUMNS, sizes=st.tuples(*[st.integers(0, 9)] * 3))
def test_merging_in_any_order_is_the_same(observable, data, columns, sizes):
    one, two, three = (
        record_of(observable, data.draw(testing.matrices(m, columns))) for m in sizes
    )
    merge = observable.merge
    left, right = merge(merge(one, two), three), merge(one, merge(two, three))
    swapped = merge(three, merge(two, one))
    assert left.count == right.count == swapped.count == sum(sizes)
    for other in (right, swapped):
        found, expected = observable.value(other), observable.value(left)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("observable", OBSERVABLES)
def test_leading_axes_are_all_samples(observable):
    x = np.random.default_rng(0).standard_normal((4, 5, 3))
    found, flat = (observable.value(record_of(observable, s)) for s in (x, x.reshape(20, 3)))
    np.testing.assert_array_equal(found, flat)


@pytest.mark.parametrize("observable", OBSERVABLES)
def test_too_few_samples_have_no_value(observable):
    nothing = record_of(observable, np.empty((0, 2)))
    assert np.isnan(observable.value(nothing)).all()
    assert np.isnan(tla.Covariance().value(record_of(tla.Covariance(), np.ones((1, 2))))).all()


@pytest.mark.parametrize("observable", OBSERVABLES)
def test_single_precision_is_kept(observable):
    x = np.ones((3, 2), np.float32)
    assert observable.value(record_of(observable, x)).dtype == np.float32


@pytest.mark.parametrize("rows", [1000, 300_000, 2**20])
def test_single_precision_with_a_large_mean(rows):
    """Every number is exact in double, so that there sums are the truth but for its rounding."""
    x = (1000 + np.random.default_rng(0).standard_normal((rows, 2))).astype(np.float32)
    exact, rounding = x.astype(float), float(np.finfo(np.float32).eps)
    for observable in OBSERVABLES:
        mean = record_of(observable, x[: rows // 3], x[rows // 3 :]).mean
        np.testing.assert_allclose(mean, exact.mean(axis=0), rtol=2 * rounding)
    cov = tla.Covariance().value(record_of(tla.Covariance(), x))
    # Products of a thousand rows are summed in single precision, and then their sums.
    allowed = rounding * (1024**0.5 + (rows / 1024) ** 0.5)
    np.testing.assert_allclose(cov, np.cov(exact.T), rtol=0, atol=allowed)


@pytest.mark.parametrize("observable", OBSERVABLES)
def test_lists_and_integers_are_samples_too(observable):
    rows = [[0, 1], [2, 5], [3, 3]]
    expected = observable.value(record_of(observable, np.array(rows, float)))
    for samples in (rows, np.array(rows)):
        np.testing.assert_array_equal(observable.value(record_of(observable, samples)), expected)


@pytest.mark.parametrize("observable", [*OBSERVABLES, tla.Autocovariance(2)])
def test_bad_samples(observable):
    record = observable.init(np.ones((1, 2)))
    for samples in (1.0, np.float64(1), np.ones((5, 1)), np.ones((5, 3)), np.empty((5, 0))):
        with pytest.raises(ShapeMismatch, match="samples have shape"):
            observable.update(record, samples)
    for samples in ([["a", "b"]], [[1.0], [2.0, 3.0]], np.ones((5, 2), complex)):
        with pytest.raises(NotReal, match="samples"):
            observable.update(record, samples)
    for bad in (np.nan, np.inf, -np.inf):
        x = np.random.default_rng(0).standard_normal((50, 2))
        x[7, 1] = bad
        with pytest.raises(NotFinite, match="samples"):
            observable.update(record, x)
    with pytest.raises(ShapeMismatch, match="samples"):
        observable.init(1.0)
    with pytest.raises(ShapeMismatch, match="coordinates cannot be merged"):
        observable.merge(record, observable.init(np.ones((1, 1))))


def test_squares_that_overflow_are_named():
    with np.errstate(all="ignore"), pytest.raises(NotFinite, match="overflow"):
        record_of(tla.Covariance(), 1e200 * np.random.default_rng(0).standard_normal((9, 2)))


def test_records_of_other_observables_do_not_merge():
    mean, cov = (record_of(observable, np.ones((3, 2))) for observable in OBSERVABLES)
    with pytest.raises(InvalidInput, match="no scatter"):
        tla.Covariance().merge(cov, mean)
