"""Seconds and peak memory of long runs that are streamed: 10^6 samples of 50 coordinates.

Mean, covariance and autocovariance of a Wishart process, each length in a process of its own. The
peak is that of the whole process, interpreter and libraries included.

    pip install .
    python benchmarks/streaming.py [--samples 125000 250000 500000 1000000]
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

import thermolinalg as tla

N, DT = 50, 0.1


def run(samples: int) -> dict[str, float]:
    G = np.random.default_rng(0).standard_normal((N, 2 * N))
    process = tla.overdamped(G @ G.T / N, np.ones(N))
    observables = tla.Mean(), tla.Covariance(), tla.Autocovariance([0, 10])
    start = tla.stationary(process)
    tla.measure(process, DT, 1000, *observables, x0=start, rng=0)  # starts threads, warms caches
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter()
    found = tla.measure(process, DT, samples, *observables, x0=start, rng=0)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    error = float(np.linalg.norm(found.values[1] - start.cov) / np.linalg.norm(start.cov))
    return {"seconds": seconds, "before": before, "peak": peak, "error": error}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    lengths = [125_000, 250_000, 500_000, 1_000_000]
    parser.add_argument("--samples", type=int, nargs="+", default=lengths)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run(options.one)))
        return
    print(f"{'samples':>9}{'seconds':>9}{'ns/number':>11}{'MB before':>11}{'peak MB':>9}"
          f"{'covariance error':>18}")  # fmt: skip
    seconds = []
    for samples in options.samples:
        command = [sys.executable, __file__, "--one", str(samples)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        seconds.append(row["seconds"])
        each = row["seconds"] / samples / N * 1e9
        print(f"{samples:9d}{row['seconds']:9.2f}{each:11.1f}{row['before']:11.0f}"
              f"{row['peak']:9.0f}{row['error']:18.4f}")  # fmt: skip
    slope = np.polyfit(np.log(options.samples), np.log(seconds), 1)[0]
    print(f"\nslope of seconds against samples {slope:.3f} (bar: linear); peak bar 300 MB")


if __name__ == "__main__":
    main()
