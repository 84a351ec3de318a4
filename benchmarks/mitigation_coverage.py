"""Are the error bars of mitigated answers honest? How often a 95 % interval covers, by method.

Each run draws a problem, a chip and noise of its own, mitigates, and compares with the digital
answer. Printed for each setting: runs that were refused; the share of entries that a 95 % interval
covers, all entries of all runs together, and its standard error, by runs; and the root mean square
of error / error bar, which is 1 of an error bar that is neither too small nor too large.

    python benchmarks/mitigation_coverage.py [--runs 400] [--quick] [name ...]

Settings whose name ends in "bound" have an error bar that bounds what it cannot measure: they are
to cover more often. Of all others 93-97 % is the bar. Those that are "bent" are extrapolated by a
polynomial that is not the truth, from points whose error bars hide half of the bend: no test and
no error bar made of these points can know the rest, and they cover less.
"""

import argparse

import numpy as np

from thermolinalg.analysis.problem import Problem
from thermolinalg.device.coefficients import Mismatch, Parasitics, Quantisation
from thermolinalg.device.machine import Device
from thermolinalg.device.temperature import Temperatures
from thermolinalg.measurement.converter import Converter
from thermolinalg.mitigation.calibration import calibrate
from thermolinalg.mitigation.deflation import deflate
from thermolinalg.mitigation.extrapolation import extrapolate
from thermolinalg.mitigation.read_noise import subtract_read_noise
from thermolinalg.mitigation.rounding import rounding_ensemble
from thermolinalg.solvers.linear import solve

BAR = (0.93, 0.97)
CONFIDENCE = 0.95


def definite(rng, n, low=0.2):
    X = rng.standard_normal((n, 2 * n))
    return X @ X.T / (2 * n) + low * np.eye(n)


def alike(rng, n):
    """An inverse whose nodes are strongly correlated: softest is what they have in common."""
    ones = np.ones((n, n)) / n
    return definite(rng, n) * 0.1 + 4 * (np.eye(n) - ones) + 0.1 * np.eye(n)


def linear(rng, n, **options):
    return Problem("solve", (definite(rng, n), rng.standard_normal(n)), **options)


def inverse(rng, n, **options):
    return Problem("inv", (definite(rng, n),), **options)


class Sides:
    """Several right-hand sides that share their noise."""

    def __init__(self, rng, n, k, **options):
        self.A, self.b, self.options = definite(rng, n), rng.standard_normal((n, k)), options

    def run(self, device=None, /, *, rng=None):
        return solve(self.A, self.b, device=device, rng=rng, **self.options)

    @property
    def truth(self):
        return np.linalg.solve(self.A, self.b)


def rounded(members, cold=True, n=5, bits=7):
    def setting(rng, seed):
        options = {"temperature": 1e-8, "rtol": 1e-5} if cold else {}
        problem = linear(rng, n, **options)
        device = Device(quantisation=Quantisation(bits), chip=seed)
        return rounding_ensemble(problem, device, members=members, rng=seed), problem.truth

    return setting


def rounded_inverse(rng, seed):
    problem = inverse(rng, 5)
    device = Device(quantisation=Quantisation(6), chip=seed)
    return rounding_ensemble(problem, device, members=8, rng=seed), problem.truth


def calibrated(n, finely, part=None, **options):
    def setting(rng, seed):
        gain, offset = rng.normal(0.05, 0.03), rng.normal(0.1, 0.05)
        converter = Converter(gain=gain, offset=offset, **(part or {}))
        device = Device(converter=converter, chip=seed)
        problem = linear(rng, n, **options)
        known = calibrate(device, n, rtol=finely, rng=seed)
        return known.apply(problem.run(device, rng=seed)), problem.truth

    return setting


def calibrated_sides(rng, seed):
    device = Device(converter=Converter(gain=0.05, offset=0.1), chip=seed)
    problem = Sides(rng, 4, 3)
    known = calibrate(device, 4, rtol=5e-3, rng=seed)
    return known.apply(problem.run(device, rng=seed)), problem.truth


def calibrated_inverse(spread):
    def setting(rng, seed):
        heat = Temperatures(offset=rng.normal(0.2, 0.1), spread=spread)
        converter = Converter(noise=0.3, offset=0.2, gain=0.03)
        device = Device(temperatures=heat, converter=converter, chip=seed)
        problem = inverse(rng, 5, rtol=0.05)
        known = calibrate(device, 5, quantity="covariance", rtol=0.03, rng=seed)
        return known.apply(problem.run(device, rng=seed)), problem.truth

    return setting


def silenced(noise, converter, matrix=definite, n=4, rtol=0.05):
    def setting(rng, seed):
        problem = Problem("inv", (matrix(rng, n),), rtol=rtol)
        device = Device(converter=converter, chip=seed)
        return subtract_read_noise(problem, device, noise=noise, rng=seed), problem.truth

    return setting


def deflated(inverts, **parts):
    def setting(rng, seed):
        A, n = definite(rng, 6), 6
        rates, U = np.linalg.eigh(A)
        rates[0] = 0.01
        A = (U * rates) @ U.T
        A = (A + A.T) / 2
        device = Device(chip=seed, **parts)
        if inverts:
            return deflate(A, device=device, soft=1, rtol=0.02, rng=seed), np.linalg.inv(A)
        b = rng.standard_normal(n)
        return deflate(A, b, device=device, soft=1, rtol=2e-3, rng=seed), np.linalg.solve(A, b)

    return setting


def extrapolated(knob, values, kind=inverse, n=4, degree=1, factors=(1.0, 2.0, 4.0), **options):
    def setting(rng, seed):
        problem = kind(rng, n, **options)
        device = Device(chip=seed)
        for name, value in ({knob: values} if not isinstance(values, dict) else values).items():
            device = device.vary(name, value)
        mended = extrapolate(problem, device, knob, factors=factors, degree=degree, rng=seed)
        return mended, problem.truth

    return setting


COARSE = Converter(noise=0.3, bits=4, full_scale=12.0)
WIDE = Converter(bits=3, full_scale=10.0)
SETTINGS = {
    "rounding, 2 members, bound": rounded(2),
    "rounding, 6 members, bound": rounded(6),
    "rounding, 32 members, bound": rounded(32),
    "rounding, noisy, 2 members": rounded(2, cold=False, bits=12),
    "rounding, noisy, 6 members": rounded(6, cold=False, bits=9),
    "rounding, inverse, bound": rounded_inverse,
    "calibration, 4 nodes": calibrated(4, 5e-3),
    "calibration, 3 nodes, coarse": calibrated(3, 5e-2, rtol=1e-3),
    "calibration, coarse converter, bound": calibrated(4, 5e-3, {"bits": 9, "full_scale": 16.0}),
    "calibration, 3 sides": calibrated_sides,
    "calibration, inverse": calibrated_inverse(0.0),
    "calibration, spread, bound": calibrated_inverse(0.1),
    "noise described": silenced("described", Converter(noise=1.0)),
    "noise measured": silenced("measured", Converter(noise=1.0)),
    "noise and steps": silenced("described", COARSE),
    "steps alone measured, bound": silenced("measured", WIDE),
    "steps alone described, bound": silenced("described", WIDE, rtol=0.02),
    "steps, nodes alike, bound": silenced("described", WIDE, alike, rtol=0.02),
    "deflation, mismatch, bound": deflated(False, mismatch=Mismatch(5e-3)),
    "deflation, drives, bound": deflated(False, mismatch=Mismatch(2e-3, drives=0.05)),
    "deflation, strays, bound": deflated(False, parasitics=Parasitics(3e-3)),
    "deflation, inverse, bound": deflated(True, mismatch=Mismatch(2e-2)),
    "extrapolation, temperature": extrapolated("temperature_offset", 0.3, rtol=0.05),
    "extrapolation, read noise": extrapolated("read_noise", 1.0, rtol=0.05),
    "extrapolation, coloured, bent": extrapolated("coloured", 0.3, rtol=0.05),
    "extrapolation, coloured, degree 2, bent": extrapolated(
        "coloured", 0.3, degree=2, factors=(1.0, 2.0, 3.0, 4.0), rtol=0.02
    ),
    "extrapolation, transport": extrapolated("transport", 0.1, rtol=0.05),
}


def measured(setting, name, runs):
    refused, inside, squares = 0, [], []
    for seed in range(runs):
        rng = np.random.default_rng([seed, *name.encode()])
        mended, truth = setting(rng, seed)
        if mended.refused is not None:
            refused += 1
            continue
        low, high = mended.interval(CONFIDENCE)
        inside.append(np.mean((low <= truth) & (truth <= high)))
        squares.append(np.mean(((mended.value - truth) / mended.stderr) ** 2))
    return refused, np.array(inside), np.array(squares)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="settings whose names hold one of these")
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--quick", action="store_true", help="30 runs each")
    given = parser.parse_args()
    runs = 30 if given.quick else given.runs
    print(f"{'':36} runs  refused   covers  +-       error/bar")
    for name, setting in SETTINGS.items():
        if given.names and not any(part in name for part in given.names):
            continue
        refused, inside, squares = measured(setting, name, runs)
        if len(inside) < 2:
            print(f"{name:36} {runs:4d} {refused:7d}")
            continue
        share, doubt = inside.mean(), inside.std(ddof=1) / len(inside) ** 0.5
        low, high = BAR[0], 1.0 if name.endswith("bound") else BAR[1]
        verdict = "" if low <= share + 2 * doubt and share - 2 * doubt <= high else "  outside"
        print(
            f"{name:36} {runs:4d} {refused:7d}   {share:6.1%}  {doubt:.1%}   "
            f"{np.mean(squares) ** 0.5:8.2f}{verdict}",
            flush=True,
        )


if __name__ == "__main__":
    main()
