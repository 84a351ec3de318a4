"""Arrays of another library, which allows nothing beyond the standard, go in and come out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import array_api_strict
import numpy as np
import pytest

from tests.thermolinalg.solvers.problems import wishart
from thermolinalg.device.coefficients import Mismatch
from thermolinalg.device.machine import Device
from thermolinalg.measurement.converter import Converter
from thermolinalg.mitigation.calibration import calibrate
from thermolinalg.mitigation.deflation import deflate
from thermolinalg.mitigation.extrapolation import extrapolate
from thermolinalg.mitigation.read_noise import subtract_read_noise
from thermolinalg.mitigation.rounding import rounding_ensemble
from thermolinalg.solvers.inverse import inv
from thermolinalg.solvers.linear import solve


@dataclass(frozen=True)
class Asked:
    """A question by its solver and its arguments."""

    solver: Callable
    arguments: tuple

    def run(self, device=None, /, *, rng=None):
        return self.solver(*self.arguments, device=device, rng=rng)


SKEW = Device(converter=Converter(gain=0.1, offset=0.2, noise=0.3))
COARSE = Device(converter=Converter(noise=0.5, bits=6, full_scale=16.0))
UNEVEN = Device(mismatch=Mismatch(0.05))


def calibrated(question, quantity):
    return calibrate(SKEW, 5, quantity=quantity, rng=0).apply(question.run(SKEW, rng=0))


class Problem(NamedTuple):
    A: Any
    b: Any

    @property
    def mean(self):
        return Asked(solve, (self.A, self.b))

    @property
    def inverse(self):
        return Asked(inv, (self.A,))


NOISY = Device().vary("read_noise", 2.0)
ROUNDED = Device().vary("bits", 8)
METHODS = {
    "rounding, mean": lambda p: rounding_ensemble(p.mean, ROUNDED, members=3, rng=0),
    "rounding, inverse": lambda p: rounding_ensemble(p.inverse, ROUNDED, members=3, rng=0),
    "calibration, mean": lambda p: calibrated(p.mean, "mean"),
    "calibration, inverse": lambda p: calibrated(p.inverse, "covariance"),
    "noise, described": lambda p: subtract_read_noise(p.inverse, COARSE, rng=0),
    "noise, measured": lambda p: subtract_read_noise(p.inverse, COARSE, noise="measured", rng=0),
    "extrapolation": lambda p: extrapolate(p.inverse, NOISY, "read_noise", rng=0),
    "deflation, mean": lambda p: deflate(p.A, p.b, device=UNEVEN, stiff=1, rng=0),
    "deflation, inverse": lambda p: deflate(p.A, device=UNEVEN, stiff=1, rtol=0.02, rng=0),
}


def mended(method, A, b):
    return METHODS[method](Problem(A, b))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_arrays_of_another_library(method):
    A, b = wishart(5) + 0.1 * np.eye(5), np.arange(1.0, 6.0)
    here = mended(method, A, b)
    there = mended(method, array_api_strict.asarray(A), array_api_strict.asarray(b))
    assert here.refused is None
    assert there.refused is None
    assert isinstance(there.value, type(array_api_strict.asarray(A)))
    assert np.allclose(np.asarray(there), here.value)
    assert str(there).startswith(here.method)


@pytest.mark.parametrize("method", METHODS)
def test_single_precision_stays_single(method):
    A, b = wishart(5) + 0.1 * np.eye(5), np.arange(1.0, 6.0)
    answer = mended(method, A.astype(np.float32), b.astype(np.float32))
    assert answer.value.dtype == answer.stderr.dtype == np.float32
