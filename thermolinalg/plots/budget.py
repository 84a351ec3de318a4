"""What makes a device's answer wrong, as stacked bars: for one run, and for longer ones."""

from typing import TYPE_CHECKING

from thermolinalg.analysis.budget import ErrorBudget
from thermolinalg.analysis.cause import Cause
from thermolinalg.device.naming import title_of
from thermolinalg.errors import InvalidInput
from thermolinalg.plots.canvas import GREY, add_legend, colours, open_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGER = (1, 10, 100)
"""Times as long as the run, for which there is a bar each."""


def plot_budget(budget: ErrorBudget, /, *, ax: "Axes | None" = None) -> "Axes":
    """The expected squared error, cause by cause, of a run and of runs 10 and 100 times as long.

    Biases are solid and stay; what scatters from run to run is hatched and falls as one over the
    time. Lengths are squares of errors relative to the answer: those of causes add up, but for
    biases that point the same way or against each other.

    Args:
        budget: of a problem on a device.
        ax: matplotlib Axes to draw on; None opens a figure.

    Raises:
        InvalidInput: budget is no ErrorBudget, or ax is no matplotlib Axes.
    """
    if not isinstance(budget, ErrorBudget):
        raise InvalidInput(
            f"budget is of type {type(budget).__name__}, and an ErrorBudget is needed: "
            "device.error_budget(problem)."
        )
    from matplotlib.patches import Patch

    ax = open_axes(ax, (7.6, 3.2))
    tints = colours(len(budget.parts))
    for row, factor in enumerate(LONGER):
        _stack(ax, budget, row, factor, tints)
    ax.set_yticks(range(len(LONGER)), ["this run", *(f"{f} times as long" for f in LONGER[1:])])
    ax.invert_yaxis()
    ax.set_xlim(0.0, 1.04 * ax.dataLim.x1)
    ax.set_xlabel("squared error / squared norm of the answer")
    ax.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
    ax.set_title(f"{title_of(budget.prediction.device)}: error {budget.total / budget.norm:.2g}")
    ax.spines[["top", "right"]].set_visible(False)
    handles = [
        Patch(color=tint, lw=0, label=f"{part.title} ({budget.share(part):.0%})")
        for part, tint in zip(budget.parts, tints, strict=True)
    ]
    scatter = Patch(facecolor="white", edgecolor=GREY, hatch="////", label="scatter, falls")
    add_legend(ax, [*handles, scatter])
    return ax


def _stack(ax: "Axes", budget: ErrorBudget, row: int, factor: int, tints: list[object]) -> None:
    left = 0.0
    for part, tint in zip(budget.parts, tints, strict=True):
        for square, hatch in _squares(part, factor):
            width = square / budget.norm**2
            ax.barh(row, width, left=left, height=0.62, color=tint, edgecolor="white", hatch=hatch)
            left += width


def _squares(part: Cause, factor: int) -> list[tuple[float, str]]:
    return [(part.size**2, ""), (part.spread**2 / factor, "////")]
