"""The converter between an analog reading and a number: range, bits, offset, gain and noise."""

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from thermolinalg import checks
from thermolinalg.backend import Array, namespace, normals


@final
@dataclass(frozen=True, slots=True)
class Converter:
    """An analog-to-digital converter: x is read as round((1 + gain) x + offset + noise z).

    Readings are in the device's units: the norm of the programmed matrix and the drive's
    root-mean-square amplitude are 1 there.

    Args:
        bits: of a reading; None does not round. A step is 2 full_scale/2^bits, and the 2^bits codes
            are -full_scale, ..., -step, 0, step, ..., full_scale - step (two's complement).
        full_scale: largest reading, beyond which all look alike. None is a gain that is set anew
            for each block of readings, to the power of two that just holds all of them.
        noise: standard deviation of the noise that is added before rounding.
        offset: added to each reading.
        gain: relative error of the scale.

    Raises:
        InvalidInput: a number is out of range.
    """

    bits: int | None = None
    full_scale: float | None = None
    noise: float = 0.0
    offset: float = 0.0
    gain: float = 0.0

    def __post_init__(self) -> None:
        if self.bits is not None:
            checks.count("bits", self.bits)
        if self.full_scale is not None:
            checks.positive("full_scale", self.full_scale)
        checks.positive("noise", self.noise, zero=True)
        checks.real_number("offset", self.offset)
        checks.real_number("gain", self.gain)

    @property
    def exact(self) -> bool:
        """Does it read what is there?"""
        return self == Converter()

    def in_units(self, unit: float) -> "Converter":
        """The same converter of what is `unit` times as large in the device's units."""
        if unit == 1:
            return self
        full = None if self.full_scale is None else self.full_scale / unit
        return replace(self, full_scale=full, noise=self.noise / unit, offset=self.offset / unit)

    def step(self, x: Array) -> float:
        """The distance of two readings, for readings like these."""
        return self.step_of(self.scale(x))

    def step_of(self, scale: float) -> float:
        """The distance of two readings, of this full scale."""
        assert self.bits is not None
        return 2 * scale / 2**self.bits

    def ends(self, scale: float) -> tuple[float, float]:
        """The lowest and the highest reading, of this full scale."""
        return -scale, scale if self.bits is None else scale - self.step_of(scale)

    @property
    def held(self) -> float:
        """The share of a full scale up to which readings err by half a step at most."""
        return 1.0 if self.bits is None else 1 - 0.5**self.bits

    def scale(self, x: Array) -> float:
        """The full scale, for readings like these."""
        if self.full_scale is not None:
            return self.full_scale
        largest = float(namespace(x).max(namespace(x).abs(x))) / self.held
        return 2.0 ** math.ceil(math.log2(largest)) if largest > 0 else 1.0

    def read(self, x: Array, rng: np.random.Generator) -> Array:
        """What it says of x (...): a new array."""
        x = (1 + self.gain) * x + self.offset
        if self.noise:
            x = x + self.noise * normals(rng, tuple(x.shape), x)
        if self.bits is not None:
            x = self._rounded(x)
        elif self.full_scale is not None:
            x = namespace(x).clip(x, *self.ends(self.full_scale))
        return x

    def _rounded(self, x: Array) -> Array:
        xp, scale = namespace(x), self.scale(x)
        step = self.step_of(scale)
        low, high = (round(end / step) for end in self.ends(scale))
        return xp.clip(xp.round(x / step), low, high) * step
