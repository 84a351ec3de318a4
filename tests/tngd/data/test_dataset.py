"""A division is a partition, stratified and repeatable; the records refuse what does not fit."""

from dataclasses import FrozenInstanceError, replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from thermolinalg.errors import InvalidInput, ShapeMismatch
from tngd.data import Dataset, Split, split
from tngd.data.dataset import unit_interval

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=200).map(np.array)
SEEDS = st.integers(0, 2**32)


def numbered(labels):
    """Rows that know their own number."""
    return np.arange(len(labels))[:, None], labels


def rows(parts):
    return [part.x[:, 0].tolist() for part in parts]


@given(labels=LABELS, seed=SEEDS, data=st.data())
def test_parts_are_a_partition_with_the_labels_of_their_rows(labels, seed, data):
    n = len(labels)
    first = data.draw(st.integers(0, n))
    second = data.draw(st.integers(0, n - first))
    parts = split(*numbered(labels), [first, second], rng=seed)
    assert [part.size for part in parts] == [first, second, n - first - second]
    assert sorted(chain(*rows(parts))) == list(range(n))
    for x, y in parts:
        np.testing.assert_array_equal(y, labels[x[:, 0]])


@given(labels=LABELS, seed=SEEDS, share=st.floats(0, 1))
def test_each_part_holds_each_class_in_its_share(labels, seed, share):
    n = len(labels)
    counts = np.bincount(labels)
    cut = round(share * n)
    first, _ = split(*numbered(labels), [cut], rng=seed)
    # Up to a point t of [0, 1) a class of m rows has dealt between m t - 1 and m t + 1 of them,
    # and all C classes together n t give or take C; t is eliminated between the two.
    slack = 1 + counts * np.count_nonzero(counts) / n
    got = np.bincount(first.y, minlength=len(counts))
    assert np.all(np.abs(got - counts * cut / n) <= slack + 1e-9)


@given(labels=LABELS, seed=SEEDS)
def test_same_seed_same_parts(labels, seed):
    sizes = [len(labels) // 2]
    once, again = (rows(split(*numbered(labels), sizes, rng=seed)) for _ in range(2))
    assert once == again


def test_other_seed_other_parts():
    data = numbered(np.arange(100) % 10)
    assert rows(split(*data, [50], rng=0)) != rows(split(*data, [50], rng=1))


def test_rows_of_a_class_are_drawn_equally_often():
    labels = np.array([0] * 7 + [1] * 2 + [2])
    trials = 4000
    drawn = np.zeros(len(labels))
    for seed in range(trials):
        part, _ = split(*numbered(labels), [3], rng=seed)
        drawn[part.x[:, 0]] += 1
    share = np.array([drawn[labels == label].mean() for label in labels]) / trials
    assert np.all((share > 0) & (share < 1)), "even a single row can land in either part"
    z = (drawn / trials - share) / np.sqrt(share * (1 - share) / trials)
    assert np.abs(z).max() <= norm.isf(1e-6 / (2 * len(labels)))


def test_a_smaller_part_begins_a_larger_one():
    data = numbered(np.arange(100) % 7)
    validation, small, _ = rows(split(*data, [20, 10], rng=3))
    same, large, _ = rows(split(*data, [20, 60], rng=3))
    assert validation == same
    assert large[:10] == small


def test_fractions_lose_no_row():
    data = numbered(np.zeros(7, int))
    assert [p.size for p in split(*data, [0.5, 0.5], rng=0)] == [4, 3, 0]
    assert [p.size for p in split(*data, [0.29], rng=0)] == [2, 5]
    assert [p.size for p in split(*data, [], rng=0)] == [7]


@pytest.mark.parametrize(
    "sizes", [[-1], [8], [4, 4], [1.5], [0.6, 0.6], [np.nan], [0.5, 2], [None], ["3"]], ids=str
)
def test_sizes_that_do_not_fit(sizes):
    with pytest.raises(InvalidInput, match="sizes"):
        split(*numbered(np.zeros(7, int)), sizes, rng=0)


@pytest.mark.parametrize("y", [np.zeros(3), np.zeros((3, 2), int)], ids=["float", "one-hot"])
def test_labels_that_are_not_classes(y):
    with pytest.raises(InvalidInput, match="labels"):
        split(np.zeros((3, 1)), y, [1], rng=0)


@pytest.mark.parametrize(("x", "y"), [((3, 2), (4,)), ((), (1,)), ((1,), ())])
def test_rows_must_agree(x, y):
    with pytest.raises(ShapeMismatch):
        Split(np.zeros(x), np.zeros(y))


def test_a_part_unpacks_and_is_frozen():
    part = Split(np.zeros((3, 2)), np.zeros(3))
    x, y = part
    assert x is part.x
    assert y is part.y
    assert part.size == 3
    with pytest.raises(FrozenInstanceError):
        part.x = y


@pytest.fixture
def dataset():
    part = Split(np.zeros((3, 2)), np.array([0, 1, 2]))
    return Dataset("toy", part, part, part, classes=3, seed=0)


def test_parts_must_agree_in_shape(dataset):
    with pytest.raises(ShapeMismatch, match="toy"):
        replace(dataset, test=Split(np.zeros((3, 4)), np.array([0, 1, 2])))


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_must_be_classes(dataset, label):
    with pytest.raises(InvalidInput, match=r"labels 0 \.\.\. 2"):
        replace(dataset, train=Split(np.zeros((1, 2)), np.array([label])))


def test_pixels_reach_exactly_zero_and_one():
    raw = Split(np.arange(256, dtype=np.uint8).reshape(4, 8, 8), np.arange(4, dtype=np.uint8))
    x, y = unit_interval(raw, top=255)
    assert (x.dtype, y.dtype) == (np.float32, np.int64)
    assert x.shape == (4, 64)
    assert (x.min(), x.max()) == (0, 1)
    np.testing.assert_array_equal(np.rint(x * 255).ravel(), np.arange(256))


def test_no_rows_are_no_trouble():
    empty = Split(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))
    assert unit_interval(empty, top=255).x.shape == (0, 784)


def test_repr_of_a_part_says_shapes_and_not_numbers():
    part = Split(np.zeros((5, 2), np.float32), np.zeros(5, np.int64))
    assert repr(part) == "Split(x (5, 2) float32, y (5,) int64)"
