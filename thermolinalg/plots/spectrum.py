"""At which frequencies a run moves: its periodogram, and the band in which it should stay."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import Degenerate, InvalidInput
from thermolinalg.plots.canvas import (
    POINTS,
    add_legend,
    band,
    choose,
    colours,
    entries,
    label_logarithms,
    lawless,
    line,
    name,
    note_of,
    open_axes,
)
from thermolinalg.plots.memory import centred
from thermolinalg.plots.record import evenly_sampled
from thermolinalg.simulation.simulate import Trajectory
from thermolinalg.theory.correlation import spectral_density
from thermolinalg.theory.operator import Runnable
from thermolinalg.theory.process import OU
from thermolinalg.theory.readings import welch_moments

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEGMENT = 50
"""Relaxation times in a segment: its window then moves the exact spectrum by less than 1 %."""

SHORTEST = 8
"""States in a segment, at least."""

FULL = 6
"""Up to so many rates are lines from top to bottom; more are ticks."""

TICK = 0.05
"""Length of a tick, as a share of the height: rates hang from above, frequencies stand below."""

INSIDE = 0.95

RATES, TURNING = "0.55", "0.2"
"""Greys of the marks."""


def plot_spectrum(
    process: Runnable,
    run: Trajectory | Array,
    /,
    *,
    dt: float | None = None,
    coordinates: int | Sequence[int] | None = None,
    segment: int | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Measured spectral density of a run at rest, beside the exact one, on logarithmic axes.

    It is two-sided, over the angular frequency ω, as in `spectral_density`: its integral over
    dω/2π, negative ω included, is the variance. States that are read every dt cannot tell ω from
    ω + 2π/dt, so everything is folded onto |ω| < π/dt. It is measured by Welch's average over
    windowed segments, which overlap by half; a window of length T blurs over 4π/T or so. The exact
    mean of such a measurement, folded and blurred, is drawn beside the spectrum of the process
    itself, in a band that holds 95 % of the values measured at any one frequency. Vertical lines
    mark the relaxation rates and, dotted, the frequencies at which modes oscillate.

    For a process that is not linear, the band is where that mean should be, if segments are
    independent but for their overlap.

    Args:
        process: what ran. Its run must be at rest: start it from `x0=stationary(process)`.
        run: evenly spaced; a Trajectory, or states (chains, m, n) or (m, n) with their `dt`.
        dt: time between states.
        coordinates: what to draw; None draws the first 3.
        segment: states in a segment; None takes 50 relaxation times, if the run is long enough.
        ax: matplotlib Axes to draw on; None opens a figure.

    Raises:
        Degenerate: a coordinate does not move.
        InvalidInput: another subclass that says which argument cannot be used, and why.
    """
    states, dt = evenly_sampled(process, run, dt)
    chosen = choose(coordinates, process.n)
    length = _segment(process, dt, states.shape, segment)
    x = centred(process, states)[:, :, chosen]
    omega, measured = periodogram(x, dt, length)
    if still := [i for i, column in zip(chosen, measured.T, strict=True) if not np.any(column)]:
        raise Degenerate(
            f"coordinates {still} stay at their mean, so they have no spectrum to draw. Name "
            "others with coordinates=."
        )
    ax = open_axes(ax)
    for k, colour in enumerate(colours(len(chosen))):
        ax.plot(omega, measured[:, k], color=colour, lw=0.8, alpha=0.8, zorder=3)
    if isinstance(process, OU):
        mean, low, high = expected(process, chosen, dt, x.shape, length)
        _draw_exact(ax, process, chosen, dt, omega, mean)
        _fill(ax, omega, low, high)
        _mark_modes(ax, process)
    else:
        low, high = _chi_square_share(degrees_of_freedom(len(x), x.shape[1], length))
        _fill(ax, omega, measured / high, measured / low)
    _scale(ax, omega, dt, measured)
    ax.set(xlabel="angular frequency $\\omega$ (per unit of time)")
    ax.set(ylabel="spectral density of " + ", ".join(map(name, chosen[:4])))
    handles = _handles(process, chosen)
    add_legend(ax, handles, note_of(chosen, process.n), lawless(process))
    return ax


def periodogram(x: NumpyArray, dt: float, length: int) -> tuple[NumpyArray, NumpyArray]:
    """Angular frequencies (f,) between 0 and π/dt, and Welch's two-sided density (f, k) there.

    Of states (chains, m, k), whose mean is zero, by Hann windows; the chains are averaged. The
    two ends are left out: 0 has no logarithm, and at π/dt there are half the degrees of freedom.
    """
    from scipy.signal import welch

    frequency, density = welch(
        x, fs=1 / dt, nperseg=length, detrend=False, return_onesided=False, axis=1
    )
    inner = slice(1, (length + 1) // 2)
    return 2 * np.pi * frequency[inner], density[:, inner].mean(axis=0)


def degrees_of_freedom(chains: int, m: int, length: int) -> float:
    """Of Welch's average, as if it were of that many squares (Welch 1967).

    Two of each segment, less what neighbours share: Hann windows that overlap by half have the
    correlation 1/6.
    """
    _, segments = _steps(m, length)
    return 2 * chains * segments / (1 + 2 * (1 - 1 / segments) / 36)


def expected(
    process: OU, chosen: list[int], dt: float, shape: tuple[int, ...], length: int
) -> tuple[NumpyArray, NumpyArray, NumpyArray]:
    """Exact mean of `periodogram` of a run at rest, and the edges of its band: (f, k) each.

    The band is that of a chi-square number with the exact mean and variance.
    """
    from scipy.signal import get_window

    chains, m, _ = shape
    window = get_window("hann", length)
    mean, variance = welch_moments(process, chosen, dt, window, *_steps(m, length))
    inner = slice(1, (length + 1) // 2)
    mean, variance = mean[inner], variance[inner] / chains
    freedom = 2 * mean**2 / np.maximum(variance, np.finfo(float).tiny)
    low, high = _chi_square_share(np.maximum(freedom, 1.0))  # below 1 by rounding alone
    return mean, low * mean, high * mean


def _steps(m: int, length: int) -> tuple[int, int]:
    """Readings from one segment to the next, and how many segments a run of m has."""
    step = length - length // 2
    return step, 1 + (m - length) // step


def _segment(process: Runnable, dt: float, shape: tuple[int, ...], segment: int | None) -> int:
    chains, m, _ = shape
    if segment is not None:
        length = checks.count("segment", segment, least=SHORTEST)
        if length > m:
            raise InvalidInput(f"segment = {length} is longer than the run, which has {m} states.")
        return length
    longest = min(m, chains * m // 8)  # 15 segments or more
    if longest < SHORTEST:
        raise InvalidInput(
            f"the run has {m} states of {chains} chains: too few for a spectrum. Read it "
            f"{8 * SHORTEST} times or more, or pass segment={SHORTEST}."
        )
    wanted = SEGMENT / process.slowest / dt if isinstance(process, OU) else longest
    return int(min(longest, max(wanted, 64)))


def _chi_square_share(freedom: Any) -> tuple[Any, Any]:
    """Between which shares of their mean 95 % of chi-square numbers are."""
    from scipy.special import gammaincinv

    half, tail = np.asarray(freedom) / 2, (1 - INSIDE) / 2
    return gammaincinv(half, tail) / half, gammaincinv(half, 1 - tail) / half


def _draw_exact(
    ax: "Axes",
    process: OU,
    chosen: list[int],
    dt: float,
    omega: NumpyArray,
    mean: NumpyArray,
) -> None:
    fine = _fine(process, omega[0], np.pi / dt)
    itself = to_numpy(spectral_density(process, fine))[:, chosen, chosen].real
    for k, colour in enumerate(colours(len(chosen))):
        ax.plot(omega, mean[:, k], color=colour, lw=2.0, ls="--", zorder=4)
        ax.plot(fine, itself[:, k], color=colour, lw=1.4, ls=":", zorder=4)


def _fill(ax: "Axes", omega: NumpyArray, low: NumpyArray, high: NumpyArray) -> None:
    for k, colour in enumerate(colours(low.shape[1])):
        ax.fill_between(omega, low[:, k], high[:, k], color=colour, alpha=0.2, lw=0)


def _fine(process: OU, low: float, high: float) -> NumpyArray:
    """Frequencies for a smooth curve, denser around each resonance."""
    turning = (a for a in _modes(process) if a.imag > 2 * a.real)  # the others are broad
    around = [a.imag + a.real * np.linspace(-4, 4, 41) for a in turning]
    fine = np.unique(np.concatenate([np.geomspace(low, high, POINTS), *around]))
    return fine[(fine >= low) & (fine <= high)]


def _modes(process: OU) -> NumpyArray:
    return np.linalg.eigvals(to_numpy(process.A).astype(float))


def _turning(process: OU) -> NumpyArray:
    """The angular frequencies at which modes oscillate, beyond what rounding makes of others."""
    modes = _modes(process)
    return modes.imag[modes.imag > 1e-6 * np.abs(modes)]


def _mark_modes(ax: "Axes", process: OU) -> None:
    modes = _modes(process)
    rates = modes[modes.imag >= 0].real  # once for a mode that oscillates
    marks = (rates, RATES, "-", 1.0), (_turning(process), TURNING, ":", 0.0)
    for at, colour, style, edge in marks:
        reach = 1.0 if len(at) <= FULL else TICK
        ax.vlines(
            at,
            edge,
            abs(edge - reach),
            transform=ax.get_xaxis_transform(),
            color=colour,
            lw=0.9,
            ls=style,
            zorder=1,
        )


def _scale(ax: "Axes", omega: NumpyArray, dt: float, measured: NumpyArray) -> None:
    """Logarithmic axes around the data."""
    ax.set(xscale="log", yscale="log", xlim=(omega[0], np.pi / dt))
    # A single value may be near zero: at π/dt some integrators leave nothing.
    lowest = min(np.quantile(column[column > 0], 0.01) for column in measured.T)
    ax.set_ylim(lowest / 3, 3 * measured.max())
    label_logarithms(ax)


def _handles(process: Runnable, chosen: list[int]) -> list[Any]:
    handles = [*entries(chosen), line("measured (Welch)", lw=0.8)]
    if not isinstance(process, OU):
        return [*handles, band("95 % interval")]
    handles += [
        line("exact mean of what\nsuch a run measures", lw=2, ls="--"),
        band("95 % of what it\nmeasures"),
        line("exact, of the process", lw=1.4, ls=":"),
        line("relaxation rates", color=RATES, lw=0.9),
    ]
    if _turning(process).size:
        handles.append(line("frequencies of modes", color=TURNING, lw=0.9, ls=":"))
    return handles
