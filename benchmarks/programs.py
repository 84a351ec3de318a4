"""How long it takes from the declaration of a model to its exact law, and to run it.

    python benchmarks/programs.py [--repeats 5]

50 oscillators with dense couplings, declared by springs, by a matrix and by one expression; and a
grid of 1,000 nodes. For each the median seconds to declare it, to its exact equilibrium, and
to its process; and the ratio of the time that the process takes to simulate to that of the same
matrices put into an OU by hand, measured in turns.
"""

import argparse
import statistics
import time
from functools import partial

import numpy as np

import thermolinalg as tla

STEPS = 2000
TURNS = 5


def dense_springs(n=50):
    """Springs between all pairs."""
    rng = np.random.default_rng(0)
    model = tla.Model(temperature=0.5)
    x = model.oscillators("x", n, stiffness=1 + rng.random(n))
    left, right = np.triu_indices(n, 1)
    model.couple(x[left], x[right], rng.random(left.size))
    return model


def dense_expression(n=50):
    """One quadratic form x'Mx/2 - h'x, multiplied out by sympy."""
    rng = np.random.default_rng(0)
    G = rng.standard_normal((n, 2 * n))
    model = tla.Model(temperature=0.5)
    x = model.oscillators("x", n, stiffness=0.1)
    model.potential(x @ (G @ G.T / n) @ x / 2 - (rng.standard_normal(n) * x).sum())
    return model


def dense_form(n=50):
    """The same as a matrix."""
    rng = np.random.default_rng(0)
    G = rng.standard_normal((n, 2 * n))
    model = tla.Model(temperature=0.5)
    model.oscillators("x", n, stiffness=0.1)
    model.quadratic("x", G @ G.T / n, rng.standard_normal(n))
    return model


def grid(rows=25, columns=40):
    """Springs between neighbours."""
    model = tla.Model(temperature=0.5)
    x = model.oscillators("x", (rows, columns), stiffness=0.1)
    model.couple(x[1:], x[:-1])
    model.couple(x[:, 1:], x[:, :-1])
    model.clamp(x[0, 0], 1.0)
    return model


def seconds(work):
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def by_hand(process):
    """The same process from its matrices alone."""
    return tla.OU(process.A.copy(), process.b.copy(), process.D.copy())


def simulated(process):
    return tla.measure(process, 0.1, STEPS, tla.Mean(), chains=16, rng=0)


def timed(declare):
    """Seconds to declare, to the equilibrium, both, to the process; and how it runs."""
    first, model = seconds(declare)
    second, rest = seconds(model.equilibrium)
    third, process = seconds(declare().process)
    assert rest.exact
    other = by_hand(process)
    turns = [[seconds(partial(simulated, p))[0] for p in (process, other)] for _ in range(TURNS)]
    ratio = statistics.median(own / hand for own, hand in turns)
    return (first, second, first + second, third), ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print(f"{'model':>18}  declare s  equilibrium s  total s  process s  run/by hand")
    seconds(dense_expression(3).sde)  # imports
    for declare in (dense_springs, dense_form, dense_expression, grid):
        rows, ratios = zip(*(timed(declare) for _ in range(repeats)), strict=True)
        columns = [statistics.median(column) for column in zip(*rows, strict=True)]
        ratio = statistics.median(ratios)
        print(
            f"{declare.__name__:>18}  {columns[0]:9.3f}  {columns[1]:13.3f}  {columns[2]:7.3f}  "
            f"{columns[3]:9.3f}  {ratio:11.3f}"
        )


if __name__ == "__main__":
    main()
