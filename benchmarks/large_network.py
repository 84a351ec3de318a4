"""Seconds and memory of simulating large sparse networks, by products with the matrix alone.

A = L + 0.1 I with L the Laplacian of a square grid, temperature 1. Each size runs in a process of
its own until it has made 1,000 products of A with a vector (noise and a streaming mean included).
The slope is that of log seconds against log non-zeros: 1 is linear.

    pip install .
    python benchmarks/large_network.py [--sides 100 178 316 562 1000] [--products 1000]
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time

import numpy as np
import scipy.sparse as sp

import thermolinalg as tla
from thermolinalg.simulation.chebyshev import Chebyshev

DT = 0.5


def laplacian(side: int) -> sp.csr_array:
    ends = np.ones(side)
    ends[1:-1] = 2
    path = sp.diags_array([ends, -np.ones(side - 1), -np.ones(side - 1)], offsets=[0, 1, -1])
    one = sp.eye_array(side)
    return (sp.kron(path, one) + sp.kron(one, path)).tocsr()


def run(side: int, products: int) -> dict[str, float]:
    n = side**2
    A = (laplacian(side) + 0.1 * sp.eye_array(n)).tocsr()
    network = tla.overdamped(A, np.ones(n))
    steps = math.ceil(products / Chebyshev().prepare(network, DT).products)
    started = time.perf_counter()
    found = tla.measure(network, DT, steps, tla.Mean(), rng=0)
    seconds = time.perf_counter() - started
    assert found.integrator == "chebyshev"
    assert np.isfinite(found.values[0]).all()
    made = steps * Chebyshev().prepare(network, DT).products
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"n": n, "nonzeros": A.nnz, "products": made, "seconds": seconds, "peak": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[100, 178, 316, 562, 1000])
    parser.add_argument("--products", type=int, default=1000)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run(options.one, options.products)))
        return
    print(
        f"{'n':>9}{'non-zeros':>12}{'products':>10}{'seconds':>9}{'ns/nonzero':>12}{'peak MB':>9}"
    )
    rows = []
    for side in options.sides:
        command = [
            sys.executable,
            __file__,
            "--one",
            str(side),
            "--products",
            str(options.products),
        ]
        row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        rows.append(row)
        each = row["seconds"] / row["products"] / row["nonzeros"] * 1e9
        print(f"{row['n']:9.0f}{row['nonzeros']:12.0f}{row['products']:10.0f}{row['seconds']:9.2f}"
              f"{each:12.2f}{row['peak']:9.0f}")  # fmt: skip
    sizes = np.log([row["nonzeros"] for row in rows])
    slope = np.polyfit(sizes, np.log([row["seconds"] / row["products"] for row in rows]), 1)[0]
    print(f"\nslope {slope:.3f} (bar: linear); largest: {rows[-1]['seconds']:.1f} s (bar 60), "
          f"{rows[-1]['peak']:.0f} MB (bar 1,000)")  # fmt: skip


if __name__ == "__main__":
    main()
