"""Files of parameters: safetensors, the format in which trained networks are passed around.

A file holds arrays by name and nothing that runs. It is checked whole before anything is read.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.checks import instance, real_dtype
from models.layer import Shape
from models.network import Network
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import DataError
from thermolinalg.files import atomic_write

StrPath = str | os.PathLike[str]

FLOATING = {"F16": "float16", "F32": "float32", "F64": "float64"}
"""The types of number that are read, as the format and as NumPy calls them."""


def save_parameters(path: StrPath, network: Network, params: Array) -> None:
    """Write parameters and constants by their names, such as "0.W": all there are, or no file.

    Args:
        path: most often ends in .safetensors. A file that is there is replaced.
        network: says which part of `params` is which.
        params: (p,), of any library.

    Raises:
        OutputError: it cannot be written; the old file, if any, is as it was.
        InvalidInput: the network lacks constants, without which the file would be of no use.
        DataError: safetensors is not installed, or numbers are of a type that is not written.
    """
    network.require_constants()
    arrays = {**network.constants, **network.parameters(params)}
    write_arrays(path, {name: _in_numpy(name, array) for name, array in arrays.items()})


def load_parameters(
    path: StrPath, network: Network, *, dtype: npt.DTypeLike | None = None
) -> tuple[Network, NumpyArray]:
    """The network with the constants of a file, and its parameters, both in NumPy.

    Args:
        path: what `save_parameters` wrote for a network of the same layers.
        network: its constants, if it has them, are replaced.
        dtype: of the result; by default the widest in the file.

    Raises:
        DataError: the file is missing or damaged, or its arrays are not those of this network.
        InvalidInput: `network` is none, or `dtype` is not a real floating NumPy dtype.
    """
    instance("network", network, Network, "The path comes first: load_parameters(path, network).")
    shapes = {**network.layer.shapes(), **network.layer.constants()}
    arrays = read_arrays(path, shapes, dtype=dtype)
    constants = {name: arrays.pop(name) for name in network.layer.constants()}
    return replace(network, constants=constants), network.layout.flatten(arrays)


def write_arrays(path: StrPath, arrays: Mapping[str, NumpyArray]) -> None:
    """Write a safetensors file. Views with gaps and transposes are written as what they show.

    Raises:
        OutputError: it cannot be written; the old file, if any, is as it was.
        DataError: safetensors is not installed.
    """
    _, library = _safetensors()
    content = library.save({name: np.asarray(a, order="C") for name, a in arrays.items()})
    atomic_write(path, content)


def read_arrays(
    path: StrPath,
    shapes: Mapping[str, Shape],
    *,
    surplus: tuple[str, ...] = (),
    dtype: npt.DTypeLike | None = None,
) -> dict[str, NumpyArray]:
    """The arrays of these names from a safetensors file, in one dtype.

    Args:
        path: the file.
        shapes: what must be there.
        surplus: how the names of others begin that may be there, and are passed by.
        dtype: of the result; by default the widest of those that are read.

    Raises:
        DataError: the file is missing or damaged, lacks an array, has one of another shape or not
            of floating-point numbers, or has one that nobody asked for.
        InvalidInput: `dtype` is not a real floating NumPy dtype.
    """
    if dtype is not None:
        dtype = real_dtype(dtype)
    with _opened(path) as file:
        kinds = _checked(path, file, shapes, surplus)
        if dtype is None:
            dtype = np.result_type(*(FLOATING[kind] for kind in kinds))
        return {name: file.get_tensor(name).astype(dtype, copy=False) for name in shapes}


def names_in(path: StrPath) -> list[str]:
    """What the arrays of a safetensors file are called.

    Raises:
        DataError: the file is missing or damaged.
    """
    with _opened(path) as file:
        return list(file.keys())


def _in_numpy(name: str, array: Array) -> NumpyArray:
    kind = getattr(array.dtype, "name", str(array.dtype).rpartition(".")[2])
    if kind not in FLOATING.values():
        raise DataError(
            f"{name} holds numbers of type {kind}; those that are written are "
            f"{', '.join(FLOATING.values())}. Convert params and constants, for example to float32."
        )
    return to_numpy(array)


def _checked(
    path: StrPath, file: Any, shapes: Mapping[str, Shape], surplus: tuple[str, ...]
) -> set[str]:
    """The types of number in the arrays that are asked for, if all is well."""
    there = set(file.keys())
    if missing := [name for name in shapes if name not in there]:
        raise DataError(
            f"{path} lacks {_listed(missing)}; it holds {_listed(sorted(there))}. It is of another "
            "network, or only a part of one."
        )
    if more := sorted(n for n in there if n not in shapes and not n.startswith(surplus)):
        raise DataError(
            f"{path} also holds {_listed(more)}, for which this network has no place. It is of "
            "another network."
        )
    kinds = set()
    for name, shape in shapes.items():
        entry = file.get_slice(name)
        if (found := tuple(entry.get_shape())) != shape:
            raise DataError(
                f"{name} in {path} has shape {found}, but this network needs {shape}. Build the "
                "network with the sizes of the file."
            )
        if (kind := entry.get_dtype()) not in FLOATING:
            raise DataError(
                f"{name} in {path} holds numbers of type {kind}; those that can be read are "
                f"{', '.join(FLOATING)}. Convert the file, for example to float32."
            )
        kinds.add(kind)
    return kinds


@contextmanager
def _opened(path: StrPath) -> Iterator[Any]:
    safetensors, _ = _safetensors()
    if not Path(path).is_file():
        raise DataError(f"{path} is not a file. Name a .safetensors file that is there.")
    try:
        opened = safetensors.safe_open(path, framework="numpy")
    except (OSError, safetensors.SafetensorError) as error:
        raise DataError(
            f"{path} is damaged or no safetensors file: {error}. Write or download it again."
        ) from error
    with opened as file:
        yield file


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + more


def _safetensors() -> tuple[Any, Any]:
    """The package, and its part for NumPy."""
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise DataError(
            "files of parameters need the package safetensors: pip install 'thermolinalg[text]'."
        ) from error
    return safetensors, safetensors.numpy
