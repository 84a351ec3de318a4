"""The picture of figure 5: training loss by iteration, and held-out loss by measured second."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thermolinalg.backend import NumpyArray
from tngd.reproduce.contract import Numbers
from tngd.reproduce.fig5_findings import SECONDS, TEST_LOSS
from tngd.reproduce.fig5_run import BLOCK

TITLES = ("(a) with the paper's knobs", "(b) relaxation times", "held-out questions")


def picture(runs: Mapping[str, Sequence[Numbers]], panels: Sequence[Sequence[str]]) -> Any:
    """Means over seeds, and their range."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 3.8), layout="constrained")
    axes = figure.subplots(1, len(TITLES))
    for each, title, names in zip(axes, TITLES, panels, strict=True):
        held_out = each is axes[-1]
        for k, name in enumerate(names):
            x, y = _by_second(runs[name]) if held_out else _by_step(runs[name])
            each.plot(x, y.mean(axis=0), color=f"C{k}", lw=1.3, marker=".", ms=4, label=name)
            each.fill_between(x, y.min(axis=0), y.max(axis=0), color=f"C{k}", alpha=0.12, lw=0)
        each.set(title=title, xlabel="measured seconds" if held_out else "iteration")
        each.set(ylabel="held-out loss" if held_out else "training loss")
        each.set(xscale="log" if held_out else "linear")
        each.legend(fontsize=7)
        each.grid(alpha=0.25)
    return figure


def _by_step(runs: Sequence[Numbers]) -> tuple[NumpyArray, NumpyArray]:
    """Mean losses of blocks of steps, each at its end."""
    losses = _rows([run["losses"] for run in runs])
    return BLOCK * (1 + np.arange(losses.shape[1])), losses


def _by_second(runs: Sequence[Numbers]) -> tuple[NumpyArray, NumpyArray]:
    """After each epoch."""
    loss = _rows([[epoch[TEST_LOSS] for epoch in run["epochs"][1:]] for run in runs])
    seconds = _rows([[epoch[SECONDS] for epoch in run["epochs"][1:]] for run in runs])
    return seconds.mean(axis=0), loss


def _rows(curves: Sequence[Sequence[float]]) -> NumpyArray:
    """As long as the shortest, where a run ended early; what is infinite is left blank."""
    shortest = min(map(len, curves))
    rows = np.array([curve[:shortest] for curve in curves], float)
    return np.where(np.isfinite(rows), rows, np.nan)
