"""Error of the inverse and of solutions against bits, plain and averaged over random roundings.

    python benchmarks/rounding_ensemble.py [--problems 4] [--members 512]

Matrices XX'/2n + 0.2 I of X (n, 2n), n = 30; coefficients in steps of q = 2 max|A|/2^bits.

(a) Exactly: the covariance at rest of the networks that a chip would hold (`theory`), so at
    infinite time. "nearest" is one programming; "independent" the mean of many random roundings;
    "shared" as many whose random numbers are shifted against each other, as `rounding_ensemble`
    takes them; and 16 of each kind, where the first order is not yet gone. "two depths" removes
    the rest of second order by a "shared" ensemble with one bit less: (4 mean - other)/3.
(b) By simulation, of `solve`, at a temperature at which noise is far below rounding: the error, and
    the error bar that `rounding_ensemble` gives.

Errors are relative, in the Frobenius or the 2-norm, root mean squares over problems. Slopes are of
log2 of the error per bit, fitted from 6 to 10 bits (of "two depths" from 7).
"""

import argparse

import numpy as np

from thermolinalg.analysis.problem import Problem
from thermolinalg.device.coefficients import Quantisation
from thermolinalg.device.machine import Device
from thermolinalg.mitigation.rounding import rounding_ensemble
from thermolinalg.theory.equilibrium import stationary_covariance

N, BITS = 30, np.arange(6, 11)


def matrix(seed):
    X = np.random.default_rng(seed).standard_normal((N, 2 * N))
    return X @ X.T / (2 * N) + 0.2 * np.eye(N)


def inverse_held(network, part):
    return stationary_covariance(part.distort(network, Device(quantisation=part).specimen(part)))


def averaged(network, bits, members, events):
    parts = (Quantisation(bits, "stochastic", event=k, events=events) for k in range(members))
    return sum(inverse_held(network, part) for part in parts) / members


def exactly(seed, members):
    """Errors {column: (bits,)}."""
    network = Problem("inv", matrix(seed)).network
    truth = stationary_covariance(network)
    coarser, rows = np.nan * truth, []  # of 5 bits some events do not settle
    for bits in map(int, BITS):
        shared = averaged(network, bits, members, members)
        rows.append(
            {
                "nearest": inverse_held(network, Quantisation(bits)),
                "16 independent": averaged(network, bits, 16, 1),
                "16 shared": averaged(network, bits, 16, 16),
                f"{members} independent": averaged(network, bits, members, 1),
                f"{members} shared": shared,
                "two depths": (4 * shared - coarser) / 3,
            }
        )
        coarser = shared
    size = np.linalg.norm(truth)
    return {c: np.array([np.linalg.norm(r[c] - truth) / size for r in rows]) for c in rows[0]}


def simulated(seed, members):
    b = np.random.default_rng(seed).standard_normal(N)
    problem = Problem("solve", (matrix(seed), b), temperature=1e-8, rtol=1e-6)
    size, rows = np.linalg.norm(problem.truth), []
    for bits in map(int, BITS):
        device = Device().vary("bits", bits)
        plain = problem.run(device, rng=seed).value - problem.truth
        mended = rounding_ensemble(problem, device, members=members, rng=seed)
        left = np.linalg.norm(mended.value - problem.truth)
        rows.append(
            {
                "nearest": np.linalg.norm(plain) / size,
                "ensemble": left / size,
                "its error bar": mended.error / size,
            }
        )
    return {c: np.array([r[c] for r in rows]) for c in rows[0]}


def report(title, errors):
    print(title)
    columns = list(errors[0])
    print("  bits " + "".join(f"{c:>17}" for c in columns))
    mean = {c: np.sqrt(np.mean([e[c] ** 2 for e in errors], axis=0)) for c in columns}
    for k, bits in enumerate(BITS):
        shown = (f"{mean[c][k]:.3%}" if np.isfinite(mean[c][k]) else "-" for c in columns)
        print(f"  {bits:4d} " + "".join(f"{text:>17}" for text in shown))
    known = {c: np.isfinite(mean[c]) for c in columns}
    slopes = {c: np.polyfit(BITS[known[c]], np.log2(mean[c][known[c]]), 1)[0] for c in columns}
    print(" slope " + "".join(f"{slopes[c]:17.2f}" for c in columns))
    print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=4)
    parser.add_argument("--members", type=int, default=512)
    options = parser.parse_args()
    seeds = range(options.problems)
    report(
        "(a) inverse at rest, exactly",
        [exactly(seed, options.members) for seed in seeds],
    )
    report(
        "(b) solve, simulated, 128 members",
        [simulated(seed, 128) for seed in seeds],
    )
