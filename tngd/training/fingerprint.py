"""What a run follows from, in words: two runs that are described alike are the same run.

Every number of every slot and layer is a line of its own, so that one can say what differs. Arrays
are described by their digest. Of functions only the name is seen, not what they do.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeAlias

import numpy as np

from thermolinalg.backend import Array, is_dense, namespace, to_numpy

Fingerprint: TypeAlias = tuple[tuple[str, str], ...]
"""Names, such as "optimizer.rule.rate", and words, such as "0.1"."""

ABSENT = "absent"


def fingerprint(**parts: Any) -> Fingerprint:
    """Of numbers, arrays, records and other objects, each under its name."""
    return tuple(line for name, part in parts.items() for line in _lines(name, part))


def differences(one: Fingerprint, other: Fingerprint) -> list[tuple[str, str, str]]:
    """Name, words in the one, words in the other: of every line that is not in both."""
    ours, theirs = dict(one), dict(other)
    return [
        (name, ours.get(name, ABSENT), theirs.get(name, ABSENT))
        for name in ours | theirs
        if ours.get(name) != theirs.get(name)
    ]


def _lines(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None or isinstance(value, bool | int | float | complex | str | Enum | np.generic):
        yield name, repr(value)
    elif not isinstance(value, tuple | list) and is_dense(value):
        yield name, _digest(value)
    elif isinstance(value, type) or hasattr(value, "__qualname__"):  # a function
        yield name, f"{value.__module__}.{value.__qualname__}"
    elif isinstance(value, set | frozenset):
        yield name, repr(sorted(value, key=repr))
    else:
        if not isinstance(value, tuple | list | Mapping):
            yield name, type(value).__qualname__
        for part, content in _parts(value):
            yield from _lines(name + part, content)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What an object is made of."""
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", item) for key, item in value.items())
    elif isinstance(value, tuple | list):
        yield from ((f"[{i}]", item) for i, item in enumerate(value))
    elif is_dataclass(value):
        yield from ((f".{field.name}", getattr(value, field.name)) for field in fields(value))
    else:
        yield from (
            (f".{key}", item) for key, item in sorted(getattr(value, "__dict__", {}).items())
        )


def _digest(array: Array) -> str:
    """Library, dtype, shape and numbers."""
    library = namespace(array).__name__.rpartition(".")[2]
    numbers = np.ascontiguousarray(to_numpy(array))
    known = hashlib.sha256(numbers.tobytes()).hexdigest()[:16]
    return f"{library} {numbers.dtype} {numbers.shape} {known}"
