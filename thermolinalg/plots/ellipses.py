"""Two coordinates against each other: states as points, laws as ellipses."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import InvalidInput
from thermolinalg.plots.canvas import (
    PALETTE,
    POINTS,
    add_legend,
    choose,
    counted,
    few_of,
    lawless,
    line,
    name,
    open_axes,
    ordered_colours,
)
from thermolinalg.plots.paths import exact_moments
from thermolinalg.plots.record import start_of, times_and_states
from thermolinalg.simulation.simulate import Trajectory
from thermolinalg.theory.equilibrium import stationary
from thermolinalg.theory.evolution import evolve
from thermolinalg.theory.gaussian import Gaussian, square_root
from thermolinalg.theory.operator import Runnable
from thermolinalg.theory.process import OU

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MANY = 2000
"""States drawn as points, in all."""

SLIVER = 5
"""Up to this ratio of widths both coordinates have one scale, so that angles are true."""


@dataclass(frozen=True, eq=False, slots=True)
class _Cloud:
    """A law of the two coordinates, states (k, 2) that should follow it, and how to draw both."""

    law: Gaussian | None
    points: NumpyArray
    label: str
    colour: Any
    dots: Any


def plot_ellipses(
    process: Runnable,
    trajectory: Trajectory | None = None,
    /,
    *,
    coordinates: Sequence[int] = (0, 1),
    times: float | Sequence[float] = (),
    x0: Array | Gaussian | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """One- and two-sigma ellipses of two coordinates, at rest and at given times, with states.

    A normal law has 39 % of its states inside its one-sigma ellipse and 86 % inside the other.
    For a linear process (OU) the ellipses are exact. For any other process they have the mean and
    covariance of the states drawn, and the legend says so.

    Args:
        process: what ran.
        trajectory: a run. Its states are drawn at `times`; without them, at all its times.
        coordinates: which two.
        times: one or more, at which to draw the law on its way to rest, on the clock of the run;
            without a run, since the start.
        x0: where the run began, as in `plot_trajectories`; needed for `times` without a run.
        ax: matplotlib Axes to draw on; None opens a figure.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    wanted = _numbers(times)
    clock, states, start = _run(process, trajectory, wanted, x0)
    pair = choose(coordinates, process.n)
    if len(pair) != 2:
        raise InvalidInput(f"coordinates = {coordinates!r} must be two, such as (0, 1).")
    xy = states[:, :, pair]
    clouds = [
        *_moving(process, start, clock, xy, pair, wanted),
        *_resting(process, xy, pair, alone=not wanted),
    ]
    ax = open_axes(ax, (7.2, 3.8))
    for cloud in clouds:
        _draw_cloud(ax, cloud, MANY // len(clouds))
    if wanted and isinstance(process, OU):
        t = np.linspace(0, max(wanted) - clock[0], POINTS)
        mean, _ = exact_moments(process, start, t)
        ax.plot(*mean[:, pair].T, color="0.5", lw=1.0, ls=":", zorder=3)
    ax.set(xlabel=f"state {name(pair[0])}", ylabel=f"state {name(pair[1])}")
    _one_scale(ax)
    handles = _handles(process, clouds, moving=bool(wanted))
    add_legend(ax, handles, _points_note(clouds), lawless(process))
    return ax


def ellipse(law: Gaussian, sigmas: float, points: int = 181) -> NumpyArray:
    """Points (p, 2) around a law of two coordinates, so many sigmas off; flat if the law is."""
    angle = np.linspace(0, 2 * np.pi, points)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    root = to_numpy(square_root(law.cov))
    return to_numpy(law.mean) + sigmas * (root @ circle).T


def _numbers(times: Any) -> list[float]:
    named = [times] if np.ndim(times) == 0 else times
    return [checks.real_number("each of times", t) for t in named]


def _run(
    process: Runnable, trajectory: Trajectory | None, times: list[float], x0: Any
) -> tuple[NumpyArray, NumpyArray, Any]:
    """Times (m,), states (chains, m, n), none if there is no run, and the start if it is needed."""
    exact = isinstance(process, OU)
    if trajectory is not None:
        clock, states = times_and_states(process, trajectory)
        return clock, states, start_of(process, states, x0) if times and exact else None
    if not exact:
        kind = type(process).__name__
        raise InvalidInput(f"no exact law of a {kind} is at hand: pass a run, to draw its states.")
    if times and x0 is None:
        raise InvalidInput("pass x0=, the point or law in which the process starts at time 0.")
    return np.zeros(1), np.empty((0, 1, process.n)), x0


def _moving(
    process: Runnable,
    start: Any,
    clock: NumpyArray,
    xy: NumpyArray,
    pair: list[int],
    times: list[float],
) -> Iterator[_Cloud]:
    """At each time, from dark to light."""
    for t, colour in zip(times, ordered_colours(len(times)), strict=True):
        points = xy[:, _position(clock, t)] if len(xy) else xy[:, 0]
        law = _law_of(points)
        if isinstance(process, OU):
            elapsed = checks.positive("time since the start", t - clock[0], zero=True)
            law = evolve(process, start, elapsed).marginal(pair)
        yield _Cloud(law, points, f"$t$ = {t:g}", colour, colour)


def _resting(
    process: Runnable, xy: NumpyArray, pair: list[int], *, alone: bool
) -> Iterator[_Cloud]:
    """The law at rest, with all states of the run if no times were named."""
    points = xy.reshape(-1, 2) if alone else np.empty((0, 2))
    if isinstance(process, OU):
        law = stationary(process).marginal(pair)
        yield _Cloud(law, points, "at rest", "black", PALETTE[0])
    elif alone:
        yield _Cloud(_law_of(points), points, "all states", "black", PALETTE[0])


def _law_of(points: NumpyArray) -> Gaussian | None:
    """The law with the moments of some states, if they are enough to have any."""
    return Gaussian(points.mean(axis=0), np.cov(points.T)) if len(points) > 2 else None


def _position(clock: NumpyArray, t: float) -> int:
    nearest = int(np.abs(clock - t).argmin())
    if abs(clock[nearest] - t) > 1e-6 * max(np.abs(clock).max(), abs(t)):
        raise InvalidInput(
            f"the run was not read at time {t:g} (nearest: {clock[nearest]:g}). Name times at "
            "which it was, or leave the run out to draw the laws alone."
        )
    return nearest


def _draw_cloud(ax: "Axes", cloud: _Cloud, most: int) -> None:
    x, y = cloud.points[few_of(len(cloud.points), most)].T
    ax.scatter(x, y, s=5, color=cloud.dots, alpha=0.35, lw=0, zorder=2)
    if cloud.law is None:
        return
    for sigmas, style in ((1, "--"), (2, "-")):
        ax.plot(*ellipse(cloud.law, sigmas).T, color=cloud.colour, lw=1.6, ls=style, zorder=4)
    ax.plot(*to_numpy(cloud.law.mean), "+", color=cloud.colour, ms=7, mew=1.4, zorder=4)


def _one_scale(ax: "Axes") -> None:
    """Equal scales, unless one coordinate is so much wider that the other would not be seen."""
    ax.autoscale_view()
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    if 1 / SLIVER <= (right - left) / (high - low) <= SLIVER:
        ax.set_aspect("equal", adjustable="box")


def _points_note(clouds: list[_Cloud]) -> str:
    total = sum(len(cloud.points) for cloud in clouds)
    drawn = sum(min(len(cloud.points), MANY // len(clouds)) for cloud in clouds)
    return f"points: {counted(drawn, total, 'states')}" if total else ""


def _handles(process: Runnable, clouds: list[_Cloud], moving: bool) -> list[Any]:
    handles = [line(cloud.label, color=cloud.colour, lw=4) for cloud in clouds]
    exact = isinstance(process, OU)
    for sigmas, style in ((1, "--"), (2, "-")):
        share = f" ({100 * -math.expm1(-(sigmas**2) / 2):.0f} % inside)" if exact else ""
        whose = "exact" if exact else "measured"
        handles.append(line(f"{whose} {sigmas}σ{share}", lw=1.6, ls=style))
    return [*handles, line("exact mean, moving", lw=1.0, ls=":")] if moving else handles
