"""What TNGD becomes in the limits of its analog time, and how Euler-Maruyama approaches it.

In float64 and without noise: no time gives the gradient, bit for bit; a long time gives the natural
gradient; and the error of Euler steps falls in proportion to their length.

    python benchmarks/relaxation_limits.py
"""

import argparse

import numpy as np

import models
import tngd
from thermolinalg.backend import Array
from tngd.linsolve.contract import LinearSolver
from tngd.objective import Objective

DAMPINGS = (1e-3, 1e-2, 1e-1, 1.0)
TIME = 5.0
STEPS = (50, 100, 200, 400, 800, 1600)


def problem() -> Objective:
    """A batch of the bundled digits, at initial parameters."""
    net, data = models.mlp([64, 32, 10]), tngd.load_digits().train
    params = net.init(rng=0, dtype=np.float64)
    x, y = data.x[:64].astype(np.float64), data.y[:64]
    return Objective(net, models.SoftmaxCrossEntropy(), params, x, y)


def solved(objective: Objective, damping: float, solver: LinearSolver) -> Array:
    """The solver's natural gradient."""
    curvature, rng = tngd.GGN().at(objective), np.random.default_rng(0)
    return solver.solve(curvature, damping, objective.gradient, None, rng).value


def distance(x: Array, y: Array) -> float:
    """|x - y|/|y|."""
    return float(np.linalg.norm(x - y) / np.linalg.norm(y))


def print_limits(objective: Objective) -> None:
    print(f"{'damping':>10}{'t = 0 is the gradient':>24}{'|TNGD(1e6/damping) - NGD|/|NGD|':>36}")
    for damping in DAMPINGS:
        still = solved(objective, damping, tngd.Thermodynamic(time=0.0))
        bitwise = still.tobytes() == objective.gradient.tobytes()
        forever = solved(objective, damping, tngd.Thermodynamic(time=1e6 / damping))
        ngd = solved(objective, damping, tngd.Woodbury())
        words = "bit for bit" if bitwise else "NO"
        print(f"{damping:10g}{words:>24}{distance(forever, ngd):36.1e}")


def print_euler(objective: Objective, damping: float) -> None:
    exact = solved(objective, damping, tngd.Thermodynamic(time=TIME))
    print(f"\nEuler-Maruyama over {TIME:g} RC, damping {damping:g}")
    print(f"{'steps':>10}{'dt':>12}{'relative error':>18}")
    errors = []
    for steps in STEPS:
        relaxation = tngd.EulerRelaxation(TIME / steps)
        euler = solved(objective, damping, tngd.Thermodynamic(time=TIME, relaxation=relaxation))
        errors.append(distance(euler, exact))
        print(f"{steps:10d}{TIME / steps:12.5f}{errors[-1]:18.3e}")
    slope, _ = np.polyfit(np.log(TIME / np.array(STEPS)), np.log(errors), 1)
    print(f"slope of log(error) over log(dt): {slope:.3f}")


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    objective = problem()
    print(
        f"MLP 64-32-10, {objective.network.size} parameters, batch {objective.samples}, float64\n"
    )
    print_limits(objective)
    print_euler(objective, damping=0.1)


if __name__ == "__main__":
    main()
