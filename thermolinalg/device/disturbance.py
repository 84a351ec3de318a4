"""What goes wrong while a device is read: its temperature drifts, and an error stays that has none.

The systematic floor is of unknown cause; what is known of it is that it does not average out. So it
is one direction for each chip, the same in every window, chain and copy.
"""

from itertools import pairwise

import numpy as np

from thermolinalg.backend import Array, namespace, normals
from thermolinalg.device.realising import heated
from thermolinalg.device.running import Running
from thermolinalg.device.temperature import TemperatureDrift
from thermolinalg.measurement.centered import CenteredMoments
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.measurement.readout import Readout
from thermolinalg.streams import Streams


def drifting_windows(
    drift: TemperatureDrift,
    run: Running,
    readout: Readout,
    window: float,
    count: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Windows one by one, each at its mean temperature: they are long against relaxation."""
    ends = [run.clock + readout.time(window, k) for k in range(count + 1)]
    states, values = run.states, []
    for start, end in pairwise(ends):
        process = heated(run.process, drift.factor(start, end))
        value, states = readout.windows(process, states, window, 1, rng)
        values.append(value)
    return namespace(states).concat(values, axis=0), states


def offset(values: Array, readout: Readout, floor: float, chip: int) -> Array:
    """Values (count, ...) of windows, all moved the same way, by `floor` of the answer's size."""
    rng = Streams(chip).stream("floor")
    if isinstance(readout, CenteredMoments):
        return _offset_moments(values, readout.center, floor, rng)
    if isinstance(readout, SecondMoment):
        way = _symmetric(normals(rng, tuple(values.shape[1:]), values))
        return values + _sized(way, namespace(values).mean(values, axis=0), floor)
    if values.ndim < 3:  # entries, a trace, or works
        way = normals(rng, tuple(values.shape[1:]), values)
        return values + _sized(way, namespace(values).mean(values, axis=0), floor)
    rows = namespace(values).mean(values, axis=0)  # each an answer, or a row of one
    way = normals(rng, (int(values.shape[-1]),), values)
    return values + way * (floor * _norm(rows, -1) / _norm(way, -1))


def _offset_moments(values: Array, center: Array, floor: float, rng: np.random.Generator) -> Array:
    """Of u = x - center and uu': the mean of x moves, and so does its covariance."""
    xp = namespace(values)
    m, S = values[:, 0, :], values[:, 1:, :]
    mean = xp.mean(m, axis=0)
    d = _sized(normals(rng, tuple(center.shape), values), center + mean, floor)
    cov = xp.mean(S, axis=0) - mean[:, None] * mean
    way = _symmetric(normals(rng, tuple(cov.shape), values))
    cross = m[:, :, None] * d
    S = S + cross + xp.matrix_transpose(cross) + d[:, None] * d + _sized(way, cov, floor)
    return xp.concat([(m + d)[:, None, :], S], axis=1)


def _sized(way: Array, answer: Array, floor: float) -> Array:
    """A step that way, of the size of the floor."""
    return way * (floor * _norm(answer, None) / _norm(way, None))


def _norm(x: Array, axis: int | None) -> Array:
    xp = namespace(x)
    return xp.sqrt(xp.sum(x**2, axis=axis, keepdims=axis is not None))


def _symmetric(x: Array) -> Array:
    return x + namespace(x).matrix_transpose(x)
