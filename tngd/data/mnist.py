"""MNIST, from a folder that holds its four files or, failing that, downloaded once.

70,000 handwritten digits of 28 x 28 pixels, by Y. LeCun, C. Cortes and C. J. C. Burges, under
CC BY-SA 3.0. The package does not distribute them.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import DataError
from thermolinalg.streams import RNG, open_streams
from tngd.data.dataset import Dataset, Split, require_available, split, unit_interval
from tngd.data.idx import parse_idx, read_plain

FOLDER_VARIABLE = "TNGD_DATA"
SOURCE = "https://ossci-datasets.s3.amazonaws.com/mnist/"


class IdxFile(NamedTuple):
    """One of the four files, with the checksums of its content and of the gzip we download."""

    name: str
    ndim: int
    md5: str
    packed_md5: str


TRAIN_IMAGES = IdxFile(
    "train-images-idx3-ubyte",
    3,
    "6bbc9ace898e44ae57da46a324031adb",
    "f68b3c2dcbeaaa9fbdd348bbdeb94873",
)
TRAIN_LABELS = IdxFile(
    "train-labels-idx1-ubyte",
    1,
    "a25bea736e30d166cdddb491f175f624",
    "d53e105ee54ea40749a09fcbcd1e9432",
)
TEST_IMAGES = IdxFile(
    "t10k-images-idx3-ubyte",
    3,
    "2646ac647ad5339dbf082846283269ea",
    "9fb629c4189551a2d022fa330f9573f3",
)
TEST_LABELS = IdxFile(
    "t10k-labels-idx1-ubyte",
    1,
    "27ae3e4e09519cfbb04c329615203637",
    "ec29112dd5afa0611ce80d1b7f02629c",
)


def load_mnist(
    folder: str | os.PathLike[str] | None = None,
    *,
    train: int | None = None,
    validation: int = 5_000,
    rng: RNG = 0,
    check: bool = True,
) -> Dataset:
    """MNIST as (n, 784) pixels in [0, 1]; its own 10,000 test images are the test.

    Training and validation images are drawn from the 60,000 training images at random, stratified
    by class, and share none. Under one `rng` and `validation`, a smaller `train` is the beginning
    of a larger one.

    Args:
        folder: holds the four IDX files, gzipped or plain, or a folder `mnist` that does. Without
            it the folder named by the environment variable TNGD_DATA is used, and without that
            the files are downloaded once, which needs the extra `thermolinalg[data]`.
        train: number of training images; None takes all that validation leaves.
        validation: number of validation images.
        rng: chooses the images; the default is the same for everybody, so that results compare.
        check: compare checksums. False admits another data set of the same layout from a
            folder; a download is always checked.

    Raises:
        DataError: files are missing, damaged or not MNIST's, or cannot be downloaded.
        InvalidInput: more images are wanted than there are.
    """
    seed = open_streams(rng).seed
    named = os.environ.get(FOLDER_VARIABLE) if folder is None else folder
    place = _inside(Path(named)) if named else _download()
    check = check or not named
    images, labels = _read_pair(place, TRAIN_IMAGES, TRAIN_LABELS, check=check)
    test = _read_pair(place, TEST_IMAGES, TEST_LABELS, check=check)

    if 0 <= validation <= len(images):
        require_available(train, len(images) - validation)
    sizes = [validation] if train is None else [validation, train]
    held_out, chosen, *_ = split(images, labels, sizes, rng=seed)
    return Dataset(
        "mnist",
        train=unit_interval(chosen, top=255),
        validation=unit_interval(held_out, top=255),
        test=unit_interval(test, top=255),
        classes=10,
        seed=seed,
    )


def _inside(named: Path) -> Path:
    """The folder itself, or its subfolder `mnist`."""
    named = named.expanduser()
    return named / "mnist" if (named / "mnist").is_dir() else named


def _read_pair(folder: Path, images: IdxFile, labels: IdxFile, *, check: bool) -> Split:
    x, y = (_read(folder, wanted, check=check) for wanted in (images, labels))
    if len(x) != len(y) or x.shape[1:] != (28, 28) or np.any(y > 9):
        raise DataError(
            f"{folder}: {images.name} has shape {x.shape}, {labels.name} has shape {y.shape} and "
            f"labels up to {y.max(initial=0)}. MNIST has n images of 28 x 28 pixels and n labels "
            "0 ... 9: put four files of one data set there."
        )
    return Split(x, y)


def _read(folder: Path, wanted: IdxFile, *, check: bool) -> NumpyArray:
    path = _find(folder, wanted.name)
    content = read_plain(path)
    entries = parse_idx(content, path, ndim=wanted.ndim)  # first, as its complaints say more
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if check and md5 != wanted.md5:
        raise DataError(
            f"{path} is damaged or not MNIST's: the md5 of its content is {md5}, not {wanted.md5}. "
            "Replace it; to read another data set of the same layout, name its folder and pass "
            "check=False."
        )
    return entries


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(
        f"{folder} holds neither {name} nor {name}.gz. Put the four MNIST files there; or name no "
        f"folder and unset {FOLDER_VARIABLE}, and they are downloaded."
    )


def _download() -> Path:
    """The folder of downloaded files; what is there already and intact stays as it is."""
    try:
        import pooch
    except ImportError as error:
        raise DataError(
            "MNIST is not part of the package and downloading it needs pooch: "
            f"pip install 'thermolinalg[data]'. Or set {FOLDER_VARIABLE} to a folder that has it."
        ) from error

    files = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
    shelf = pooch.create(
        path=pooch.os_cache("thermolinalg") / "mnist",
        base_url=SOURCE,
        registry={f"{file.name}.gz": f"md5:{file.packed_md5}" for file in files},
        retry_if_failed=2,
    )
    try:
        for name in shelf.registry:
            shelf.fetch(name)
    except (OSError, ValueError) as error:  # no connection, no disk; a checksum that differs
        raise DataError(
            f"MNIST could not be downloaded from {SOURCE}: {error}. Try again later, or set "
            f"{FOLDER_VARIABLE} to a folder that has it."
        ) from error
    return Path(shelf.abspath)
