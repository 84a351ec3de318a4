"""Where a quantum solver would win: a map over sizes and condition numbers, and its picture."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from tngd.qnewton.schedule import Scheduler


@final
@dataclass(frozen=True, eq=False, slots=True)
class BreakEven:
    """Costs over a grid of n sizes and m condition numbers, all modelled.

    Args:
        N: rows (n,).
        kappa: condition numbers (m,).
        classical: seconds of the cheapest classical solver (n, m).
        quantum: seconds of the quantum solver (n, m).
        gate_time: seconds for a gate at which the two are equal (n, m); below, quantum wins.
        assumed: seconds for a gate that `quantum` is for.
    """

    N: NumpyArray
    kappa: NumpyArray
    classical: NumpyArray
    quantum: NumpyArray
    gate_time: NumpyArray
    assumed: float

    @property
    def wins(self) -> NumpyArray:
        """Where the quantum solver is the cheaper one (n, m)."""
        return self.quantum < self.classical


def break_even(scheduler: Scheduler, N: Any, kappa: Any, d: int | None = None) -> BreakEven:
    """The scheduler's costs over a grid.

    Args:
        scheduler: with the models, whose assumptions `scheduler.explain()` tells.
        N: sizes (n,).
        kappa: condition numbers (m,), each at least 1.
        d: nonzero entries of the fullest row, or N where that is smaller; None for dense systems.
    """
    N, kappa = (
        np.atleast_1d(checks.real_array(name, np.asarray(x, dtype=float)))
        for name, x in (("N", N), ("kappa", kappa))
    )
    if N.ndim != 1 or kappa.ndim != 1 or not (np.all(N >= 1) and np.all(kappa >= 1)):
        raise InvalidInput("N and kappa must be vectors of numbers that are at least 1.")
    rows, columns = N[:, None], kappa[None, :]
    each = rows if d is None else np.minimum(rows, checks.count("d", d))
    shape = (len(N), len(kappa))
    costs = [
        np.broadcast_to(model.seconds(rows, each, columns), shape) for model in scheduler.classical
    ]
    classical = np.min(np.stack(costs), axis=0)
    quantum = scheduler.quantum
    gates = quantum.gates_in_all(rows, each, columns)
    return BreakEven(
        N,
        kappa,
        classical,
        quantum.seconds(rows, each, columns),
        classical / gates,
        quantum.gate_time,
    )


def plot_break_even(result: BreakEven, axes: Any = None) -> Any:
    """The gate time below which quantum wins, as colours; the assumed one as a line, if it occurs.

    Raises:
        InvalidInput: there are fewer than two sizes or condition numbers.
    """
    if min(result.gate_time.shape) < 2:
        raise InvalidInput("a picture needs two or more values of each of N and kappa.")
    import matplotlib.pyplot as plt

    axes = plt.figure(figsize=(6, 4), layout="constrained").gca() if axes is None else axes
    power = np.log10(result.gate_time)
    colours = axes.pcolormesh(result.N, result.kappa, power.T, shading="nearest")
    axes.figure.colorbar(colours, ax=axes, label="log10 of seconds for a gate, at break-even")
    level = float(np.log10(result.assumed))
    if power.min() < level < power.max():
        axes.contour(result.N, result.kappa, power.T, levels=[level], colors="white")
    axes.set(xscale="log", yscale="log", xlabel="rows N", ylabel="condition number κ")
    return axes
