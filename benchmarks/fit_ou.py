"""Fits of a process to short irregular records: time, z-scores, and the coverage of the intervals.

thermox's own test case: n = 3, five trajectories of 300 irregular times. One fit is timed and its
parameters are compared with the truth in units of their standard errors; then many independent
data sets are fitted, and the share of 95% intervals that hold the truth is printed. With --missing,
that share of the entries of each row but the first is left out.

    python benchmarks/fit_ou.py [--repeats 200] [--missing 0.1]
"""

import argparse
import statistics
import time

import numpy as np
from scipy.stats import binom, norm
from tqdm import tqdm

import thermolinalg as tla
from thermolinalg.theory.fitting import fit

A = np.array([[3.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 5.0]])
B = np.array([1.0, 2.0, 3.0])
D = np.array([[1.0, 0.3, -0.1], [0.3, 1.0, 0.2], [-0.1, 0.2, 1.0]])
TRUTH = np.concatenate([A.ravel(), B, D[np.tril_indices(3)]])


def records(repeats, missing):
    """Times of five trajectories, and the states of each in every repeat."""
    rng = np.random.default_rng(1)
    process, times = tla.OU(A, B, D), [np.sort(rng.uniform(0, 100, 300)) for _ in range(5)]
    rest = tla.stationary(process)
    states = [
        tla.simulate(process, t, x0=rest, chains=repeats, rng=seed).states
        for seed, t in enumerate(times)
    ]
    for x in states:
        x[:, 1:][rng.uniform(size=x[:, 1:].shape) < missing] = np.nan
    return times, [[x[k] for x in states] for k in range(repeats)]


def entries(process):
    """A, b and the lower triangle of D, as in `Fit.names`."""
    return np.concatenate([process.A.ravel(), process.b, process.D[np.tril_indices(3)]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--missing", type=float, default=0.0)
    given = parser.parse_args()
    times, data = records(given.repeats, given.missing)

    fits, seconds = [], []
    for states in tqdm(data, "fits", disable=None, leave=False):
        started = time.perf_counter()
        fits.append(fit(times, states))
        seconds.append(time.perf_counter() - started)

    first = fits[0]
    z = (entries(first) - TRUTH) / np.sqrt(np.diag(first.covariance))
    print(first)
    print("\nthat fit against the truth")
    print(f"  time                       {seconds[0]:.2f} s     (bar: 2)")
    print(f"  largest |z| of {len(z)}          {np.abs(z).max():.2f}       (bar: 3)")
    print(f"  chance that all are below 3 {1 - 2 * len(z) * norm.sf(3):.3f} at least")
    for name, value in zip(first.names, z, strict=True):
        print(f"    {name:8} {value:6.2f}")

    low, high = zip(*(map(entries, one.interval(0.95)) for one in fits), strict=True)
    covered = (np.array(low) <= TRUTH) & (np.array(high) >= TRUTH)
    each, n = covered.mean(axis=0), given.repeats
    tail = 5e-4 / len(TRUTH)
    print(f"\n{n} data sets")
    print(f"  converged                  {sum(one.outcome.name == 'CONVERGED' for one in fits)}")
    print(f"  time of a fit, median      {statistics.median(seconds):.2f} s")
    print(f"    longest                  {max(seconds):.2f} s")
    print(f"  evaluations, median        {statistics.median(one.evaluations for one in fits)}")
    print(f"  coverage of 95% intervals  {covered.mean():.4f}    (bar: 0.92 to 0.98)")
    print(f"    of each entry            {each.min():.3f} to {each.max():.3f}")
    print(f"    chance allows            {binom.ppf(tail, n, 0.95) / n:.3f} to "
          f"{binom.isf(tail, n, 0.95) / n:.3f} (false alarm 0.1%)")  # fmt: skip


if __name__ == "__main__":
    main()
