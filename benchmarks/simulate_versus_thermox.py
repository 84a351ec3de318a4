"""Seconds of simulation against jitted, warmed-up thermox 0.0.6 (JAX CPU, float64), in one run.

Wishart A = GG'/n with G (n, 2n), D = 2I, 10,000 samples at dt = 1 from x = 0. Ours pays for its own
preparation every time, thermox too. The floor is what no exact method on this machine can do
without: one `eigh`, the normal variates on all cores, and the one matrix product of the answer.

    pip install '.[bench]' jax
    python benchmarks/simulate_versus_thermox.py [--repeats 5] [--n 1000]
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import thermox

import thermolinalg as tla
from thermolinalg.simulation.noise import NormalStream

jax.config.update("jax_enable_x64", True)

SAMPLES, DT = 10_000, 1.0

REST = 0.3
"""Seconds before a turn: by then the threads of the one before have stopped to wait in a loop."""


def wishart(n: int) -> np.ndarray:
    G = np.random.default_rng(n).standard_normal((n, 2 * n))
    return G @ G.T / n


def in_turns(tasks: list[Callable[[], object]], repeats: int) -> list[float]:
    """Median seconds of each task; in turns, so that all meet the same weather."""
    seconds: list[list[float]] = [[] for _ in tasks]
    for _ in range(repeats + 1):
        for task, times in zip(tasks, seconds, strict=True):
            time.sleep(REST)
            started = time.perf_counter()
            task()
            times.append(time.perf_counter() - started)
    return [statistics.median(times[1:]) for times in seconds]  # the first compiles


def peer(
    A: np.ndarray, b: np.ndarray, answer: Callable[[jax.Array], jax.Array]
) -> Callable[[], object]:
    n = len(b)
    times, x0, D = jnp.arange(SAMPLES + 1) * DT, jnp.zeros(n), 2 * jnp.eye(n)

    @jax.jit
    def run(key: jax.Array, A: jax.Array, b: jax.Array) -> jax.Array:
        return answer(thermox.sample(key, times, x0, A, b, D)[1:])

    key, A, b = jax.random.PRNGKey(0), jnp.asarray(A), jnp.asarray(b)
    return lambda: run(key, A, b).block_until_ready()


def floor(
    A: np.ndarray, product: Callable[[np.ndarray, np.ndarray], object]
) -> Callable[[], object]:
    def run() -> None:
        _, V = np.linalg.eigh(A)
        z = NormalStream(np.random.default_rng(0), A).draw((SAMPLES, len(A)))
        product(z, V)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    options = parser.parse_args()
    times = np.arange(SAMPLES + 1) * DT

    def ours(A: np.ndarray, b: np.ndarray) -> tla.OU:
        return tla.overdamped(A, b)

    def discrete(A, b):
        return tla.measure(ours(A, b), DT, SAMPLES, tla.Mean(), rng=0).values[0]

    def integrator(A, b):
        run = tla.Device.ideal().program(ours(A, b), np.zeros((1, len(b))))
        return tla.Device.ideal().measure(
            run, tla.TimeAverage(), SAMPLES * DT, 1, np.random.default_rng(0)
        )[0]

    def covariance(A, b):
        return tla.measure(ours(A, b), DT, SAMPLES, tla.Covariance(), rng=0).values[0]

    def trajectory(A, b):
        return tla.simulate(ours(A, b), times, rng=0).states

    n, small = options.n, 300
    rows = [
        ("mean, discrete samples", n, discrete, lambda xs: xs.mean(0),
         lambda z, V: V @ z.mean(0), 30),
        ("mean, analog integrator", n, integrator, lambda xs: xs.mean(0), None, 50),
        ("full trajectory", n, trajectory, lambda xs: xs, lambda z, V: z @ V.T, 10),
        ("covariance", small, covariance, lambda xs: jnp.cov(xs.T), lambda z, _: z.T @ z, 15),
    ]  # fmt: skip
    print(f"{SAMPLES} samples, medians of {options.repeats}, {os.cpu_count()} cores\n")
    print(
        f"{'answer':26}{'n':>6}{'thermox s':>12}{'ours s':>10}{'ratio':>8}{'bar':>6}{'/ floor':>10}"
    )
    for name, size, run, answer, product, bar in rows:
        if options.only not in name:
            continue
        A, b = wishart(size), np.ones(size)
        least = floor(A, product) if product else lambda A=A: np.linalg.eigh(A)
        mine = lambda run=run, A=A, b=b: run(A, b)  # noqa: E731
        theirs, mine, least = in_turns([peer(A, b, answer), mine, least], options.repeats)
        print(
            f"{name:26}{size:6d}{theirs:12.3f}{mine:10.3f}{theirs / mine:8.1f}{bar:6d}"
            f"{mine / least:10.2f}"
        )


if __name__ == "__main__":
    main()
