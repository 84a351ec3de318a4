"""What the layer of devices costs `solve` when the device is ideal, n = 300.

    python benchmarks/device_overhead.py [--repeats 41] [--turns 8] [--before COMMIT]

(a) `solve(A, b)` against the same pipeline without devices: the same calls of integrators and
    readouts, but nothing is programmed, distorted, observed or charged. Both give the same numbers.
(b) this commit against one before devices had parts, each in processes of its own that take turns;
    its files are laid out in a temporary folder. Without `--before` it is left out. Processes keep
    the memory that they free: whether glibc gives it back between two solves, at the price of page
    faults, depends on what was imported before, and says nothing of devices.

Seconds are medians. So are the ratios, each of two neighbours: what else the machine does then
slows both. Beside them stand their standard deviations, by bootstrap, and the same of processor
seconds, which a busy machine changes less.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

import thermolinalg as tla
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.device.running import Running
from thermolinalg.simulation.choice import choose_integrator, find_integrator
from thermolinalg.simulation.walk import walk

BAR = 0.02
ROOT = Path(__file__).resolve().parents[1]
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**34)}
EACH = 15
"""Solves of a process of (b)."""


class Bare:
    """What a solver asks of a device, with no device there."""

    converter = None

    def nominal(self, process):
        return process

    def program(self, process, x0, *, unit, drives):  # noqa: ARG002 (nothing is limited)
        return Running(process, x0, Ledger())

    def settle(self, run, time, rng):
        integrator = find_integrator(choose_integrator(run.process), run.process)
        (block,) = walk(run.process, run.states, np.array([time]), integrator, rng)
        return replace(run, states=block.last)

    def measure(self, run, readout, window, count, rng):
        values, states = readout.windows(run.process, run.states, window, count, rng)
        return values, replace(run, states=states)


def problem(n):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 2 * n))
    return X @ X.T / (2 * n), rng.standard_normal(n)


def seconds_of(task):
    wall, processor = time.perf_counter(), time.process_time()
    task()
    return np.array([time.perf_counter() - wall, time.process_time() - processor])


def by_turns(first, second, repeats):
    """Seconds (repeats, contender, kind): who begins alternates; a first round does not count."""
    rounds = []
    for k in range(repeats + 1):
        turn = {0: first, 1: second} if k % 2 else {1: second, 0: first}
        spent = {place: seconds_of(task) for place, task in turn.items()}
        rounds.append([spent[0], spent[1]])
    return np.array(rounds)[1:]


def report(what, rounds, names):
    ratios = 100 * (rounds[:, 0] / rounds[:, 1] - 1)
    draws = ratios[np.random.default_rng(0).integers(len(ratios), size=(2000, len(ratios)))]
    share, spread = np.median(ratios, axis=0), np.median(draws, axis=1).std(axis=0)
    wall = 1e3 * np.median(rounds[:, :, 0], axis=0)
    print(
        f"{what} {names[0]} {wall[0]:.2f} ms, {names[1]} {wall[1]:.2f} ms: {share[0]:+.2f} +- "
        f"{spread[0]:.2f} %, of processor seconds {share[1]:+.2f} +- {spread[1]:.2f} % "
        f"({len(rounds)} turns; bar {100 * BAR:g} %)"
    )


def layer(n, repeats):
    (A, b), bare, given = problem(n), Bare(), Device.given

    def known(device):
        return bare if device is bare else given(device)

    with patch.object(Device, "given", staticmethod(known)):
        with_device = partial(tla.solve, A, b, rng=0)
        without = partial(tla.solve, A, b, rng=0, device=bare)
        assert np.array_equal(with_device().value, without().value)
        report("(a)", by_turns(with_device, without, repeats), ("with devices", "without"))


ALONE = """
import time
import numpy as np
import thermolinalg as tla

rng = np.random.default_rng(0)
X = rng.standard_normal(({n}, 2 * {n}))
A, b = X @ X.T / (2 * {n}), rng.standard_normal({n})
tla.solve(A, b, rng=0)
spent = []
for _ in range({each}):
    wall, processor = time.perf_counter(), time.process_time()
    tla.solve(A, b, rng=0)
    spent.append((time.perf_counter() - wall, time.process_time() - processor))
print(*np.median(spent, axis=0))
"""
"""A process of (b), on the library that its path names: it knows nothing else of this file."""


def in_process(folder, n):
    run = subprocess.run(
        [sys.executable, "-c", ALONE.format(n=n, each=EACH)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **KEPT, "PYTHONPATH": str(folder)},
        cwd=folder,
    )
    return np.array(run.stdout.split(), float)


def commits(n, before, turns):
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", before], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        for k in range(turns):
            order = (ROOT, folder) if k % 2 else (folder, ROOT)
            spent = {path: in_process(path, n) for path in order}
            rounds.append([spent[ROOT], spent[folder]])
    report("(b)", np.array(rounds), ("now", f"at {before}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=41)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--before", help="a commit, such as 2342c16")
    given = parser.parse_args()
    layer(given.size, given.repeats)
    if given.before:
        commits(given.size, given.before, given.turns)


if __name__ == "__main__":
    main()
