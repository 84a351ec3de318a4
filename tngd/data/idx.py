"""The IDX format of MNIST: a magic number, the dimensions, then the bytes; gzipped or plain."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import DataError

GZIP = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08


def read_plain(path: Path) -> bytes:
    """The content of the file, unpacked if it is gzipped.

    Raises:
        DataError: the file cannot be read, or its gzip stream is damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not content.startswith(GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{path} is a damaged gzip file: {error}. Copy or download it again."
        ) from error


def parse_idx(content: bytes, path: Path, *, ndim: int) -> NumpyArray:
    """The array of unsigned bytes that an IDX file holds.

    Args:
        content: the unpacked file.
        path: what errors call it.
        ndim: number of dimensions it must have.

    Raises:
        DataError: it is another kind of file, ends early, or goes on after its last entry.
    """
    magic = bytes([0, 0, UNSIGNED_BYTE, ndim])
    begin = 4 + 4 * ndim
    if content[:4] != magic:
        raise DataError(
            f"{path} begins with the bytes {content[:4].hex(' ') or '(none)'}; an IDX file of "
            f"unsigned bytes in {ndim} dimension(s) begins with {magic.hex(' ')}. "
            "It is damaged or another kind of file: copy or download it again."
        )
    if len(content) < begin:
        raise DataError(f"{path} ends inside its header. Copy or download it again.")
    shape = tuple(int(d) for d in np.frombuffer(content, ">u4", count=ndim, offset=4))
    end = begin + math.prod(shape)
    if len(content) != end:
        fault = "ends early" if len(content) < end else "has extra bytes at its end"
        raise DataError(
            f"{path} {fault}: its header announces shape {shape}, which takes {end} bytes, but "
            f"there are {len(content)}. Copy or download it again."
        )
    return np.frombuffer(content, np.uint8, offset=begin).reshape(shape)
