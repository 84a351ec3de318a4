"""Exact match and F1, against the steps of the official script written one after another."""

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.oracles import assert_close
from thermolinalg.errors import InvalidInput
from tngd.data import Answer, Question, exact_match, f1, score

texts = st.lists(
    st.sampled_from(["a", "The", "an", "cat", "Cat,", "cats", "...", "theory", "a-b", "½", ""]),
    max_size=5,
).map(" ".join)


def normalised(text):
    """Lower case, no punctuation, no articles, single spaces: in the official order."""
    text = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def official_f1(prediction, truth):
    ours, theirs = normalised(prediction).split(), normalised(truth).split()
    if not ours or not theirs:
        return int(ours == theirs)
    same = sum((Counter(ours) & Counter(theirs)).values())
    if same == 0:
        return 0
    precision, recall = same / len(ours), same / len(theirs)
    return 2 * precision * recall / (precision + recall)


@given(texts, st.lists(texts, max_size=3))
def test_as_the_official_script(prediction, truths):
    truths = [truth for truth in truths if normalised(truth)]
    expected = max(official_f1(prediction, truth) for truth in truths or [""])
    assert_close(f1(prediction, truths), float(expected), terms=8)
    same = any(normalised(prediction) == normalised(truth) for truth in truths or [""])
    assert exact_match(prediction, truths) == same


@pytest.mark.parametrize(
    ("prediction", "truths", "exact", "overlap"),
    [
        ("The Cat.", ["a cat"], True, 1.0),
        ("cat sat", ["cat"], False, 2 / 3),
        ("cat", ["dog", "the cat sat", "cat cat"], False, 2 / 3),
        ("dog", ["cat"], False, 0.0),
        ("", [], True, 1.0),
        ("cat", [], False, 0.0),
        ("", ["cat"], False, 0.0),
    ],
)
def test_by_hand(prediction, truths, exact, overlap):
    assert exact_match(prediction, truths) is exact
    assert_close(f1(prediction, truths), overlap, terms=4)


def asked(name, *answers):
    return Question(name, "t", "c", "q", tuple(Answer(text, 0) for text in answers))


def test_means_over_questions():
    questions = [asked("1", "cat"), asked("2", "dog"), asked("3"), asked("4", "x")]
    scores = score(questions, {"1": "the cat sat", "2": "Dog", "3": ""})
    assert (scores.exact_match, scores.questions) == (50.0, 4)
    assert_close(scores.f1, (200 / 3 + 100 + 100) / 4, terms=10)


@pytest.mark.parametrize(
    ("questions", "says"), [([], "there are none"), ([asked("1", "cat")], "with the id '7'")]
)
def test_misuse_is_named(questions, says):
    with pytest.raises(InvalidInput, match=says):
        score(questions, {"7": "cat"} if questions else {})
