"""What goes wrong while a device is read: its temperature drifts, and an error stays that has none.

The systematic floor is of unknown cause; what is known of it is that it does not average out. So it
is one direction for each chip, the same in every window, chain and copy.
"""

from itertools import pairwise

import numpy as np

from thermolinalg.backend import Array, namespace
from thermolinalg.device.floor import systematic
from thermolinalg.device.realising import heated
from thermolinalg.device.running import Running
from thermolinalg.device.temperature import TemperatureDrift
from thermolinalg.measurement.centered import CenteredMoments
from thermolinalg.measurement.moment import SecondMoment
from thermolinalg.measurement.readout import Readout


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
    if isinstance(readout, CenteredMoments):
        return _offset_moments(values, readout.center, floor, chip)
    seen = namespace(values).mean(values, axis=0)
    if isinstance(readout, SecondMoment) or values.ndim < 3:  # or entries, a trace, or works
        return values + floor * _norm(seen, None) * systematic(chip, tuple(seen.shape), values)
    # Each row is an answer, or a row of one.
    return values + floor * _norm(seen, -1) * systematic(chip, (int(seen.shape[-1]),), values)


def _offset_moments(values: Array, center: Array, floor: float, chip: int) -> Array:
    """Of u = x - center and uu': the mean of x moves, and so does its covariance."""
    xp = namespace(values)
    m, S = values[:, 0, :], values[:, 1:, :]
    mean = xp.mean(m, axis=0)
    d = floor * _norm(center + mean, None) * systematic(chip, tuple(center.shape), values)
    cov = xp.mean(S, axis=0) - mean[:, None] * mean
    way = floor * _norm(cov, None) * systematic(chip, tuple(cov.shape), values)
    cross = m[:, :, None] * d
    S = S + cross + xp.matrix_transpose(cross) + d[:, None] * d + way
    return xp.concat([(m + d)[:, None, :], S], axis=1)


def _norm(x: Array, axis: int | None) -> Array:
    xp = namespace(x)
    return xp.sqrt(xp.sum(x**2, axis=axis, keepdims=axis is not None))
