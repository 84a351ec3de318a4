"""What a run remembers: measured autocovariance, and the band in which it should stay."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import InvalidInput
from thermolinalg.plots.canvas import (
    POINTS,
    TIME,
    add_legend,
    band,
    choose,
    colours,
    entries,
    few_of,
    lawless,
    line,
    name,
    note_of,
    open_axes,
)
from thermolinalg.plots.record import evenly_sampled
from thermolinalg.simulation.simulate import Trajectory
from thermolinalg.theory.equilibrium import stationary
from thermolinalg.theory.operator import Runnable
from thermolinalg.theory.process import OU
from thermolinalg.theory.readings import autocovariance_variances, read_autocovariances

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LAGS = 101
"""Measured lags, at most: more would hide each other."""

FORGOTTEN = 0.02
"""The lags reach until the autocorrelation stays below this."""


def plot_autocovariance(
    process: Runnable,
    run: Trajectory | Array,
    /,
    *,
    dt: float | None = None,
    coordinates: int | Sequence[int] | None = None,
    longest: float | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Measured autocovariance Cov(x_i(t + lag), x_i(t)) of a run at rest, beside the exact one.

    For a linear process (OU) the band is the exact curve ± two standard deviations of what so long
    a run measures (Bartlett's formula): at any one lag, 95 % of all runs are inside. Neighbouring
    lags err together, so a run that leaves the band leaves it for a while. For any other process
    the band is ± two standard errors around the measured curve, from the spread between chains.

    Args:
        process: what ran. Its run must be at rest: start it from `x0=stationary(process)`.
        run: evenly spaced; a Trajectory, or states (chains, m, n) or (m, n) with their `dt`.
        dt: time between states.
        coordinates: what to draw; None draws the first 3.
        longest: longest lag, as a time; None goes on until they are forgotten.
        ax: matplotlib Axes to draw on; None opens a figure.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    states, dt = evenly_sampled(process, run, dt)
    chosen = choose(coordinates, process.n)
    if states.shape[1] < 2:
        raise InvalidInput("the run has one time; a time series needs at least two.")
    x = centred(process, states)[:, :, chosen]
    per_chain = autocovariances(x)
    last = _last_lag(process, chosen, dt, per_chain.mean(axis=0), longest)
    lags = few_of(last + 1, LAGS)
    ax = open_axes(ax)
    measured = per_chain[:, lags].mean(axis=0)
    style = ".-" if len(lags) <= LAGS // 2 else "-"
    for k, colour in enumerate(colours(len(chosen))):
        ax.plot(lags * dt, measured[:, k], style, color=colour, lw=1.0, ms=4, zorder=3)
    if isinstance(process, OU):
        _draw_exact(ax, process, chosen, dt, lags, states.shape)
    elif len(states) > 1:
        _draw_errors(ax, lags * dt, per_chain[:, lags])
    ax.axhline(0.0, color="0.6", lw=0.8, zorder=1)
    ax.set(xlabel=f"lag {TIME}", ylabel="autocovariance of " + ", ".join(map(name, chosen[:4])))
    ax.margins(x=0.0)
    handles = _handles(process, chosen, len(states))
    add_legend(ax, handles, note_of(chosen, process.n), lawless(process))
    return ax


def centred(process: Runnable, states: NumpyArray) -> NumpyArray:
    """States less their mean: the exact one, or else that of all states.

    With the exact mean, what is measured of second moments has no bias.
    """
    if isinstance(process, OU):
        return states - to_numpy(stationary(process).mean)
    return states - states.mean(axis=(0, 1))


def autocovariances(x: NumpyArray) -> NumpyArray:
    """1/(m - j) Σ_t x(t) x(t + j) of each chain and coordinate, (chains, m, k), for lags j < m."""
    from scipy.fft import irfft, next_fast_len, rfft

    m = x.shape[1]
    size = next_fast_len(2 * m, real=True)  # padded, so that the end does not meet the beginning
    power = np.abs(rfft(x, size, axis=1)) ** 2
    return irfft(power, size, axis=1)[:, :m] / np.arange(m, 0, -1)[:, None]


def _last_lag(
    process: Runnable, chosen: list[int], dt: float, measured: NumpyArray, longest: float | None
) -> int:
    m = len(measured)
    if longest is not None:
        last = int(np.ceil(checks.positive("longest", longest) / dt - 1e-9))
        if last >= m:
            raise InvalidInput(
                f"longest = {longest:g} is not shorter than the run, which lasts {(m - 1) * dt:g}."
            )
        return max(last, 1)
    if isinstance(process, OU):
        curve = read_autocovariances(process, chosen, dt, m)
        above = np.abs(curve) > FORGOTTEN * curve[0]
        found = int(np.flatnonzero(above.any(axis=1)).max(initial=0))
    else:  # noise alone never stays below: look for the first time that each gets there
        below = measured <= 0.1 * measured[0]
        found = 3 * int(np.where(below.any(axis=0), below.argmax(axis=0), m // 6).max())
    return min(max(found, 10), max(1, m // 2))


def _draw_exact(
    ax: "Axes", process: OU, chosen: list[int], dt: float, lags: NumpyArray, shape: tuple[int, ...]
) -> None:
    chains, m, _ = shape
    exact = read_autocovariances(process, chosen, dt, m)
    spread = np.sqrt(autocovariance_variances(exact, list(lags)) / chains)
    fine = np.linspace(0, lags[-1] * dt, POINTS)
    smooth = read_autocovariances(process, chosen, fine[1], POINTS)
    for k, colour in enumerate(colours(len(chosen))):
        low, high = exact[lags, k] - 2 * spread[:, k], exact[lags, k] + 2 * spread[:, k]
        ax.fill_between(lags * dt, low, high, color=colour, alpha=0.2, lw=0)
        ax.plot(fine, smooth[:, k], color=colour, lw=2.0, ls="--", zorder=4)


def _draw_errors(ax: "Axes", lags: NumpyArray, per_chain: NumpyArray) -> None:
    mean = per_chain.mean(axis=0)
    error = per_chain.std(axis=0, ddof=1) / len(per_chain) ** 0.5
    for k, colour in enumerate(colours(mean.shape[1])):
        low, high = mean[:, k] - 2 * error[:, k], mean[:, k] + 2 * error[:, k]
        ax.fill_between(lags, low, high, color=colour, alpha=0.2, lw=0)


def _handles(process: Runnable, chosen: list[int], chains: int) -> list[Any]:
    handles = [*entries(chosen), line("measured", lw=1)]
    if isinstance(process, OU):
        exact = line("exact", lw=2, ls="--")
        return [*handles, exact, band("exact ± 2σ of what\nsuch a run measures")]
    if chains > 1:
        handles.append(band(f"± 2 standard errors,\nfrom {chains} chains"))
    return handles
