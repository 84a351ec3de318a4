"""Sample paths, and the band in which they should stay."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.plots.canvas import (
    POINTS,
    TIME,
    add_legend,
    band,
    choose,
    colours,
    counted,
    entries,
    few_of,
    lawless,
    line,
    name,
    note_of,
    open_axes,
)
from thermolinalg.plots.record import Start, start_of, times_and_states
from thermolinalg.simulation.simulate import Trajectory
from thermolinalg.theory.evolution import transition
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.operator import Runnable
from thermolinalg.theory.process import OU, single

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OUTSIDE = 0.05
"""Share of the chains outside their band, half of it above: as of a normal law outside ± 2σ."""

_Law: TypeAlias = tuple[NumpyArray, NumpyArray, NumpyArray, NumpyArray]
"""Times (p,), and at each the means and the ends of the bands (p, n)."""


def plot_trajectories(
    process: Runnable,
    trajectory: Trajectory,
    /,
    *,
    x0: Array | Gaussian | None = None,
    coordinates: int | Sequence[int] | None = None,
    paths: int = 5,
    ax: "Axes | None" = None,
) -> "Axes":
    """Sample paths with their mean and a band of two standard deviations around it.

    For a linear process (OU) both are the exact law of x(t), not estimates: at any one time, 95 %
    of all paths are inside the band. For any other process they are the mean of the chains of the
    run and where the middle 95 % of them are, and the legend says so.

    Args:
        process: what ran.
        trajectory: the run.
        x0: what was passed to `simulate`: a point, a point per chain, or a law. None reads it off
            a run whose chains all began in one point.
        coordinates: what to draw; None draws the first 3.
        paths: chains to draw of each coordinate, at most.
        ax: matplotlib Axes to draw on; None opens a figure.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    times, states = times_and_states(process, trajectory)
    chosen = choose(coordinates, process.n)
    few = checks.count("paths", paths, least=0)
    law = _law(process, times, states, x0)
    ax = open_axes(ax)
    drawn, exact = few_of(len(states), few), isinstance(process, OU)
    for i, colour in zip(chosen, colours(len(chosen)), strict=True):
        ax.plot(times, states[drawn, :, i].T, color=colour, lw=0.7, alpha=0.6)
        if law is not None:
            t, mean, low, high = law
            ax.plot(t, mean[:, i], color=colour, lw=2.0, zorder=4)
            ax.fill_between(t, low[:, i], high[:, i], color=colour, alpha=0.15, lw=0)
            for edge in (low, high) if exact else ():  # seen even where many paths hide the band
                ax.plot(t, edge[:, i], color=colour, lw=0.8, zorder=3)
    ax.set(xlabel=f"time $t$ {TIME}", ylabel="state " + ", ".join(map(name, chosen[:4])))
    ax.margins(x=0.0)
    shown = counted(len(drawn), len(states), "chains")
    handles = _handles(process, chosen, shown, len(states))
    add_legend(ax, handles, note_of(chosen, process.n), lawless(process))
    return ax


def _law(process: Runnable, times: NumpyArray, states: NumpyArray, x0: Any) -> _Law | None:
    """The exact law of x(t), or that of the chains if there are some."""
    if not isinstance(process, OU):
        if len(states) < 2:
            return None
        low, high = np.quantile(states, [OUTSIDE / 2, 1 - OUTSIDE / 2], axis=0)
        return times, states.mean(axis=0), low, high
    start = start_of(process, states, x0)
    # More times than the run has, or fewer: those that draw a smooth line.
    t = np.interp(np.linspace(0, len(times) - 1, POINTS), np.arange(len(times)), times)
    mean, spread = exact_moments(process, start, t - t[0])
    return t, mean, mean - 2 * spread, mean + 2 * spread


def exact_moments(process: OU, start: Start, times: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """Means and standard deviations (p, n) at p times after the start, each step from the last.

    Raises:
        ShapeMismatch: the process has more than one drive, and so more than one law.
    """
    known: dict[float, tuple[NumpyArray, NumpyArray, NumpyArray]] = {}
    if isinstance(start, Gaussian):
        mean, cov = to_numpy(start.mean).astype(float), to_numpy(start.cov).astype(float)
    else:
        mean, cov = to_numpy(start).astype(float), np.zeros((process.n, process.n))
    means, variances = np.empty((len(times), process.n)), np.empty((len(times), process.n))
    for k, step in enumerate(np.diff(times, prepend=0.0)):
        rounded = float(f"{step:.11e}")  # so that even steps are prepared once
        if rounded not in known:
            law = transition(single(process), rounded)
            known[rounded] = to_numpy(law.E), to_numpy(law.shift), to_numpy(law.C)
        E, shift, C = known[rounded]
        mean, cov = E @ mean + shift, E @ cov @ E.T + C
        means[k], variances[k] = mean, np.diag(cov)
    return means, np.sqrt(np.clip(variances, 0.0, None))


def _handles(process: Runnable, chosen: list[int], shown: str, chains: int) -> list[Any]:
    handles = [*entries(chosen), line(f"sample paths\n({shown})", lw=0.7)]
    if isinstance(process, OU):
        return [*handles, line("exact mean", lw=2), band("exact mean ± 2σ")]
    if chains > 1:
        middle = band(f"middle 95 %\nof {chains} chains")
        handles += [line(f"mean of {chains} chains", lw=2), middle]
    return handles
