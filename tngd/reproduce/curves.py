"""Curves of training runs: medians over seeds, and their range."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from thermolinalg.backend import NumpyArray
from tngd.reproduce.contract import Numbers


def two_panels(title: str) -> tuple[Any, Any]:
    """A figure and its two axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.8, 3.6), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(1, 2)
    for each in axes:
        each.grid(alpha=0.25)
    return figure, axes


def loss_panel(axes: Any, name: str, runs: Sequence[Numbers], color: str, style: str = "-") -> None:
    """Training loss by step, each point the mean of the steps before it."""
    block = runs[0]["block"]
    losses = _rows([run["losses"] for run in runs])
    steps = block * (1 + np.arange(losses.shape[1]))
    _draw(axes, steps, losses, name, color, style)
    axes.set(xscale="log", yscale="log", xlabel="step", ylabel="training loss")


def accuracy_panel(
    axes: Any, name: str, runs: Sequence[Numbers], color: str, style: str = "-"
) -> None:
    """Accuracy on the validation set by measured second."""
    accuracy = 100 * _rows([[look[1] for look in run["looks"][1:]] for run in runs])
    seconds = np.nanmedian(_rows([[look[2] for look in run["looks"][1:]] for run in runs]), axis=0)
    _draw(axes, seconds, accuracy, name, color, style)
    axes.set(xscale="log", xlabel="measured seconds", ylabel="validation accuracy %")


def _rows(curves: Sequence[Sequence[float]]) -> NumpyArray:
    """A row a run, filled up where it ended early."""
    longest = max(map(len, curves))
    rows = [[*curve, *[np.nan] * (longest - len(curve))] for curve in curves]
    return np.asarray(rows, float)


def _draw(axes: Any, x: NumpyArray, values: NumpyArray, name: str, color: str, style: str) -> None:
    seen = np.isfinite(values).any(axis=0)
    x, values = x[seen], values[:, seen]
    axes.plot(x, np.nanmedian(values, axis=0), color=color, ls=style, lw=1.5, label=name)
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    axes.fill_between(x, low, high, color=color, alpha=0.12, lw=0)
