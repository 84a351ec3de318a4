"""Inner products of per-sample gradients, formed or not, at once or in tiles."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import outer
from models.outer import Outer
from tests.models.oracles import assert_close
from thermolinalg.errors import MemoryLimit

lengths = st.integers(1, 5)


def drawn(rng, b, r, T, inputs, outputs):
    """Factors, and the per-sample gradients they stand for; the bias is one more input."""
    x, e = rng.standard_normal((b, T, inputs)), rng.standard_normal((r, b, T, outputs))
    x1 = np.concatenate([x, np.ones((b, T, 1))], axis=2)
    return Outer(x, e), np.einsum("nti,rnto->nrio", x1, e).reshape(b * r, -1)


@settings(deadline=None, derandomize=True)
@given(b=lengths, b2=lengths, r=lengths, T=lengths, inputs=lengths, outputs=lengths)
def test_both_forms_are_the_sum_over_positions(b, b2, r, T, inputs, outputs):
    rng = np.random.default_rng([b, b2, r, T, inputs, outputs])
    (left, G), (right, G2) = (drawn(rng, n, r, T, inputs, outputs) for n in (b, b2))
    terms = (inputs + 1) * outputs * T**2
    sides, same = [(left.x, left.e), (right.x, right.e)], [(left.x, left.e)] * 2
    for form in (outer.unformed, outer.formed):
        least = _least_room(lambda room, form=form: form(*sides, True, room))
        for room in (least, 2 * least, 2**20):
            for both, truth in ((sides, G @ G2.T), (same, G @ G.T)):
                scale = np.linalg.norm(G) * max(np.linalg.norm(G), np.linalg.norm(G2)) * T
                assert_close(form(*both, True, room), truth, terms=terms, scale=scale)
    assert_close(outer.gram(left, right, 2**20), G @ G2.T, terms=terms, scale=scale)


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


@pytest.mark.parametrize("form", [outer.unformed, outer.formed])
@pytest.mark.parametrize("T", [1, 8])
@pytest.mark.parametrize("room", [20_000, 100_000, 500_000])
def test_the_room_is_kept(form, T, room):
    (left, G) = drawn(np.random.default_rng(0), 24, 3, T, 16, 8)
    side = (left.x, left.e)
    tracemalloc.start()
    try:
        K = form(side, side, True, room)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    objects = 2**14  # frames and tuples: kilobytes, whatever the arrays
    assert peak <= 8 * room + K.nbytes + objects
    assert_close(K, G @ G.T, terms=17 * 8 * T**2, scale=np.linalg.norm(G) ** 2)


@pytest.mark.parametrize(
    ("T", "width", "cheaper"), [(1, 64, "unformed"), (64, 2, "formed"), (2, 64, "unformed")]
)
def test_the_cheaper_form_is_taken(monkeypatch, T, width, cheaper):
    taken = []
    for name in ("formed", "unformed"):
        monkeypatch.setattr(outer, name, lambda *_, name=name: taken.append(name))
    factors = Outer(np.ones((4, T, width)), np.ones((3, 4, T, width)))
    outer.gram(factors, factors, 2**20)
    assert taken == [cheaper]
