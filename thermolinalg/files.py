"""Writing a file whole or not at all: whoever looks sees the old content or the new, never a part.

The content goes to a temporary file in the same folder, which then takes the name in one step.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
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
    atomic_write_all({path: content})


def atomic_write_all(contents: Mapping[str | os.PathLike[str], Content]) -> None:
    """Write several files; none takes its place before all are complete on the disk.

    What can fail then, and leave new files beside old ones, is a renaming: each is whole.

    Raises:
        OutputError: one cannot be written; if that was for lack of room or of permission to
            write, the old files are as they were.
    """
    staged: dict[Path, Path] = {}
    for path, content in contents.items():
        try:
            _stage(path, content, staged)
        except OSError as error:
            _discard(staged)
            raise _unwritable(path, error) from error
        except BaseException:
            _discard(staged)
            raise
    for target, temporary in staged.items():
        try:
            temporary.replace(target)
        except OSError as error:
            _discard(staged)
            raise _unwritable(target, error) from error


def _stage(path: str | os.PathLike[str], content: Content, staged: dict[Path, Path]) -> None:
    """Write the content under a temporary name beside its target."""
    target = Path(os.path.realpath(path))  # a link stays a link; what it points to is replaced
    _require_replaceable(target)
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    staged[target] = temporary
    with temporary.open("x+b") as file:
        _fill(file, content)
        file.flush()
        os.fsync(file.fileno())
    if target.exists():
        shutil.copymode(target, temporary)


def _discard(staged: Mapping[Path, Path]) -> None:
    for temporary in staged.values():
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _unwritable(path: str | os.PathLike[str], error: OSError) -> OutputError:
    return OutputError(
        f"{os.fspath(path)} could not be written: {error.strerror or error}. What was there "
        "before is untouched. Choose a folder that exists, can be written and has room."
    )


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
