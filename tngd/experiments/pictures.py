"""The pictures of a comparison, as PNG bytes: loss and accuracy, by step and by wall time."""

import io
from typing import Any

import numpy as np

from thermolinalg.backend import NumpyArray
from tngd.experiments.comparison import Comparison, Tuned
from tngd.plots import moving_average

WIDTH = 20
"""Steps in the moving average of the training loss."""


def loss_picture(comparison: Comparison) -> bytes:
    """Training loss, averaged over WIDTH steps: median of the seeds, and their range."""
    figure, (by_step, by_time) = _figure()
    for k, result in enumerate(comparison.results):
        length = min(len(trial.losses) for trial in result.trials)
        losses = np.array(
            [moving_average(np.array(t.losses[:length]), WIDTH)[1] for t in result.trials]
        )
        seconds = np.median([np.cumsum(t.seconds[:length]) for t in result.trials], axis=0)
        steps = np.arange(length - losses.shape[1], length) + 1
        _draw(by_step, steps, losses, result, k)
        _draw(by_time, seconds[-losses.shape[1] :], losses, result, k)
    by_step.set(yscale="log", ylabel=f"training loss (mean over {WIDTH} steps)", xlabel="step")
    by_time.set(yscale="log", xlabel="wall seconds, simulating the device", xscale="log")
    return _png(figure, by_step, "Training loss")


def accuracy_picture(comparison: Comparison) -> bytes:
    """Validation accuracy: median of the seeds, and their range."""
    figure, (by_step, by_time) = _figure()
    for k, result in enumerate(comparison.results):
        length = min(len(trial.looks) for trial in result.trials)
        looks = [trial.looks[:length] for trial in result.trials]
        accuracies = np.array([[100 * look.accuracy for look in run] for run in looks])
        seconds = np.median([[look.seconds for look in run] for run in looks], axis=0)
        _draw(by_step, np.array([look.step for look in looks[0]]), accuracies, result, k)
        _draw(by_time, np.maximum(seconds, 1e-3), accuracies, result, k)
    low = 100 * max(0.0, 1 - 6 * (1 - comparison.target))
    for axes in (by_step, by_time):
        axes.axhline(100 * comparison.target, color="0.6", lw=1, ls=":")
        axes.set_ylim(low, 100)
    by_step.set(ylabel="validation accuracy %", xlabel="step")
    by_time.set(xlabel="wall seconds, simulating the device", xscale="log")
    return _png(figure, by_step, "Validation accuracy")


def _figure() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained", dpi=120)
    return figure, figure.subplots(1, 2, sharey=True)


def _draw(axes: Any, x: NumpyArray, values: NumpyArray, result: Tuned, k: int) -> None:
    thermodynamic = result.contender.name.startswith("tngd")
    axes.plot(
        x,
        np.median(values, axis=0),
        color=f"C{k}",
        lw=2.4 if thermodynamic else 1.4,
        ls="-" if thermodynamic else "--",
        label=f"{result.contender.name}, rate {result.rate:g}",
    )
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=f"C{k}", alpha=0.12, lw=0)


def _png(figure: Any, legend_on: Any, title: str) -> bytes:
    for axes in figure.axes:
        axes.grid(alpha=0.25)
    legend_on.legend(fontsize=9)
    figure.suptitle(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
