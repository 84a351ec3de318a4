"""Each imperfection by itself, at three strengths: the bias measured beside the one predicted.

For `solve` and `inv` and each n, one row a strength: norms of the bias predicted and measured, what
first order neglects, the error bar of the run, all of the answer's norm; the worst deviation in
standard errors and what chance allows for it, one in a million over all rows; and the same for a
prediction of no bias, which is to be refuted where there is one. A row says "cannot tell" where the
error bar of the run is too wide for that, and "no bias" where none is predicted. At the end all are
counted. On two cores all of it takes some seven minutes.

    python benchmarks/device_errors.py [--n 4 20 50 100] [--solver solve inv] [--name drift]
"""

import argparse
from collections import Counter
from dataclasses import replace

import numpy as np

from tests.thermolinalg.analysis.imperfect import cases, problem_of
from thermolinalg.analysis.prediction import DevicePrediction, Verdict
from thermolinalg.analysis.problem import Problem
from thermolinalg.device.machine import Device
from thermolinalg.theory.refinement import EPS

FALSE_ALARM = 1e-6
NUMBERS = 1e7
"""Most numbers that a run of `inv` may read: so it takes seconds."""

HEAD = (
    f"{'':<6}{'imperfection':<20}{'strength':>9}{'n':>5}{'predicted':>11}{'measured':>10}{'neglected':>11}"
    f"{'error bar':>11}{'z':>7}{'limit':>7}  held  {'z if none':>10}"
)


def without(prediction: DevicePrediction) -> DevicePrediction:
    """The same with no bias, and no doubt of it."""
    causes = [replace(c, bias=0 * c.bias, neglected=0.0, coupling=0.0) for c in prediction.causes]
    return replace(prediction, causes=tuple(causes))


def fine_enough(problem: Problem, device: Device) -> Problem:
    """With an error a tenth of the bias, where that can be had."""
    known = problem.predict(device)
    bias = float(np.linalg.norm(known.bias) / np.linalg.norm(known.truth))
    n = problem.network.n
    finest = 1e-4 if problem.solver == "solve" else (2 * (n + 1) * n / NUMBERS) ** 0.5
    return problem.asked(rtol=float(np.clip(bias / 10, finest, 0.03)))


def compare(problem: Problem, device: Device, rows: int) -> tuple[bool, str, str]:
    """Does the prediction hold, is that of no bias refuted, and the row of the table."""
    estimate = problem.run(device, rng=7)
    known = problem.predict(device, schedule=estimate)
    verdict = known.verdict(estimate, false_alarm=FALSE_ALARM / rows)
    none = without(known).verdict(estimate, along=known.bias, false_alarm=FALSE_ALARM / rows)
    norm = float(np.linalg.norm(known.truth))
    measured = float(np.linalg.norm(np.asarray(estimate.value) - known.truth))
    sizes = (float(np.linalg.norm(known.bias)), measured, known.neglected, estimate.error)
    numbers = "".join(f"{x / norm:>{w}.2g}" for x, w in zip(sizes, (11, 10, 11, 11), strict=True))
    held, told = "yes" if verdict.held else "NO", found_out(known, none)
    row = f"{numbers}{verdict.z:>7.2f}{verdict.limit:>7.1f}  {held:<4}  {none.z:>10.3g}  {told}"
    return verdict.held, told, row


def found_out(known: DevicePrediction, none: Verdict) -> str:
    """What the run says of one who predicts no bias."""
    if float(np.linalg.norm(known.bias)) <= known.truth.size * EPS * np.linalg.norm(known.truth):
        return "no bias" if none.held else "REFUTED"
    return "cannot tell" if none.held else "refuted"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[4, 20, 50, 100])
    parser.add_argument("--solver", nargs="+", default=["solve", "inv"])
    parser.add_argument("--name", nargs="+", help="imperfections, by the table's names")
    args = parser.parse_args()
    table = [
        (solver, *case)
        for solver in args.solver
        for case in cases(solver)
        if not args.name or case[0] in args.name
    ]
    rows = len(table) * len(args.n)
    held, tally = 0, Counter[str]()
    print(HEAD)
    for solver, name, strength, build, _ in table:
        for n in args.n:
            problem, device = problem_of(solver, n), build(strength, n)
            right, told, row = compare(fine_enough(problem, device), device, rows)
            held, tally = held + right, tally + Counter([told])
            print(f"{solver:<6}{name:<20}{strength:>9}{n:>5}{row}", flush=True)
    biased = tally["refuted"] + tally["cannot tell"]
    print(f"\n{held} of {rows} predictions hold, at a false-alarm rate of {FALSE_ALARM} in all")
    print(f"one of no bias is refuted in {tally['refuted']} of {biased} rows with a bias,")
    print(f"and in {tally['REFUTED']} of {rows - biased} without")


if __name__ == "__main__":
    main()
