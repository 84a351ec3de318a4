import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import Encoded, WordPiece, stacked
from thermolinalg.errors import DataError, InvalidInput

pytest.importorskip("tokenizers")

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "ad", "##a", "##an", "a", "b", "?"]
TOKENS = WordPiece(PIECES)
WORDS = st.text("abnd?", min_size=1, max_size=5)


def by_hand(word):
    """Greedy, longest first, from the left; a word that cannot be finished is unknown."""
    pieces, start = [], 0
    while start < len(word):
        ends = range(len(word), start, -1)
        found = [end for end in ends if ("##" if start else "") + word[start:end] in PIECES]
        if not found:
            return [("[UNK]", 0, len(word))]
        pieces.append((("##" if start else "") + word[start : found[0]], start, found[0]))
        start = found[0]
    return pieces


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(WORDS, min_size=1, max_size=4))
def test_words_become_their_longest_pieces(words):
    expected, at = [], 0
    for word in words:
        for part in word.replace("?", " ? ").split():
            start = at + word.index(part) if part != "?" else None
            expected += [(piece, start, a, b) for piece, a, b in by_hand(part)]
        at += len(word) + 1
    row = TOKENS.encode(" ".join(words))
    assert [PIECES[i] for i in row.ids] == ["[CLS]", *(e[0] for e in expected), "[SEP]"]
    text = " ".join(words)
    for (start, stop), i in zip(row.offsets[1:-1], row.ids[1:-1], strict=True):
        if PIECES[i] != "[UNK]":
            assert text[start:stop] == PIECES[i].removeprefix("##")


def test_a_pair_is_framed_and_filled_up():
    row = TOKENS.encode("Who?", "adan a", length=10)
    assert [PIECES[i] for i in row.ids] == [
        "[CLS]", "who", "?", "[SEP]", "ad", "##an", "a", "[SEP]", "[PAD]", "[PAD]",
    ]  # fmt: skip
    assert row.which.tolist() == [-1, 0, 0, -1, 1, 1, 1, -1, -1, -1]
    assert row.mask.tolist() == [True] * 8 + [False] * 2
    assert row.offsets.tolist() == [
        [0, 0], [0, 3], [3, 4], [0, 0], [0, 2], [2, 4], [5, 6], [0, 0], [0, 0], [0, 0],
    ]  # fmt: skip


def test_offsets_in_one_text_are_0_elsewhere():
    row = TOKENS.encode("who", "adan", length=7)
    assert row.offsets_in(0).tolist() == [[0, 0], [0, 3], *[[0, 0]] * 5]
    assert row.offsets_in(1).tolist() == [*[[0, 0]] * 3, [0, 2], [2, 4], *[[0, 0]] * 2]


def test_offsets_point_into_the_text_as_it_was_written():
    """Capitals and accents are taken off, and the characters stay those of the text."""
    row = TOKENS.encode("  Adá ")
    assert [PIECES[i] for i in row.ids[1:-1]] == ["ad", "##a"]
    assert row.offsets[1:-1].tolist() == [[2, 4], [4, 5]]


def test_capitals_may_count():
    assert WordPiece(PIECES, lowercase=False).encode("Who").ids.tolist() == [2, 1, 3]


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(0, 20), st.integers(5, 12), st.data())
def test_windows_show_every_span_that_is_short_enough(words, length, data):
    overlap = data.draw(st.integers(0, length - 5))
    text = " ".join(["a", "b"] * words)
    rows = TOKENS.windows("who", text, length=length, overlap=overlap)
    assert all(len(row.ids) == length for row in rows)
    shown = [{tuple(o) for o in row.offsets[row.which == 1]} for row in rows]
    all_offsets = [tuple(o) for o in TOKENS.encode(text).offsets[1:-1]]
    for start in range(len(all_offsets) - overlap):
        assert any(set(all_offsets[start : start + overlap + 1]) <= window for window in shown)
    for row in rows:
        assert [PIECES[i] for i in row.ids[:3]] == ["[CLS]", "who", "[SEP]"]


def test_one_window_is_what_encode_gives():
    [window] = TOKENS.windows("who", "a b", length=8, overlap=1)
    row = TOKENS.encode("who", "a b", length=8)
    assert all(np.array_equal(getattr(window, name), value) for name, value in vars(row).items())


def test_rows_of_one_length_are_a_batch():
    rows = [TOKENS.encode("who", "a", length=7), TOKENS.encode("a b ad", length=7)]
    ids, mask = stacked(rows)
    assert ids.shape == mask.shape == (2, 7)
    assert np.array_equal(ids != 0, mask)


def test_decoding_gives_the_words_back():
    assert TOKENS.decode(TOKENS.encode("Who adan ?", "b", length=12).ids) == "who adan ? b"


def test_a_vocabulary_is_saved_and_read(tmp_path):
    path = tmp_path / "vocab.txt"
    pieces = (*PIECES, "\u2028", "ü")
    WordPiece(pieces).save(path)
    assert WordPiece(path).vocabulary == WordPiece(str(path)).vocabulary == pieces
    assert repr(WordPiece(path)) == "WordPiece(14 pieces, lowercase=True)"


def test_a_learned_vocabulary_reads_its_texts():
    texts = ["the cat sat on the mat", "the cats sat", "a mat, a cat"]
    tokens = WordPiece.learn(texts, 40)
    assert tokens.vocabulary[:5] == tuple(PIECES[:5])
    assert len(tokens) <= 40
    assert "the" in tokens.vocabulary
    assert tokens == WordPiece.learn(texts, 40)
    for text in texts:
        ids = tokens.encode(text).ids
        assert tokens.numbers["[UNK]"] not in ids
        assert tokens.decode(ids) == text.replace(",", " ,")


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: WordPiece(["a", "[UNK]"]), DataError, r"lacks \[PAD\], \[CLS\], \[SEP\]"),
        (lambda: WordPiece([*PIECES, "who"]), DataError, "same piece on two lines"),
        (lambda: WordPiece("no such file"), DataError, "no such file cannot be read"),
        (lambda: WordPiece("."), DataError, "cannot be read"),
        (lambda: TOKENS.encode("a b", "who", length=5), InvalidInput, "6 tokens, .* length = 5"),
        (
            lambda: TOKENS.windows("a b", "who", length=6, overlap=1),
            InvalidInput,
            "room for 1 .* overlap = 1",
        ),
        (lambda: TOKENS.windows("a", "b", length=9, overlap=-1), InvalidInput, "overlap = -1"),
        (lambda: TOKENS.decode([5, 12]), DataError, "12 is no token: those are 0 to 11"),
        (lambda: stacked([TOKENS.encode("a"), TOKENS.encode("a b")]), InvalidInput, r"\[3, 4\]"),
        (lambda: stacked([]), InvalidInput, "batch"),
        (lambda: WordPiece.learn(["a"], 0), InvalidInput, "size = 0"),
    ],
    ids=range(11),
)
def test_misuse_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as a vocabulary"):
        WordPiece(path)


def test_the_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DataError, match=r"pip install 'thermolinalg\[text\]'"):
        WordPiece(PIECES)


def test_records_are_those_of_the_package():
    assert isinstance(TOKENS.encode("a"), Encoded)


def test_learning_from_one_string_is_refused():
    with pytest.raises(InvalidInput, match=r"texts is one string.*\[text\]"):
        WordPiece.learn("a text, and not a list of them", size=50)
