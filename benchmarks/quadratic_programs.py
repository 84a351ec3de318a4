"""Does an interior point whose Newton systems settle agree with digital solvers, to its own error?

Portfolios: minimise x'Sx/2 - r'x over x >= 0, sum x = 1, of 5 to 50 assets, every third with a
limit on the first half of them; against SLSQP. Objective and x must lie within the stated errors.

Support vector machine: the dual problem on scikit-learn's digits, 3 against 8; accuracy on what is
held out of several splits, against scikit-learn's SVC of the same cost.

No optimum: problems with a Farkas proof or a ray built in must be found, and the proof must hold.

    python benchmarks/quadratic_programs.py [--portfolios 50] [--splits 5] [--proofs 20]
"""

import argparse
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from tqdm import tqdm

import thermolinalg as tla

BAR = 0.5
"""Points of accuracy by which the two machines may differ."""


def portfolio(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 51))
    mixing = rng.standard_normal((n, 3))  # three factors of the market, and noise of its own
    S = mixing @ mixing.T + np.diag(rng.uniform(0.1, 1, n))
    sector = {"G": 1.0 * (np.arange(n) < n // 2)[None, :], "h": [0.3]} if seed % 3 == 0 else {}
    limits = {"A": np.ones((1, n)), "b": [1.0], "lower": 0.0} | sector
    return (S, -rng.standard_normal(n)), limits


def portfolios(count):
    shares, distances, networks, clocks, seconds, unsettled = [], [], [], [], [], 0
    for seed in tqdm(range(count), "portfolios", disable=None, leave=False):
        cost, limits = portfolio(seed)
        started = time.perf_counter()
        found = tla.solve_qp(*cost, **limits, rng=seed)
        seconds.append(time.perf_counter() - started)
        digital = found.digital
        shares.append(abs(digital.difference) / found.gap)
        distances.append(digital.distance / found.error)
        networks.append(found.networks)
        clocks.append(found.ledger.seconds("modelled"))
        unsettled += found.outcome is not tla.QuadraticOutcome.CONVERGED
    agree = sum(a <= 1 and b <= 1 for a, b in zip(shares, distances, strict=True))
    print(f"portfolios: {agree} of {count} agree to their stated errors, {unsettled} not converged")
    print(f"  objective off by at most {max(shares):.2f} of the gap, x by {max(distances):.2f}")
    print(f"  networks: median {np.median(networks):.0f}, most {max(networks)}")
    print(f"  device: median {np.median(clocks):.3g} s modelled, most {max(clocks):.3g} s")
    print(f"  simulation: median {np.median(seconds):.2g} s measured, most {max(seconds):.2g} s")


def digits():
    X, y = load_digits(return_X_y=True)
    kept = (y == 3) | (y == 8)
    return X[kept] / X.max(), np.where(y[kept] == 3, 1.0, -1.0)


def train(X, y, cost, seed):
    """Minimise a'Ka/2 - sum a over 0 <= a <= cost, y'a = 0; the multiplier is the offset."""
    signed = X * y[:, None]
    found = tla.solve_qp(
        signed @ signed.T, -np.ones(len(y)), A=y[None, :], b=[0.0], lower=0.0, upper=cost, rng=seed
    )
    return found, lambda Z: np.sign(Z @ (found.value @ signed) + found.multipliers["A"][0])


def machines(splits, cost=1.0):
    X, y = digits()
    ours, theirs, gaps = [], [], []
    for seed in tqdm(range(splits), "machines", disable=None, leave=False):
        order = np.random.default_rng(seed).permutation(len(y))
        held, seen = order[: len(y) // 3], order[len(y) // 3 :]
        found, classify = train(X[seen], y[seen], cost, seed)
        reference = SVC(C=cost, kernel="linear").fit(X[seen], y[seen])
        ours.append(100 * np.mean(classify(X[held]) == y[held]))
        theirs.append(100 * reference.score(X[held], y[held]))
        gaps.append(found.gap / abs(found.objective))
    apart = np.abs(np.subtract(ours, theirs))
    verdict = "within" if apart.max() <= BAR else "NOT within"
    print(f"digits 3 against 8, {splits} splits: accuracy {np.mean(ours):.2f}%")
    print(f"  scikit-learn: {np.mean(theirs):.2f}%; at most {apart.max():.2f} points apart,")
    print(f"  {verdict} {BAR} in every split; largest relative gap {max(gaps):.1g}")


def infeasible(rng, n):
    G, z = rng.standard_normal((2 * n, n)), rng.uniform(0.2, 1, 2 * n)
    h = rng.standard_normal(2 * n)
    G[-1], h[-1] = -(z[:-1] @ G[:-1]) / z[-1], -(1 + z[:-1] @ h[:-1]) / z[-1]
    return G, h


def unbounded(rng, n):
    v = rng.standard_normal(n)
    across = np.eye(n) - np.outer(v, v) / (v @ v)
    root = across @ rng.standard_normal((n, n // 2))
    G = rng.standard_normal((n, n)) @ across - np.outer(rng.uniform(0.1, 1, n), v)
    return root @ root.T, across @ rng.standard_normal(n) - v, G, rng.standard_normal(n)


def proofs(count):
    """Residuals are of proofs scaled so that what they prove is 1."""
    left, strain, found_none, found_ray = [0.0], [0.0], 0, 0
    for seed in tqdm(range(count), "proofs", disable=None, leave=False):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 13))
        G, h = infeasible(rng, n)
        P = np.eye(n) * (seed % 2)
        none = tla.solve_qp(P, rng.standard_normal(n), G=G, h=h, rng=seed)
        if none.outcome is tla.QuadraticOutcome.INFEASIBLE:
            z = none.multipliers["G"]
            found_none += bool((z >= 0).all() and z @ h < 0)
            left.append(float(np.linalg.norm(G.T @ z) / -(z @ h)))
        P, q, G, h = unbounded(rng, n)
        ray = tla.solve_qp(P, q, G=G, h=h, rng=seed)
        if ray.outcome is tla.QuadraticOutcome.UNBOUNDED:
            v = ray.ray
            found_ray += bool(q @ v < 0)
            strain.append(max(float(np.abs(P @ v).max()), float((G @ v).max())) / -(q @ v))
    print(f"infeasible: {found_none} of {count} proved, G'z at most {max(left):.1g} for h'z = -1")
    print(f"unbounded: {found_ray} of {count} proved, rays strain at most {max(strain):.1g} per 1")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portfolios", type=int, default=50)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--proofs", type=int, default=20)
    given = parser.parse_args()
    portfolios(given.portfolios)
    machines(given.splits)
    proofs(given.proofs)


if __name__ == "__main__":
    main()
