"""The ledger of a step of TNGD at the paper's settings, and where a device would win, by tasks.

    python benchmarks/crossover.py [--measure] [--machine NAME]

First the arithmetic of Donatella et al. (2024, appendix C) from the ledger: 16 bits a number over
50 Gb/s, RC = 1 us. Then, for each task, the crossover with a machine of stated rates; with
`--measure` with what its kernels take here.
"""

import argparse

from thermolinalg.analysis.crossover import crossover
from thermolinalg.analysis.digital import MACHINES, measure_digital
from thermolinalg.analysis.tasks import Inverse, NaturalGradientStep, Sampling, Solve
from thermolinalg.device.machine import Device

SETTINGS = ((32, 20, 10_000), (32, 20, 100_000), (64, 10, 20_000), (32, 768, 75_000))
"""Batch, outputs and parameters; the last is the paper's language model, 2 x 384 outputs."""

TASKS = (
    Solve(),
    Solve(pilot=False, temperature=0.0),
    Inverse(),
    Inverse(correlators=True, pilot=False),
    Sampling(),
    Sampling(samples=1000),
    NaturalGradientStep(),
)
SIZES = (100, 200, 400, 800, 1600)
RANGE = (30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
CONDITIONS = (3.0, 30.0, 300.0, 3000.0)


def paper():
    print(" b  outputs   params  resistors     upload    50 RC      read")
    for samples, outputs, n in SETTINGS:
        work = NaturalGradientStep(samples, outputs, time=50.0).workload(n, 1.0)
        spent = {line.activity: line.seconds for line in work.ledger(Device.ideal()).lines}
        print(
            f"{samples:2} {outputs:8} {n:8} {work.coefficients:10.2g} "
            f"{1e3 * spent['upload']:7.1f} ms {1e6 * spent['settle']:5.0f} us "
            f"{1e6 * spent['read']:6.1f} us"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="time digital kernels here")
    parser.add_argument("--machine", choices=list(MACHINES), default="RTX A6000")
    given = parser.parse_args()
    paper()
    for task in TASKS:
        if given.measure and isinstance(task, NaturalGradientStep):
            continue  # Jacobians of models are not timed here
        digital = measure_digital(task, SIZES) if given.measure else given.machine
        print(f"\n{task}")
        if given.measure:
            print(digital)
        print(crossover(None, digital, task=task, sizes=RANGE, conditions=CONDITIONS))


if __name__ == "__main__":
    main()
