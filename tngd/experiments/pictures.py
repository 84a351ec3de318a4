"""The pictures of a comparison, as PNG bytes: loss and accuracy, by step and by wall time.

A run that diverged is drawn for as long as it lasted; the medians are of the runs still going.
"""

import io
import math
from typing import Any

import numpy as np

from thermolinalg.backend import NumpyArray
from tngd.experiments.comparison import Comparison, Tuned
from tngd.experiments.contender import THERMODYNAMIC
from tngd.experiments.trial import Trial
from tngd.plots import moving_average, point_marker

WIDTH = 20
"""Steps in the moving average of the training loss; fewer where a run is short."""

LEGEND = "line: median, band: range over seeds"


def loss_picture(comparison: Comparison) -> bytes:
    """Training loss, averaged over WIDTH steps: median of the seeds, and their range."""
    figure, (by_step, by_time) = _figure()
    for k, result in enumerate(comparison.results):
        length = max(len(trial.losses) for trial in result.trials)
        losses, seconds = _empty(result, length), _empty(result, length)
        for row, trial in enumerate(result.trials):
            steps, means = moving_average(_numbers(trial.losses), WIDTH)
            losses[row, steps - 1] = means
            seconds[row, : len(trial.seconds)] = np.cumsum(trial.seconds)
        _draw(by_step, np.arange(1, length + 1), losses, result, k)
        _draw(by_time, _medians(seconds), losses, result, k)
    by_step.set(
        yscale="log", ylabel=f"training loss (mean over up to {WIDTH} steps)", xlabel="step"
    )
    _by_wall_seconds(by_time)
    return _png(figure, by_step, "Training loss")


def accuracy_picture(comparison: Comparison) -> bytes:
    """Validation accuracy: median of the seeds, and their range."""
    figure, (by_step, by_time) = _figure()
    for k, result in enumerate(comparison.results):
        looked = max((_steps(trial) for trial in result.trials), key=len)
        accuracies, seconds = _empty(result, len(looked)), _empty(result, len(looked))
        for row, trial in enumerate(result.trials):
            for look in trial.looks:
                if look.step in looked:  # a run that diverged was looked at where it ended, too
                    at = looked.index(look.step)
                    accuracies[row, at], seconds[row, at] = 100 * look.accuracy, look.seconds
        _draw(by_step, np.array(looked), accuracies, result, k)
        _draw(by_time, _medians(seconds)[1:], accuracies[:, 1:], result, k)  # log: no 0 s
    low = 100 * max(0.0, 1 - 6 * (1 - comparison.target))
    for axes in (by_step, by_time):
        axes.axhline(100 * comparison.target, color="0.6", lw=1, ls=":")
        axes.set_ylim(low, 100)
    by_step.set(ylabel="validation accuracy %", xlabel="step")
    _by_wall_seconds(by_time)
    return _png(figure, by_step, "Validation accuracy")


def _numbers(losses: tuple[float, ...]) -> NumpyArray:
    """The losses up to where they are numbers no more."""
    return np.array([loss for loss in losses if math.isfinite(loss)])


def _steps(trial: Trial) -> list[int]:
    return [look.step for look in trial.looks]


def _empty(result: Tuned, points: int) -> NumpyArray:
    """A row a seed, to be filled where the run got to."""
    return np.full((len(result.trials), points), np.nan)


def _medians(values: NumpyArray) -> NumpyArray:
    """Of each column, over the numbers in it; NaN where there is none."""
    columns = [column[np.isfinite(column)] for column in values.T]
    return np.array([np.median(column) if column.size else np.nan for column in columns])


def _figure() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained", dpi=120)
    return figure, figure.subplots(1, 2, sharey=True)


def _draw(axes: Any, x: NumpyArray, values: NumpyArray, result: Tuned, k: int) -> None:
    """Thin broken lines lie over thick solid ones, which they may coincide with."""
    seen = np.isfinite(values).any(axis=0) & np.isfinite(x)
    x, values = x[seen], values[:, seen]
    thermodynamic = result.contender.called in THERMODYNAMIC
    exact = result.contender.called == "ngd"
    diverged = sum(trial.diverged for trial in result.trials)
    lost = f", {diverged} of {len(result.trials)} diverged" if diverged else ""
    axes.plot(
        x,
        _medians(values),
        color=f"C{k}",
        lw=2.6 if thermodynamic else 1.6,
        ls="-" if thermodynamic else ":" if exact else "--",
        zorder=2 if thermodynamic else 4 if exact else 3,
        marker=point_marker(len(x)),
        label=f"{result.contender.name}, rate {result.rate:g}{lost}",
    )
    if len(x):
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        axes.fill_between(x, low, high, color=f"C{k}", alpha=0.12, lw=0)


def _by_wall_seconds(axes: Any) -> None:
    """A logarithmic axis from the first measured second, labelled so that no labels overlap."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set(xscale="log", xlabel="wall seconds, simulating the device")
    low, high = axes.get_xlim()
    few = high / low < 30  # decades alone would leave one label or none
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=8))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _png(figure: Any, legend_on: Any, title: str) -> bytes:
    for axes in figure.axes:
        axes.grid(alpha=0.25)
    legend_on.legend(fontsize=9, title=LEGEND, title_fontsize=8)
    figure.suptitle(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
