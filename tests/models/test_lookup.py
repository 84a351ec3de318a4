"""Rows added where tokens say: sums, gradients of samples, and their inner products."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import lookup
from tests.models.oracles import assert_close
from thermolinalg.backend import like, namespace, sum_by_index, to_numpy
from thermolinalg.errors import MemoryLimit

lengths = st.integers(1, 4)


@pytest.mark.parametrize("library", ["numpy", "torch", "array_api_strict"])
@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_sums_by_index_are_those_of_a_loop(library, lead):
    xp = pytest.importorskip(library)
    rng = np.random.default_rng(0)
    values, index = rng.standard_normal((*lead, 7, 2)), rng.integers(0, 5, 7)
    truth = np.zeros((*lead, 5, 2))
    for i, at in enumerate(index):
        truth[..., at, :] += values[..., i, :]
    sums = sum_by_index(xp.asarray(values), xp.asarray(index), 5)
    assert namespace(sums) is namespace(xp.asarray(values))
    assert_close(to_numpy(sums), truth, terms=7)


def drawn(rng, b, r, T, tokens, width):
    """Tokens and cotangents, and the per-sample gradients (b r, tokens width)."""
    ids, e = rng.integers(0, tokens, (b, T)), rng.standard_normal((r, b, T, width))
    onehot = np.eye(tokens)[ids]
    return (ids, e), np.einsum("ntv,rntd->nrvd", onehot, e).reshape(b * r, -1)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(b=lengths, b2=lengths, r=lengths, T=lengths, tokens=st.integers(1, 20), width=lengths)
def test_both_ways_to_the_gram_are_exact_in_any_room(b, b2, r, T, tokens, width):
    rng = np.random.default_rng([b, b2, r, T, tokens, width])
    (left, G), (right, G2) = (drawn(rng, n, r, T, tokens, width) for n in (b, b2))

    def rows(side, some):
        return lookup.per_sample(side[0], side[1][..., some], tokens)

    def formed(left, right, room):
        return lookup.formed(left, right, rows, (tokens, width), room)

    ways = [lookup.unformed, formed, lambda a, b, room: lookup.gram(a, b, tokens, room)]
    scale = np.linalg.norm(G) * max(np.linalg.norm(G), np.linalg.norm(G2))
    for way in ways:
        least = _least_room(lambda room, way=way: way(left, right, room))
        for room in (least, 2 * least, 2**20):
            assert_close(way(left, right, room), G @ G2.T, terms=T * T * width, scale=T * scale)
            assert_close(way(left, left, room), G @ G.T, terms=T * T * width, scale=T * scale)


def _least_room(compute):
    """The least power of two that is enough."""
    room = 1
    while True:
        try:
            compute(room)
        except MemoryLimit:
            room *= 2
        else:
            return room


@pytest.mark.parametrize("tokens", [20, 2000])
@pytest.mark.parametrize("room", [20_000, 100_000, 1_000_000])
def test_the_room_is_kept(tokens, room):
    side, G = drawn(np.random.default_rng(0), 12, 3, 8, tokens, 6)
    tracemalloc.start()
    try:
        K = lookup.gram(side, side, tokens, room)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    objects = 2**17  # frames, tuples and the buffers of broadcasting, whatever the arrays
    assert peak <= 8 * room + K.nbytes + objects
    assert_close(K, G @ G.T, terms=8 * 8 * 6, scale=8 * np.linalg.norm(G) ** 2)


def test_gradients_keep_the_dtype():
    ids, e = np.zeros((2, 3), dtype=int), np.ones((2, 3, 1), dtype=np.float32)
    assert lookup.per_sample(ids, e, 4).dtype == np.float32
    assert lookup.summed(ids, like(e, e), 4)[:, 0].tolist() == [6, 0, 0, 0]
