"""What a picture is drawn of: states at their times, checked once, as NumPy arrays of float64."""

from typing import Any, TypeAlias

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.simulation.simulate import Trajectory
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.operator import Runnable

EVEN = 1e-3
"""By this share of dt samples may be early or late and still count as evenly spaced."""

Start: TypeAlias = Array | Gaussian
"""A point (n,), or a law."""


def times_and_states(process: Runnable, trajectory: Trajectory) -> tuple[NumpyArray, NumpyArray]:
    """Times (m,) and states (chains, m, n) of a run of the process.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    if not isinstance(trajectory, Trajectory):
        raise InvalidInput(
            f"the run is a {type(trajectory).__name__}; a Trajectory is needed, as "
            "simulate(process, times) returns it."
        )
    states = _states(process, trajectory.states)
    return to_numpy(trajectory.times).astype(float), states


def evenly_sampled(
    process: Runnable, run: Trajectory | Array, dt: float | None
) -> tuple[NumpyArray, float]:
    """States (chains, m, n) of a run and the time between them.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    if not isinstance(run, Trajectory):
        states = _states(process, run)
        if dt is None:
            raise InvalidInput("states come without their times: pass dt=, the time between them.")
        dt = checks.positive("dt", dt)
    else:
        if dt is not None:
            raise InvalidInput("a Trajectory knows its times: leave dt out.")
        times, states = times_and_states(process, run)
        dt = _interval(times, float(np.finfo(to_numpy(run.times).dtype).eps))
    return states, dt


def start_of(process: Runnable, states: NumpyArray, x0: Any) -> Start:
    """The point or law in which the chains of a run began.

    A point for each chain counts as the law that has the moments of these points: the moments of
    the chains are then exact at every later time.

    Raises:
        InvalidInput: chains began in different states and no x0 was given, or not in this x0.
    """
    first = states[:, 0, :]
    if isinstance(x0, Gaussian):
        if x0.n != process.n:
            raise ShapeMismatch(f"x0 has {x0.n} coordinates; the process has {process.n}.")
        return x0
    if x0 is None:
        if np.any(first != first[0]):
            raise InvalidInput(
                "the chains began in different states, so their law is not known: pass x0=, as it "
                "was passed to simulate, such as x0=stationary(process)."
            )
        return first[0]
    points = to_numpy(checks.real_array("x0", x0)).astype(float)
    if points.shape not in {(process.n,), first.shape}:
        raise ShapeMismatch(
            f"x0 has shape {points.shape}; ({process.n},) or {first.shape} is needed."
        )
    rounding = 1e-6 * np.abs(points).max()  # the run may be in single precision
    if np.any(np.abs(first - points) > rounding):
        raise InvalidInput(
            "the chains did not begin in x0: pass what was passed to simulate, or leave it out."
        )
    if points.ndim == 1:
        return points
    mean = points.mean(axis=0)
    return Gaussian(mean, (points - mean).T @ (points - mean) / len(points))


def _states(process: Runnable, states: Any) -> NumpyArray:
    if not hasattr(process, "reference"):
        raise InvalidInput(
            f"process is a {type(process).__name__}; a process is needed, such as OU(A, b, D)."
        )
    x = to_numpy(checks.real_array("states", states)).astype(float)
    if x.ndim == 2:
        x = x[None]
    if x.ndim != 3 or x.shape[2] != process.n or 0 in x.shape:
        raise ShapeMismatch(
            f"states have shape {x.shape}; (chains, m, {process.n}) is needed, for m times and the "
            f"{process.n} coordinates of the process."
        )
    return x


def _interval(times: NumpyArray, eps: float) -> float:
    m = len(times)
    if m < 2:
        raise InvalidInput("the run has one time; a time series needs at least two.")
    dt = float(times[-1] - times[0]) / (m - 1)
    late = np.abs(times - (times[0] + dt * np.arange(m))).max()
    if late > EVEN * dt + 4 * eps * np.abs(times).max():
        raise InvalidInput(
            "the times of the run are not evenly spaced, which a time series must be: pass "
            "simulate times such as np.arange(m) * dt."
        )
    return dt
