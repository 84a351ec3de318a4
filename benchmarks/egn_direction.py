"""The price of an exact Gauss-Newton direction in gradients, at batch 64 on perceptrons.

A gradient is `Objective.gradient` at a new point: a pass forward and a walk back. The direction is
all that an EGN step does before it moves: residuals, rows walked back, Gram matrix, Cholesky, one
more walk back. Contenders take turns; medians. "arithmetic" is the same ratio in multiplications,
what both would cost if every one took as long. Bar: 5 gradients.

First come the networks of the authors' tables (Korbit et al. 2024: 32-64-32), of one or two outputs
and of ten, then those of MNIST: b (c - 1) rows for c classes make the Gram matrix what costs.

    python benchmarks/egn_direction.py [--turns 20] [--batch 64]
"""

import argparse
import statistics
from dataclasses import replace
from itertools import pairwise

import numpy as np
from turns import in_turns

import models
import tngd
from tngd.optimizers.contract import State

NETWORKS = (
    [10, 32, 64, 32, 1],
    [30, 32, 64, 32, 2],
    [64, 32, 64, 32, 10],
    [784, 64, 32, 10],
    [784, 128, 10],
    [784, 256, 256, 10],
    [784, 512, 512, 10],
    [784, 1024, 1024, 10],
)
BAR = 5.0


def objective(widths: list[int], batch: int, rng: np.random.Generator) -> tngd.Objective:
    """Regression for one output, classes for more, on data of noise."""
    net, c = models.mlp(widths), widths[-1]
    x = rng.standard_normal((batch, widths[0]), dtype="f4")
    if c == 1:
        y = rng.standard_normal((batch, 1), dtype="f4")
        return tngd.Objective(net, models.SquaredError(), net.init(rng=0), x, y)
    y = rng.integers(0, c, batch)
    return tngd.Objective(net, models.SoftmaxCrossEntropy(), net.init(rng=0), x, y)


def multiplications(widths: list[int], batch: int) -> tuple[float, float]:
    """Of a gradient and of a direction, with half of every symmetric product spared."""
    weights = [a * b for a, b in pairwise(widths)]
    rows = batch * max(1, widths[-1] - 1)
    gradient = batch * (2 * sum(weights) + sum(weights[1:]))
    walked_back = rows * sum(weights[1:])
    products = rows**2 / 2 * sum(widths[1:]) + batch**2 / 2 * sum(widths[:-1])
    return gradient, gradient + walked_back + products + rows**3 / 6


def measured(widths: list[int], batch: int, turns: int) -> str:
    """A line: both times and their ratio."""
    rng = np.random.default_rng(0)
    at, egn, sgd = objective(widths, batch, rng), tngd.EGN(), tngd.SGD()
    tasks = {
        "gradient": lambda: replace(at).gradient,
        "direction": lambda: egn.step(replace(at), State(), rng),
        "sgd": lambda: sgd.step(replace(at), State(), rng),
    }
    seconds = {name: statistics.median(all_) for name, all_ in in_turns(tasks, turns).items()}
    ratio = seconds["direction"] / seconds["gradient"]
    steps = seconds["direction"] / seconds["sgd"]
    gradient, direction = multiplications(widths, batch)
    return (
        f"{'-'.join(map(str, widths)):17} gradient {1e3 * seconds['gradient']:5.2f} ms  "
        f"direction {1e3 * seconds['direction']:6.2f} ms  ratio {ratio:5.2f} "
        f"({'holds' if ratio <= BAR else 'misses'})  arithmetic {direction / gradient:5.2f}  "
        f"step over SGD's {steps:5.2f}"
    )


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    for widths in NETWORKS:
        print(measured(widths, options.batch, options.turns))


if __name__ == "__main__":
    main()
