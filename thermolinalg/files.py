"""Writing a file whole or not at all: whoever looks sees the old content or the new, never a part.

The content goes to a temporary file in the same folder, which then takes the name in one step.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeAlias

from thermolinalg.errors import OutputError

Content: TypeAlias = str | bytes | Callable[[BinaryIO], object]
"""What to write: text (as UTF-8), bytes, or a function that writes to an open binary file."""


def atomic_write(path: str | os.PathLike[str], content: Content) -> None:
    """Write a file, replacing what was there.

    A function as content serves any library that writes to open files, for example
    `atomic_write("a.npz", lambda file: np.savez(file, **arrays))`.

    Raises:
        OutputError: it cannot be written; the old file, if any, is as it was.
    """
    target = Path(os.path.realpath(path))  # a link stays a link; what it points to is replaced
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        _require_replaceable(target)
        with temporary.open("x+b") as file:
            _fill(file, content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as error:
        raise OutputError(
            f"{os.fspath(path)} could not be written: {error.strerror or error}. What was there "
            "before is untouched. Choose a folder that exists, can be written and has room."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _fill(file: BinaryIO, content: Content) -> None:
    if callable(content):
        content(file)
    else:
        file.write(content.encode() if isinstance(content, str) else content)


def _require_replaceable(target: Path) -> None:
    """Replacing a device such as /dev/null would succeed, and destroy it."""
    if target.is_dir():
        raise IsADirectoryError("it is a folder")
    if target.exists() and not target.is_file():
        raise OSError("it is a device or a pipe, not a file")
