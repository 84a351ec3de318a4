"""Seconds of simulation of a process that is not normal, where the peer is wrong; and the error.

Random stable A (n, n) with D = 2I, 10,000 steps of dt = 1 from x = 0, streamed into a mean. The
plain loop is what a script does with the same prepared step: x = E x + shift + F z, two products a
step, of a matrix with the states and with the noise. Of one chain its seconds are compared; of many
those of its products alone, noise and sums left out. Ours uses larger products where it can: those
of F with many steps' noise at once. What its own cost is printed, too.

    pip install '.[bench]'
    python benchmarks/simulate_nonnormal.py [--repeats 5] [--n 300] [--steps 10000] [--chains 32]
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

import thermolinalg as tla
from thermolinalg.simulation.exact import Exact
from thermolinalg.simulation.integrator import Integrator, LinearStep, Step
from thermolinalg.simulation.walk import walk

DT = 1.0


def random_process(n: int) -> tla.OU:
    """Gaussian entries, shifted so that the slowest mode has rate 1/2."""
    G = np.random.default_rng(n).standard_normal((n, n)) / np.sqrt(n)
    A = G + (0.5 - np.linalg.eigvals(G).real.min()) * np.eye(n)
    return tla.OU(A, np.ones(n), 2 * np.eye(n))


@dataclass(frozen=True)
class Prepared(Integrator):
    """A step that was prepared before the clock started."""

    step: Step

    def refusal(self, process: Any) -> None:  # noqa: ARG002
        return None

    def prepare(self, process: Any, dt: float) -> Step:  # noqa: ARG002
        return self.step


def ours(process: tla.OU, step: LinearStep, steps: int, chains: int) -> np.ndarray:
    x, mean = np.zeros((chains, process.n)), tla.Mean()
    record = mean.init(x)
    rng = np.random.default_rng(0)
    for block in walk(process, x, np.full(steps, DT), Prepared(step), rng):
        record = mean.update(record, block.y)
    return mean.value(record)


def plain_loop(step: LinearStep, steps: int) -> np.ndarray:
    rng, x, total = np.random.default_rng(0), np.zeros(len(step.E)), 0.0
    for _ in range(steps):
        x = step.E @ x + step.shift + step.F @ rng.standard_normal(len(x))
        total = total + x
    return total / steps


def products(step: LinearStep, steps: int, chains: int, together: int) -> None:
    """Those of a simulation that colors the noise of so many steps at once."""
    n = len(step.E)
    x = np.random.default_rng(0).standard_normal((chains, n))
    z, kicks = np.random.default_rng(0).standard_normal((2, together * chains, n))
    for _ in range(steps // together):
        np.matmul(z, step.F.T, out=kicks)
        for _ in range(together):
            x @ step.E.T


def in_turns(tasks: list[Callable[[], object]], repeats: int) -> list[float]:
    """Median seconds of each task; in turns, so that all meet the same weather."""
    seconds: list[list[float]] = [[] for _ in tasks]
    for _ in range(repeats + 1):
        for task, times in zip(tasks, seconds, strict=True):
            started = time.perf_counter()
            task()
            times.append(time.perf_counter() - started)
    return [statistics.median(times[1:]) for times in seconds]


def van_loan(A: np.ndarray, D: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """E and C from the block exponential of Van Loan (1978), summed in 300 digits."""
    n = len(A)
    with mpmath.workdps(300):
        block = mpmath.matrix(np.block([[-A, D], [np.zeros((n, n)), A.T]]))
        flow = mpmath.expm(block * dt, method="taylor")
        E = flow[:n, :n]
        C = flow[:n, n:] * E.T
        return tuple(np.array(M.tolist(), dtype=float) for M in (E, C))


def error_of_step(process: tla.OU, dt: float) -> float:
    """Of E and of F F', relative to the largest entry of each."""
    step = Exact().prepare(process, dt)
    truth = van_loan(process.A, process.D, dt)
    found = step.E, step.F @ step.F.T
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(found, truth, strict=True))


def error_of_recursion(process: tla.OU, step: LinearStep, steps: int) -> float:
    """Of the states, against one product after another with the same noise."""

    def states(step: Step) -> np.ndarray:
        x, rng = np.zeros((1, process.n)), np.random.default_rng(0)
        blocks = walk(process, x, np.full(steps, DT), Prepared(step), rng)
        return np.concatenate([block.states[0].copy() for block in blocks])

    plain = states(OneByOne(step))
    return float(np.abs(states(step) - plain).max() / np.abs(plain).max())


@dataclass(frozen=True)
class OneByOne:
    """The same step, which does not show that it is linear."""

    inner: LinearStep

    def enter(self, x: np.ndarray) -> np.ndarray:
        return x

    def color(self, z: np.ndarray) -> np.ndarray:
        return self.inner.color(z)

    def __call__(self, y: np.ndarray, kick: np.ndarray) -> np.ndarray:
        return self.inner(y, kick)

    def leave(self, y: np.ndarray) -> np.ndarray:
        return y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("repeats", 5), ("n", 300), ("steps", 10_000), ("chains", 32)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    process, steps, chains = random_process(options.n), options.steps, options.chains
    step = Exact().prepare(process, DT)
    repeats = options.repeats
    print(f"{process}, {steps} steps, medians of {repeats}, {os.cpu_count()} cores\n")
    one, loop = in_turns(
        [lambda: ours(process, step, steps, 1), lambda: plain_loop(step, steps)], repeats
    )
    print(f"1 chain:   ours {one:.3f} s, plain loop {loop:.3f} s: {loop / one:.2f}x (bar 3)")
    many, loops, own = in_turns(
        [
            lambda: ours(process, step, steps, chains),
            lambda: products(step, steps, chains, together=1),
            lambda: products(step, steps, chains, together=16),
        ],
        repeats,
    )
    for whose, least, bar in (("the loop's", loops, " (bar 1.2)"), ("in blocks, its", own, "")):
        print(
            f"{chains} chains: ours {many:.3f} s, {whose} products {least:.3f} s: "
            f"{many / least:.2f} of them{bar}"
        )
    (prepare,) = in_turns([lambda: Exact().prepare(process, DT)], repeats)
    print(f"preparing a step, in none of the above: {prepare:.3f} s\n")
    gap = error_of_recursion(process, step, steps)
    print(f"states against one product after another: {gap:.1e}")
    small = random_process(12)
    for dt in (0.01, 1.0, 50.0):
        print(f"law of a step of {dt:g} (n = 12) against Van Loan in 300 digits: "
              f"{error_of_step(small, dt):.1e}")  # fmt: skip


if __name__ == "__main__":
    main()
