"""gaussian_process: regression by a Gaussian process, from two sets of thermodynamic solves.

With K = k(X, X) + noise and the columns k_j = k(X, x_j) of the new points,

    mean_j = k_j' K⁻¹ y,        variance_j = k(x_j, x_j) - k_j' K⁻¹ k_j

(Rasmussen and Williams 2006, equations 2.25-2.26). One network, that of K, settles at K⁻¹y, then at
K⁻¹k_j for each new point; windows of its time average are taken to predictions one by one, so that
the error bar is one of the prediction.
"""

import math
import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, like, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, ShapeMismatch
from thermolinalg.solvers.baseline import digital_gaussian_process
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.estimate import Callback, Estimate, Outcome
from thermolinalg.solvers.kernels import Kernel
from thermolinalg.solvers.network import linear_program
from thermolinalg.solvers.program import Program
from thermolinalg.solvers.run import Run
from thermolinalg.solvers.saving import save
from thermolinalg.streams import RNG, open_streams


@final
@dataclass(frozen=True, eq=False, slots=True)
class Prediction:
    """What `gaussian_process` returns: the mean and the variance of the function at new points.

    Each is an `Estimate` (m,) whose error bar is that of the measurement. `np.asarray(prediction)`
    is the mean; a new reading has the variance of the function plus the noise.
    """

    mean: Estimate
    variance: Estimate

    def refine(
        self,
        *,
        rtol: float | None = None,
        atol: float | None = None,
        confidence: float | None = None,
        max_time: float | None = None,
        max_samples: float | None = None,
        callback: Callback | None = None,
    ) -> "Prediction":
        """Both answers after their runs have gone on: arguments as of `Estimate.refine`, for each.

        Raises:
            InvalidInput: an argument cannot be used.
        """
        first, second = (
            estimate.refine(
                rtol=rtol,
                atol=atol,
                confidence=confidence,
                max_time=max_time,
                max_samples=max_samples,
                callback=callback,
            )
            for estimate in (self.mean, self.variance)
        )
        return Prediction(first, second)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write both to one file, runs and all, whole or not at all; `tla.load` reads it.

        The kernel is not in it.

        Raises:
            OutputError: the file cannot be written.
        """
        save(self, path)

    @property
    def outcome(self) -> Outcome:
        """CONVERGED if both are, else what became of the mean, or of the variance."""
        converged = self.mean.outcome is Outcome.CONVERGED
        return self.variance.outcome if converged else self.mean.outcome

    @property
    def seed(self) -> int:
        """`rng=seed` repeats the run."""
        return self.mean.seed

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.mean.__array__(dtype, copy)

    def __repr__(self) -> str:
        return f"Prediction({self.mean!r}, {self.variance!r})"

    def __str__(self) -> str:
        return f"{self.mean}\n{self.variance}"

    def _repr_html_(self) -> str:
        return self.mean._repr_html_() + self.variance._repr_html_()


def gaussian_process(
    X: Array,
    y: Array,
    X_new: Array,
    /,
    *,
    kernel: Kernel,
    noise: Array,
    rtol: float = 1e-2,
    atol: float = 0.0,
    confidence: float = 0.95,
    temperature: float = 1.0,
    max_time: float = math.inf,
    max_samples: float = math.inf,
    chains: int = 1,
    n_jobs: int = 1,
    device: Device | None = None,
    callback: Callback | None = None,
    rng: RNG = None,
) -> Prediction:
    """Mean and variance of a function at new points, given noisy readings of it elsewhere.

    A priori the function has mean zero: subtract a known one from y. For mean and variance each,
    the plan aims at P(|answer - truth| <= atol + rtol |truth|) >= confidence in the
    2-norm over the new points. A variance far below the kernel's is a small difference, and takes
    long: give atol there.

    Args:
        X: (n, d), or (n,) of numbers: where the function was read.
        y: (n,), what was read.
        X_new: (m, d) or (m,), where to predict.
        kernel: `RBF`, `Matern32`, `Matern52`, or any function of points (a, d) and (b, d) that
            gives their covariances (a, b).
        noise: variance of the readings, a number or (n,).
        rtol: wanted relative error.
        atol: wanted absolute error, of the mean and of the variance alike.
        confidence: probability with which the wanted error is to be met.
        temperature: of the noise of the device, as in `solve`.
        max_time: for each of the two, in units of RC; less gives the outcome BUDGET_SPENT.
        max_samples: for each of the two, likewise; two for each relaxation time of
            the slowest mode.
        chains: independent runs that share the time, a power of two up to 32.
        n_jobs: workers that simulate the chains, by joblib; the answer does not depend on it.
        device: what runs it; `Device.ideal()` by default.
        callback: asked between parts of the run, with the `Estimate` so far; if what it returns is
            true the run stops there, with outcome STOPPED.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotPositiveDefinite, ShapeMismatch, NotFinite, NotReal, InvalidInput: an argument or what
            the kernel gives cannot be used; the message says why and what to do.
    """
    target = Target.checked(rtol, atol, confidence)
    temperature = checks.positive("temperature", temperature)
    X, X_new = _points("X", X), _points("X_new", X_new)
    X_new = like(X_new, X)
    if X.shape[1] != X_new.shape[1]:
        raise ShapeMismatch(
            f"X has points of {X.shape[1]} coordinates and X_new of {X_new.shape[1]}."
        )
    n = X.shape[0]
    y = like(checks.vector("y", y, n), X)
    xp = namespace(X)
    if target.atol == 0 and not bool(xp.any(y != 0)):
        raise InvalidInput("y is zero, and so is the mean. Give atol > 0 to measure it anyway.")
    noise = like(checks.real_array("noise", noise), X)
    if tuple(noise.shape) not in {(), (n,)}:
        raise ShapeMismatch(f"noise has shape {tuple(noise.shape)}; a number or ({n},) is needed.")
    checks.positive("the smallest noise", xp.min(noise))
    noise = noise + xp.zeros_like(y)

    K, columns = _covariances(kernel, X, X), _covariances(kernel, X, X_new).T
    prior = _variances(kernel, X_new)
    K = checks.symmetric("kernel(X, X)", K, "Covariances are symmetric: check the kernel.")
    K = K + noise[:, None] * like(xp.eye(n), K)
    device, streams = Device.given(device), open_streams(rng)
    made = partial(_made, K, columns, prior, y, noise, temperature, target)
    mean, variance = made(part=0), made(part=1)
    control = Control(chains, n_jobs, max_time, max_samples)
    first, second = (
        Run.begin(program, target, device, streams.child(name), control, seed=streams.seed)
        for name, program in (("mean", mean), ("variance", variance))
    )
    return Prediction(first.carry_on(callback), second.carry_on(callback))


def _points(name: str, X: Array) -> Array:
    X = checks.real_array(name, X)
    if X.ndim not in {1, 2} or 0 in X.shape:
        raise ShapeMismatch(f"{name} has shape {tuple(X.shape)}; (n, d) or (n,) is needed.")
    return X[:, None] if X.ndim == 1 else X


def _covariances(kernel: Kernel, X: Array, Z: Array) -> Array:
    if not callable(kernel) or isinstance(kernel, type):
        raise InvalidInput(f"kernel = {kernel!r} cannot be called with points; RBF(scale=1.0) can.")
    K = like(checks.real_array("what the kernel gives", kernel(X, Z)), X)
    if tuple(K.shape) != (X.shape[0], Z.shape[0]):
        raise ShapeMismatch(
            f"the kernel turns points {tuple(X.shape)} and {tuple(Z.shape)} into an array of shape "
            f"{tuple(K.shape)}; ({X.shape[0]}, {Z.shape[0]}) is needed."
        )
    return K


def _variances(kernel: Kernel, X: Array) -> Array:
    """k(x, x) of each point, one at a time: of the whole matrix only the diagonal is needed."""
    xp = namespace(X)
    points = (X[j : j + 1, :] for j in range(X.shape[0]))
    variances = xp.stack([_covariances(kernel, x, x)[0, 0] for x in points])
    checks.positive("the smallest kernel(x, x)", xp.min(variances))
    return variances


def _made(
    K: Array,
    columns: Array,
    prior: Array,
    y: Array,
    noise: Array,
    temperature: float,
    target: Target,
    part: int,
) -> Program:
    """The program of the mean (part 0) or of the variance (1); columns are (m, n)."""
    xp = namespace(K)
    strength = math.sqrt(float(xp.sum(columns**2)))
    if part == 0 and strength == 0 and target.atol == 0:
        raise InvalidInput(
            "the kernel does not join any new point to the data, so that the mean there is zero. "
            "Give atol > 0 to measure it all the same."
        )
    try:
        any_side = replace(target, atol=1.0)  # columns may be zero: the variance is not
        program = linear_program(K, columns if part else y[None, :], temperature, any_side)
    except NotPositiveDefinite as error:
        raise NotPositiveDefinite(
            "kernel(X, X) + noise is not positive definite: the kernel is none, or the noise is "
            "lost in rounding beside it. Check the kernel, or raise the noise."
        ) from error
    scale, (m, n) = program.scale, columns.shape
    program = replace(
        program,
        name=f"gaussian_process, n = {n}, {m} new points, {('mean', 'variance')[part]}",
        baseline=partial(digital_gaussian_process, K, columns, prior, y, part),
    )
    if part == 0:
        most = program.most * strength
        least = checks.rounding(K) * most
        return replace(program, decode=partial(_predicted, columns=columns), least=least, most=most)
    # No less than if every reading were of this point's own share of the function alone.
    lowest = 1 / (1 / prior + xp.sum(columns**2 / noise, axis=1) / prior**2)
    return replace(
        program,
        decode=partial(_remaining, columns=columns, prior=prior / scale),
        least=math.sqrt(float(xp.sum(lowest**2))) / scale,
        most=math.sqrt(float(xp.sum(prior**2))) / scale,
    )


def _predicted(windows: Array, *, columns: Array) -> Array:
    return windows[:, 0, :] @ columns.T


def _remaining(windows: Array, *, columns: Array, prior: Array) -> Array:
    return prior - namespace(windows).sum(windows * columns, axis=-1)
