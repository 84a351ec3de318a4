"""Where a fit begins: a regression of each state on the one before, read as a process.

On evenly spaced, complete data the guess is the maximum of the likelihood itself. Elsewhere it is
rough, and so is the likelihood after `coarsen` has replaced intervals by a few averages: but good
enough to tell how steep the true one is in every direction.
"""

import numpy as np
import scipy.linalg

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import Degenerate
from thermolinalg.theory.moments import Moments
from thermolinalg.theory.observations import Record
from thermolinalg.theory.propagators import Coefficients

SETTLING = 0.1
"""The slowest rate, per step, of a guess where the data themselves do not settle."""


def filled(trajectories: list[Record]) -> list[Record]:
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
    unit = _movement(dd / steps)
    z_unit = np.append(unit, 1.0)
    F = np.linalg.lstsq(zz / np.outer(z_unit, z_unit), (dz / np.outer(unit, z_unit)).T, rcond=None)
    E, shift = np.eye(len(dd)) + F[0].T[:, :-1], F[0].T[:, -1]
    C = (dd / np.outer(unit, unit) - F[0].T @ (dz / np.outer(unit, z_unit)).T) / steps
    _require_noise(C)
    A, b, D = _read(E, shift, (C + C.T) / 2)
    return Coefficients(
        A * np.outer(unit, 1 / unit) / t, b * unit / t, D * np.outer(unit, unit) / t
    )


def _read(E: NumpyArray, shift: NumpyArray, C: NumpyArray) -> Coefficients:
    """The process with this law over a unit of time, or one that takes Euler's steps like it."""
    I, A = np.eye(len(E)), _logarithm(E)
    if A is None:
        A = I - E
        slowest = float(np.linalg.eigvals(A).real.min())
        return Coefficients(A + max(0.0, SETTLING - slowest) * I, shift, C)
    S = scipy.linalg.solve_discrete_lyapunov(E, C)
    D = A @ S + S @ A.T
    definite = float(np.linalg.eigvalsh(D)[0]) > 0
    return Coefficients(A, A @ np.linalg.solve(I - E, shift), D if definite else C)


def _logarithm(E: NumpyArray) -> NumpyArray | None:
    """The stable A with e^{-A} = E, if it has one that is real."""
    values, V = np.linalg.eig(E)
    inside = (np.abs(values) > 0) & (np.abs(values) < 1)
    if not (inside & ((values.real > 0) | (values.imag != 0))).all():
        return None
    A = np.linalg.solve(V.T, (V * -np.log(values.astype(complex))).T).T.real
    return A if np.linalg.norm(scipy.linalg.expm(-A) - E) < 1e-6 * np.linalg.norm(E) else None


def _filled(trajectory: Record, average: NumpyArray) -> Record:
    t, states, whole = trajectory
    lines = states.copy()
    for x, usual in zip(lines.T, average, strict=True):
        seen = ~np.isnan(x)
        x[:] = np.interp(t, t[seen], x[seen]) if seen.any() else usual
    return Record(t, lines, np.ones_like(whole))


def _movement(moved: NumpyArray) -> NumpyArray:
    """How far each coordinate moves in a step: its unit from here on."""
    unit = np.sqrt(np.diag(moved))
    if not (unit > 0).all():
        raise Degenerate(
            f"coordinates {np.flatnonzero(unit == 0).tolist()} never change, so they have no "
            "noise to fit. Leave them out, or begin at a process like the truth (guess=)."
        )
    return unit


def _require_noise(C: NumpyArray) -> None:
    if float(np.linalg.eigvalsh(C)[0]) <= checks.rounding(C):
        raise Degenerate(
            "some combination of coordinates follows without noise from the state before, so the "
            "likelihood has no maximum. Leave out coordinates that repeat others, or say how exact "
            "the readings are (noise=)."
        )
