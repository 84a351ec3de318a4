"""Rows of tokens and their labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from thermolinalg.errors import InvalidInput, ShapeMismatch
from tngd.data import IGNORED, masked, padded, windows

PAD, MASK, SIZE = 0, 2, 50
ROWS = np.random.default_rng(0).integers(3, SIZE, (200, 100))
ALARM = 1e-6
"""How often a right count would be called wrong, over seeds."""


@given(st.integers(2, 40), st.data())
def test_windows_cut_the_text_and_label_what_follows(n, data):
    length = data.draw(st.integers(1, n - 1))
    text = np.random.default_rng(n).integers(9, size=n)
    x, y = windows(text, length)
    assert x.shape == y.shape == ((n - 1) // length, length)
    assert np.array_equal(x.ravel(), text[: x.size])
    assert np.array_equal(y.ravel(), text[1 : x.size + 1])


def within_chance(count, n, p):
    low, high = binom.interval(1 - ALARM, n, p)
    return low <= count <= high


def test_masked_tokens_are_as_many_as_the_paper_says():
    x, y = masked(ROWS, mask=MASK, vocabulary=SIZE, rng=0)
    chosen = y != IGNORED
    assert np.array_equal(y[chosen], ROWS[chosen])
    assert np.array_equal(x[~chosen], ROWS[~chosen])
    assert within_chance(chosen.sum(), ROWS.size, 0.15)


def test_of_the_chosen_so_many_are_hidden_changed_and_kept():
    x, y = masked(ROWS, mask=MASK, vocabulary=SIZE, rng=0, rate=1.0)
    assert np.array_equal(y, ROWS)
    assert within_chance((x == MASK).sum(), ROWS.size, 0.8)
    same = 1 / (SIZE - 1)  # a random token may be the old one; it is any but the mask
    assert within_chance((x == ROWS).sum(), ROWS.size, 0.1 + 0.1 * same)
    assert set(x[(x != MASK) & (x != ROWS)].tolist()) == {*range(SIZE)} - {MASK}


def test_special_tokens_are_neither_hidden_nor_drawn():
    rows = ROWS.copy()
    rows[:, 60:] = PAD
    x, y = masked(rows, mask=MASK, vocabulary=SIZE, rng=0, rate=1.0, special=[PAD, 1])
    assert np.all(y[:, 60:] == IGNORED)
    assert np.all(x[:, 60:] == PAD)
    assert np.all(y[:, :60] == rows[:, :60])
    assert not np.isin(x[:, :60], [PAD, 1]).any()


def test_a_seed_repeats_and_another_does_not():
    first, again, other = (
        masked(ROWS, mask=MASK, vocabulary=SIZE, rng=seed).x for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(masked(ROWS, mask=MASK, vocabulary=SIZE, rng=0, rate=0.0).x, ROWS)


@given(st.lists(st.lists(st.integers(1, 9)), min_size=1), st.integers(0, 3))
def test_padding_keeps_the_rows(rows, surplus):
    longest = max(map(len, rows))
    if not longest:
        return
    numbers, real = padded(rows, padding=PAD, length=longest + surplus)
    assert numbers.shape == real.shape == (len(rows), longest + surplus)
    assert [row[there].tolist() for row, there in zip(numbers, real, strict=True)] == rows
    assert np.array_equal(real, numbers != PAD)
    assert np.array_equal(padded(rows)[0], numbers[:, :longest])


MISUSE = {
    "text too short": (lambda: windows(np.arange(5), 5), InvalidInput, "length = 5"),
    "no length": (lambda: windows(np.arange(5), 0), InvalidInput, "from 1 to 4"),
    "rows as a text": (lambda: windows(ROWS, 5), ShapeMismatch, r"integers \(n,\)"),
    "a text as rows": (
        lambda: masked(ROWS[0], mask=MASK, vocabulary=SIZE, rng=0),
        ShapeMismatch,
        r"integers \(b, T\)",
    ),
    "floats": (
        lambda: masked(ROWS / 2, mask=MASK, vocabulary=SIZE, rng=0),
        ShapeMismatch,
        "float64",
    ),
    "vocabulary": (lambda: masked(ROWS, mask=MASK, vocabulary=9, rng=0), InvalidInput, "of 9"),
    "mask": (lambda: masked(ROWS, mask=SIZE, vocabulary=SIZE, rng=0), InvalidInput, "mask = 50"),
    "rate": (
        lambda: masked(ROWS, mask=MASK, vocabulary=SIZE, rng=0, rate=15),
        InvalidInput,
        "rate = 15",
    ),
    "nothing to draw": (
        lambda: masked(ROWS[:0], mask=0, vocabulary=1, rng=0),
        InvalidInput,
        "others beside",
    ),
    "long row": (lambda: padded([[1, 2], [3]], length=1), InvalidInput, "nothing is cut"),
    "no rows": (lambda: padded([]), InvalidInput, "longest of 0 rows"),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse_is_named(name):
    call, error, says = MISUSE[name]
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("rows", [[[1.5, 2.0]], [np.zeros((2, 2), int)], [[True, False]]])
def test_rows_to_pad_are_integers(rows):
    with pytest.raises(ShapeMismatch, match="must be integers"):
        padded(rows)
