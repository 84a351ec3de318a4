"""What `solve` and `inv` cost beside the least they could: one `eigh`, and drawing their noise.

    python benchmarks/solve_cost.py [--repeats 7] [--inverse]

(a) `solve` with 100 right-hand sides against one, n = 500: they share a preparation and a noise.
(b) `solve`, n = 1000, against one `numpy.linalg.eigh` and drawing as many normals as it draws.
(c) `inv`, n = 1000, against one `eigh` and the floor of its samples: drawing as many normals by the
    library's own stream, and one product X'X of as many states, timed on a share of them. It takes
    minutes, and runs with `--inverse` alone.

All at rtol = 1e-2, for Wishart matrices XX'/2n of X (n, 2n). In (a) and (b) contenders take turns,
after a round that does not count. Seconds are medians, and so are the ratios, each of one round:
what else the machine does then slows both. Beside each ratio that of processor seconds, of all
threads together, which a busy machine changes less.
"""

import argparse
import time
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import numpy as np

import thermolinalg as tla
from thermolinalg.measurement import integral
from thermolinalg.products import squares
from thermolinalg.simulation.noise import NormalStream
from thermolinalg.simulation.walk import BLOCK

RTOL = 1e-2
BLOCKS = 40
"""Blocks of samples on which the floor of `inv` is timed."""


def wishart(n):
    X = np.random.default_rng(0).standard_normal((n, 2 * n))
    return X @ X.T / (2 * n)


def seconds_of(task):
    """Seconds on the wall, and of processors."""
    wall, processor = time.perf_counter(), time.process_time()
    task()
    return np.array([time.perf_counter() - wall, time.process_time() - processor])


@contextmanager
def counted_normals():
    """How many normals are drawn inside: the one number of a list."""
    drawn, normals, fill = [0], integral.normals, NormalStream.fill

    def by_generator(rng, shape, reference):
        drawn[0] += int(np.prod(shape))
        return normals(rng, shape, reference)

    def by_stream(stream, z):
        drawn[0] += z.size
        return fill(stream, z)

    with (
        patch.object(integral, "normals", by_generator),
        patch.object(NormalStream, "fill", by_stream),
    ):
        yield drawn


def by_turns(tasks, repeats):
    """Median seconds (task, kind) of two tasks, and the median ratio (kind)."""
    rounds = np.array([[seconds_of(task) for task in tasks] for _ in range(1 + repeats)])[1:]
    return np.median(rounds, axis=0), np.median(rounds[:, 0] / rounds[:, 1], axis=0)


def report(what, seconds, floor, floor_seconds, ratio, bar):
    print(
        f"{what} {seconds[0]:.3f} s, {floor} {floor_seconds[0]:.3f} s: {ratio[0]:.2f} times, "
        f"{ratio[1]:.2f} in processor seconds (bar {bar:g})"
    )


def sides(repeats):
    A, B = wishart(500), np.random.default_rng(1).standard_normal((500, 100))
    tasks = [partial(tla.solve, A, b, rtol=RTOL, rng=0) for b in (B, B[:, 0])]
    (many, one), ratio = by_turns(tasks, repeats)
    report("(a) 100 sides", many, "one", one, ratio, 2)


def one_side(repeats):
    A, b = wishart(1000), np.random.default_rng(1).standard_normal(1000)
    solve = partial(tla.solve, A, b, rtol=RTOL, rng=0)
    with counted_normals() as drawn:
        solve()

    def floor():
        np.linalg.eigh(A)
        np.random.default_rng(0).standard_normal(drawn[0])

    (spent, least), ratio = by_turns([solve, floor], repeats)
    report("(b) solve", spent, f"eigh and {drawn[0]} normals", least, ratio, 1.5)


def inverse():
    A = wishart(1000)
    stream = NormalStream(np.random.default_rng(0), A)
    room = stream.room((BLOCK // len(A), len(A)))

    def floor():
        for _ in range(BLOCKS):
            squares(stream.fill(room))

    floor()
    before = seconds_of(floor)
    with counted_normals() as drawn:
        spent = seconds_of(lambda: tla.inv(A, rtol=RTOL, rng=0))
    block = (before + seconds_of(floor)) / (2 * BLOCKS)
    least = seconds_of(lambda: np.linalg.eigh(A)) + block * drawn[0] / room.size
    floor_name = f"eigh and the floor of {drawn[0] // len(A)} samples"
    report("(c) inv", spent, floor_name, least, spent / least, 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--inverse", action="store_true", help="(c), which takes minutes, alone")
    given = parser.parse_args()
    if given.inverse:
        inverse()
        return
    sides(given.repeats)
    one_side(given.repeats)


if __name__ == "__main__":
    main()
