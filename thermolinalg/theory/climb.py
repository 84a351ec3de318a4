"""The way up to a maximum of the likelihood, and how to tell that it is one."""

from typing import NamedTuple

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.theory.fitted import FitOutcome
from thermolinalg.theory.objective import Objective

ROUNDS = 4
"""Climbs, each in the units that the curvature at the end of the one before suggests."""

CLOSE = 1e-6
"""Log likelihood still to be gained at what counts as a maximum: 1/700 of a standard error."""

FLAT = 1e-10
"""Curvatures below this share of the largest, each parameter in its own unit, are none."""

SHALLOW = 1e-6
"""A step in a flatter direction is no longer than if it were this share of the steepest."""


class Peak(NamedTuple):
    """Where a climb ended."""

    free: NumpyArray
    value: float
    curvature: NumpyArray  # minus the second derivatives
    evaluations: int
    outcome: FitOutcome


def climb(objective: Objective, free: NumpyArray, curvature: NumpyArray, iterations: int) -> Peak:
    """Quasi-Newton steps (BFGS) from a point where the curvature is about this one."""
    evaluations = 0
    for _ in range(ROUNDS):
        free, steps, calls = _walk(objective, free, units(curvature), iterations)
        iterations, evaluations = iterations - steps, evaluations + calls
        value, slope = objective.value_and_slope(free)
        curvature = objective.curvature(free)
        outcome = _outcome(curvature, slope)
        if outcome is not FitOutcome.ITERATIONS_SPENT or iterations <= 0:
            break
    if outcome is FitOutcome.CONVERGED and objective.structure.slowest(free) <= 0:
        outcome = FitOutcome.UNSTABLE
    return Peak(free, value, curvature, evaluations, outcome)


def units(curvature: NumpyArray) -> NumpyArray:
    """T with T'HT = I, where H is positive definite: its columns are steps of about equal gain."""
    scale = _scale(curvature)
    values, V = np.linalg.eigh(curvature / np.outer(scale, scale))
    values = np.abs(values)
    least = FLAT if is_definite(curvature) else SHALLOW
    return V / np.sqrt(np.maximum(values, least * values.max())) / scale[:, None]


def is_definite(curvature: NumpyArray) -> bool:
    """Does the likelihood curve down in every direction, beyond rounding?"""
    scale = _scale(curvature)
    values = np.linalg.eigvalsh(curvature / np.outer(scale, scale))
    return bool(values[0] > FLAT * values[-1])


def _walk(
    objective: Objective, origin: NumpyArray, unit: NumpyArray, iterations: int
) -> tuple[NumpyArray, int, int]:
    """The end of one climb, its steps and its evaluations."""
    from scipy.optimize import minimize  # a tenth of a second to import

    def loss(z: NumpyArray) -> tuple[float, NumpyArray]:
        value, slope = objective.value_and_slope(origin + unit @ z)
        return -value, -unit.T @ slope

    options = {"maxiter": iterations, "gtol": np.sqrt(CLOSE / len(origin))}
    start = np.zeros(len(origin))
    found = minimize(loss, start, jac=True, method="BFGS", options=options)
    return origin + unit @ found.x, int(found.nit), int(found.nfev)


def _outcome(curvature: NumpyArray, slope: NumpyArray) -> FitOutcome:
    """At a maximum the likelihood curves down everywhere, and Newton's step gains nothing."""
    if not is_definite(curvature):
        return FitOutcome.FLAT
    gain = float(np.sum((units(curvature).T @ slope) ** 2)) / 2
    return FitOutcome.CONVERGED if gain <= CLOSE else FitOutcome.ITERATIONS_SPENT


def _scale(curvature: NumpyArray) -> NumpyArray:
    widths = np.sqrt(np.abs(np.diag(curvature)))
    return np.where(widths > 0, widths, 1.0)
