"""Work: the direct formulas however it is cut and merged, and the free energy of a known ramp."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logsumexp

import thermolinalg as tla
from thermolinalg import testing
from thermolinalg.errors import InvalidInput, NotFinite, ShapeMismatch

T = 0.8
SIZES = st.lists(st.integers(0, 20), min_size=1, max_size=4)


def record_of(work, *batches):
    record = work.init()
    for batch in batches:
        record = work.update(record, batch)
    return record


def direct(W, temperature):
    """Difference, stderr and effective number, with all works at hand."""
    logs = -W / temperature
    total = logsumexp(logs)
    shares = np.exp(logs - total)
    m = len(W)
    stderr = temperature * np.sqrt(m / (m - 1) * ((shares - 1 / m) ** 2).sum())
    return -temperature * (total - math.log(m)), stderr, 1 / (shares**2).sum()


@given(
    sizes=SIZES,
    seed=st.integers(0, 99),
    offset=st.sampled_from([0.0, -1e6, 1e6]),
    spread=st.sampled_from([1e-6, 1.0, 1e3]),
)
def test_batches_and_merges_are_the_whole(sizes, seed, offset, spread):
    rng, work = np.random.default_rng(seed), tla.Work(T)
    batches = [offset + spread * rng.standard_normal(m) for m in [2, *sizes]]
    W = np.concatenate(batches)
    records = [record_of(work, batch) for batch in batches]
    merged = records[-1]
    for record in records[:-1]:
        merged = work.merge(merged, record)
    for record in (record_of(work, *batches), merged, pickle.loads(pickle.dumps(merged))):
        found = work.value(record)
        difference, stderr, effective = direct(W, T)
        digits = 1e-10 + 1e-14 * abs(offset) / spread
        assert found.works == len(W)
        assert found.mean == pytest.approx(W.mean(), rel=1e-12, abs=1e-12 * spread)
        assert found.variance == pytest.approx(W.var(ddof=1), rel=digits)
        assert found.difference == pytest.approx(difference, rel=1e-12, abs=1e-12 * spread + 1e-14)
        assert found.stderr == pytest.approx(stderr, rel=digits + 1e-9 / spread**0.5, abs=1e-300)
        assert found.effective == pytest.approx(effective, rel=1e-9)


def test_nothing_overflows():
    work = tla.Work(1e-3)
    found = work.value(record_of(work, [1e8, -1e8, 0.0], [-1e150]))
    assert found.difference == pytest.approx(-1e150)
    assert found.effective == pytest.approx(1.0)
    assert found.dominated
    assert "TOO FEW" in repr(found)


def ramped(chains, rng):
    A1, A2 = np.diag([1.0, 2.0]), np.array([[3.0, 0.5], [0.5, 2.5]])
    protocol = tla.Protocol(A1, A2, b2=[0.5, -0.2], temperature=T)
    truth = T / 2 * np.linalg.slogdet(A2)[1] - T / 2 * np.log(2.0)
    truth -= protocol.b2 @ np.linalg.solve(A2, protocol.b2) / 2
    return tla.ramp(protocol, 3.0, steps=10, chains=chains, rng=rng).work, truth


def test_the_free_energy_of_a_known_ramp():
    work = tla.Work(T)
    batches = [ramped(5000, rng)[0] for rng in range(4)]
    truth = ramped(1, 0)[1]
    found = work.value(record_of(work, *batches))
    limit = stats.norm.isf(testing.FALSE_ALARM / 2)
    assert abs(found.difference - found.bias - truth) <= limit * found.stderr
    assert found.dissipated > limit * found.stderr
    assert found.effective > 1000
    assert not found.dominated


def test_the_error_bar_covers_and_the_bias_is_as_foreseen():
    W, truth = ramped(300 * 400, 7)
    work = tla.Work(T)
    values = [work.value(record_of(work, part)) for part in W.reshape(400, 300)]
    hits = sum(abs(v.difference - truth) <= 1.959964 * v.stderr for v in values)
    testing.assert_frequency(hits, 400, 0.95)
    testing.assert_average([v.difference - v.bias for v in values], truth)


def test_few_works():
    work = tla.Work(2.0)
    none = work.value(work.init())
    assert none.works == 0
    assert math.isnan(none.difference)
    assert not none.dominated
    one = work.value(record_of(work, [3.0]))
    assert (one.mean, one.difference, one.effective) == (3.0, 3.0, 1.0)
    assert math.isnan(one.stderr)
    same = work.value(record_of(work, [3.0, 3.0], [3.0]))
    assert (same.difference, same.stderr, same.effective) == (3.0, 0.0, 3.0)


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_other_libraries(library):
    xp, work = pytest.importorskip(library), tla.Work(T)
    W = np.random.default_rng(0).standard_normal(20)
    right, found = (work.value(record_of(work, part)) for part in (W, xp.asarray(W)))
    assert found == right


def test_bad_input():
    for temperature in (0.0, -1.0, math.nan):
        with pytest.raises(InvalidInput, match="temperature"):
            tla.Work(temperature)
    work = tla.Work(1.0)
    with pytest.raises(NotFinite, match="works"):
        work.update(work.init(), [1.0, math.nan])
    with pytest.raises(ShapeMismatch, match="one number per run"):
        work.update(work.init(), np.ones((2, 2)))
    with pytest.raises(ShapeMismatch, match="one number per run"):  # of states there is no work
        tla.measure(tla.OU([[1.0]], [0.0], [[1.0]]), 0.1, 10, work)
