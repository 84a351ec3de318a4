"""Which array library an array belongs to: the only file that knows.

Numerical kernels ask `namespace(x)` for the functions of the library that `x` lives in (NumPy,
torch, CuPy, array-api-strict; through array-api-compat) and stay in it.
"""

from typing import Any, TypeAlias

import array_api_compat
import numpy as np
import numpy.typing as npt
import scipy.sparse

Array: TypeAlias = Any
"""An array of any library that follows the Array API standard."""

NumpyArray: TypeAlias = npt.NDArray[Any]


def namespace(*arrays: Array) -> Any:
    """The array namespace shared by the arrays; lists and scalars count as NumPy."""
    known = [a for a in arrays if array_api_compat.is_array_api_obj(a)]
    return (
        array_api_compat.array_namespace(*known)
        if known
        else array_api_compat.array_namespace(np.empty(0))
    )


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


def add_at(rows: Array, columns: Array, amount: Array | float) -> None:
    """rows[i, columns[i]] += amount (or amount[i]) in place, for rows (n, c) and columns (n,).

    The standard has no such assignment; where a library has none either, it costs n c numbers.
    """
    xp = namespace(rows)
    device = array_api_compat.device(rows)
    if array_api_compat.is_array_api_strict_namespace(xp):
        there = columns[:, None] == xp.arange(rows.shape[1], device=device)
        rows += xp.astype(there, rows.dtype) * (
            amount if isinstance(amount, float) else amount[:, None]
        )
    else:
        rows[xp.arange(rows.shape[0], device=device), columns] += amount


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
