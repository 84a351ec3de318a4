"""gaussian_posterior: Bayesian linear regression, whose posterior is the rest of a network.

For y = Hθ + N(0, R) and a prior θ ~ N(m, S) there are two networks, neither of which needs an
inverse that is not one of single numbers:

    of the unknowns   Λ = S⁻¹ + H'R⁻¹H,  x ~ N(Λ⁻¹H'R⁻¹(y - Hm), Λ⁻¹),  θ = m + x
    of the data       K = HSH' + R,      z ~ N(K⁻¹(y - Hm), K⁻¹),       G = SH',
                      mean of θ = m + G mean(z),   covariance of θ = S - G cov(z) G'

The first is used where the prior comes as a precision or is diagonal and the noise is diagonal: its
states are draws of the posterior (Aifer et al. 2024). The second takes any covariances;
where the data narrow the prior a hundredfold, S - G cov(z) G' cancels and runs are long.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, apply_rows, like, namespace
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput, NotPositiveDefinite, ShapeMismatch
from thermolinalg.solvers.baseline import digital_posterior
from thermolinalg.solvers.budget import Target
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.encode import program_network
from thermolinalg.solvers.estimate import Estimate, Outcome
from thermolinalg.solvers.saving import save
from thermolinalg.solvers.twofold import Twofold
from thermolinalg.solvers.twofold_run import TwofoldRun
from thermolinalg.streams import RNG, open_streams


@final
@dataclass(frozen=True, eq=False, slots=True)
class PosteriorEstimate:
    """What `gaussian_posterior` returns: the posterior's mean and covariance, from one run.

    Each is an `Estimate` with an error bar of its own; `samples` (draws, n) are states of the
    device so far apart that they are independent. `np.asarray(posterior)` is the mean.
    """

    mean: Estimate
    cov: Estimate
    samples: Array
    run: TwofoldRun

    @staticmethod
    def of(run: TwofoldRun) -> "PosteriorEstimate":
        """What a run says."""
        mean, cov = run.estimates()
        samples = run.crew.chains[0].running.states[:0, :] if run.taken is None else run.taken
        return PosteriorEstimate(mean, cov, samples, run)

    def refine(
        self,
        *,
        rtol: float | None = None,
        confidence: float | None = None,
        max_time: float | None = None,
        max_samples: float | None = None,
        n_jobs: int | None = None,
        callback: "Callable[[PosteriorEstimate], Any] | None" = None,
    ) -> "PosteriorEstimate":
        """Both answers after the run has gone on, as `Estimate.refine`; draws stay those taken.

        Raises:
            InvalidInput: an argument cannot be used.
        """
        old = self.run.goal
        goal = Target.checked(
            old.rtol if rtol is None else rtol,
            0.0,
            old.confidence if confidence is None else confidence,
        )
        if goal == old and self.outcome is Outcome.CONVERGED:
            return self
        run = self.run.again(goal, max_time, max_samples, n_jobs)
        return _carried_on(run, callback)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, run and all; `tla.load` reads it.

        Raises:
            OutputError: the file cannot be written.
        """
        save(self, path)

    @property
    def outcome(self) -> Outcome:
        """CONVERGED if both are, else what became of the mean, or of the covariance."""
        return self.cov.outcome if self.mean.outcome is Outcome.CONVERGED else self.mean.outcome

    @property
    def ledger(self) -> Ledger:
        """What the one run cost."""
        return self.cov.ledger

    @property
    def seed(self) -> int:
        """`rng=seed` repeats the run."""
        return self.cov.seed

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.mean.__array__(dtype, copy)

    def __repr__(self) -> str:
        return f"PosteriorEstimate({self.mean!r}, {self.cov!r}, {len(self.samples)} samples)"

    def __str__(self) -> str:
        return f"{self.mean}\n{self.cov}"

    def _repr_html_(self) -> str:
        return self.mean._repr_html_() + self.cov._repr_html_()


def gaussian_posterior(
    H: Array,
    y: Array,
    /,
    *,
    noise: Array,
    prior_mean: Array | None = None,
    prior_cov: Array | None = None,
    prior_precision: Array | None = None,
    samples: int = 0,
    rtol: float = 1e-1,
    confidence: float = 0.95,
    max_time: float = math.inf,
    max_samples: float = math.inf,
    chains: int = 1,
    n_jobs: int = 1,
    device: Device | None = None,
    callback: Callable[[PosteriorEstimate], Any] | None = None,
    rng: RNG = None,
) -> PosteriorEstimate:
    """The posterior of θ in y = Hθ + N(0, noise), as the rest of a network.

    The plan aims, for each of the two with the probability `confidence`, at

        |mean - truth| <= rtol (tr cov)^{1/2},      |cov - truth| <= rtol |cov|  (Frobenius),

    the mean against the width of the posterior: nothing else tells how well it must be known. One
    run serves both; the covariance takes longer as a rule, so that the mean comes out better.

    Args:
        H: (m, n), the response to each unknown.
        y: (m,), the data.
        noise: covariance of the noise: a number, (m,) for independent readings, or (m, m).
        prior_mean: (n,); None is zero.
        prior_cov: prior covariance: a number, (n,) or (n, n). Give this or `prior_precision`.
        prior_precision: its inverse, likewise; it may be zero where the data say enough.
        samples: how many independent draws of the posterior to take from the run as well.
        rtol: wanted relative error, as above.
        confidence: probability with which the wanted error is to be met.
        max_time: stop after this analog time, in units of RC, with outcome BUDGET_SPENT.
        max_samples: stop after so many samples, likewise; they are of all chains.
        chains: independent runs that share the time, a power of two up to 32.
        n_jobs: workers that simulate the chains, by joblib; the answer does not depend on it.
        device: what runs it; `Device.ideal()` by default.
        callback: asked between parts of the run, with the `PosteriorEstimate` so far; if what it
            returns is true the run stops there, with outcome STOPPED.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        NotPositiveDefinite, NotSymmetric, ShapeMismatch, NotFinite, NotReal, InvalidInput: an
            argument cannot be used, or a full prior precision meets a full noise covariance, for
            which no network is known that needs no inverse; the message says what to do.
    """
    goal = Target.checked(rtol, 0.0, confidence)
    model = _read_model(H, y, noise, prior_mean, prior_cov, prior_precision)
    draws = 0 if samples == 0 else checks.count("samples", samples)
    program = _of_unknowns(model) or _of_data(model, draws)
    control = Control(chains, n_jobs, max_time, max_samples)
    device, streams = Device.given(device), open_streams(rng)
    run = TwofoldRun.begin(program, goal, draws, device, streams, control)
    return _carried_on(run, callback)


def _carried_on(
    run: TwofoldRun, callback: Callable[[PosteriorEstimate], Any] | None
) -> PosteriorEstimate:
    checks.callback(callback)
    asked = None
    if callback is not None:
        see = callback

        def asked(so_far: TwofoldRun) -> Any:
            return see(PosteriorEstimate.of(so_far))

    return PosteriorEstimate.of(run.carry_on(asked))


class Model(NamedTuple):
    """The problem, checked. Of covariances that are diagonal the diagonal alone; None: unknown."""

    H: Array
    residual: Array  # y - Hm
    noise: Array
    mean: Array
    cov: Array | None
    precision: Array | None


def _read_model(
    H: Array,
    y: Array,
    noise: Array,
    mean: Array | None,
    cov: Array | None,
    precision: Array | None,
) -> Model:
    H = checks.real_array("H", H)
    if H.ndim != 2 or 0 in H.shape:
        raise ShapeMismatch(f"H has shape {tuple(H.shape)}; (m, n) with m, n >= 1 is needed.")
    xp, (m, n) = namespace(H), H.shape
    y = like(checks.vector("y", y, m), H)
    mean = xp.zeros_like(H[0, :]) if mean is None else checks.vector("prior_mean", mean, n)
    mean = like(mean, H)
    if (cov is None) == (precision is None):
        raise InvalidInput(
            "give either prior_cov or prior_precision. prior_precision=0 is a flat prior, for "
            "which the data must say enough about every unknown."
        )
    noise = _covariance("noise", noise, m, H)
    if cov is not None:
        cov = _covariance("prior_cov", cov, n, H)
        precision = 1 / cov if cov.ndim == 1 else None
    else:
        precision = _covariance("prior_precision", precision, n, H, zero=True)
        positive = precision.ndim == 1 and float(xp.min(precision)) > 0
        cov = 1 / precision if positive else None
    return Model(H, y - H @ mean, noise, mean, cov, precision)


def _covariance(name: str, value: Any, n: int, reference: Array, *, zero: bool = False) -> Array:
    """A covariance or a precision: the diagonal (n,), or (n, n) if it is not diagonal."""
    M = like(checks.real_array(name, value), reference)
    xp = namespace(M)
    if M.ndim == 2 and M.shape[0] == M.shape[1] == n:
        M = checks.semidefinite(name, M)
        if not checks.is_diagonal(M):
            return M
        M = xp.linalg.diagonal(M)
    if tuple(M.shape) not in {(), (n,)}:
        shapes = f"a number, ({n},) or ({n}, {n})"
        raise ShapeMismatch(f"{name} has shape {tuple(M.shape)}; {shapes} is needed.")
    checks.positive(f"the smallest entry of {name}", xp.min(M), zero=zero)
    return xp.asarray(xp.broadcast_to(M, (n,)), copy=True)


def _of_unknowns(model: Model) -> Twofold | None:
    """The network of the unknowns; None where it would need an inverse."""
    H, residual, noise, mean, _, precision = model
    if precision is None or noise.ndim == 2:
        return None
    weight = 1 / namespace(H).sqrt(noise)
    white = H * weight[:, None]
    try:
        process, root = _network(
            white.T @ white + _matrix(precision), white.T @ (residual * weight)
        )
    except NotPositiveDefinite as error:
        raise NotPositiveDefinite(
            "the posterior has no finite width: neither the data nor the prior say anything about "
            "some combination of the unknowns. Raise prior_precision above 0 there."
        ) from error
    return Twofold(
        name=f"gaussian_posterior, n = {process.n}",
        process=process,
        mean=partial(_shifted, mean=mean, root=root),
        cov=partial(_divided, by=root**2),
        least=1 / process.slowest / root**2,
        baselines=_baselines(model),
    )


def _of_data(model: Model, draws: int) -> Twofold:
    """The network of the data.

    Raises:
        InvalidInput: it would need an inverse too, or its states are not the draws asked for.
    """
    H, residual, noise, mean, cov, _ = model
    if cov is None:
        raise InvalidInput(
            "a full noise covariance with a prior precision would need the inverse of one of them, "
            "which is what the device is for. Pass prior_cov, or tla.inv(prior_precision) measured "
            "first, or readings whose noise is independent."
        )
    if draws:
        raise InvalidInput(
            "samples are states of the network of the unknowns, which a full prior or noise "
            "covariance rules out. Pass prior_precision and diagonal noise, or samples=0."
        )
    S = _matrix(cov)
    G = S @ H.T
    try:
        process, root = _network(H @ G + _matrix(noise), residual)
    except NotPositiveDefinite as error:
        raise NotPositiveDefinite(
            "the data are exactly dependent under this prior: their covariance H prior_cov H' + "
            "noise is singular. Raise the noise, or drop readings that repeat others."
        ) from error
    return Twofold(
        name=f"gaussian_posterior, n = {G.shape[0]}",
        process=process,
        mean=partial(_gained, mean=mean, gain=G / root),
        cov=partial(_narrowed, prior=S, gain=G / root),
        least=0.0,
        baselines=_baselines(model),
    )


def _network(A: Array, drive: Array) -> tuple[Any, float]:
    """The process of x ~ N(r A⁻¹ drive, r² A⁻¹), and r = ‖A‖^{1/2}: widths are of order one."""
    _, size = program_network(A, drive[None, :] * 0, 1.0)
    root = math.sqrt(size)
    process, _ = program_network(A, drive[None, :] / root, 1.0)
    return process, root


def _matrix(M: Array) -> Array:
    return M if M.ndim == 2 else M[:, None] * like(namespace(M).eye(M.shape[0]), M)


def _baselines(model: Model) -> Any:
    precision = model.cov is None
    prior = model.precision if precision else model.cov
    return tuple(
        partial(
            digital_posterior,
            model.H,
            model.residual,
            _matrix(model.noise),
            model.mean,
            _matrix(prior),
            precision,
            part,
        )
        for part in (0, 1)
    )


def _shifted(x: Array, *, mean: Array, root: float) -> Array:
    return mean + x / root


def _divided(C: Array, *, by: float) -> Array:
    return C / by


def _gained(z: Array, *, mean: Array, gain: Array) -> Array:
    return mean + z @ gain.T


def _narrowed(C: Array, *, prior: Array, gain: Array) -> Array:
    """S - G C G' for each window."""
    xp = namespace(C)
    half = xp.matrix_transpose(apply_rows(C, gain))
    return prior - xp.matrix_transpose(apply_rows(half, gain))
