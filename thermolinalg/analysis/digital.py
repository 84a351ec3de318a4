"""Digital machines to compare a device with: by their stated rates, or as measured here.

A stated machine takes max(operations/peak, bytes/bandwidth) for each kernel: a roofline, which no
program beats and most miss by far. A measured one takes what its kernels took, extrapolated by a
fit whose error is stated.
"""

import math
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

import numpy as np
import scipy.linalg

from thermolinalg import checks
from thermolinalg.analysis.tasks import task_of
from thermolinalg.analysis.workload import Method, Step, Task
from thermolinalg.backend import NumpyArray
from thermolinalg.device.ledger import Source
from thermolinalg.errors import InvalidInput

SINGLE = 2.0**-24
"""Unit round-off of single precision."""


class DigitalMachine(ABC):
    """What a digital task is priced by."""

    name: str
    source: str  # of its figures
    kind: Source

    @abstractmethod
    def seconds(self, step: Step, rounding: float) -> float:
        """What a step takes, where results may have this relative rounding error.

        Raises:
            InvalidInput: the machine does not know its kernel.
        """

    def best(self, methods: Sequence[Method]) -> tuple[str, float]:
        """The fastest of several methods, and its seconds."""
        times = {m.name: sum(self.seconds(s, m.rounding) for s in m.steps) for m in methods}
        name = min(times, key=times.__getitem__)
        return name, times[name]


@final
@dataclass(frozen=True, slots=True)
class StatedMachine(DigitalMachine):
    """A machine by its data sheet: peak rates and memory bandwidth.

    Single precision is used where its rounding, times the condition number, is below the error.

    Args:
        name: for reports.
        single: peak operations per second in single precision, without matrix units.
        double: in double precision.
        bandwidth: of its memory, bytes per second.
        source: where the figures are from.
        efficiency: share of the peak rates that is reached; of 1 no program is faster.
        overhead: seconds that each kernel takes to start.
    """

    name: str
    single: float
    double: float
    bandwidth: float
    source: str
    efficiency: float = 1.0
    overhead: float = 0.0

    kind: Source = field(default="modelled", init=False)

    def __post_init__(self) -> None:
        for name in ("single", "double", "bandwidth", "efficiency"):
            checks.positive(name, getattr(self, name))
        checks.positive("overhead", self.overhead, zero=True)
        if self.efficiency > 1:
            raise InvalidInput(f"efficiency = {self.efficiency:g} of a peak cannot exceed 1.")

    def seconds(self, step: Step, rounding: float) -> float:
        rate, size = (self.single, 4) if rounding >= SINGLE else (self.double, 8)
        computing = step.flops / (rate * self.efficiency)
        moving = step.numbers * size / self.bandwidth
        return step.times * (self.overhead + max(computing, moving))


MACHINES: dict[str, StatedMachine] = {
    machine.name: machine
    for machine in (
        StatedMachine(
            "RTX A6000",
            single=38.7e12,
            double=1.21e12,
            bandwidth=768e9,
            source="38.7 TFLOP/s single, 1.21 double, 768 GB/s (sysrqmts.com, servethehome.com)",
        ),
        StatedMachine(
            "A100 80GB SXM",
            single=19.5e12,
            double=9.7e12,
            bandwidth=2039e9,
            source="19.5 TFLOP/s single, 9.7 double, 2039 GB/s (NVIDIA's data sheet, "
            "by glennklockwood.com)",
        ),
        StatedMachine(
            "H100 SXM",
            single=66.9e12,
            double=33.5e12,
            bandwidth=3.35e12,
            source="66.9 TFLOP/s single, 33.5 double, 3.35 TB/s (NVIDIA's data sheet, "
            "by glennklockwood.com)",
        ),
        StatedMachine(
            "EPYC 7763",
            single=64 * 2.45e9 * 32,
            double=64 * 2.45e9 * 16,
            bandwidth=204.8e9,
            source="64 cores at 2.45 GHz (techgage.com), two fused multiply-adds of 256 bits a "
            "cycle and core, 204.8 GB/s (tomshardware.fr)",
        ),
    )
}
"""Stated rates, by name. Nothing here was measured; matrix units (tensor cores) are left out."""


class Growth(NamedTuple):
    """A kernel's time, fitted: Σ c_p n^p, no c_p below zero, in relative error.

    `error` is the largest relative error of the fit at a size that was measured, and `beyond` that
    of predicting the largest size from the others.
    """

    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    powers: tuple[int, ...]
    coefficients: tuple[float, ...]
    error: float
    beyond: float

    def at(self, n: float) -> float:
        """Seconds for another size."""
        return math.fsum(
            c * float(n) ** p for c, p in zip(self.coefficients, self.powers, strict=True)
        )


@final
@dataclass(frozen=True, slots=True)
class MeasuredMachine(DigitalMachine):
    """A machine by what its kernels took, in double precision; `measure_digital` makes it."""

    name: str
    kernels: Mapping[str, Growth]
    source: str
    kind: Source = field(default="measured", init=False)

    def seconds(self, step: Step, rounding: float) -> float:  # noqa: ARG002 (it is exact enough)
        if step.kernel not in self.kernels:
            raise InvalidInput(
                f"{self.name} has no times of the kernel {step.kernel!r}, but of "
                f"{', '.join(self.kernels)}. Measure it for this task, or take a stated machine: "
                f"MACHINES has {', '.join(MACHINES)}."
            )
        return step.times * self.kernels[step.kernel].at(step.size)

    def __str__(self) -> str:
        rows = [f"{self.name}: {self.source}"]
        for name, fit in self.kernels.items():
            rows.append(
                f"  {name:<19} n = {fit.sizes[0]}-{fit.sizes[-1]}, {fit.seconds[-1]:.2g} s for the "
                f"largest; fit within {100 * fit.error:.0f} %, largest predicted from the others "
                f"within {100 * fit.beyond:.0f} %"
            )
        return "\n".join(rows)


def measure_digital(
    task: str | Task, sizes: Sequence[int], /, *, repeats: int = 5, name: str = "this machine"
) -> MeasuredMachine:
    """What the kernels of a task take here: medians, and a fit through them.

    Args:
        task: "solve", "inv" or "sample", or a `Task`.
        sizes: at least four, increasing.
        repeats: of which the median counts, after one that does not.
        name: for reports.

    Raises:
        InvalidInput: the task has kernels that are not timed here, or an argument cannot be used.
    """
    asked, repeats = task_of(task, None), checks.count("repeats", repeats)
    chosen = tuple(checks.count("sizes", n) for n in sizes)
    if len(chosen) < FEWEST or sorted(set(chosen)) != list(chosen):
        raise InvalidInput(f"sizes = {chosen} must be {FEWEST} or more, and increase.")
    steps = [step for method in asked.methods(chosen[0], 10.0) for step in method.steps]
    steps += asked.workload(chosen[0], 10.0).digital
    names = list(dict.fromkeys(step.kernel for step in steps))
    unknown = [kernel for kernel in names if kernel not in KERNELS]
    if unknown:
        raise InvalidInput(
            f"the task {asked.title!r} has kernels that are not timed here: {', '.join(unknown)}. "
            f"Take a stated machine: MACHINES has {', '.join(MACHINES)}."
        )
    kernels = {}
    for kernel in names:
        prepare, powers = KERNELS[kernel]
        medians = [_median(prepare(n), repeats) / _share(kernel, n) for n in chosen]
        kernels[kernel] = grown(chosen, medians, powers)
    worst = max(max(fit.error, fit.beyond) for fit in kernels.values())
    source = f"medians of {repeats} runs, double precision; fits within {100 * worst:.0f} %"
    return MeasuredMachine(name, kernels, source)


def grown(sizes: Sequence[int], seconds: Sequence[float], powers: tuple[int, ...]) -> Growth:
    """A fit through times of several sizes, by non-negative least squares of relative errors."""
    n, t = np.asarray(sizes, float), np.asarray(seconds, float)
    fitted = _fit(n, t, powers)
    error = np.abs(_terms(n, powers) @ fitted / t - 1)
    before = _terms(n[-1:], powers) @ _fit(n[:-1], t[:-1], powers)
    return Growth(
        tuple(sizes),
        tuple(float(x) for x in t),
        powers,
        tuple(float(c) for c in fitted),
        float(error.max()),
        float(abs(before[0] / t[-1] - 1)),
    )


def _terms(n: NumpyArray, powers: tuple[int, ...]) -> NumpyArray:
    return n[:, None] ** np.array(powers, dtype=float)


def _fit(n: NumpyArray, t: NumpyArray, powers: tuple[int, ...]) -> NumpyArray:
    from scipy.optimize import nnls

    rows = _terms(n, powers) / t[:, None]
    scale = rows.max(axis=0)
    fitted: NumpyArray = nnls(rows / scale, np.ones(len(t)))[0] / scale
    return fitted


def _median(task: Callable[[], Any], repeats: int) -> float:
    task()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        task()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _matrix(n: int) -> NumpyArray:
    """Positive definite, as large as asked; times of dense kernels do not depend on its entries."""
    rng = np.random.default_rng(n)
    A = rng.standard_normal((n, n)) / (4 * math.sqrt(n))
    A += A.T
    A[np.diag_indices(n)] += 2
    return A


def _factor(n: int) -> Callable[[], Any]:
    A = np.asfortranarray(_matrix(n))
    return lambda: scipy.linalg.lapack.dpotrf(A, lower=1, clean=0)


def _substitution(n: int) -> Callable[[], Any]:
    L, b = scipy.linalg.lapack.dpotrf(_matrix(n), lower=1)[0], np.ones(n)
    return lambda: scipy.linalg.blas.dtrsv(L, b, lower=1)


def _inversion(n: int) -> Callable[[], Any]:
    L = scipy.linalg.lapack.dpotrf(_matrix(n), lower=1)[0]
    return lambda: scipy.linalg.lapack.dpotri(L, lower=1)


def _product(n: int) -> Callable[[], Any]:
    """An iteration of conjugate gradients: the product, and its five operations on vectors."""
    A, x, p = _matrix(n), np.ones(n), np.ones(n)

    def iteration() -> None:
        Ap = A @ p
        step = 1.0 / (p @ Ap)
        r = x - step * Ap
        r + (r @ r) * p + (x + step * p)

    return iteration


def _outer(n: int) -> Callable[[], Any]:
    """As many samples as coordinates at once; the time of one is its share of that."""
    X = np.asfortranarray(_matrix(n))
    return lambda: scipy.linalg.blas.dsyrk(1.0, X, trans=1)


def _share(kernel: str, n: int) -> int:
    """How many of a kernel one run of it holds."""
    return n if kernel == "outer product" else 1


FEWEST = 4
"""Sizes from which a fit of three terms can be judged."""

KERNELS: dict[str, tuple[Callable[[int], Callable[[], Any]], tuple[int, ...]]] = {
    "Cholesky factor": (_factor, (0, 2, 3)),
    "triangular solve": (_substitution, (0, 1, 2)),
    "inverse from factor": (_inversion, (0, 2, 3)),
    "product": (_product, (0, 1, 2)),
    "outer product": (_outer, (0, 1, 2)),
}
"""What makes a kernel ready to be timed, and by which powers of the size its time grows."""
