"""Seconds of one exact TNGD step beside one NGD step by Woodbury: the price of simulating a device.

Both are whole optimizer steps: forward pass, gradient, Gram matrix, solution, new parameters. TNGD
relaxes for 50 RC, without noise and with kappa0 = 1e-6, from the gradient or from a carried state;
Woodbury solves for its limit. The contenders take turns, so that a busy machine slows them alike.
The bar: TNGD takes at most twice as long as Woodbury.

    python benchmarks/tngd_step.py [--repeats 9] [--warm-up 100] [--damping 0.1]
"""

import argparse
import os
import platform
import statistics
import time
from dataclasses import dataclass
from itertools import islice

import numpy as np

import models
import tngd
from thermolinalg.streams import Streams
from tngd.objective import Objective
from tngd.optimizers.contract import State

BAR = 2.0

NETWORKS = [([64, 64, 10], 64), ([784, 128, 10], 64), ([784, 256, 256, 10], 128)]
"""Widths, and rows in a batch."""


@dataclass(frozen=True)
class Point:
    """Where a step is timed: parameters, and a batch."""

    name: str
    objective: Objective

    def fresh(self) -> Objective:
        """The same objective, with nothing computed yet."""
        at = self.objective
        return Objective(at.network, at.loss, at.params, at.x, at.y)


def contenders(damping: float) -> dict[str, tngd.Optimizer]:
    """NGD first; the others are divided by it."""
    variants = {
        f"TNGD, kappa0 {noise:g}, {start}": tngd.TNGD(damping=damping, start=start, noise=noise)
        for noise in (0.0, 1e-6)
        for start in ("gradient", "carried")
    }
    return {"NGD by Woodbury": tngd.NGD(damping=damping), **variants}


def images(pixels: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The bundled digits, enlarged and cropped to so many pixels, again and again."""
    data, side = tngd.load_digits().train, round(pixels**0.5)
    scale = -(-side // 8)
    large = data.x.reshape(-1, 8, 8).repeat(scale, axis=1).repeat(scale, axis=2)
    rows = np.arange(count) % data.size
    return large[:, :side, :side].reshape(-1, pixels)[rows], data.y[rows]


def points(widths: list[int], batch: int, warm_up: int) -> list[Point]:
    """The initial parameters, and those after some steps of Adam."""
    net, loss = models.mlp(widths), models.SoftmaxCrossEntropy()
    adam, streams = tngd.Adam(1e-3), Streams(0)
    problem = tngd.Problem(net, loss, *images(widths[0], 1024))
    params = net.init(rng=0)
    run = tngd.steps(problem, adam, params, batch=batch, epochs=warm_up, streams=streams)
    trained = [moment.params for moment in islice(run, warm_up)][-1]
    rows = np.arange(batch)
    return [
        Point("at the start", problem.objective(params, rows)),
        Point(f"after {warm_up} steps", problem.objective(trained, rows)),
    ]


def medians(optimizers: dict[str, tngd.Optimizer], point: Point, repeats: int) -> dict[str, float]:
    """Median wall time of a step of each; they take turns, after one turn to warm up."""
    rng = np.random.default_rng(0)
    states = {
        name: optimizer.step(point.fresh(), State(), rng).state
        for name, optimizer in optimizers.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in optimizers}
    for _ in range(repeats):
        for name, optimizer in optimizers.items():
            objective = point.fresh()
            start = time.perf_counter()
            optimizer.step(objective, states[name], rng)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--warm-up", type=int, default=100)
    parser.add_argument("--damping", type=float, default=0.1)
    options = parser.parse_args()

    threads = os.environ.get("OMP_NUM_THREADS", "as BLAS chooses")
    processor = platform.processor() or platform.machine()
    print(f"{processor}, {os.cpu_count()} cores, threads: {threads}")
    print(f"float32, time 50 RC, damping {options.damping:g}, median of {options.repeats} steps")
    optimizers, worst = contenders(options.damping), 0.0
    for widths, batch in NETWORKS:
        for point in points(widths, batch, options.warm_up):
            seconds = medians(optimizers, point, options.repeats)
            first = next(iter(seconds.values()))
            print(f"\nMLP {'-'.join(map(str, widths))}, batch {batch}, {point.name}")
            print(f"{'':30}{'ms a step':>12}{'ratio':>8}")
            for name, value in seconds.items():
                print(f"{name:30}{1e3 * value:12.2f}{value / first:8.2f}")
            worst = max(worst, *(value / first for value in seconds.values()))
    kept = "kept" if worst <= BAR else "MISSED"
    print(f"\nlargest ratio {worst:.2f}; the bar of {BAR:g} is {kept}")


if __name__ == "__main__":
    main()
