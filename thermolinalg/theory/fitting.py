"""Fitting a process to data: the maximum of the exact likelihood, with standard errors."""

from typing import Any, Literal

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import Degenerate, InvalidInput, ShapeMismatch
from thermolinalg.theory.climb import Peak, climb, is_definite, units
from thermolinalg.theory.fitted import Fit
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.guess import coarsen, filled, guess_process
from thermolinalg.theory.likelihood import reading_error
from thermolinalg.theory.moments import moments_of_steps
from thermolinalg.theory.objective import TINY, Objective
from thermolinalg.theory.observations import (
    Observations,
    Record,
    Start,
    observe,
    read_trajectories,
)
from thermolinalg.theory.process import OU, linear
from thermolinalg.theory.propagators import Coefficients
from thermolinalg.theory.structure import Chart, Definite, Entries, Known, Structure, Symmetric

BINS = 16
"""Average intervals in the coarse likelihood."""


def fit(
    ts: Any,
    xs: Any,
    /,
    *,
    A: Array | None = None,
    b: Array | None = None,
    D: Array | None = None,
    drift: Literal["free", "symmetric", "reversible"] = "free",
    diffusion: Literal["full", "diagonal"] = "full",
    start: Start = "given",
    noise: Array | None = None,
    guess: OU | None = None,
    iterations: int = 200,
) -> Fit:
    """The process under which the data are most likely: dx = -(A x - b) dt + N(0, D dt).

    The likelihood is exact for any times, and has no step-size error. Computed in float64. Of turns
    by more than half a circle in a step, evenly spaced times cannot tell the slower ones that look
    the same, and those are found; uneven times tell them apart.

    Args:
        ts: times (m,), strictly increasing; or a list with the times of each trajectory.
        xs: states (m, n), or (trajectories, m, n), or a list of trajectories, which may differ in
            length. NaN marks a missing entry.
        A: the drift, where it is known.
        b: the drive, where it is known; 0 for none.
        D: the diffusion, where it is known.
        drift: "free", "symmetric" (A = A'), or "reversible" (AD = DA': detailed balance).
        diffusion: "full", or "diagonal".
        start: "given" conditions on each first row; "stationary" has it drawn from the equilibrium;
            a Gaussian, from that law.
        noise: known covariance (n, n) of an independent error in every reading; start must then be
            "stationary" or a Gaussian, as no state is known exactly.
        guess: an `OU` to begin at; None makes a regression.
        iterations: how many steps of the search at most.

    Raises:
        Degenerate: under the process that the search begins at, the data have no density.
        InvalidInput: another subclass that says which argument cannot be used, and why.
    """
    trajectories = read_trajectories(ts, xs)
    n = trajectories[0].states.shape[1]
    iterations = checks.count("iterations", iterations)
    _require_all_seen(trajectories)
    center = np.nanmean(np.concatenate([x for _, x, _ in trajectories]), axis=0)
    structure = _structure(center, A, b, D, drift, diffusion)
    centered = [Record(t, x - center, whole) for t, x, whole in trajectories]
    data = observe(centered, start, noisy=noise is not None)
    _require_enough(data, structure)
    objective = Objective(
        structure,
        data.intervals,
        moments_of_steps(data),
        data.gaps,
        _centered(start, center) if isinstance(start, Gaussian) else None,
        reading_error(noise, n),
    )
    rough, free = _beginning(objective, centered, guess)
    if not np.isfinite(objective.value_and_slope(free)[0]):
        raise Degenerate(
            "under the process that the search begins at, the data have no density. Begin at one "
            "like the truth (guess=), or say how exact the readings are (noise=)."
        )
    peak = climb(objective, free, rough.curvature(free), iterations)
    A, b, D = structure.build_uncentered(peak.free)
    return Fit(
        A,
        b,
        D,
        _covariance(structure, peak),
        log_likelihood=peak.value,
        parameters=structure.size,
        steps=data.steps,
        evaluations=peak.evaluations,
        outcome=peak.outcome,
    )


def _beginning(
    objective: Objective, trajectories: list[Record], guess: OU | None
) -> tuple[Objective, NumpyArray]:
    """A coarse likelihood of the data, gaps filled in, and a point to begin at."""
    data = observe(filled(trajectories), "given")
    intervals, moments = coarsen(data.intervals, moments_of_steps(data), BINS)
    structure = objective.structure
    rough = Objective(structure, intervals, moments, [], None, objective.noise)
    if guess is not None:
        if linear(guess, "guess").n != data.n or guess.b.ndim != 1:
            raise ShapeMismatch(f"guess has n = {guess.n}; one drive and n = {data.n} are needed.")
        A, b, D = (to_numpy(x).astype(float) for x in (guess.A, guess.b, guess.D))
        return rough, structure.read(Coefficients(A, b - A @ structure.center, D))
    A, b, D = guess_process(intervals, moments)
    free = structure.read(Coefficients(A, b, D))
    if structure.slowest(free) <= 0:  # the structure turned it into something unstable
        mean_rate = float(np.trace(A)) / data.n
        free = structure.read(Coefficients(mean_rate * np.eye(data.n), b, D))
    return rough, free


def _covariance(structure: Structure, peak: Peak) -> NumpyArray:
    """Of all entries of A, b and the lower triangle of D, to first order in the free numbers."""
    rows = []
    for step in 1j * TINY * np.eye(structure.size):
        A, b, D = structure.build_uncentered(peak.free + step)
        rows.append(np.concatenate([A.ravel(), b, D[np.tril_indices(len(b))]]).imag / TINY)
    J = np.array(rows)
    if not is_definite(peak.curvature):
        return np.full((J.shape[1],) * 2, np.inf)
    half = units(peak.curvature).T @ J
    return half.T @ half


def _structure(
    center: NumpyArray,
    A: Array | None,
    b: Array | None,
    D: Array | None,
    drift: str,
    diffusion: str,
) -> Structure:
    n = len(center)
    drifts: dict[str, Chart] = {
        "free": Entries((n, n)),
        "symmetric": Symmetric(n),
        "reversible": Symmetric(n),
    }
    diffusions: dict[str, Chart] = {"full": Definite(n), "diagonal": Definite(n, diagonal=True)}
    if drift not in drifts or diffusion not in diffusions:
        raise InvalidInput(
            f"drift = {drift!r} must be one of {', '.join(drifts)}, and diffusion = {diffusion!r} "
            f"one of {', '.join(diffusions)}."
        )
    if A is not None and drift != "free":
        raise InvalidInput(f"A is known, so it cannot be fitted as {drift!r}: leave out one.")
    if D is not None and diffusion != "full":
        raise InvalidInput(f"D is known, so it cannot be fitted as {diffusion!r}: leave out one.")
    structure = Structure(
        drifts[drift] if A is None else Known(_stable(A, n)),
        _drive(b, n),
        diffusions[diffusion] if D is None else Known(_matrix("D", checks.semidefinite("D", D), n)),
        center,
        reversible=drift == "reversible",
    )
    if structure.size == 0:
        raise InvalidInput("A, b and D are all known: nothing is left to fit. Ask log_likelihood.")
    return structure


def _drive(b: Array | None, n: int) -> Chart:
    if b is None:
        return Entries((n,))
    if np.ndim(b) == 0:
        b = np.full(n, checks.real_number("b", b))
    return Known(to_numpy(checks.vector("b", b, n)).astype(float))


def _stable(A: Array, n: int) -> NumpyArray:
    M = _matrix("A", A, n)
    return OU(M, np.zeros(n), np.zeros((n, n))).A  # an unstable one is refused there


def _matrix(name: str, value: Array, n: int) -> NumpyArray:
    M = to_numpy(checks.square(name, value)).astype(float)
    if len(M) != n:
        raise ShapeMismatch(f"{name} has shape {M.shape}, but the data have {n} coordinates.")
    return M


def _centered(start: Gaussian, center: NumpyArray) -> Gaussian:
    return Gaussian(to_numpy(start.mean) - center, to_numpy(start.cov))


def _require_all_seen(trajectories: list[Record]) -> None:
    unseen = np.all([np.isnan(x).all(axis=0) for _, x, _ in trajectories], axis=0)
    if unseen.any():
        raise InvalidInput(
            f"coordinates {np.flatnonzero(unseen).tolist()} are never observed: all entries are "
            "NaN, so the data cannot tell their scale. Leave those columns out."
        )


def _require_enough(data: Observations, structure: Structure) -> None:
    """As many numbers as parameters; and, to see any noise, more steps than each row has terms."""
    least = 1 if isinstance(structure.diffusion, Known) else 2 * data.n + 2
    if data.values < structure.size or data.steps < least:
        raise InvalidInput(
            f"{data.steps} steps with {data.values} observed numbers are too few to fit "
            f"{structure.size} parameters: at least {structure.size} numbers and {least} steps are "
            "needed. Give more data, or say what is known (A=, b=, D=, drift=, diffusion=)."
        )
