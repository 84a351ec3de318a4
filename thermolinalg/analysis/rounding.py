"""What rounding and clipping do to a Gaussian number, exactly."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from thermolinalg.backend import NumpyArray
from thermolinalg.measurement.converter import Converter

SMOOTH = 3.0
"""Spreads in steps from which on all but Sheppard's correction is below 1e-70."""

FAR = 9.0
"""Standard deviations beyond which nothing lies that a float64 would tell."""

STILL = 1e-12
"""Share of a range below which a spread is none."""

RARE = 1e-9
"""Chance below which a range of an automatic gain is left out."""


class Bent(NamedTuple):
    """Of x ~ N(mean, spread²) through f: E[f - x], Var[f] - Var[x], E[f²] - E[x²].

    `slope` bounds |dE[f - x]/dmean| over all entries; `chance` is that of being out of range.
    """

    shift: NumpyArray
    added: NumpyArray
    square: NumpyArray
    slope: float
    chance: NumpyArray


def rounded(mean: NumpyArray, spread: NumpyArray, step: float) -> Bent:
    """Rounded to multiples of a step: a sum over those that lie within reach."""
    nearest = np.round(mean / step)
    f, s = mean / step - nearest, np.broadcast_to(spread, mean.shape) / step
    reach = math.ceil(FAR * min(float(np.max(s)), SMOOTH)) + 2
    j = np.arange(-reach, reach + 1)
    edge = np.arange(-reach - 1, reach + 1) + 0.5
    width = np.clip(np.minimum(s, SMOOTH), 1e-300, None)[..., None]
    p = np.diff(ndtr(np.clip((edge - f[..., None]) / width, -1e3, 1e3)), axis=-1)
    first, second = (p * j).sum(axis=-1), (p * j**2).sum(axis=-1)
    smooth = s >= SMOOTH
    shift = np.where(smooth, 0.0, first - f)
    added = np.where(smooth, 1 / 12, second - first**2 - s**2)
    square = step**2 * (added + shift * (shift + 2 * mean / step))
    least = float(np.min(s))
    k = np.arange(1, 60)
    slope = 2 * float(np.sum(np.exp(-2 * (math.pi * k * least) ** 2))) if least > 0.01 else math.inf
    return Bent(step * shift, step**2 * added, square, slope, 0 * shift)


def clipped(mean: NumpyArray, spread: NumpyArray, most: float) -> Bent:
    """Held within -most ... most, by partial moments of the normal law."""
    spread = np.clip(np.broadcast_to(spread, mean.shape), STILL * most, None)
    above, below = ((most - sign * mean) / spread for sign in (1, -1))
    over, under = (_excess(t) for t in (above, below))
    shift = spread * (under[0] - over[0])
    # E[clip²] = E[x²] - E[(x² - most²); |x| > most]
    square = -(spread**2) * (over[1] + under[1]) - 2 * most * spread * (over[0] + under[0])
    added = square - shift * (shift + 2 * mean)
    chance = ndtr(-above) + ndtr(-below)
    return Bent(shift, added, square, float(np.max(chance)), chance)


def _excess(t: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """E[(z - t)+] and E[((z - t)+)²] of a standard normal z."""
    density, tail = np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi), ndtr(-t)
    return density - t * tail, (1 + t**2) * tail - t * density


def ranges(
    converter: Converter, mean: NumpyArray, spread: NumpyArray, together: float
) -> Iterator[tuple[float, float]]:
    """The ranges that a converter may take for so many readings of each entry, and their chances.

    An automatic gain takes the power of two above the largest.
    """
    if converter.full_scale is not None:
        yield converter.full_scale, 1.0
        return
    size, width = np.abs(mean), np.clip(spread, 1e-300, None)
    top = math.ceil(math.log2(float(np.max(size + FAR * width)) or 1.0))
    before = 0.0
    for k in range(top - 60, top + 1):
        t = np.clip((2.0**k - size) / width, -1e3, 1e3), np.clip((2.0**k + size) / width, -1e3, 1e3)
        inside = np.clip(ndtr(t[0]) - ndtr(-t[1]), 0.0, 1.0)
        whole = float(np.prod(inside**together)) if k < top else 1.0
        if whole - before > RARE:
            yield 2.0**k, whole - before
        before = whole
