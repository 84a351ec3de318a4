"""Q-Newton in three panels: break-even, condition numbers along training, and training loss."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tngd.qnewton.breakeven import break_even, plot_break_even
from tngd.qnewton.schedule import Scheduler
from tngd.reproduce.contract import Done
from tngd.reproduce.curves import loss_panel
from tngd.reproduce.qnewton_conditions import SINGULAR
from tngd.reproduce.qnewton_maps import quantum, rivals
from tngd.reproduce.qnewton_study import Study
from tngd.reproduce.qnewton_words import by_entry

LINES = {
    "raw": (":", "H"),
    "regularized": ("-", "regularised"),
    "lanczos": ("--", "by Lanczos"),
}
"""Style and name of each condition number."""


def draw_figure(study: Study, done: Sequence[Done]) -> Any:
    """The map is of dense systems, with the queries of Jennings et al. against all rivals."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.5, 3.9), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    N = np.geomspace(min(study.sizes), max(study.sizes), 41)
    kappa = np.geomspace(1, 10**study.decades, 41)
    scheduler = Scheduler(rivals(study.flops)["best"], quantum({"gate_time": 1e-18}))
    plot_break_even(break_even(scheduler, N, kappa), left)
    left.set_title("break-even with the best classical solver", size=9)
    _conditions(middle, study, done)
    bench = study.bench
    for k, (name, entry) in enumerate(bench.entries.items()):
        loss_panel(right, name, bench.runs(entry, done), f"C{k}")
    right.legend(fontsize=7)
    right.grid(alpha=0.25)
    return figure


def _conditions(axes: Any, study: Study, done: Sequence[Done]) -> None:
    """Of the largest block."""
    for k, (name, runs) in enumerate(by_entry(study, done).items()):
        for each, run in enumerate(runs):
            steps = [look["step"] for look in run["looks"]]
            blocks = [max(look["blocks"], key=lambda b: int(b["N"])) for look in run["looks"]]
            for number, (style, called) in LINES.items():
                values = [min(block[number], SINGULAR) for block in blocks]
                label = f"{name}, {called}" if not each else None
                axes.plot(steps, values, style, color=f"C{k}", lw=1.2, label=label)
    axes.set(yscale="log", xlabel="step", ylabel="condition number of the largest block")
    axes.legend(fontsize=6)
    axes.grid(alpha=0.25)
