"""Where a device would win: a map over size and condition number, and times with their parts."""

from typing import TYPE_CHECKING, Any

import numpy as np

from thermolinalg.analysis.crossover import Crossover
from thermolinalg.device.naming import title_of
from thermolinalg.errors import InvalidInput
from thermolinalg.plots.canvas import GREY, PALETTE, add_legend, label_logarithms, line, open_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DECADES = 3.0
"""Of the colours, to both sides of equal times."""


def plot_crossover(found: Crossover, /, *, ax: "Axes | None" = None) -> "Axes":
    """Map of digital over device time: a line where they are equal, blue where the device wins.

    Args:
        found: what `crossover` returns, of two sizes and two condition numbers at least.
        ax: matplotlib Axes to draw on; None opens a figure.

    Raises:
        InvalidInput: there is too little for a map, or an argument is something else.
    """
    _require_crossover(found)
    if min(found.device_seconds.shape) < 2:
        raise InvalidInput(
            f"a map needs two sizes and two condition numbers, and there are {len(found.sizes)} "
            f"and {len(found.conditions)}. plot_crossover_times draws one condition number."
        )
    ax = open_axes(ax)
    gain = np.log10(found.digital_seconds / found.device_seconds)
    mesh = ax.pcolormesh(
        found.sizes,
        found.conditions,
        gain,
        cmap="RdBu",
        vmin=-DECADES,
        vmax=DECADES,
        shading="gouraud",
        rasterized=True,
    )
    handles = []
    if gain.min() < 0 < gain.max():
        ax.contour(found.sizes, found.conditions, gain, [0.0], colors="black", linewidths=1.6)
        handles = [line("as fast", color="black", lw=1.6)]
    ax.set(xscale="log", yscale="log", xlabel="size d", ylabel="condition number")
    label_logarithms(ax)
    held = found.held
    if found.conditions[0] < held < found.conditions[-1]:
        ax.axhline(held, color=GREY, ls="--", lw=1.2)
        handles.append(line(f"{found.device.bits} bits hold\nthe error below", ls="--", lw=1.2))
    ticks = np.arange(-DECADES, DECADES + 1)
    bar = ax.figure.colorbar(mesh, ax=ax, ticks=ticks, extend="both", pad=0.02)
    bar.ax.set_yticklabels([f"{10.0**t:g}" for t in ticks])
    bar.set_label("digital time / device time")
    ax.set_title(_title(found), fontsize="medium")
    if handles:
        ax.legend(handles=handles, loc="upper left", fontsize="small", framealpha=0.8)
    return ax


def plot_crossover_times(
    found: Crossover, /, *, condition: float | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Times against the size at one condition number: the device's parts, and the digital time.

    Parts are lines: areas on top of each other mean nothing on a logarithmic scale.

    Args:
        found: what `crossover` returns.
        condition: one of its condition numbers; None is the middle one.
        ax: matplotlib Axes to draw on; None opens a figure.

    Raises:
        InvalidInput: it has no such condition number, or an argument is something else.
    """
    _require_crossover(found)
    row = _row(found, condition)
    ax = open_axes(ax)
    ledgers, sizes = found.ledgers[row], np.array(found.sizes)
    activities = list(dict.fromkeys(x.activity for ledger in ledgers for x in ledger.lines))
    handles: list[Any] = []
    for activity, colour in zip(activities, PALETTE, strict=False):
        seconds = np.array([ledger.share(activity) * ledger.total for ledger in ledgers])
        if seconds.any():
            ax.plot(sizes, np.where(seconds > 0, seconds, np.nan), color=colour, lw=1.2)
            handles.append(line(activity, color=colour, lw=1.2))
    ax.plot(sizes, found.device_seconds[row], color="black", lw=2.2)
    ax.plot(sizes, found.digital_seconds[row], color="black", lw=2.2, ls=":")
    handles = [
        line("device, in all", color="black", lw=2.2),
        *handles,
        line(f"{found.digital.name}\n({found.label})", color="black", lw=2.2, ls=":"),
    ]
    boundary = found.boundaries[row]
    if boundary.size is not None:
        ax.axvline(boundary.size, color=GREY, ls="--", lw=1.0)
        handles.append(line(f"crossover, d = {boundary.size}", ls="--", lw=1.0))
    ax.set(xscale="log", yscale="log", xlabel="size d", ylabel="time (s)")
    label_logarithms(ax)
    ax.set_title(f"{_title(found)}, condition {boundary.condition:g}", fontsize="medium")
    add_legend(ax, handles)
    return ax


def _title(found: Crossover) -> str:
    sides = f"{title_of(found.device)} / {found.digital.name} ({found.label})"
    return f"{found.task.title}, error {found.task.error:g}: {sides}"


def _row(found: Crossover, condition: float | None) -> int:
    if condition is None:
        return len(found.conditions) // 2
    if condition not in found.conditions:
        known = ", ".join(f"{k:g}" for k in found.conditions)
        raise InvalidInput(f"condition = {condition!r} must be one of {known}.")
    return found.conditions.index(condition)


def _require_crossover(found: object) -> None:
    if not isinstance(found, Crossover):
        raise InvalidInput(f"found is a {type(found).__name__}; pass what crossover returns.")
