"""What noise does that is drawn at a clock, within bounds, and held: the second moments."""

import math

import numpy as np
import scipy.linalg

from thermolinalg.backend import Array, NumpyArray, namespace


def clipped_variance(bound: float) -> float:
    """E[clip(z, -bound, bound)²] of a standard normal z."""
    if math.isinf(bound):
        return 1.0
    beyond = math.erfc(bound / math.sqrt(2))
    density = math.exp(-(bound**2) / 2) / math.sqrt(2 * math.pi)
    return 1 - beyond - 2 * bound * density + bound**2 * beyond


def held_variance(rates: Array, tick: float, bound: float = math.inf) -> Array:
    """Variances at ticks of y' = -a y + w, where w = clip(z, -bound, bound)/tick^{1/2} is held.

    v tanh(u)/u / (2a),   u = a tick/2,   v = E[clip(z)²].
    """
    xp, u = namespace(rates), rates * tick / 2
    return clipped_variance(bound) * xp.tanh(u) / u / (2 * rates)


def filtered_variance(
    rates: NumpyArray, memory: float, tick: float, bound: float = math.inf
) -> NumpyArray:
    """The same of held noise through a low-pass filter: y' = -a y + f, memory f' = w - f.

    At ticks (y, f) goes to E (y, f) + g w, and its covariance S to ESE' + v gg'/tick = S.
    """
    scale, found = clipped_variance(bound) / tick, []
    for a in rates:
        whole = np.zeros((3, 3))
        whole[0, :2] = -a, 1.0
        whole[1, 1:] = -1 / memory, 1 / memory
        step = scipy.linalg.expm(whole * tick)
        g = step[:2, 2]
        S = scipy.linalg.solve_discrete_lyapunov(step[:2, :2], scale * np.outer(g, g))
        found.append(float(S[0, 0]))
    return np.array(found)
