"""MNIST is found, checked and divided; a small stand-in has its layout, and nothing is fetched."""

import gzip
import hashlib
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from thermolinalg.errors import DataError, InvalidInput
from tngd.data import load_mnist, mnist

FILES = ["TRAIN_IMAGES", "TRAIN_LABELS", "TEST_IMAGES", "TEST_LABELS"]
ROWS = {"train": 60, "t10k": 20}


def content_of(file):
    """A stand-in: image i has the value i in its first pixel and i mod 10 as its label."""
    numbers = np.arange(ROWS[file.name.split("-")[0]], dtype=np.uint8)
    if file.ndim == 1:
        return struct.pack(">HBBI", 0, 8, 1, len(numbers)) + (numbers % 10).tobytes()
    images = np.full((len(numbers), 28, 28), 255, np.uint8)
    images[:, 0, 0] = numbers
    return struct.pack(">HBB3I", 0, 8, 3, *images.shape) + images.tobytes()


def packed(file):
    return gzip.compress(content_of(file), mtime=0)


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """No folder is named and nothing can be downloaded, unless a test says otherwise."""
    monkeypatch.delenv("TNGD_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)


@pytest.fixture
def stand_in(monkeypatch):
    """Make the stand-in pass for MNIST: its checksums are the expected ones."""
    files = []
    for name in FILES:
        file = getattr(mnist, name)
        file = file._replace(md5=md5(content_of(file)), packed_md5=md5(packed(file)))
        monkeypatch.setattr(mnist, name, file)
        files.append(file)
    return files


@pytest.fixture(params=["plain", "gzip"])
def folder(request, tmp_path, stand_in):
    place = tmp_path / "data" / "mnist"
    place.mkdir(parents=True)
    for file in stand_in:
        if request.param == "plain":
            (place / file.name).write_bytes(content_of(file))
        else:
            (place / f"{file.name}.gz").write_bytes(packed(file))
    return place


def numbers(part):
    return np.rint(part.x[:, 0] * 255).astype(int).tolist()


def load(folder=None, **knobs):
    return load_mnist(folder, **{"validation": 20} | knobs)


def test_parts_are_disjoint_and_the_test_is_whole(folder):
    data = load(folder, train=30)
    assert (data.train.size, data.validation.size) == (30, 20)
    assert len(set(numbers(data.train)) | set(numbers(data.validation))) == 50
    assert numbers(data.test) == list(range(20))
    for x, y in (data.train, data.validation, data.test):
        assert (x.dtype, y.dtype, x.shape[1]) == (np.float32, np.int64, 784)
        assert (x.min(), x.max()) == (x[:, 0].min(), 1)
    assert np.array_equal(data.train.y, np.array(numbers(data.train)) % 10)


def test_without_a_number_validation_leaves_the_rest(folder):
    data = load(folder)
    assert sorted(numbers(data.train) + numbers(data.validation)) == list(range(60))


def test_images_are_chosen_by_seed(folder):
    assert numbers(load(folder, rng=1).train) == numbers(load(folder, rng=1).train)
    assert numbers(load(folder, rng=1).train) != numbers(load(folder, rng=2).train)
    fresh = load(folder, rng=None)
    assert numbers(fresh.train) == numbers(load(folder, rng=fresh.seed).train)


def test_a_smaller_training_set_begins_a_larger_one(folder):
    small, large = load(folder, train=10), load(folder, train=40)
    assert numbers(large.train)[:10] == numbers(small.train)
    assert numbers(large.validation) == numbers(small.validation)


@pytest.mark.parametrize("knobs", [{"train": 41}, {"train": -1}, {"validation": 61}], ids=str)
def test_more_images_than_there_are(folder, knobs):
    with pytest.raises(InvalidInput, match=r"sizes|at most"):
        load(folder, **knobs)


@pytest.mark.parametrize("up", [0, 1], ids=["the folder", "its parent"])
def test_the_folder_can_be_named_by_the_environment(folder, monkeypatch, up):
    monkeypatch.setenv("TNGD_DATA", str([folder, folder.parent][up]))
    assert load().test.size == 20


def test_the_argument_goes_before_the_environment(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("TNGD_DATA", str(tmp_path / "elsewhere"))
    assert load(str(folder)).test.size == 20
    assert load(folder.parent).test.size == 20
    with pytest.raises(DataError, match="elsewhere"):
        load()


def test_a_home_folder(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    assert load("~/mnist").test.size == 20


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    file = getattr(mnist, name)
    for path in folder.glob(f"{file.name}*"):
        path.unlink()
    with pytest.raises(DataError, match=f"neither {file.name} nor"):
        load(folder)


def swap(folder, file, content):
    for path in folder.glob(f"{file.name}*"):
        path.unlink()
    (folder / file.name).write_bytes(content)


@pytest.mark.parametrize("name", FILES)
def test_changed_content_is_an_error_unless_unchecked(folder, name):
    file = getattr(mnist, name)
    content = content_of(file)
    swap(folder, file, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match=f"{file.name} is damaged or not MNIST's"):
        load(folder)
    assert load(folder, check=False).test.size == 20


@pytest.mark.parametrize("check", [True, False])
def test_a_truncated_file_is_always_an_error(folder, check):
    swap(folder, mnist.TEST_IMAGES, content_of(mnist.TEST_IMAGES)[:-1])
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte ends early"):
        load(folder, check=check)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("TEST_LABELS", struct.pack(">HBBI", 0, 8, 1, 19) + bytes(19)),
        ("TEST_LABELS", struct.pack(">HBBI", 0, 8, 1, 20) + bytes([10] * 20)),
        ("TEST_IMAGES", struct.pack(">HBB3I", 0, 8, 3, 20, 2, 2) + bytes(80)),
    ],
    ids=["fewer labels", "eleven classes", "small images"],
)
def test_files_that_do_not_belong_together(folder, name, content):
    swap(folder, getattr(mnist, name), content)
    with pytest.raises(DataError, match="four files of one data set"):
        load(folder, check=False)


def test_without_pooch_the_error_says_what_to_install():
    with pytest.raises(DataError, match=r"pip install 'thermolinalg\[data\]'"):
        load()


def fake_pooch(monkeypatch, cache, fetch):
    """Stands in for pooch, and keeps what it was asked for."""
    asked = []

    def create(*, path, base_url, registry, **_knobs):
        asked.append((base_url, registry))
        return SimpleNamespace(
            abspath=path, registry=registry, fetch=lambda name: fetch(Path(path), name)
        )

    module = SimpleNamespace(create=create, os_cache=lambda name: cache / name)
    monkeypatch.setitem(sys.modules, "pooch", module)
    return asked


def deliver(path, name):
    path.mkdir(parents=True, exist_ok=True)
    file = next(f for f in map(mnist.__dict__.get, FILES) if f.name == name.removesuffix(".gz"))
    (path / name).write_bytes(packed(file))


def test_a_download_names_source_and_checksums(tmp_path, monkeypatch, stand_in):
    asked = fake_pooch(monkeypatch, tmp_path, deliver)
    assert load().test.size == 20
    registry = {f"{file.name}.gz": f"md5:{file.packed_md5}" for file in stand_in}
    assert asked == [(mnist.SOURCE, registry)]


@pytest.mark.usefixtures("stand_in")
def test_an_empty_variable_names_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TNGD_DATA", "")
    asked = fake_pooch(monkeypatch, tmp_path, deliver)
    assert load().test.size == 20
    assert asked


def test_a_download_is_always_checked(tmp_path, monkeypatch):
    fake_pooch(monkeypatch, tmp_path, deliver)  # the stand-in, against the checksums of MNIST
    with pytest.raises(DataError, match="not MNIST's"):
        load(check=False)


@pytest.mark.parametrize("fault", [OSError("no route to host"), ValueError("hash differs")])
def test_a_failed_download_says_what_to_do(tmp_path, monkeypatch, fault):
    def fail(*_args):
        raise fault

    fake_pooch(monkeypatch, tmp_path, fail)
    with pytest.raises(DataError, match=f"{fault}.*set TNGD_DATA"):
        load()


def test_pooch_takes_what_is_downloaded_already(tmp_path, monkeypatch, stand_in):
    monkeypatch.delitem(sys.modules, "pooch")
    pooch = pytest.importorskip("pooch")
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    for file in stand_in:
        deliver(tmp_path / "thermolinalg" / "mnist", f"{file.name}.gz")
    assert load().test.size == 20
