"""The entries of an answer, each with its interval, and the truth beside them."""

from typing import TYPE_CHECKING

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, to_numpy
from thermolinalg.errors import InvalidInput
from thermolinalg.plots.canvas import PALETTE, add_legend, line, open_axes
from thermolinalg.plots.error import truth_of
from thermolinalg.solvers.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 200
"""Entries that can be told apart in a picture."""

MEASURED, TRUE = PALETTE[0], PALETTE[1]


def plot_answer(
    estimate: Estimate,
    /,
    truth: Array | None = None,
    *,
    confidence: float = 0.95,
    ax: "Axes | None" = None,
) -> "Axes":
    """Entries of an answer with their intervals, and the truth as dots.

    Each interval covers its own entry with probability `confidence`: of 100 entries some 5 dots are
    outside at 0.95. Entries of a matrix stand row after row.

    Args:
        estimate: the answer, of at most 200 entries.
        truth: of the shape of the answer; None if it is not known.
        confidence: probability with which each interval covers its entry.
        ax: matplotlib Axes to draw on; None opens a figure.

    Raises:
        InvalidInput: the answer has too many entries, or an argument cannot be used.
    """
    from matplotlib.ticker import MaxNLocator

    confidence = checks.probability("confidence", confidence)
    exact = truth_of(estimate, truth)
    value = to_numpy(estimate.value).ravel()
    if len(value) > MOST:
        raise InvalidInput(
            f"the answer has {len(value)} entries; at most {MOST} can be told apart. Draw those "
            "that matter: estimate.interval() has the ends of their intervals."
        )
    ax = open_axes(ax)
    low, high = (to_numpy(end).ravel() for end in estimate.interval(confidence))
    at = np.arange(len(value))
    ax.vlines(at, low, high, color=MEASURED, lw=2.0, alpha=0.6)
    ax.plot(at, value, color=MEASURED, ls="", marker="_", ms=7)
    handles = [line(f"measured, with\n{100 * confidence:.3g} % intervals", color=MEASURED, lw=2)]
    if exact is not None:
        ax.plot(at, exact.ravel(), color=TRUE, ls="", marker=".", ms=5, zorder=3)
        handles.append(line("truth", color=TRUE, ls="", marker="."))
    ax.set(xlabel="entry" if estimate.value.ndim < 2 else "entry, row after row", ylabel="value")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(ax, handles, f"{estimate.problem}:\n{estimate.outcome.name}")
    return ax
