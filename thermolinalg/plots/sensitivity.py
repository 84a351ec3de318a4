"""A picture of a sweep: a panel for each knob, median and range over the seeds."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from thermolinalg.analysis.sensitivity import Curve, Sensitivity
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from thermolinalg.plots.canvas import GREY, PALETTE, label_logarithm, line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURED, REFUSED = PALETTE[0], PALETTE[1]

SHARES = {
    "mismatch", "stray", "dead", "temperature_spread", "temperature_offset", "drift", "floor",
}  # fmt: skip
"""Knobs of a device that are shares of something, written in percent."""

WIDE = 20.0
"""Ratio of numbers from which an axis is logarithmic."""

COLUMNS = 3


def plot_sensitivity(result: Sensitivity, number: str | None = None, /) -> "Figure":
    """A number against each knob that was turned: a panel each, all to one scale.

    Points are medians over the seeds, bars reach from the lowest to the highest. The dashed line
    is the device as it came. A cross at the foot marks a value at which the device refused, for
    some of the seeds or for all.

    Args:
        result: of `sensitivity`.
        number: which of the numbers measured; the study's metric by default.

    Raises:
        InvalidInput: there is no such number, or no such result.
    """
    import matplotlib.pyplot as plt

    if not isinstance(result, Sensitivity):
        raise InvalidInput(f"result is a {type(result).__name__}; pass what sensitivity returns.")
    name = number or result.metric
    curves = {knob: result.curve(knob, name) for knob in result.knobs}
    reference = result.reference(name)
    columns = min(COLUMNS, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(max(3.2 * columns, 5.0), 2.5 * rows + 0.8),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax, (knob, curve) in zip(axes.flat, curves.items(), strict=False):
        _draw(ax, curve)
        ax.axhline(reference.median, color=GREY, lw=1.2, ls="--")
        _scale_values(ax, knob, curve.values)
        ax.set_xlabel(result.knobs[knob], fontsize="small")
    for ax in axes.flat[len(curves) :]:
        ax.remove()
    _scale_numbers(
        axes[0, 0], name, [reference.median, *(x for c in curves.values() for x in c.low)]
    )
    for row in axes:
        row[0].set_ylabel(name)
    figure.suptitle(result.study, fontsize="medium")
    missing = any(curve.missing.any() for curve in curves.values())
    figure.legend(
        handles=_handles(result.seeds, missing=missing),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize="small",
    )
    return figure


def _draw(ax: "Axes", curve: Curve) -> None:
    x, median, low, high, missing = curve
    known = ~np.isnan(median)
    reach = [(median - low)[known], (high - median)[known]]
    style: dict[str, Any] = {
        "color": MEASURED,
        "lw": 1.4,
        "marker": "o",
        "ms": 4,
        "capsize": 2,
        "elinewidth": 1.2,
    }
    ax.errorbar(x[known], median[known], reach, **style)
    refused = x[missing > 0]
    foot = np.full(len(refused), 0.03)
    ax.plot(
        refused,
        foot,
        ls="",
        marker="x",
        color=REFUSED,
        transform=ax.get_xaxis_transform(),
        zorder=5,
    )


def _scale_values(ax: "Axes", knob: str, x: NumpyArray) -> None:
    """Percent for shares; logarithmic where values spread over decades, with room for zero."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    positive = x[x > 0]
    wide = len(positive) > 1 and positive.max() / positive.min() >= WIDE and x.min() >= 0
    if wide and len(positive) == len(x):
        ax.set_xscale("log")
    elif wide:
        ax.set_xscale("symlog", linthresh=positive.min())
        ax.set_xlim(-positive.min() / 3, 2 * positive.max())  # its own margins reach below zero
    elif len(x) == 1:
        ax.set_xticks(x)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=bool((x == np.round(x)).all())))
    if knob in SHARES:
        ax.xaxis.set_major_formatter(FuncFormatter(_percent))


def _scale_numbers(ax: "Axes", name: str, found: list[float]) -> None:
    from matplotlib.ticker import FuncFormatter

    known = np.asarray(found)[~np.isnan(found)]
    share = name.startswith("relative") or name.endswith("accuracy")
    wide = len(known) > 0 and known.min() > 0 and known.max() / known.min() >= WIDE
    if wide:
        ax.set_yscale("log")
        label_logarithm(ax.yaxis, *ax.get_ylim())
    if share:
        ax.yaxis.set_major_formatter(FuncFormatter(_percent))


def _percent(x: float, _: object) -> str:
    return f"{100 * x:.6g} %"


def _handles(seeds: int, *, missing: bool) -> list[Any]:
    measured = line(f"median and range of {seeds} seeds", color=MEASURED, lw=1.4, marker="o", ms=4)
    refused = line("refused", color=REFUSED, ls="", marker="x")
    return [measured, line("device as it came", lw=1.2, ls="--"), *([refused] if missing else [])]
