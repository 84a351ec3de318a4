"""Numbers of tokens: the same whatever the order of the text, and back without loss."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermolinalg.errors import DataError, InvalidInput, OutputError
from tngd.data import Vocabulary

words = st.lists(st.sampled_from(["the", "cat", "<unk>", "Cat", "½", "\n", "<pad>", "sat"]))


@given(words, st.randoms())
def test_order_of_the_text_does_not_matter(text, random):
    shuffled = text.copy()
    random.shuffle(shuffled)
    assert Vocabulary.of(text) == Vocabulary.of(shuffled)


@given(words, st.integers(3, 9), st.integers(1, 3))
def test_the_most_frequent_are_kept(text, size, minimum):
    vocabulary = Vocabulary.of(text, size=size, minimum=minimum)
    assert vocabulary.tokens[:3] == ("<pad>", "<unk>", "<mask>")
    assert len(vocabulary) <= size
    counts, kept = Counter(text), vocabulary.tokens[3:]
    assert list(kept) == sorted(kept, key=lambda token: (-counts[token], token))
    assert all(counts[token] >= minimum for token in kept)
    left = [n for token, n in counts.items() if token not in vocabulary.tokens]
    if len(vocabulary) < size:
        assert all(n < minimum for n in left)
    elif kept:
        assert all(n <= counts[kept[-1]] for n in left)


@given(words, words)
def test_numbers_and_back(text, other):
    vocabulary = Vocabulary.of(text)
    known = [word if word in {*text, *vocabulary.tokens} else "<unk>" for word in other]
    numbers = vocabulary.encode(other)
    assert numbers.dtype == "int64"
    assert numbers.shape == (len(other),)
    assert vocabulary.decode(numbers) == known


def test_a_string_is_its_characters():
    vocabulary = Vocabulary.of("abracadabra", size=5)
    assert vocabulary.tokens[3:] == ("a", "b")
    assert vocabulary.encode("bad").tolist() == [4, 3, vocabulary.unknown]


@given(words)
def test_saved_and_loaded(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("v") / "vocabulary.json"
    vocabulary = Vocabulary.of(text)
    vocabulary.save(path)
    assert Vocabulary.load(path) == vocabulary


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[", "does not hold a vocabulary"),
        (b'["a", "b"]', "must begin with <pad>"),
        (b"3", "does not hold a vocabulary"),
        (b'["<pad>", "<unk>", "<mask>", "a", "a"]', "different from each"),
        (b"\xff", "does not hold a vocabulary"),
    ],
    ids=["cut", "no-special", "number", "twice", "bytes"],
)
def test_damage_is_named(content, says, tmp_path):
    path = tmp_path / "vocabulary.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        Vocabulary.load(path)


def test_files_that_cannot_be_are_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        Vocabulary.load(tmp_path / "none")
    with pytest.raises(OutputError):
        Vocabulary.of("ab").save(tmp_path / "none" / "v.json")


@pytest.mark.parametrize("knobs", [{"size": 2}, {"minimum": 0}], ids=["size", "minimum"])
def test_impossible_sizes_are_named(knobs):
    with pytest.raises(InvalidInput, match=r"size = .* at least 3, and minimum = "):
        Vocabulary.of("abc", **knobs)


@pytest.mark.parametrize("number", [-1, 6])
def test_numbers_of_no_token_are_named(number):
    with pytest.raises(InvalidInput, match="vocabulary of 6 tokens"):
        Vocabulary.of("abc").decode([3, number])
