"""Rates of trained networks in three panels: error and drift by width, error by time."""

from typing import Any

import numpy as np

from tngd.reproduce.welper_table import Table
from tngd.reproduce.welper_targets import TARGETS, linear_errors

STYLES = {"published": "o-", "fixed grid": "s--", "descent": "^:"}


def draw_figure(table: Table) -> Any:
    """A colour a target."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 3.7), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for k, target in enumerate(TARGETS):
        _by_width(left, table, target, f"C{k}", "error", "errors")
        _by_width(middle, table, target, f"C{k}", "drift", "drifts")
        _by_time(right, table, target, f"C{k}")
    left.set(ylabel="median error in L2", title="error at the end")
    middle.set(ylabel="median of the largest drift", title="drift of biases")
    right.set(xlabel="time", title="descent; black: infinite width")
    for axes in (left, middle, right):
        axes.set(xscale="log", yscale="log")
        axes.grid(alpha=0.25)
    left.legend(fontsize=6)
    return figure


def _by_width(axes: Any, table: Table, target: str, color: str, number: str, kind: str) -> None:
    for name, style in STYLES.items():
        widths = table.widths(name)
        medians = [table.median(name, target, width, number) for width in widths]
        label = f"{target}, {name}"
        axes.plot(widths, medians, style, color=color, ms=3, lw=1.2, label=label)
    read = table.read_off
    label = f"{target}, read off"
    axes.plot(read["widths"], read[kind][target], "x", color=color, ms=6, label=label)
    axes.set_xlabel("width")


def _by_time(axes: Any, table: Table, target: str, color: str) -> None:
    protocol = table.protocols["descent"]
    for width in protocol.widths:
        numbers = table.numbers("descent", target, width)
        depth = 0.3 + 0.7 * np.log(width) / np.log(max(protocol.widths))
        axes.plot(numbers["times"], numbers["errors"], color=color, alpha=float(depth), lw=1.0)
    method = protocol.trainer(target)
    times = np.geomspace(1, method.time(method.steps), 60)
    axes.plot(times, linear_errors(TARGETS[target], times, protocol.points), "k:", lw=1.2)
