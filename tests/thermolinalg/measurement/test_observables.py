"""Streaming moments equal those of the whole record, however it is cut and merged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thermolinalg as tla
from tests.thermolinalg.cases import matrices

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
    x = data.draw(matrices(rows, columns)) + offset
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
    one, two, three = (record_of(observable, data.draw(matrices(m, columns))) for m in sizes)
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
