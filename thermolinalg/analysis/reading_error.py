"""What the converter does to an answer, and what has no known cause."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from thermolinalg.analysis.cause import Cause
from thermolinalg.analysis.finite_time import sampling_variance
from thermolinalg.analysis.rounding import EVERYWHERE, Bent, clipped, density, ranges, rounded
from thermolinalg.analysis.setting import Setting
from thermolinalg.backend import NumpyArray
from thermolinalg.device.floor import systematic
from thermolinalg.measurement.converter import Converter
from thermolinalg.solvers.budget import WINDOWS

TOGETHER = 8
"""Windows that a run reads at a time, for which a gain is set anew."""


class Error(NamedTuple):
    """What one property of the converter does, in the device's units."""

    first: NumpyArray
    neglected: float = 0.0
    variance: NumpyArray | float = 0.0
    coupling: float = 0.0
    note: str = ""


class Read(NamedTuple):
    """What the converter is given: the law of each number that it reads, x ~ N(mean, spread²)."""

    converter: Converter
    law: NumpyArray  # of what is asked: the mean (k, n), or the covariance (n, n)
    mean: NumpyArray  # after offset and gain: (k, n), or (n,) of states
    spread: NumpyArray  # with read-out noise
    cov: NumpyArray  # (n, n) of states, after gain
    amount: NumpyArray | float  # independent numbers that the average of an entry amounts to
    together: float  # numbers for which a gain is set anew
    doubt: float  # of the mean, or of the covariance: what is neglected before


def reading_causes(setting: Setting, ahead: NumpyArray, doubt: float) -> Iterator[Cause]:
    """Of the converter, given how far what comes before it shifts the law, and to what doubt."""
    converter = setting.device.converter
    if converter is not None and not converter.exact:
        read = (
            _means(setting, converter, ahead, doubt)
            if setting.mean
            else _states(setting, converter, ahead, doubt)
        )
        errors = MEAN_ERRORS if setting.mean else COVARIANCE_ERRORS
        for knob, error in errors.items():
            if getattr(converter, knob):
                yield _cause(setting, converter, knob, error(read))
    if setting.device.floor:
        yield _floor(setting, ahead)


def _means(setting: Setting, converter: Converter, ahead: NumpyArray, doubt: float) -> Read:
    """Window averages are read, each entry of each once a window."""
    grown = 1 + converter.gain
    square = np.diag(setting.window_covariance) * grown**2 + converter.noise**2
    square = np.broadcast_to(square, setting.law.shape)
    whole = sampling_variance(setting) * grown**2 + converter.noise**2 / WINDOWS
    count = np.divide(square, whole, out=np.full_like(whole, WINDOWS), where=whole > 0)
    return Read(
        converter,
        setting.law,
        grown * (setting.law + ahead) + converter.offset,
        np.sqrt(square),
        grown**2 * setting.window_covariance,
        count,
        TOGETHER,
        doubt,
    )


def _states(setting: Setting, converter: Converter, ahead: NumpyArray, doubt: float) -> Read:
    """States are read, many times a window."""
    cov = (1 + converter.gain) ** 2 * (setting.law + ahead)
    return Read(
        converter,
        setting.law,
        np.full(len(cov), converter.offset),
        np.sqrt(np.clip(np.diag(cov), 0, None) + converter.noise**2),
        cov,
        setting.samples,
        setting.samples / WINDOWS,
        doubt,
    )


def _mean_gain(read: Read) -> Error:
    g = read.converter.gain
    own = np.diag(read.cov) * (1 - 1 / (1 + g) ** 2) / read.amount
    return Error(g * read.law, variance=np.broadcast_to(own, read.law.shape), coupling=abs(g))


def _mean_offset(read: Read) -> Error:
    return Error(np.full(read.law.shape, read.converter.offset))


def _mean_noise(read: Read) -> Error:
    added = np.full(read.law.shape, read.converter.noise**2 / WINDOWS)
    return Error(0 * read.law, variance=added)


def _mean_steps(read: Read) -> Error:
    """E[round(x)] - E[x] of a Gaussian x: little where noise is above a step, half a step else."""
    shift, variance, doubt = 0 * read.law, 0 * read.law, 0.0
    for scale, chance, law in _roundings(read):
        shift, variance = shift + chance * law.shift, variance + chance * law.added
        most = read.converter.step_of(scale) * math.sqrt(read.law.size)
        doubt += chance * (min(law.slope * read.doubt, most) if read.doubt else 0.0)
    unsure = _of_range(read, lambda law: law.shift)
    return Error(shift, doubt + unsure, variance / read.amount)


def _roundings(read: Read) -> list[tuple[float, float, Bent]]:
    """The full scales that may be taken, their chances, and what rounding does then."""
    return [(scale, chance, law) for scale, chance, _, law in _doubted(read)]


def _doubted(read: Read) -> Iterator[tuple[float, float, float, Bent]]:
    for scale, chance, unsure in ranges(read.converter, read.mean, read.spread, read.together):
        ends = read.converter.ends(scale) if read.converter.full_scale else EVERYWHERE
        law = rounded(read.mean, read.spread, read.converter.step_of(scale), ends)
        yield scale, chance, unsure, law


def _of_range(read: Read, what: Callable[[Bent], NumpyArray]) -> float:
    """How much may be wrong where it is open which of two full scales is taken."""
    laws = [(unsure, what(law)) for _, _, unsure, law in _doubted(read)]
    return sum(unsure * float(np.linalg.norm(b - a)) for (unsure, a), (_, b) in pairwise(laws))


def _mean_range(read: Read) -> Error:
    law = clipped(read.mean, read.spread, *_ends(read))
    doubt = law.slope * read.doubt
    return Error(law.shift, doubt, law.added / read.amount, note=_beyond(law.chance))


def _ends(read: Read) -> tuple[float, float]:
    return read.converter.ends(float(read.converter.full_scale or math.inf))


def _gain(read: Read) -> Error:
    g = read.converter.gain
    grown = (1 + g) ** 2 - 1
    return Error(grown * read.law, abs(grown) * read.doubt, coupling=abs(grown))


def _offset(read: Read) -> Error:
    return Error(np.full(read.law.shape, read.converter.offset**2))


def _noise(read: Read) -> Error:
    added = read.converter.noise**2 * np.eye(len(read.law))
    return Error(added, variance=_whiter(read.cov, added) / read.amount)


def _steps(read: Read) -> Error:
    """Sheppard's correction step²/12 of each variance, and what it is off by for few levels."""
    shift, doubt = 0 * read.law, 0.0
    for scale, chance, law in _roundings(read):
        square, step = np.diag(law.square), read.converter.step_of(scale)
        # What is read is at most a step further from zero, and so moves a square by that much.
        most = step * float(np.linalg.norm(2 * read.spread + step)) if read.doubt else 0.0
        own = min(law.bend * read.doubt, most) if read.doubt else 0.0
        shift = shift + chance * square
        doubt += chance * (_together(read, step) + own)
    unsure = _of_range(read, lambda law: law.square)
    return Error(shift, doubt + unsure, _whiter(read.cov, shift) / read.amount)


def _together(read: Read, step: float) -> float:
    """A bound on what roundings of two entries have in common: leading terms, twice.

    Fourier's where both are within the range, and the midpoint rule's at its ends.
    """
    variances, unit = np.diag(read.cov) + read.converter.noise**2, 2 * math.pi**2 / step**2
    between = np.add.outer(variances, variances) - 2 * read.cov
    alike = step**2 / (2 * math.pi**2) * np.exp(-unit * np.clip(between, 0, None))
    with_other = 4 * np.abs(read.cov) * np.exp(-unit * np.minimum.outer(variances, variances))
    bound = 2 * (alike + with_other + step**2 / 24 * _at_ends(read, variances))
    np.fill_diagonal(bound, 0.0)
    bound[:, variances == 0] = bound[variances == 0, :] = 0.0
    return float(np.linalg.norm(bound))


def _at_ends(read: Read, variances: NumpyArray) -> NumpyArray:
    """How steeply E[x_j; x_i < t] rises at the ends t of the range, for each pair."""
    if not read.converter.full_scale:
        return 0 * read.cov
    widths = np.sqrt(np.where(variances > 0, variances, 1.0))
    steep = 0 * variances
    for end in _ends(read):
        t = (end - read.mean) / widths
        steep = steep + np.abs(t) * density(t) / widths**2
    return np.asarray(np.abs(read.cov) * np.add.outer(steep, steep))


def _range(read: Read) -> Error:
    """By Price's theorem S_ij shrinks by the chance that either of the two is out of range.

    What holds the mean of each back holds that of their product back too.
    """
    law = clipped(read.mean, read.spread, *_ends(read))
    p, kept = law.chance, read.mean + law.shift
    shift = np.outer(kept, kept) - np.outer(read.mean, read.mean)
    shift = shift - read.cov * np.add.outer(p, p)
    np.fill_diagonal(shift, law.square)
    off = np.abs(read.cov) * np.minimum.outer(p, p)
    np.fill_diagonal(off, 0.0)
    rows = np.linalg.norm(read.cov, axis=1)
    own = np.divide(rows, read.spread**2, out=0 * rows, where=read.spread > 0)
    moved = (2 * float(np.max(p)) + law.bend * (1 + float(np.max(own)))) * read.doubt
    return Error(shift, float(np.linalg.norm(off)) + moved, 0 * shift, 0.0, _beyond(p))


MEAN_ERRORS = {
    "gain": _mean_gain,
    "offset": _mean_offset,
    "noise": _mean_noise,
    "bits": _mean_steps,
    "full_scale": _mean_range,
}
COVARIANCE_ERRORS = {
    "gain": _gain,
    "offset": _offset,
    "noise": _noise,
    "bits": _steps,
    "full_scale": _range,
}
TITLES = {
    "gain": ("reading gain", "calibration of the scale", 1.0),
    "offset": ("reading offset", "calibration of the zero", 2.0),
    "noise": ("read-out noise", "a quieter amplifier, or its variance subtracted", 2.0),
    "bits": ("reading steps", "more bits of the converter", 2.0),
    "full_scale": ("reading range", "a wider range of the converter", 0.0),
}
"""What each is called, what to buy, and the power with which a covariance goes with it."""


def _whiter(cov: NumpyArray, added: NumpyArray) -> NumpyArray:
    """What white noise of covariance `added` adds to the variance of one product x_i x_j."""
    d, e = np.diag(cov), np.diag(added)
    whole = np.outer(d + e, d + e) + (cov + added) ** 2
    return np.asarray(whole - np.outer(d, d) - cov**2)


def _beyond(chance: NumpyArray) -> str:
    return f"{float(np.max(chance)):.2g} of the readings of an entry are beyond the range"


def _cause(setting: Setting, converter: Converter, knob: str, error: Error) -> Cause:
    title, remedy, order = TITLES[knob]
    if setting.mean and knob != "noise":
        order = min(order, 1.0)
    return Cause(
        name="converter",
        title=title,
        bias=setting.answer(error.first),
        neglected=setting.gain * error.neglected,
        variance=setting.answer_variance(error.variance + 0 * error.first),
        coupling=error.coupling,
        strength=getattr(converter, knob),
        knob=knob,
        order=order,
        halves=knob == "bits",
        remedy=remedy,
        note=error.note,
    )


def _floor(setting: Setting, ahead: NumpyArray) -> Cause:
    """In the direction in which this chip always errs; in size a share of what is read."""
    floor, law = setting.device.floor, setting.law
    size = float(np.linalg.norm(law))
    sizes = np.linalg.norm(law, axis=-1, keepdims=True) if setting.mean else size
    way = systematic(setting.device.chip, law.shape[-1:] if setting.mean else law.shape, law)
    # What is seen is longer for its noise: |x + e| of each row by |e|²/(2|x|), and by |e| at most.
    noise = np.sum(sampling_variance(setting), axis=-1, keepdims=True) * WINDOWS / TOGETHER
    noise = noise if setting.mean else np.sum(noise)
    with np.errstate(divide="ignore", invalid="ignore"):
        longer = np.fmin(noise / (2 * sizes), np.sqrt(noise))
    return Cause(
        name="floor",
        title="systematic floor",
        bias=setting.answer(floor * sizes * way),
        neglected=setting.gain * floor * float(np.linalg.norm(ahead) + np.linalg.norm(longer)),
        coupling=floor,
        strength=floor,
        knob="floor",
        remedy="calibration against problems whose answer is known",
    )
