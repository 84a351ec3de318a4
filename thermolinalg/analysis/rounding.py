"""What rounding and clipping do to a Gaussian number, exactly."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from thermolinalg.backend import NumpyArray
from thermolinalg.measurement.converter import Converter

SMOOTH = 3.0
"""Spreads in steps from which on Sheppard's correction, and two terms at the ends of a range, are
what rounding does: within a range to 1e-70, and at its ends the next term is 1e-4 of the first."""

FAR = 9.0
"""Standard deviations beyond which nothing lies that a float64 would tell."""

STILL = 1e-12
"""Share of a range below which a spread is none."""

RARE = 1e-9
"""Chance below which a range of an automatic gain is left out."""

EVERYWHERE = -math.inf, math.inf
"""A range without ends."""


class Bent(NamedTuple):
    """Of x ~ N(mean, spread²) that goes on as f: E[f - x], Var[f] - Var[x], E[f²] - E[x²].

    `slope` bounds |dE[f - x]/dmean| and `bend` |dE[f² - x²]/dspread²|, over all entries; `chance`
    is that of being out of range.
    """

    shift: NumpyArray
    added: NumpyArray
    square: NumpyArray
    slope: float
    bend: float
    chance: NumpyArray


def rounded(
    mean: NumpyArray,
    spread: NumpyArray,
    step: float,
    ends: tuple[float, float] = EVERYWHERE,
) -> Bent:
    """What rounding to multiples of a step changes of x that is held within two of them.

    Of little spread a sum over the codes within reach. Else, with the chance P(t) that x < t,
    E[f - x] and E[f² - x²] are what the midpoint rule misses of ∫ g dt from end to end, g = P and
    g = 2tP: step²/24 of the difference of g' - (7/240) step² g''' at the two (Euler-Maclaurin).
    """
    inside = clipped(mean, spread, *ends)
    s = np.broadcast_to(spread, mean.shape)
    centre = mean + inside.shift
    first, second = _of_codes(mean, s, step, ends)
    shift = first - centre
    square = second - first**2 - (s**2 + inside.added) + shift * (shift + 2 * centre)
    smooth = s >= SMOOTH * step
    if np.any(smooth):
        slopes = [_slopes(mean, s, step, end) for end in ends]
        even = [step**2 / 24 * (high - low) for low, high in zip(*slopes, strict=True)]
        shift, square = np.where(smooth, even[0], shift), np.where(smooth, even[1], square)
    added = square - shift * (shift + 2 * centre)
    return Bent(shift, added, square, *_steepest(mean, s, step, ends), inside.chance)


def _of_codes(
    mean: NumpyArray, spread: NumpyArray, step: float, ends: tuple[float, float]
) -> tuple[NumpyArray, NumpyArray]:
    """E[f] and E[f²] of what is read, code by code; right for spreads up to SMOOTH steps."""
    s = np.clip(np.minimum(spread / step, SMOOTH), 1e-300, None)
    near = np.clip(np.round(mean / step), *(np.array(ends) / step))
    reach = math.ceil(FAR * float(np.max(s))) + 2
    edge = np.arange(-reach - 1, reach + 1) + 0.5
    off = (edge - (mean / step - near)[..., None]) / s[..., None]
    below = ndtr(np.clip(off, -1e3, 1e3))
    below[..., 0], below[..., -1] = 0.0, 1.0  # what lies further out is read as an end
    codes = np.clip(near[..., None] + np.arange(-reach, reach + 1), *(np.array(ends) / step))
    p = np.diff(below, axis=-1)
    first = (p * codes).sum(axis=-1)
    apart = (p * (codes - first[..., None]) ** 2).sum(axis=-1)
    return step * first, step**2 * (apart + first**2)


def _slopes(
    mean: NumpyArray, s: NumpyArray, step: float, end: float
) -> tuple[NumpyArray, NumpyArray]:
    """g' - (7/240) step² g''' at t = end, for g = P and g = 2tP."""
    z = np.clip((end - mean) / s, -40.0, 40.0)
    t, p, share = mean + z * s, density(z) / s, 7 / 240 * (step / s) ** 2
    once, twice = -z * s * p, (z**2 - 1) * p  # p' and p'', times s²
    return p - share * twice, 2 * (ndtr(z) + t * p) - share * (6 * once + 2 * t * twice)


def _steepest(
    mean: NumpyArray, s: NumpyArray, step: float, ends: tuple[float, float]
) -> tuple[float, float]:
    """Bounds on both derivatives: of Fourier's series, and near an end of the midpoint rule.

    The rule misses at most step²/8 ∫ |p''| of a density p, which is 0.97/s².
    """
    least = float(np.min(s)) / step
    if least <= 0.01:
        return math.inf, math.inf
    k = np.arange(1, 60)
    waves = np.exp(-2 * (math.pi * k * least) ** 2)
    slope = 2 * float(np.sum(waves))
    bend = float(np.sum(waves * (2 + 8 * (math.pi * k * least) ** 2)))
    near = [np.abs(end - mean) < FAR * s for end in ends]
    if np.any(near):
        edge = 4 * float(density(np.ones(1))[0]) / 8 / least**2
        slope, bend = slope + edge, bend + edge
    return slope, bend


def clipped(
    mean: NumpyArray, spread: NumpyArray, low: float = -math.inf, high: float = math.inf
) -> Bent:
    """What holding x within low ... high changes, by partial moments of the normal law."""
    if math.isinf(high):
        return Bent(0 * mean, 0 * mean, 0 * mean, 0.0, 0.0, 0 * mean)
    spread = np.clip(np.broadcast_to(spread, mean.shape), STILL * (high - low), None)
    above, below = (high - mean) / spread, (mean - low) / spread
    over, under = _excess(above), _excess(below)
    shift = spread * (under[0] - over[0])
    # E[f²] - E[x²], of f that is high or low beyond
    square = -(spread**2) * (over[1] + under[1])
    square = square - 2 * spread * (high * over[0] - low * under[0])
    added = square - shift * (shift + 2 * mean)
    chance = ndtr(-above) + ndtr(-below)
    bend = chance + (abs(high) * density(above) + abs(low) * density(below)) / spread
    return Bent(shift, added, square, float(np.max(chance)), float(np.max(bend)), chance)


def density(t: NumpyArray) -> NumpyArray:
    """Of the standard normal law."""
    return np.asarray(np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi))


def _excess(t: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
    """E[(z - t)+] and E[((z - t)+)²] of a standard normal z."""
    here, tail = density(t), ndtr(-t)
    return here - t * tail, (1 + t**2) * tail - t * here


class Range(NamedTuple):
    """A full scale that a converter may take, and how likely.

    `doubt` is by how much the chance of this or a lower one may be wrong.
    """

    scale: float
    chance: float
    doubt: float


def ranges(
    converter: Converter, mean: NumpyArray, spread: NumpyArray, together: float
) -> Iterator[Range]:
    """The full scales that a converter may take for so many readings of each entry.

    An automatic gain takes the power of two that holds the largest. Chances are those of readings
    that are independent; of others that of all to be within lies between the least of theirs and 1
    less the sum of those of being beyond (Frechet).
    """
    if converter.full_scale is not None:
        yield Range(converter.full_scale, 1.0, 0.0)
        return
    size, width = np.abs(mean), np.clip(spread, 1e-300, None)
    top = math.ceil(math.log2(float(np.max(size + FAR * width)) / converter.held or 1.0))
    before = 0.0
    for k in range(top - 60, top + 1):
        end = 2.0**k * converter.held
        t = np.clip((end - size) / width, -1e3, 1e3), np.clip((end + size) / width, -1e3, 1e3)
        beyond = np.clip(ndtr(-t[0]) + ndtr(-t[1]), 0.0, 1.0)
        whole, doubt = 1.0, 0.0
        if k < top:
            whole = float(np.prod((1 - beyond) ** together))
            least = max(0.0, 1 - together * float(np.sum(beyond)))
            doubt = max(1 - float(np.max(beyond)) - whole, whole - least)
        if max(whole - before, doubt) > RARE:
            yield Range(2.0**k, whole - before, doubt)
        before = whole
