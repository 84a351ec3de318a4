"""What noise does that is drawn at a clock, within bounds, and held: the second moments."""

import math

from thermolinalg.backend import Array, namespace


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
