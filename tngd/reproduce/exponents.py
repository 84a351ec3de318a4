"""Exponents of costs in sizes: fitted, and beside those that a table states."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tngd.reproduce.tables import markdown


class Column(NamedTuple):
    """A cost and the size that it grows with."""

    title: str
    sweep: str
    number: str


COLUMNS = (
    Column("time in N", "parameters", "seconds"),
    Column("memory in N", "parameters", "bytes"),
    Column("time in d_z", "outputs", "seconds"),
    Column("memory in d_z", "outputs", "bytes"),
)


class Fit(NamedTuple):
    """The slope of log y against log x, and its standard error."""

    slope: float
    error: float

    def says(self) -> str:
        """As in "0.98 ± 0.02"."""
        return f"{self.slope:.2f} ± {self.error:.2f}"

    def beside(self, stated: str) -> str:
        """What is stated is a number, "1", or a range, "2 to 3".

        Returns "agrees", to two errors, or "below" or "above".
        """
        ends = [float(end) for end in stated.split(" to ")]
        if self.slope < ends[0] - 2 * self.error:
            return "below"
        return "above" if self.slope > ends[-1] + 2 * self.error else "agrees"


Fits = Mapping[tuple[str, Column], Fit | None]
"""By contender and column."""


def fit(x: Sequence[float], y: Sequence[float]) -> Fit | None:
    """By least squares, through three points or more."""
    if len(x) < 3:
        return None
    a, b = np.log(np.asarray(x, float)), np.log(np.asarray(y, float))
    a, b = a - a.mean(), b - b.mean()
    square = float(a @ a)
    slope = float(a @ b) / square
    left = b - slope * a
    return Fit(slope, math.sqrt(float(left @ left) / (len(a) - 2) / square))


def exponent_table(names: Sequence[str], fits: Fits, stated: Mapping[str, Sequence[str]]) -> str:
    """Fitted exponents; in brackets those that are stated."""
    rows = [[name, *(_cell(name, column, fits, stated) for column in COLUMNS)] for name in names]
    head = ["optimizer", *(column.title for column in COLUMNS)]
    return (
        "Exponents fitted at the larger sizes, with their standard errors; in brackets those of "
        f"the paper's table 1, if it has the optimizer.\n\n{markdown([head, *rows])}"
    )


def _cell(name: str, column: Column, fits: Fits, stated: Mapping[str, Sequence[str]]) -> str:
    found, said = fits[name, column], _stated(name, column, stated)
    return ("-" if found is None else found.says()) + (f" ({said})" if said else "")


def claims(fits: Fits, stated: Mapping[str, Sequence[str]]) -> str:
    """How the fitted exponents stand to the stated ones, and why they may differ."""
    groups: dict[str, list[str]] = {"agrees": [], "below": [], "above": []}
    for (name, column), found in fits.items():
        said = _stated(name, column, stated)
        if found is not None and said:
            groups[found.beside(said)].append(f"{name}, {column.title}")
    every = sum(map(len, groups.values()))
    lines = [f"Of {every} exponents of the table, {len(groups['agrees'])} agree to two errors."]
    lines += [f"- {WHY[way]}: {'; '.join(groups[way])}." for way in WHY if groups[way]]
    return "\n".join([lines[0], "", *lines[1:]]).rstrip()


def _stated(name: str, column: Column, stated: Mapping[str, Sequence[str]]) -> str:
    return stated[name][COLUMNS.index(column)] if name in stated else ""


WHY = {
    "below": (
        "Below it, for some costs do not grow. A step has the convolution and Python's own time "
        "at any width; its memory is the activations' before it is the parameters'; with the batch "
        "fixed, what is b d_z wide does not grow with N. Our Woodbury multiplies no rows but "
        "positions and widths, layer by layer, so that N hardly enters; `woodbury, rows` does "
        "what the table counts"
    ),
    "above": (
        "Above it, for N grows with d_z too, and arrays outgrow the caches, where the table counts "
        "operations"
    ),
}
