"""Are the error bars of every primitive honest, and is the wanted error met as often as promised?

Each run draws its own problem, n from 5 to 20 and condition from 1 to 100, solves it from its own
seed, and compares with the digital answer. Printed for each primitive: how often a 95% interval
covers an entry, all entries of all runs together; in what share of the runs the error was within
the wanted one; and how many times longer than needed the averages were, where the time that the
wanted confidence needs goes with the square of that quantile of error / wanted error; the same of
all the time, burn-in and pilots included.

    python benchmarks/coverage.py [--runs 1000] [name ...]
"""

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import scipy.linalg
from tqdm import tqdm

import thermolinalg as tla

BAR = (0.93, 0.97)
CONFIDENCE = 0.95


def size(rng):
    return int(rng.integers(5, 21))


def rotation(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def definite(rng, n):
    """Symmetric positive definite, eigenvalues spread over up to two decades."""
    U = rotation(rng, n)
    return (U * 10.0 ** (rng.uniform(-2, 0) * np.linspace(0, 1, n))) @ U.T


def stable(rng, n):
    """Not symmetric, every eigenvalue with a positive real part."""
    G = rng.standard_normal((n, n))
    return definite(rng, n) + 0.3 * (G - G.T) / np.sqrt(n)


def solve(rng, seed):
    n = size(rng)
    A, b = definite(rng, n), rng.standard_normal(n)
    return tla.solve(A, b, rng=seed), np.linalg.solve(A, b)


def solve_any(rng, seed):
    n = size(rng)
    A, b = stable(rng, n), rng.standard_normal(n)
    return tla.solve(A, b, rng=seed), np.linalg.solve(A, b)


def lstsq(rng, seed):
    n = size(rng)
    m = n + int(rng.integers(0, 20))
    U, V = rotation(rng, m)[:, :n], rotation(rng, n)
    A = (U * 10.0 ** (rng.uniform(-1, 0) * np.linspace(0, 1, n))) @ V.T
    b = rng.standard_normal(m)
    return tla.lstsq(A, b, rng=seed), np.linalg.lstsq(A, b)[0]


def inv(rng, seed):
    A = definite(rng, size(rng))
    return tla.inv(A, rng=seed), np.linalg.inv(A)


def inv_diagonal(rng, seed):
    A = definite(rng, size(rng))
    return tla.inv(A, only="diagonal", rng=seed), np.diag(np.linalg.inv(A))


def inv_trace(rng, seed):
    A = definite(rng, size(rng))
    return tla.inv(A, only="trace", rng=seed), np.trace(np.linalg.inv(A))


def inv_entries(rng, seed):
    A = definite(rng, size(rng))
    pairs = np.argwhere(rng.random(A.shape) < 0.2)
    pairs = pairs if len(pairs) else [(0, 0)]
    return tla.inv(A, only=pairs, rng=seed), np.linalg.inv(A)[tuple(np.transpose(pairs))]


def lyapunov(rng, seed):
    n = size(rng)
    A, L = stable(rng, n), rng.standard_normal((n, n))
    Q = L @ L.T / n
    return tla.solve_lyapunov(A, Q, rng=seed), scipy.linalg.solve_continuous_lyapunov(A, Q)


def logdet(rng, seed):
    A = definite(rng, size(rng))
    return tla.logdet(A, rng=seed), np.linalg.slogdet(A)[1]


def indefinite(rng, seed):
    n = size(rng)
    A, G = stable(rng, n), rng.standard_normal((n, n))
    Q = (G + G.T) / np.sqrt(n)
    return tla.solve_lyapunov(A, Q, rng=seed), scipy.linalg.solve_continuous_lyapunov(A, Q)


def expm(rng, seed):
    n = size(rng)
    A, t = rng.standard_normal((n, n)) / np.sqrt(n), rng.uniform(-1, 1)
    return tla.expm(A, t, rng=seed), scipy.linalg.expm(A * t)


def regression(rng):
    """A linear model with independent noise, its posterior, and the options that say so."""
    n = int(rng.integers(2, 9))
    H = rng.standard_normal((n + int(rng.integers(0, 10)), n))
    P, noise = definite(rng, n), 10.0 ** rng.uniform(-1, 1)
    y = H @ rng.standard_normal(n) + np.sqrt(noise) * rng.standard_normal(len(H))
    cov = np.linalg.inv(P + H.T @ H / noise)
    return H, y, {"noise": noise, "prior_precision": P}, cov @ H.T @ y / noise, cov


def posterior_mean(rng, seed):
    H, y, knobs, mean, _ = regression(rng)
    return tla.gaussian_posterior(H, y, rng=seed, **knobs).mean, mean


def posterior_cov(rng, seed):
    H, y, knobs, _, cov = regression(rng)
    return tla.gaussian_posterior(H, y, rng=seed, **knobs).cov, cov


def prediction(rng):
    """Readings on the line, a kernel, and the mean and variance at new points."""
    n = size(rng)
    x, new, noise = rng.uniform(-3, 3, n), rng.uniform(-3, 3, 5), 10.0 ** rng.uniform(-1, 0)
    y, kernel = np.sin(x) + np.sqrt(noise) * rng.standard_normal(n), tla.Matern52(1.0)
    K = kernel(x[:, None], x[:, None]) + noise * np.eye(n)
    k = kernel(x[:, None], new[:, None])
    gain = np.linalg.solve(K, k).T
    return (x, y, new), {"kernel": kernel, "noise": noise}, gain @ y, 1 - np.sum(gain * k.T, axis=1)


def process_mean(rng, seed):
    problem, knobs, mean, _ = prediction(rng)
    return tla.gaussian_process(*problem, rng=seed, **knobs).mean, mean


def process_variance(rng, seed):
    problem, knobs, _, variance = prediction(rng)
    return tla.gaussian_process(*problem, rng=seed, **knobs).variance, variance


PRIMITIVES: dict[str, Callable[[np.random.Generator, int], tuple[tla.Estimate, np.ndarray]]] = {
    "solve": solve,
    "solve, any A": solve_any,
    "lstsq": lstsq,
    "inv": inv,
    "inv_diagonal": inv_diagonal,
    "inv_trace": inv_trace,
    "inv_entries": inv_entries,
    "solve_lyapunov": lyapunov,
    "logdet": logdet,
    "indefinite": indefinite,
    "expm": expm,
    "posterior mean": posterior_mean,
    "posterior cov": posterior_cov,
    "process mean": process_mean,
    "process variance": process_variance,
}


def results(primitive, runs) -> Iterator[tuple[np.ndarray, float, float]]:
    """Of each run: which entries the interval covers, error / wanted error, time / averaging."""
    for seed in tqdm(range(runs), primitive.__name__, disable=None, leave=False):
        estimate, truth = primitive(np.random.default_rng(seed), seed)
        low, high = estimate.interval(CONFIDENCE)
        goal = estimate.plan.target
        error = np.linalg.norm(estimate.value - truth)
        wanted = goal.atol + goal.rtol * np.linalg.norm(truth)
        covered = np.ravel((low <= truth) & (truth <= high))
        yield covered, error / wanted, estimate.plan.time / estimate.plan.averaging


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("names", nargs="*", default=list(PRIMITIVES))
    given = parser.parse_args()
    print(f"{given.runs} runs each; bars: coverage {BAR[0]} to {BAR[1]}, met >= {CONFIDENCE}")
    print(
        f"{'':18}{'coverage':>10}{'met':>8}{'median':>9}{'x too long':>12}{'all':>7}{'s a run':>9}"
    )
    for name in given.names:
        started = time.perf_counter()
        covered, ratios, shares = zip(*results(PRIMITIVES[name], given.runs), strict=True)
        seconds = (time.perf_counter() - started) / given.runs
        ratios = np.array(ratios)
        longer = np.quantile(ratios, CONFIDENCE) ** -2
        print(
            f"{name:18}{np.concatenate(covered).mean():10.4f}{np.mean(ratios <= 1):8.3f}"
            f"{np.median(ratios):9.3f}{longer:12.2f}{longer * np.mean(shares):7.2f}{seconds:9.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
