"""Results on disk, with the runs they stand on: to look at, or to go on from, another day."""

import os
import pickle
from pathlib import Path
from typing import Any

from thermolinalg.errors import InvalidInput
from thermolinalg.files import atomic_write

FORMAT = "thermolinalg result 1"
"""Written before every result; another number stands for another way of writing them."""


def save(result: Any, path: str | os.PathLike[str]) -> None:
    """Write a result to a file, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    atomic_write(path, lambda file: pickle.dump((FORMAT, result), file))


def load(path: str | os.PathLike[str]) -> Any:
    """The result that was saved in a file, ready to be looked at or refined.

    The file is a pickle, which can run code when it is read: load only what you trust. It is for
    the version of the library that wrote it.

    Raises:
        InvalidInput: there is no such file, or it holds no result of this version.
    """
    name = os.fspath(path)
    try:
        content = pickle.loads(Path(path).read_bytes())
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # whatever a damaged or foreign pickle raises
        raise InvalidInput(f"{name} holds no result that this version can read.") from error
    if not (isinstance(content, tuple) and len(content) == 2 and content[0] == FORMAT):
        raise InvalidInput(f"{name} was not written by save().")
    return content[1]
