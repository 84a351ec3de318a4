"""A timeline drawn: two lanes of boxes, one for each machine."""

from typing import TYPE_CHECKING, get_args

from thermolinalg.plots.canvas import PALETTE, add_legend, open_axes
from tngd.timeline.contract import Kind, Machine, Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS: dict[Kind, str] = {
    "gradient": PALETTE[0],
    "update": PALETTE[3],
    "upload": PALETTE[4],
    "relax (new problem)": PALETTE[2],
    "relax (old problem)": "#A6D9C8",
    "read": PALETTE[1],
    "idle": "#EBEBEB",
}
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
LEGIBLE = 0.03
"""Part of the whole from which on a box has room for its number."""


def plot_timeline(timeline: Timeline, axes: "Axes | None" = None) -> "Axes":
    """What each machine does when; boxes have the number of the step they belong to.

    Args:
        timeline: from `simulate_timeline`.
        axes: matplotlib Axes to draw on; None opens a figure.

    Raises:
        InvalidInput: axes is no matplotlib Axes.
    """
    from matplotlib.patches import Patch

    ax = open_axes(axes, (9.0, 2.2))
    unit, name = unit_of(timeline.seconds)
    machines = get_args(Machine)
    for row, machine in enumerate(machines):
        for each in timeline.lane(machine):
            if not each.seconds:
                continue
            width = each.seconds / unit
            ax.barh(row, width, left=each.begin / unit, height=0.7, color=COLOURS[each.kind])
            if each.kind != "idle" and each.seconds > LEGIBLE * timeline.seconds:
                middle = (each.begin + each.end) / 2 / unit
                pale = each.kind in {"relax (old problem)", "upload"}
                colour = "black" if pale else "white"
                number = ax.text(middle, row, f"{each.step}", color=colour, clip_on=True)
                number.set(ha="center", va="center", fontsize="small")
    ax.set_yticks(range(len(machines)), machines)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(0.0, timeline.seconds / unit or 1.0)
    ax.set_xlabel(f"time ({name})")
    ax.set_title(_title(timeline), loc="left", fontsize="medium")
    ax.spines[["top", "right", "left"]].set_visible(False)
    present = {each.kind for each in timeline.activities if each.seconds}
    add_legend(ax, [Patch(color=COLOURS[kind], label=kind) for kind in COLOURS if kind in present])
    return ax


def unit_of(seconds: float) -> tuple[float, str]:
    """The largest unit of which there is one or more, in seconds, and its name."""
    return next((each for each in UNITS if seconds >= each[0]), UNITS[-1] if seconds else UNITS[0])


def _title(timeline: Timeline) -> str:
    buffered = ", buffered upload" if timeline.overlap.buffered else ""
    return f"{timeline.overlap.mode}{buffered}"
