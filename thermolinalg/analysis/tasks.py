"""The tasks that are compared: solve, inverse, Gaussian sampling, a step of natural gradients."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, TypeAlias, final

import numpy as np

from thermolinalg import checks
from thermolinalg.analysis.workload import (
    CG_SIZE,
    Method,
    Step,
    Task,
    Workload,
    cg_iterations,
    spectrum,
)
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import InvalidInput
from thermolinalg.solvers.budget import (
    BIAS,
    KNOWN_TO,
    KNOWN_WITH,
    RELAXATIONS,
    WINDOWS,
    Target,
    burn_in,
)
from thermolinalg.solvers.noise import Noise, pairs_of

ROUNDING = 1e-9
"""Of times that are divided."""

Quantile: TypeAlias = Callable[[int, float, float], float]
"""Of size, condition and confidence."""


@final
@dataclass(frozen=True, slots=True)
class Solve(Task):
    """x = A⁻¹b for a b without preferred direction, as `solve` measures it.

    Burn-in is ln(50/error) condition RC. The average over a time T has an error e with
    T |e|² = Σ 2 temperature z_k²/a_k², and |x|² = Σ 1/a_k² with drives of root mean square 1.

    Args:
        error: |e| <= error |x|,
        confidence: with this probability.
        temperature: of the noise, where drives have a root mean square of 1: a signal-to-noise
            ratio, of which a real device has a lower limit that no paper states.
        pilot: also run what an error bar needs, a pilot and 32 windows of 20 relaxations each;
            without, one window as the papers count it, and no error bar.
    """

    error: float = 1e-2
    confidence: float = 0.95
    temperature: float = 1.0
    pilot: bool = True

    title: ClassVar[str] = "solve"

    def __post_init__(self) -> None:
        _checked(self)
        checks.probability("confidence", self.confidence)
        checks.positive("temperature", self.temperature, zero=True)

    def workload(self, n: int, condition: float) -> Workload:
        a, counts = spectrum(n, condition)
        norm = math.sqrt(float(counts @ a**-2))
        shortest = RELAXATIONS * condition
        times = _times(_mean_quantile, n, condition, self.temperature, norm, self, shortest)
        count = WINDOWS if self.pilot else 1
        return Workload(
            nodes=n,
            coefficients=n**2,
            drives=n,
            settle=burn_in(Target(self.error, 0.0, self.confidence), 1 / condition, norm),
            measure=count * sum(times),
            readings=n * count * len(times),
        )

    def methods(self, n: int, condition: float) -> tuple[Method, ...]:
        rounding = self.error / condition
        products = cg_iterations(min(n, CG_SIZE), condition, self.error)
        return (
            Method("Cholesky", (_cholesky(n), _triangular(n, 2)), rounding),
            Method("CG", (Step("product", n, 2.0 * n**2, n**2, products),), rounding),
        )


@final
@dataclass(frozen=True, slots=True)
class Inverse(Task):
    """A⁻¹ in the Frobenius norm, from the second moments of an undriven network, as `inv` does.

    Burn-in is ln(50/error) condition/2 RC. Two samples a relaxation time are read, and their outer
    products are summed digitally, n² operations each; or, with `correlators`, by n² multipliers and
    integrators on the device, which is then read once a window.

    Args:
        error: |E| <= error |A⁻¹|,
        confidence: with this probability.
        correlators: does the device have them?
        pilot: also run what an error bar needs.
    """

    error: float = 1e-1
    confidence: float = 0.95
    correlators: bool = False
    pilot: bool = True

    title: ClassVar[str] = "inv"

    def __post_init__(self) -> None:
        _checked(self)
        checks.probability("confidence", self.confidence)

    def workload(self, n: int, condition: float) -> Workload:
        a, counts = spectrum(n, condition)
        step = condition / 2  # two samples a relaxation time
        norm = math.sqrt(float(counts @ a**-2))
        times = _times(_moment_quantile, n, condition, 1.0, norm, self, RELAXATIONS * step)
        count = WINDOWS if self.pilot else 1
        samples = count * sum(math.ceil(time / step - ROUNDING) for time in times)
        outer = Step("outer product", n, float(n) ** 2, n, samples)
        return Workload(
            nodes=n,
            coefficients=n**2,
            drives=n,
            settle=burn_in(Target(self.error, 0.0, self.confidence), 2 / condition, norm),
            measure=count * sum(times),
            readings=n**2 * count * len(times) if self.correlators else n * samples,
            digital=() if self.correlators else (outer,),
        )

    def methods(self, n: int, condition: float) -> tuple[Method, ...]:
        inverse = Step("inverse from factor", n, 2 * n**3 / 3, 2 * n**2)
        return (Method("Cholesky", (_cholesky(n), inverse), self.error / condition),)


@final
@dataclass(frozen=True, slots=True)
class Sampling(Task):
    """Samples of N(0, A⁻¹): an undriven network, read once each time it has forgotten the last.

    From zero the covariance is Σ (1 - e^{-2At}): relative error `error` after
    ln(1/error) condition/2 RC. Two samples correlate by `error` after ln(1/error) condition RC.

    Args:
        samples: how many.
        error: of the covariance, and correlation of neighbours, at most.
    """

    samples: int = 1
    error: float = 1e-2

    title: ClassVar[str] = "sample"

    def __post_init__(self) -> None:
        _checked(self)
        checks.count("samples", self.samples)

    def workload(self, n: int, condition: float) -> Workload:
        memory = condition * math.log(1 / self.error)
        return Workload(
            nodes=n,
            coefficients=n**2,
            drives=n,
            settle=memory / 2,
            measure=(self.samples - 1) * memory,
            readings=self.samples * n,
        )

    def methods(self, n: int, condition: float) -> tuple[Method, ...]:
        steps = (_cholesky(n), _triangular(n, self.samples))
        return (Method("Cholesky", steps, self.error / condition),)


@final
@dataclass(frozen=True, slots=True)
class NaturalGradientStep(Task):
    """One step of thermodynamic natural gradient descent (Donatella et al. 2024, appendix C).

    n is the number of parameters. With rows = samples * outputs three arrays of resistors hold the
    Jacobian, the Hessian of the loss and the Jacobian again: rows (rows + 2n) numbers, beside the
    gradient in and the state out. The digital side makes the Jacobian, at 2 operations a parameter
    and sample forward, and 4 back for each output: of fully connected layers.

    Args:
        samples: of a batch.
        outputs: of the model.
        time: analog time in RC; None for what the mean takes to come within `error` of rest from
            the gradient, condition ln(1/error).
        error: relative.
        iterations: of conjugate gradients; None for what `error` takes.
    """

    samples: int = 32
    outputs: int = 20
    time: float | None = None
    error: float = 1e-2
    iterations: int | None = None

    title: ClassVar[str] = "tngd step"

    def __post_init__(self) -> None:
        _checked(self)
        for name in ("samples", "outputs"):
            checks.count(name, getattr(self, name))
        if self.time is not None:
            checks.positive("time", self.time, zero=True)
        if self.iterations is not None:
            checks.count("iterations", self.iterations)

    @property
    def rows(self) -> int:
        """Of the Jacobian."""
        return self.samples * self.outputs

    def workload(self, n: int, condition: float) -> Workload:
        settle = condition * math.log(1 / self.error) if self.time is None else self.time
        return Workload(
            nodes=n,
            coefficients=self.rows * (self.rows + 2 * n),
            drives=n,
            settle=settle,
            measure=0.0,
            readings=n,
            digital=self._derivatives(n),
        )

    def methods(self, n: int, condition: float) -> tuple[Method, ...]:
        rounding, rows, batch = self.error / condition, self.rows, self.samples
        products = self.iterations or cg_iterations(min(n, CG_SIZE), condition, self.error)
        gram = Step("Gram matrix", n, float(rows) ** 2 * n, rows * n)
        apply = Step("Jacobian product", n, 2.0 * rows * n, rows * n, 2)
        woodbury = (*self._derivatives(n), gram, _cholesky(rows), _triangular(rows, 2), apply)
        curvature = Step("curvature product", n, 10.0 * batch * n, 3 * n, products)
        gradient = Step("gradient", n, 6.0 * batch * n, 2 * n)
        dense = Step("dense curvature", n, float(rows) * n**2, n**2 + rows * n)
        return (
            Method("Woodbury", woodbury, rounding),
            Method("CG", (gradient, curvature), rounding),
            Method(
                "dense", (*self._derivatives(n), dense, _cholesky(n), _triangular(n, 2)), rounding
            ),
        )

    def _derivatives(self, n: int) -> tuple[Step, ...]:
        flops = (2.0 + 4.0 * self.outputs) * self.samples * n
        return (Step("Jacobian", n, flops, self.rows * n),)


def task_of(task: "str | Task", error: float | None) -> Task:
    """The task that a caller names, with a relative error of its own or the one given.

    Raises:
        InvalidInput: there is no such task.
    """
    known = TASKS.get(task) if isinstance(task, str) else task
    if not isinstance(known, Task):
        raise InvalidInput(f"task = {task!r} must be a Task, or one of {', '.join(TASKS)}.")
    return known if error is None else replace(known, error=error)  # type: ignore[type-var]


def _checked(task: Task) -> None:
    if not 0 < checks.real_number("error", task.error) < 1:
        raise InvalidInput(f"error = {task.error:g} must lie strictly between 0 and 1.")


def _times(
    quantile: Quantile,
    n: int,
    condition: float,
    temperature: float,
    norm: float,
    task: Solve | Inverse,
    shortest: float,
) -> list[float]:
    """Lengths of a window, of the pilot and of the answer; or of the answer's only one."""
    wanted = task.error * norm * (1 - BIAS)
    total = temperature * quantile(n, condition, task.confidence) / wanted**2
    if not task.pilot:
        return [total]
    doubt = max(KNOWN_TO, 2 * task.error) * norm
    first = temperature * quantile(n, condition, KNOWN_WITH) / doubt**2
    return [max(first / WINDOWS, shortest), max(total / WINDOWS, shortest)]


@lru_cache(maxsize=4096)
def _mean_quantile(n: int, condition: float, confidence: float) -> float:
    """What T |e|² of a mean is below, at a temperature of 1."""
    a, counts = spectrum(n, condition)
    return Noise.exact(2 / a**2, counts).quantile(confidence)


@lru_cache(maxsize=4096)
def _moment_quantile(n: int, condition: float, confidence: float) -> float:
    """What T |E|² of second moments is below, two samples a relaxation time."""
    a, counts = spectrum(n, condition)
    weights = 2 * pairs_of(a, 2.0, condition / 2)
    return Noise.exact(*_pairs(weights, counts)).quantile(confidence)


def _pairs(f: NumpyArray, counts: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """Weights of all pairs k <= l of groups, and how many pairs of eigenvalues each stands for."""
    k, l = np.triu_indices(len(counts))
    many = np.where(k == l, counts[k] * (counts[k] + 1) / 2, counts[k] * counts[l])
    return f[k, l], many


def _cholesky(n: int) -> Step:
    return Step("Cholesky factor", n, n**3 / 3, n**2)


def _triangular(n: int, times: float) -> Step:
    return Step("triangular solve", n, float(n) ** 2, n**2 / 2, times)


TASKS: dict[str, Task] = {
    task.title: task for task in (Solve(), Inverse(), Sampling(), NaturalGradientStep())
}
"""Each with its defaults."""
