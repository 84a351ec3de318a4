"""Pictures of a run beside its law, of an answer beside its error bar, of graphs and of devices.

Each function draws on one matplotlib Axes (`ax=`, or a new figure), returns it and shows nothing.
Processes without an exact law are drawn by their measured moments, and the legend says so.
"""

from thermolinalg.plots.answer import plot_answer
from thermolinalg.plots.budget import plot_budget
from thermolinalg.plots.crossover import plot_crossover, plot_crossover_times
from thermolinalg.plots.ellipses import plot_ellipses
from thermolinalg.plots.error import plot_error
from thermolinalg.plots.graph import plot_graph
from thermolinalg.plots.memory import plot_autocovariance
from thermolinalg.plots.paths import plot_trajectories
from thermolinalg.plots.sensitivity import plot_sensitivity
from thermolinalg.plots.sensitivity_report import write_sensitivity
from thermolinalg.plots.spectrum import plot_spectrum

__all__ = [
    "plot_trajectories", "plot_ellipses", "plot_autocovariance", "plot_spectrum",
    "plot_error", "plot_answer", "plot_graph", "plot_budget", "plot_sensitivity",
    "write_sensitivity", "plot_crossover", "plot_crossover_times",
]  # fmt: skip
