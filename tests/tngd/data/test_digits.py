"""The bundled digits are the real ones, and their division is fixed."""

import hashlib
from importlib import resources

import numpy as np
import pytest

from tngd.data import load_digits
from tngd.data.digits import _read_bundled

PER_CLASS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # published with the data


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def test_the_bundle_is_the_published_test_set():
    x, y = _read_bundled()
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((1797, 64), np.uint8, (1797,), np.uint8)
    assert (x.min(), x.max()) == (0, 16)
    assert np.bincount(y).tolist() == PER_CLASS
    assert digest(x) == "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
    assert digest(y) == "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"


def test_the_bundle_agrees_with_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets")
    theirs = datasets.load_digits()
    x, y = _read_bundled()
    np.testing.assert_array_equal(x, theirs.data)
    np.testing.assert_array_equal(y, theirs.target)


def test_the_source_is_named_beside_the_data():
    text = resources.files("tngd.data").joinpath("digits.txt").read_text(encoding="utf-8")
    for fact in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0", "Changes", "Format"):
        assert fact in text


def test_every_digit_is_in_one_part():
    data = load_digits()
    parts = (data.train, data.validation, data.test)
    assert [part.size for part in parts] == [1107, 240, 450]
    x = np.concatenate([part.x for part in parts])
    y = np.concatenate([part.y for part in parts])
    raw = _read_bundled()
    ours = sorted(map(tuple, np.column_stack([np.rint(x * 16), y]).astype(int).tolist()))
    assert ours == sorted(map(tuple, np.column_stack([raw.x, raw.y]).astype(int).tolist()))


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_each_part_holds_every_class_in_its_share(part):
    part = getattr(load_digits(), part)
    share = np.array(PER_CLASS) * part.size / 1797
    assert np.all(np.abs(np.bincount(part.y) - share) <= 2)


def test_pixels_and_labels():
    data = load_digits()
    assert data.classes == 10
    assert (data.train.x.dtype, data.train.y.dtype) == (np.float32, np.int64)
    assert (data.train.x.min(), data.train.x.max()) == (0, 1)


def test_classes_look_different():
    x, y = load_digits().train
    means = np.array([x[y == digit].mean(axis=0) for digit in range(10)])
    distance = np.linalg.norm(means[:, None] - means, axis=-1)
    assert distance[~np.eye(10, dtype=bool)].min() > 0.5
    x, y = load_digits().test
    nearest = np.linalg.norm(x[:, None] - means, axis=-1).argmin(axis=1)
    assert (nearest == y).mean() > 0.85  # ten class means already classify most of the test


def test_the_division_is_the_same_for_everybody():
    once, again = load_digits(), load_digits()
    assert once.seed == 0
    assert digest(once.test.x) == digest(again.test.x)


def test_another_seed_divides_otherwise_and_is_recorded():
    fresh = load_digits(rng=None)
    again = load_digits(rng=fresh.seed)
    assert digest(fresh.test.x) == digest(again.test.x)
    assert digest(load_digits().test.x) != digest(load_digits(rng=1).test.x)
