"""The analog integrator of a network with inertia: (1/T) ∫ x dt of its positions, in exact windows.

(x(T), v(T), ∫ x dt) of each mode are jointly Gaussian given (x(0), v(0)), so that a window of any
length is one exact step of three numbers.
"""

import numpy as np

from thermolinalg.backend import Array, like, namespace, normals, to_numpy
from thermolinalg.simulation.inertial import halves
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.oscillation import oscillation


def swinging_windows(
    process: Inertial,
    x: Array,
    window: float,
    count: int,
    rng: np.random.Generator,
    *,
    one_noise: bool,
) -> tuple[Array, Array]:
    """From states x (chains, 2n): averages (count, chains, n) of positions, and the last states.

    With `one_noise` all chains meet the noise of one, which is drawn and read once.
    """
    modes, xp = process.modes, namespace(x)
    law = oscillation(to_numpy(modes.rates), process.friction, window)
    flow, root = like(law.flow, x), like(law.root, x)
    noise, shaken = _noise_alone(flow, root, count, x[:1, :] if one_noise else x, rng)
    values = modes.leave(noise / window)
    center = modes.enter(process.b) / modes.rates
    values = values + modes.leave(center)
    still = xp.concat([center, 0 * center], axis=-1)
    ahead = halves(x, modes.enter) - still
    seen = _largest(still) + _largest(shaken)
    for k in range(count):
        if _largest(ahead) <= xp.finfo(x.dtype).eps * seen:
            break  # not to be told from rounding
        ahead, area = _moved(flow, ahead)
        values[k, ...] += modes.leave(area / window)
    return values, halves(shaken + still + ahead, modes.leave)


def _noise_alone(
    flow: Array, root: Array, count: int, reference: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Integrals (count, chains, n) of undriven modes that start at rest, and their last states."""
    xp, n = namespace(reference), flow.shape[-1]
    z = normals(rng, (3, count, reference.shape[0], n), reference)
    kicks = [sum(root[i, j, :] * z[j, ...] for j in range(i + 1)) for i in range(3)]
    state, areas = xp.zeros_like(reference), kicks[2]
    for k in range(count):
        state, area = _moved(flow, state)
        areas[k, ...] += area
        state = state + xp.concat([kicks[0][k, ...], kicks[1][k, ...]], axis=-1)
    return areas, state


def _moved(flow: Array, state: Array) -> tuple[Array, Array]:
    """Modes (chains, 2n) a window later, without noise, and their integrals (chains, n)."""
    n = flow.shape[-1]
    x, v = state[:, :n], state[:, n:]
    x, v, area = (flow[i, 0, :] * x + flow[i, 1, :] * v for i in range(3))
    return namespace(state).concat([x, v], axis=-1), area


def _largest(x: Array) -> float:
    xp = namespace(x)
    return float(xp.max(xp.abs(x)))
