"""What all pictures share: axes, coordinates to draw, colours and a legend beside the data."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from thermolinalg.theory.operator import Runnable
from thermolinalg.theory.process import OU

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

FEW = 3
"""Coordinates drawn of a process that has more, unless some are named."""

POINTS = 301
"""Points of a smooth exact curve."""

GREY = "0.35"

TIME = "(units of the process)"

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours that the colour-blind can tell apart (Okabe and Ito 2008)."""


def open_axes(ax: Any, size: tuple[float, float] = (7.2, 3.8)) -> "Axes":
    """The axes that were given, or those of a new figure.

    Raises:
        InvalidInput: what was given is something else, such as all axes of a figure.
    """
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None:
        return plt.figure(figsize=size, layout="constrained").gca()
    if not isinstance(ax, Axes):
        raise InvalidInput(
            f"ax is a {type(ax).__name__}; one matplotlib Axes is needed, such as plt.gca() or an "
            "entry of what plt.subplots returns."
        )
    return ax


def choose(coordinates: Any, n: int) -> list[int]:
    """The coordinates named, or the first few of n.

    Raises:
        InvalidInput: they are not different integers from 0 to n - 1.
    """
    if coordinates is None:
        return list(range(min(n, FEW)))
    chosen = [coordinates] if np.ndim(coordinates) == 0 else list(coordinates)
    whole = all(hasattr(i, "__index__") and not isinstance(i, bool) for i in chosen)
    if not (chosen and whole and set(chosen) <= set(range(n)) and len(set(chosen)) == len(chosen)):
        raise InvalidInput(
            f"coordinates = {coordinates!r} must be different integers from 0 to {n - 1}, at least "
            "one."
        )
    return [int(i) for i in chosen]


def colours(count: int) -> list[Any]:
    """As many colours that can be told apart; beyond the palette, from dark to light."""
    return list(PALETTE[:count]) if count <= len(PALETTE) else ordered_colours(count)


def ordered_colours(count: int) -> list[Any]:
    """Colours for a sequence, from dark to light, that the colour-blind can tell apart."""
    import matplotlib

    return list(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.8, count)))


def name(i: int) -> str:
    """x_i, as matplotlib writes mathematics."""
    return f"$x_{{{i}}}$"


def counted(few: int, many: int, things: str) -> str:
    """How many things are drawn: "5 of 200 chains", "1 chain"."""
    if many == 1:
        return f"1 {things.removesuffix('s')}"
    return f"{many} {things}" if few == many else f"{few} of {many} {things}"


def entries(chosen: Sequence[int]) -> list[Any]:
    """The legend's entries for coordinates: thick lines in their colours."""
    from matplotlib.lines import Line2D

    tints = zip(chosen, colours(len(chosen)), strict=True)
    return [Line2D([], [], color=colour, lw=4, label=name(i)) for i, colour in tints]


def line(label: str, **style: Any) -> Any:
    """An entry of the legend for all lines of a kind, whatever their colour."""
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **{"color": GREY, **style})


def band(label: str) -> Any:
    """An entry of the legend for all bands."""
    from matplotlib.patches import Patch

    return Patch(color=GREY, alpha=0.25, lw=0, label=label)


def add_legend(ax: "Axes", handles: Sequence[Any], *notes: str) -> None:
    """A legend to the right of the axes, where it covers no data; notes stand above it."""
    ax.legend(
        handles=list(handles),
        title="\n".join(note for note in notes if note) or None,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        frameon=False,
        fontsize="small",
        handlelength=1.6,
        title_fontsize="small",
        alignment="left",
    )


def label_logarithms(ax: "Axes") -> None:
    """Tick labels of logarithmic axes that do not overlap, and more than one of them."""
    label_logarithm(ax.xaxis, *ax.get_xlim())
    label_logarithm(ax.yaxis, *ax.get_ylim())


def label_logarithm(axis: "Axis", low: float, high: float) -> None:
    """The same of one axis between these limits."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    if high / low < 100:  # decades alone would leave one label or none
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 20 else (1, 3)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def note_of(chosen: Sequence[int], n: int) -> str:
    """Says that some coordinates are not drawn."""
    return "" if len(chosen) == n else f"{len(chosen)} of {n} coordinates"


def lawless(process: Runnable) -> str:
    """Says that nothing exact is drawn: only the law of an OU is at hand."""
    return "" if isinstance(process, OU) else f"{type(process).__name__}: no exact law drawn"


def few_of(total: int, most: int) -> NumpyArray:
    """Indices of at most so many out of a total, evenly spread."""
    return np.unique(np.linspace(0, total - 1, min(total, most)).round().astype(int))
