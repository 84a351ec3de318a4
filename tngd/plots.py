"""Pictures of training runs."""

from typing import Any

import numpy as np

from thermolinalg.backend import NumpyArray
from tngd.training.history import History

FEW = 12
"""Points up to which a curve shows each."""


def plot_history(history: History, name: str, axes: Any = None) -> Any:
    """Training loss against the step, thin as measured and thick as a moving average."""
    import matplotlib.pyplot as plt

    axes = plt.figure(figsize=(6, 4), layout="constrained").gca() if axes is None else axes
    loss = history.column("loss")
    marker = point_marker(len(loss))
    (line,) = axes.plot(np.arange(1, len(loss) + 1), loss, lw=0.6, alpha=0.35, marker=marker, ms=3)
    steps, means = moving_average(loss)
    axes.plot(steps, means, lw=1.8, marker=marker, ms=4, color=line.get_color(), label=name)
    if history.epochs:
        at = [record.step for record in history.epochs]
        held_out = [record.loss for record in history.epochs]
        axes.plot(at, held_out, "o--", ms=4, color=line.get_color(), label=f"{name}, validation")
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.legend()
    return axes


def point_marker(points: int) -> str:
    """A dot where a line has so few points that it might not be seen."""
    return "." if points <= FEW else ""


def moving_average(values: NumpyArray, width: int = 20) -> tuple[NumpyArray, NumpyArray]:
    """Steps and means of the values over the `width` steps that end there.

    A short run is averaged over a fifth of its steps at most, so that a curve is left to see.
    """
    width = max(1, min(width, len(values) // 5))
    if not len(values):
        return np.zeros(0, dtype=int), values
    means = np.convolve(values, np.full(width, 1 / width), mode="valid")
    return np.arange(width, len(values) + 1), means
