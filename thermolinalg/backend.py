"""Which array library an array belongs to: the only file that knows.

Numerical kernels ask `namespace(x)` for the functions of the library that `x` lives in (NumPy,
torch, CuPy, array-api-strict; through array-api-compat) and stay in it.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import array_api_compat
import numpy as np
import numpy.typing as npt
import scipy.sparse

Array: TypeAlias = Any
"""An array of any library that follows the Array API standard."""

NumpyArray: TypeAlias = npt.NDArray[Any]


_NUMPY = array_api_compat.array_namespace(np.empty(0))

_MOST_THAT_RAISES_THE_THRESHOLD = 2**25 - 2**16
"""Bytes: glibc follows freed arrays up to 32 MiB, its header included (mallopt(3))."""


def namespace(*arrays: Array) -> Any:
    """The array namespace shared by the arrays; lists and scalars count as NumPy."""
    if all(type(a) is np.ndarray for a in arrays):  # asked many times a step, so answered at once
        return _NUMPY
    known = [a for a in arrays if array_api_compat.is_array_api_obj(a)]
    return array_api_compat.array_namespace(*known) if known else _NUMPY


@cache
def keep_freed_memory() -> None:
    """Let the process keep up to 64 MB that it frees, rather than return and fetch them again.

    A new array whose pages come from the system takes ten times as long to fill as one in memory
    that was there before. glibc returns freed memory beyond twice the largest array that it ever
    got from the system by itself; an array that nobody fills costs nothing. Elsewhere this does no
    harm. Once for a process is enough.
    """
    np.empty(_MOST_THAT_RAISES_THE_THRESHOLD, dtype=np.uint8)


def to_numpy(x: Array) -> NumpyArray:
    """The same numbers as a NumPy array, copied to the host where necessary."""
    if array_api_compat.is_torch_array(x):
        return np.asarray(x.detach().cpu())
    if array_api_compat.is_cupy_array(x):
        return np.asarray(x.get())
    return np.asarray(x)


def is_dense(x: Any) -> bool:
    """Is it an array of any library, with all its entries (or lists of such)?"""
    if array_api_compat.is_torch_array(x):
        return str(x.layout) == "torch.strided"
    return isinstance(x, list | tuple | np.ndarray) or array_api_compat.is_array_api_obj(x)


def like(x: Array, reference: Array) -> Array:
    """`x` with the library, device and dtype of `reference`."""
    xp = namespace(reference)
    device = array_api_compat.device(reference)
    return xp.asarray(x, dtype=reference.dtype, device=device)


def zeros(shape: tuple[int, ...], reference: Array) -> Array:
    """Zeros with the library, device and dtype of `reference`."""
    xp = namespace(reference)
    return xp.zeros(shape, dtype=reference.dtype, device=array_api_compat.device(reference))


def positions(length: int, reference: Array) -> Array:
    """0, 1, ..., length - 1 on the device of `reference`."""
    xp = namespace(reference)
    return xp.arange(length, device=array_api_compat.device(reference))


def sum_by_index(values: Array, index: Array, length: int) -> Array:
    """y (..., length, n), where y_i is the sum of the rows of `values` whose index is i.

    Args:
        values: (..., N, n).
        index: (N,), integers from 0 to length - 1.
        length: number of sums, most of which may be empty.
    """
    if isinstance(values, np.ndarray):
        return _sum_by_index_numpy(values, index, length)
    xp = namespace(values)
    if array_api_compat.is_torch_array(values):
        return zeros((*values.shape[:-2], length, values.shape[-1]), values).index_add_(
            -2, index, values
        )
    chosen = xp.astype(positions(length, values)[:, None] == index, values.dtype)
    return chosen @ values


def _sum_by_index_numpy(values: NumpyArray, index: NumpyArray, length: int) -> NumpyArray:
    """As the product with a sparse matrix of ones, which makes one pass."""
    *lead, N, n = values.shape
    ones = np.ones(N, dtype=values.dtype)
    chosen = scipy.sparse.csc_array((ones, index, np.arange(N + 1)), shape=(length, N))
    rows = np.moveaxis(values, -2, 0).reshape(N, -1)
    return np.moveaxis((chosen @ rows).reshape(length, *lead, n), 0, -2)


def apply_rows(x: Array, M: Array) -> Array:
    """x M' along the last axis of x (..., n), for M (m, n), as one matrix product.

    `x @ M.T` on more than two axes would be many small products.
    """
    if x.ndim <= 2:
        return x @ M.T
    xp = namespace(x)
    return xp.reshape(xp.reshape(x, (-1, x.shape[-1])) @ M.T, (*x.shape[:-1], M.shape[0]))


def add_at(rows: Array, columns: Array, amount: Array | float) -> Array:
    """rows[i, columns[i]] += amount (or amount[i]), for rows (n, c) and columns (n,).

    In place where the library can. The standard has no such assignment; there it costs n c numbers.
    """
    xp = namespace(rows)
    places = (xp.arange(rows.shape[0], device=array_api_compat.device(rows)), columns)
    if array_api_compat.is_jax_array(rows):
        return rows.at[places].add(amount)
    if array_api_compat.is_array_api_strict_namespace(xp):
        there = columns[:, None] == xp.arange(rows.shape[1], device=array_api_compat.device(rows))
        each = amount if isinstance(amount, float) else amount[:, None]
        return rows + xp.astype(there, rows.dtype) * each
    rows[places] += amount
    return rows


def normals(rng: np.random.Generator, shape: tuple[int, ...], reference: Array) -> Array:
    """Standard normal variates in the library and dtype of `reference`.

    They are drawn by NumPy, so that one seed gives the same numbers on every library.
    """
    single = str(reference.dtype).endswith("float32")
    z = rng.standard_normal(shape, dtype=np.float32 if single else np.float64)
    return z if isinstance(reference, np.ndarray) else like(z, reference)


def floating(x: Array) -> Array:
    """`x` as an array of floating type: integers become float64, every other dtype is kept."""
    if not array_api_compat.is_array_api_obj(x):
        x = np.asarray(x)
    xp = namespace(x)
    return xp.astype(x, xp.float64) if xp.isdtype(x.dtype, "integral") else x


def in_pieces(f: Callable[[Array], tuple[Array, ...]], x: Array) -> tuple[Array, ...]:
    """f(x), for f that acts on every entry alone and returns arrays of the shape of x.

    NumPy walks over memory once for every operation, so a large array is taken by pieces that stay
    in the cache with all temporaries: formulas of ten operations become several times as fast.
    """
    if not isinstance(x, np.ndarray) or x.size <= _PIECE or not x.flags.c_contiguous:
        return f(x)
    flat = x.reshape(-1)
    first = f(flat[:_PIECE])
    found = tuple(np.empty(x.size, part.dtype) for part in first)
    for start in range(0, x.size, _PIECE):
        own = slice(start, start + _PIECE)
        for whole, part in zip(found, f(flat[own]) if start else first, strict=True):
            whole[own] = part
    return tuple(whole.reshape(x.shape) for whole in found)


_PIECE = 2**15
"""Entries: 128 KiB in float32, of which a second-level cache holds some."""


def window_view(
    x: Array, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Array | None:
    """Windows over the axes of x (b, *lengths, g, n) behind the first, as a view; NumPy only.

    It is (b, *positions, g, *size, n), where entries lie `dilation` apart and windows `stride`;
    None for other libraries, which have no such views.
    """
    if not isinstance(x, np.ndarray):
        return None
    axes = len(size)
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, tuple(range(1, axes + 1)))
    apart = (slice(None), *(slice(None, None, s) for s in stride), slice(None), slice(None))
    seen = seen[apart + tuple(slice(None, None, d) for d in dilation)]
    return np.moveaxis(seen, axes + 2, -1)
