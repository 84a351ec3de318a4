"""What rounding does to the mean and the variance of normal numbers: nothing, as a rule.

The error of rounding to multiples of q is a sawtooth, e(x) = q Σ_k (-1)^k sin(2πk x/q)/(πk). Of
x ~ N(m, s²) each sine keeps e^{-2(πks/q)²} of itself, which is 7e-9 already for s = q.
"""

import math
from collections.abc import Iterator

from thermolinalg import checks
from thermolinalg.backend import Array, namespace

NOTHING = 37.0
"""The exponent from which on a term is lost in rounding."""


def rounded_mean(mean: Array, spread: float, step: float) -> Array:
    """E[round(x/step) step] of x ~ N(mean, spread²), spread > 0.

    mean + step Σ_k (-1)^k e^{-2(πk spread/step)²} sin(2πk mean/step)/(πk).
    """
    xp = namespace(mean)
    terms = (size * xp.sin(turn) / (math.pi * k) for k, turn, size in _terms(mean, spread, step))
    return mean + step * sum(terms, start=0 * mean)


def rounded_variance(mean: Array, spread: float, step: float) -> Array:
    """Var[round(x/step) step]: that of x, and step²/12, and what falls off fast with the spread.

    Raises:
        InvalidInput: spread or step is not positive.
    """
    xp = namespace(mean)
    square, along = 1 / 12 + 0 * mean, 0 * mean  # E[e²]/step² and Cov(x, e)/spread²
    for k, turn, size in _terms(mean, spread, step):
        wave = size * xp.cos(turn)
        square = square + wave / (math.pi * k) ** 2
        along = along + 2 * wave
    off = rounded_mean(mean, spread, step) - mean
    return spread**2 * (1 + 2 * along) + step**2 * square - off**2


def _terms(mean: Array, spread: float, step: float) -> Iterator[tuple[int, Array, float]]:
    """k, 2πk mean/step and (-1)^k e^{-2(πk spread/step)²} of each term that counts."""
    checks.positive("spread", spread)
    ratio = spread / checks.positive("step", step)
    for k in range(1, math.ceil(math.sqrt(NOTHING / 2) / (math.pi * ratio)) + 1):
        size = (-1) ** k * math.exp(-2 * (math.pi * k * ratio) ** 2)
        yield k, 2 * math.pi * k * mean / step, size
