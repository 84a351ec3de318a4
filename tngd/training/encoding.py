"""Records as data: what an optimizer remembers, as a JSON tree beside a list of arrays, and back.

A tree holds numbers, words, tuples, arrays and frozen records of this project. Nothing in it runs:
reading makes such records and no other objects, and imports no module.
"""

import sys
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

import numpy as np

from thermolinalg.backend import Array, NumpyArray, is_dense, like, namespace, to_numpy
from thermolinalg.errors import InvalidInput

Tree: TypeAlias = Any
"""What `json` writes. A list stands for a tuple, a dict with one entry for anything else."""

PACKAGES = ("tngd", "models", "thermolinalg")
"""Whose frozen dataclasses are written and read."""


def encode(value: Any, arrays: list[NumpyArray]) -> Tree:
    """The tree of a value, whose arrays are appended to the list, each with its dtype and order.

    Raises:
        InvalidInput: there is something in it that trees do not hold.
    """
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if type(value) is tuple:
        return [encode(item, arrays) for item in value]
    if isinstance(value, np.generic):
        return {"scalar": _kept(np.asarray(value), arrays)}
    if type(value) is np.ndarray:
        return {"numpy": _kept(value, arrays)}
    if not isinstance(value, list | np.ndarray) and is_dense(value):
        return {"array": _kept(to_numpy(value), arrays)}
    if _is_record(type(value)):
        entries = {
            field.name: encode(getattr(value, field.name), arrays) for field in fields(value)
        }
        return {"record": [_name(type(value)), entries]}
    raise InvalidInput(
        f"a checkpoint cannot hold a {type(value).__module__}.{type(value).__qualname__}. What an "
        "optimizer remembers must be numbers, words and arrays, in tuples."
    )


def decode(tree: Tree, arrays: list[NumpyArray], reference: Array) -> Any:
    """What `encode` made the tree of.

    Args:
        tree: read by `json`.
        arrays: the list that goes with it.
        reference: in whose library arrays are made that were not NumPy's.

    Raises:
        ValueError: the tree is no such tree. KeyError, IndexError and TypeError mean the same.
    """
    if isinstance(tree, list):
        return tuple(decode(item, arrays, reference) for item in tree)
    if not isinstance(tree, dict):
        return tree
    [(kind, content)] = tree.items()
    match kind:
        case "scalar":
            return _laid_out(arrays, *content)[()]
        case "numpy":
            return _laid_out(arrays, *content)
        case "array":
            return _in_library_of(reference, _laid_out(arrays, *content))
        case "record":
            name, entries = content
            known = {key: decode(item, arrays, reference) for key, item in entries.items()}
            return _record(name)(**known)
    raise ValueError(f"{kind!r} is no kind of entry")


def _kept(array: NumpyArray, arrays: list[NumpyArray]) -> list[Any]:
    """Its place in the list, where it may be already, and its strides if a file would lose them."""
    if array.dtype.hasobject:
        raise InvalidInput("a checkpoint cannot hold an array of objects.")
    place = next((i for i, known in enumerate(arrays) if known is array), len(arrays))
    if place == len(arrays):
        arrays.append(array)
    ordered = array.flags.c_contiguous or array.flags.f_contiguous
    return [place] if ordered else [place, list(array.strides)]


def _laid_out(arrays: list[NumpyArray], place: int, strides: list[int] | None = None) -> NumpyArray:
    """The array as it lay in memory: sums over reversed rows, say, may round in another order."""
    array = arrays[place]
    if strides is None:
        return array
    steps = [(n - 1) * stride for n, stride in zip(array.shape, strides, strict=True)]
    room = np.empty(sum(map(abs, steps)) + array.itemsize, np.uint8)
    first = -sum(step for step in steps if step < 0)
    laid_out: NumpyArray = np.ndarray(array.shape, array.dtype, room, first, strides)
    laid_out[...] = array
    return laid_out


def _in_library_of(reference: Array, array: NumpyArray) -> Array:
    """The same numbers in the same dtype, where the reference is."""
    xp = namespace(reference)
    return like(array, xp.astype(reference[:0], getattr(xp, array.dtype.name)))


def _is_record(kind: type) -> bool:
    """Is it a frozen dataclass of this project, which its name leads to?"""
    if kind.__module__.partition(".")[0] not in PACKAGES or not is_dataclass(kind):
        return False
    frozen = kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    return frozen and getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is kind


def _record(name: str) -> type:
    module, _, kind = name.rpartition(".")
    found = getattr(sys.modules.get(module), kind, None)
    if not isinstance(found, type) or not _is_record(found) or _name(found) != name:
        raise ValueError(f"{name} is no record of this project")
    return found


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
