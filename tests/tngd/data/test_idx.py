"""What is written in IDX is read back; whatever is not exactly IDX is refused."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from thermolinalg.errors import DataError
from tngd.data.idx import parse_idx, read_plain

IMAGES = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
PACKINGS = {"plain": lambda content: content, "gzip": gzip.compress}


def idx(array):
    """The format from its definition: two zeros, type 8, dimensions as big-endian words."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def read(path, ndim):
    return parse_idx(read_plain(path), path, ndim=ndim)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train-images"


@pytest.fixture(params=PACKINGS.values(), ids=PACKINGS)
def pack(request):
    return request.param


@pytest.mark.parametrize("packing", PACKINGS)
@settings(deadline=None)  # it waits for the disk
@given(array=IMAGES)
def test_round_trip(packing, array, tmp_path_factory):
    path = tmp_path_factory.mktemp("idx") / "a"
    path.write_bytes(PACKINGS[packing](idx(array)))
    again = read(path, array.ndim)
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again, array)


def test_a_cut_at_any_byte_is_noticed(path, pack):
    whole = pack(idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4)))
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="train-images"):
            read(path, 3)


@pytest.mark.parametrize("extra", [b"\x00", b"abc"])
def test_bytes_after_the_last_entry(path, extra, pack):
    path.write_bytes(pack(idx(np.zeros((2, 3), np.uint8)) + extra))
    with pytest.raises(DataError, match="extra bytes at its end"):
        read(path, 2)


def test_bytes_after_the_gzip_stream(path):
    path.write_bytes(gzip.compress(idx(np.zeros((2, 3), np.uint8))) + b"abc")
    with pytest.raises(DataError, match="damaged gzip"):
        read(path, 2)


def test_a_flipped_bit_in_a_gzip_is_noticed(path):
    content = bytearray(gzip.compress(idx(np.arange(200, dtype=np.uint8))))
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged gzip"):
        read(path, 1)


@pytest.mark.parametrize(
    "magic", ["00000801", "00000903", "01000803", "03080000", "3c21444f"], ids=str
)
def test_another_magic_number(path, magic):
    path.write_bytes(bytes.fromhex(magic) + idx(np.zeros((2, 3, 4), np.uint8))[4:])
    with pytest.raises(DataError, match="begins with 00 00 08 03"):
        read(path, 3)


def test_dimensions_too_large_for_any_file(path):
    path.write_bytes(struct.pack(">HBB3I", 0, 8, 3, *[2**32 - 1] * 3))
    with pytest.raises(DataError, match="ends early"):
        read(path, 3)


def test_a_missing_file(path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_plain(path)
