"""The stream of normals: the same numbers however they are asked for and drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.simulation import noise
from thermolinalg.simulation.noise import PIECE, NormalStream
from thermolinalg.testing import assert_covariance_matches

DTYPES = [np.float32, np.float64]


def stream(dtype=np.float64, seed=0):
    return NormalStream(np.random.default_rng(seed), np.zeros(1, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@given(sizes=st.lists(st.sampled_from([1, 7, 1000, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])))
def test_numbers_do_not_depend_on_the_sizes_asked_for(dtype, sizes):
    piecewise = stream(dtype)
    parts = [piecewise.draw((size,)) for size in sizes]
    whole = stream(dtype).draw((sum(sizes),))
    assert np.array_equal(np.concatenate([whole[:0], *parts]), whole)
    assert whole.dtype == dtype


def test_numbers_do_not_depend_on_the_number_of_threads(monkeypatch):
    one = stream().draw((5 * PIECE + 3,))
    for threads in (1, 3):
        monkeypatch.setattr(noise, "THREADS", threads)
        assert np.array_equal(stream().draw((5 * PIECE + 3,)), one)


def test_numbers_are_standard_normals_across_pieces():
    rows = PIECE // 4  # neighbouring rows of the sample lie in different pieces
    samples = stream().draw((4, rows)).T.copy()
    assert_covariance_matches(samples, np.eye(4), mean=np.zeros(4))


def test_another_seed_gives_other_numbers():
    assert not np.array_equal(stream(seed=1).draw((10,)), stream(seed=2).draw((10,)))
