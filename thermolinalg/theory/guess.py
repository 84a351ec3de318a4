"""Where a fit begins: a regression of each state on the one before, read as a process.

On evenly spaced, complete data the guess is the maximum of the likelihood itself. Elsewhere it is a
rough one, and so is the likelihood `coarsen` makes of a few average intervals: good enough to tell
how steep the true one is in every direction.
"""

import numpy as np
import scipy.linalg

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import Degenerate
from thermolinalg.theory.moments import Moments
from thermolinalg.theory.observations import Trajectory
from thermolinalg.theory.propagators import Coefficients


def filled(trajectories: list[Trajectory]) -> list[Trajectory]:
    """The trajectories with straight lines drawn through what is missing."""
    average = np.nanmean(np.concatenate([x for _, x, _ in trajectories]), axis=0)
    return [_filled(trajectory, average) for trajectory in trajectories]


def coarsen(intervals: NumpyArray, moments: Moments, bins: int) -> tuple[NumpyArray, Moments]:
    """As if all steps of similar length, an equal number in each bin, had their average length."""
    share = np.cumsum(moments.steps) / moments.steps.sum()
    _, first = np.unique(np.ceil(share * bins - 1e-9), return_index=True)
    merged = Moments(*(np.add.reduceat(part, first) for part in moments))
    return np.add.reduceat(moments.steps * intervals, first) / merged.steps, merged


def guess_process(intervals: NumpyArray, moments: Moments) -> Coefficients:
    """A stable process that moves as the data do over their average interval.

    Raises:
        Degenerate: a combination of coordinates moves without noise.
    """
    (t,), total = coarsen(intervals, moments, 1)
    steps, zz, dz, dd = (part[0] for part in total)
    F = np.linalg.lstsq(zz, dz.T, rcond=None)[0].T
    E, shift = np.eye(len(dd)) + F[:, :-1], F[:, -1]
    C = (dd - F @ dz.T) / steps
    C = (C + C.T) / 2
    _require_noise(C, dd / steps)
    A = _logarithm(E, t)
    if A is None:  # no process has this E: take Euler's steps for what they are, made stable
        A = (np.eye(len(E)) - E) / t
        slowest = float(np.linalg.eigvals(A).real.min())
        A = A + max(0.0, 0.1 / t - slowest) * np.eye(len(E))
        return Coefficients(A, shift / t, C / t)
    b = A @ np.linalg.solve(np.eye(len(E)) - E, shift)
    S = scipy.linalg.solve_discrete_lyapunov(E, C)
    D = A @ S + S @ A.T
    definite = float(np.linalg.eigvalsh(D)[0]) > 0
    return Coefficients(A, b, D if definite else C / t)


def _logarithm(E: NumpyArray, t: float) -> NumpyArray | None:
    """The stable A with e^{-At} = E, if it has one that is real."""
    values, V = np.linalg.eig(E)
    alive = (np.abs(values) > 0) & (np.abs(values) < 1)
    if not (alive & ((values.real > 0) | (values.imag != 0))).all():
        return None
    A = np.linalg.solve(V.T, (V * -np.log(values.astype(complex)) / t).T).T.real
    return A if np.linalg.norm(scipy.linalg.expm(-A * t) - E) < 1e-6 else None


def _filled(trajectory: Trajectory, average: NumpyArray) -> Trajectory:
    t, states, whole = trajectory
    lines = states.copy()
    for x, usual in zip(lines.T, average, strict=True):
        seen = ~np.isnan(x)
        x[:] = np.interp(t, t[seen], x[seen]) if seen.any() else usual
    return Trajectory(t, lines, np.ones_like(whole))


def _require_noise(C: NumpyArray, moved: NumpyArray) -> None:
    """Refuse residuals C that are singular, once each coordinate is scaled by how far it moved."""
    scale = np.sqrt(np.diag(moved))
    if not (scale > 0).all():
        raise Degenerate(
            f"coordinates {np.flatnonzero(scale == 0).tolist()} never change, so they have no "
            "noise to fit. Leave them out."
        )
    least = float(np.linalg.eigvalsh(C / np.outer(scale, scale))[0])
    if least <= checks.rounding(C):
        raise Degenerate(
            "some combination of coordinates follows from the state before without noise, so the "
            "likelihood has no maximum. Leave out coordinates that repeat others, give a known D, "
            "or say how exact the readings are (noise=)."
        )
