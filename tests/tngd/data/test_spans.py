"""Spans of characters and of tokens, for any way to cut a text into tokens."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.errors import InvalidInput, ShapeMismatch
from tngd.data import align, best_span, text_of

ABSENT = (0, 0)


@st.composite
def cut_texts(draw):
    """A context, and the offsets of its tokens: pieces of words, with special tokens around."""
    words = draw(st.lists(st.text("ab½é.", min_size=1, max_size=6), min_size=1, max_size=6))
    context, offsets = "", []
    for word in words:
        context += draw(st.sampled_from(["", " ", "  "]))
        ends = sorted(draw(st.sets(st.integers(1, len(word)))) | {len(word)})
        offsets += [(len(context) + a, len(context) + b) for a, b in itertools.pairwise([0, *ends])]
        context += word
    front, back = draw(st.integers(0, 3)), draw(st.integers(0, 2))
    return context, [ABSENT] * front + offsets + [ABSENT] * back


@given(cut_texts(), st.data())
def test_a_span_is_the_fewest_tokens_that_hold_the_answer(cut, data):
    context, offsets = cut
    start = data.draw(st.integers(0, len(context) - 1))
    text = context[start : data.draw(st.integers(start + 1, len(context)))]
    if not text.strip():
        return
    first, last = align(start, text, offsets)
    assert text.strip() in text_of(first, last, context, offsets)
    begin, end = start + len(text) - len(text.lstrip()), start + len(text.rstrip())
    assert offsets[first][0] <= begin < offsets[first][1]
    assert offsets[last][0] < end <= offsets[last][1]


@given(cut_texts(), st.data())
def test_tokens_to_text_and_back(cut, data):
    context, offsets = cut
    real = [i for i, offset in enumerate(offsets) if offset != ABSENT]
    first, last = sorted(data.draw(st.sampled_from(real)) for _ in range(2))
    text = text_of(first, last, context, offsets)
    assert align(offsets[first][0], text, offsets) == (first, last)


@given(cut_texts(), st.data())
def test_an_answer_that_was_cut_has_no_span(cut, data):
    context, offsets = cut
    real = [i for i, offset in enumerate(offsets) if offset != ABSENT]
    first, last = sorted(data.draw(st.sampled_from(real)) for _ in range(2))
    start, text = offsets[first][0], text_of(first, last, context, offsets)
    gone = data.draw(st.sampled_from(["end", "beginning"]))
    kept = offsets[:last] if gone == "end" else [*[ABSENT] * (first + 1), *offsets[first + 1 :]]
    assert align(start, text, kept) is None


@given(st.integers(1, 7), st.integers(1, 4), st.data())
def test_the_best_span_is_the_best_of_all(T, longest, data):
    offsets = data.draw(st.lists(st.sampled_from([ABSENT, (1, 2)]), min_size=T, max_size=T))
    offsets[data.draw(st.integers(0, T - 1))] = (1, 2)
    z = np.random.default_rng(data.draw(st.integers(0, 99))).standard_normal((T, 2))
    legal = {
        (i, k): z[i, 0] + z[k, 1]
        for i in range(T)
        for k in range(i, min(i + longest, T))
        if ABSENT not in offsets[i : k + 1]
    }
    assert best_span(z, offsets, longest=longest) == max(legal, key=legal.get)


MISUSE = {
    "no text": (lambda o: align(0, "", o), InvalidInput, "no span"),
    "only spaces": (lambda o: align(0, "  ", o), InvalidInput, "no span"),
    "before the first": (lambda o: align(-1, "a", o), InvalidInput, "at -1"),
    "wrong order": (lambda o: text_of(2, 1, "ab", o), InvalidInput, "no span of 3 tokens"),
    "special": (lambda o: text_of(0, 1, "ab", o), InvalidInput, "no part of a context"),
    "another context": (lambda o: text_of(1, 2, "a", o), InvalidInput, "of 1 characters"),
    "logits": (lambda o: best_span(np.zeros((2, 2)), o), ShapeMismatch, r"\(3, 2\)"),
    "no context": (lambda _: best_span(np.zeros((1, 2)), [ABSENT]), InvalidInput, "no span"),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse_is_named(name):
    call, error, says = MISUSE[name]
    with pytest.raises(error, match=says):
        call([ABSENT, (0, 1), (1, 2)])


def test_the_best_of_impossible_spans_is_of_the_context():
    assert best_span(np.full((3, 2), -np.inf), [(0, 0), (0, 1), (1, 2)]) == (1, 1)
