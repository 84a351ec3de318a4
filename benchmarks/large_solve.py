"""solve at sizes where only products are possible, and matrices out of engineering.

The grid: a square grid of springs (five-point Laplacian) with 0.1 of ground at each node, to a
relative error of 1 %, cold and at the default temperature. Its seconds, its peak memory, and its
error against conjugate gradients run to rounding level. Beside it bcsstk01 (stiffnesses of very
different units: condition 9e5) and arc130 (not symmetric: condition 6e10), if the folder that holds
them is given.

    python benchmarks/large_solve.py [--n 100000] [--temperature 0.02 1] [--matrices FOLDER]
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse as sp
from scipy.sparse.linalg import cg

import thermolinalg as tla

RTOL = 1e-2


def grid(side, ground):
    path = sp.diags_array(
        [-np.ones(side - 1), 2 * np.ones(side), -np.ones(side - 1)], offsets=[-1, 0, 1]
    )
    one = sp.eye_array(side)
    return sp.csr_array(sp.kron(path, one) + sp.kron(one, path) + ground * sp.eye_array(side**2))


def report(name, A, truth, b, **knobs):
    started = time.perf_counter()
    x = tla.solve(A, b, rtol=RTOL, rng=0, **knobs)
    seconds = time.perf_counter() - started
    low, high = x.interval(0.95)
    error = np.linalg.norm(x.value - truth) / np.linalg.norm(truth)
    print(f"{name}: {x.outcome.name} in {seconds:.2f} s")
    print(f"  relative error {error:.2g} (wanted {RTOL:g}), 95% intervals cover "
          f"{np.mean((low <= truth) & (truth <= high)):.3f}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--temperature", type=float, nargs="+", default=[0.02, 1.0])
    parser.add_argument("--matrices", type=Path)
    given = parser.parse_args()
    A = grid(round(given.n**0.5), 0.1)
    b = np.random.default_rng(0).standard_normal(A.shape[0])
    truth, _ = cg(A, b, rtol=1e-13)
    for temperature in given.temperature:
        name = f"grid, n = {A.shape[0]}, temperature {temperature:g}"
        report(name, A, truth, b, temperature=temperature)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  peak memory of the process {peak:.0f} MB (bars: 30 s, 500 MB)")
    if given.matrices is None:
        return
    for name, knobs in (("bcsstk01", {"precondition": "diagonal"}), ("arc130", {})):
        M = scipy.io.mmread(given.matrices / f"{name}.mtx").toarray()
        b = np.ones(len(M))
        print(f"condition number {np.linalg.cond(M):.2g}")
        report(f"{name} {knobs or ''}", M, np.linalg.solve(M, b), b, **knobs)


if __name__ == "__main__":
    main()
