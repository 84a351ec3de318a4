"""A measured array in a few cells: its first and last entries, each with its error bar."""

import math
from typing import NamedTuple

import numpy as np

from thermolinalg.backend import Array, NumpyArray, to_numpy

HEAD, TAIL = 4, 2
"""Entries shown of an axis that has more than MOST: the first and the last."""

MOST = 8

ACROSS_HEAD, ACROSS_TAIL, ACROSS = 2, 1, 4
"""The same for columns, which are wider."""

DOTS = "…"

PLAIN = 1e-4, 1e6
"""Between these sizes numbers are written without an exponent."""


class Entries(NamedTuple):
    """Rows of cells, and a line about the whole."""

    rows: tuple[tuple[str, ...], ...]
    note: str

    @staticmethod
    def of(value: Array, half: Array | None, meaning: str) -> "Entries":
        """Of a value and the half-widths of its intervals (None: it has none), and their meaning.

        A vector stands upright beside its indices; of more than two axes the last goes across.
        """
        x = to_numpy(value)
        widths = None if half is None else to_numpy(half)
        note = f"{_described(x)}{'; ' if meaning else ''}{meaning}"
        if x.ndim == 0:
            return Entries(((measured(x, widths),),), note)
        grid = x.reshape(-1, x.shape[-1])
        errors = None if widths is None else widths.reshape(grid.shape)
        if x.ndim == 1:
            return Entries(_upright(grid[0], None if errors is None else errors[0]), note)
        return Entries(_grid(grid, errors), note)


def measured(value: float | NumpyArray, half: float | NumpyArray | None) -> str:
    """value ± half to two digits of the error, such as "1.234 ± 0.012"."""
    x = float(value)
    if half is None:
        return f"{x:.6g}"
    error = float(half)
    if not (math.isfinite(x) and math.isfinite(error) and error > 0):
        return f"{x:.6g} ± {error:.2g}"
    size = max(abs(x), error)
    last = math.floor(math.log10(error)) - 1  # power of ten of the last digit
    if PLAIN[0] <= error and size < PLAIN[1]:
        digits = max(-last, 0)
        return f"{x:.{digits}f} ± {error:.{digits}f}"
    first = math.floor(math.log10(size))
    return f"{x:.{min(first - last, 16)}e} ± {error:.1e}"


def _described(x: NumpyArray) -> str:
    if x.ndim == 0:
        return "a number"
    norm = float(np.linalg.norm(x))
    return (
        f"shape ({', '.join(map(str, x.shape))}{',' if x.ndim == 1 else ''}), norm {norm:.4g}, "
        f"entries from {x.min():.4g} to {x.max():.4g}"
    )


def _upright(x: NumpyArray, errors: NumpyArray | None) -> tuple[tuple[str, ...], ...]:
    """A line for each entry: its index and its value."""
    return tuple(
        (DOTS, "")
        if i is None
        else (f"[{i}]", measured(x[i], None if errors is None else errors[i]))
        for i in _shown(len(x), HEAD, TAIL, MOST)
    )


def _grid(x: NumpyArray, errors: NumpyArray | None) -> tuple[tuple[str, ...], ...]:
    def cell(i: int | None, j: int | None) -> str:
        if i is None or j is None:
            return DOTS
        return measured(x[i, j], None if errors is None else errors[i, j])

    columns = _shown(x.shape[1], ACROSS_HEAD, ACROSS_TAIL, ACROSS)
    lines = _shown(x.shape[0], HEAD, TAIL, MOST)
    return tuple(tuple(cell(i, j) for j in columns) for i in lines)


def _shown(n: int, head: int, tail: int, most: int) -> list[int | None]:
    """Indices of the first and the last of n; None stands for those between."""
    if n <= most:
        return list(range(n))
    return [*range(head), None, *range(n - tail, n)]
