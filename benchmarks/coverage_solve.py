"""Are the error bars of `solve` honest, and is the wanted error met as often as promised?

Runs `solve` on one Wishart matrix over many seeds, then on a larger one over a few, and prints how
often the 95% interval of an entry covers the truth, how often the 2-norm error is within rtol, and
how far within (the median of error / wanted error).

    python benchmarks/coverage_solve.py [--seeds 1000] [--larger-seeds 20]
"""

import argparse
import time

import numpy as np
from scipy.stats import binom
from tqdm import tqdm

import thermolinalg as tla


def wishart(n, samples, seed=0):
    X = np.random.default_rng(seed).standard_normal((n, samples))
    return X @ X.T / samples


def study(n, samples, rtol, seeds, rng=1):
    A, b = wishart(n, samples), np.random.default_rng(rng).standard_normal(n)
    truth = np.linalg.solve(A, b)
    covered, ratios, started = [], [], time.perf_counter()
    for seed in tqdm(range(seeds), f"n = {n}", disable=None, leave=False):
        x = tla.solve(A, b, rtol=rtol, rng=seed)
        low, high = x.interval(0.95)
        covered.append((low <= truth) & (truth <= high))
        ratios.append(np.linalg.norm(x.value - truth) / (rtol * np.linalg.norm(truth)))
    seconds = (time.perf_counter() - started) / seeds
    covered, ratios = np.array(covered), np.array(ratios)
    each = covered.mean(axis=0)
    low, high = binom.ppf(5e-4 / n, seeds, 0.95) / seeds, binom.isf(5e-4 / n, seeds, 0.95) / seeds
    print(f"solve, Wishart {n} x {samples}, rtol {rtol:g}, {seeds} seeds, {seconds:.2g} s each")
    print(f"  condition number of A             {np.linalg.cond(A):.3g}")
    print(f"  coverage of 95% intervals         {covered.mean():.4f}")
    print(f"    of each entry                   {each.min():.3f} to {each.max():.3f}")
    print(f"    chance allows (false alarm .1%) {low:.3f} to {high:.3f}")
    print(f"  runs that met rtol (>= 0.95)      {np.mean(ratios <= 1):.4f}")
    print(f"  median of error / wanted error    {np.median(ratios):.3f}")
    print(f"  largest error / wanted error      {ratios.max():.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000, help="at n = 10")
    parser.add_argument("--larger-seeds", type=int, default=20, help="at n = 300")
    given = parser.parse_args()
    study(n=10, samples=30, rtol=1e-2, seeds=given.seeds)
    study(n=300, samples=600, rtol=1e-2, seeds=given.larger_seeds)


if __name__ == "__main__":
    main()
