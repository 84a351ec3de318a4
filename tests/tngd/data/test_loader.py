"""Each epoch visits every row once, in an order of its own, and a run can go on from any batch."""

from itertools import chain, islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams
from tngd.data import batches, epoch_length

N = st.integers(1, 60)
SIZE = st.integers(1, 70)
SEED = st.integers(0, 2**32)


def visits(n, size, *, seed=0, **knobs):
    return [batch.tolist() for batch in batches(n, size, streams=Streams(seed), **knobs)]


@given(n=N, size=SIZE, seed=SEED)
def test_an_epoch_visits_every_row_once(n, size, seed):
    taken = visits(n, size, seed=seed, epochs=2)
    length = epoch_length(n, size)
    assert len(taken) == 2 * length
    for epoch in (taken[:length], taken[length:]):
        assert sorted(chain(*epoch)) == list(range(n))
        assert all(len(batch) == size for batch in epoch[:-1])
        assert len(epoch[-1]) == n - size * (length - 1)


@given(n=N, size=SIZE, seed=SEED, data=st.data())
def test_a_run_goes_on_from_any_batch(n, size, seed, data):
    whole = visits(n, size, seed=seed, epochs=3)
    done = data.draw(st.integers(0, len(whole) + 2))
    assert visits(n, size, seed=seed, epochs=3, done=done) == whole[done:]


def test_epochs_and_seeds_differ():
    first, second = visits(50, 50, epochs=2)
    assert first != second
    assert first != visits(50, 50, epochs=1, seed=1)[0]


def test_an_epoch_depends_on_the_seed_and_its_number_only():
    streams = Streams(7)
    by_ones = [int(row) for batch in batches(50, 1, streams=streams, epochs=2) for row in batch]
    streams.stream("noise").random(10)
    by_eights = [int(row) for batch in batches(50, 8, streams=streams, epochs=2) for row in batch]
    assert by_ones == by_eights


def test_without_a_number_of_epochs_it_never_ends():
    endless = batches(3, 2, streams=Streams(0))
    assert len(list(islice(endless, 100))) == 100


def test_a_batch_indexes_rows():
    (batch,) = batches(5, 9, streams=Streams(0), epochs=1)
    assert np.issubdtype(batch.dtype, np.integer)
    assert np.arange(5)[batch].tolist() == batch.tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [("n", 0), ("size", 0), ("size", 2.0), ("n", True), ("done", -1), ("epochs", -1)],
)
def test_numbers_out_of_range_are_refused_at_once(name, value):
    knobs = {"n": 5, "size": 2, "done": 0, "epochs": 1} | {name: value}
    with pytest.raises(InvalidInput, match=name):
        batches(knobs.pop("n"), knobs.pop("size"), streams=Streams(0), **knobs)
