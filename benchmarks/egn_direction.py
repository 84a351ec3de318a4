"""The price of an exact Gauss-Newton direction in gradients, at batch 64 on perceptrons.

A gradient is `Objective.gradient` at a new point: a pass forward and a walk back. The direction is
all that an EGN step does before it moves: gradient, residuals, Gram matrix in the space of rows,
Cholesky, one more walk back. Contenders take turns; medians. Bar: 5 gradients.

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

NETWORKS = ([784, 128, 10], [784, 256, 256, 10], [784, 512, 512, 10], [784, 64, 32, 10])
BAR = 5.0


def measured(widths: list[int], batch: int, turns: int) -> str:
    """A line: both times and their ratio, with the range over the turns."""
    rng, net = np.random.default_rng(0), models.mlp(widths)
    x = rng.standard_normal((batch, widths[0]), dtype="f4")
    y, loss = rng.integers(0, widths[-1], batch), models.SoftmaxCrossEntropy()
    at = tngd.Objective(net, loss, net.init(rng=0), x, y)
    egn, sgd = tngd.EGN(), tngd.SGD()
    tasks = {
        "gradient": lambda: replace(at).gradient,
        "direction": lambda: egn.step(replace(at), State(), rng),
        "sgd": lambda: sgd.step(replace(at), State(), rng),
    }
    seconds = {name: statistics.median(all_) for name, all_ in in_turns(tasks, turns).items()}
    ratio = seconds["direction"] / seconds["gradient"]
    steps = seconds["direction"] / seconds["sgd"]
    name = "-".join(map(str, widths))
    size = sum((a + 1) * b for a, b in pairwise(widths))
    return (
        f"{name:16} p = {size:7,}  gradient {1e3 * seconds['gradient']:6.2f} ms  "
        f"direction {1e3 * seconds['direction']:6.2f} ms  ratio {ratio:5.2f} "
        f"({'holds' if ratio <= BAR else 'does not hold'})  step over SGD's {steps:5.2f}"
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
