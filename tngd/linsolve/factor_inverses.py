"""Ways to invert a damped factor M = F + damping I of a Kronecker product.

eigen           digital, by eigenvalues
cholesky        digital, by a triangular factor
thermodynamic   the covariance of a noisy network at rest, read sample by sample
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, namespace, normals, to_numpy
from thermolinalg.device.charging import read_out, timed, uploaded
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.errors import DoesNotFit
from thermolinalg.threads import one_blas_thread
from tngd.curvature.direct_sum import nonnegative
from tngd.linsolve.contract import Cost


class FactorInverse(ABC):
    """Inverts the damped factors of Kronecker products."""

    @abstractmethod
    def invert(self, factor: Array, damping: float, rng: np.random.Generator) -> tuple[Array, Cost]:
        """(F + damping I)⁻¹ (n, n), and what it took; F is positive semidefinite up to rounding."""


@final
@dataclass(frozen=True, slots=True)
class Eigen(FactorInverse):
    """U (a + damping)⁻¹ U', with the eigenvalues that rounding made negative at zero."""

    def invert(self, factor: Array, damping: float, rng: np.random.Generator) -> tuple[Array, Cost]:
        del rng
        a, U = namespace(factor).linalg.eigh(factor)
        return (U / (nonnegative(a) + damping)) @ U.T, Cost()


@final
@dataclass(frozen=True, slots=True)
class Cholesky(FactorInverse):
    """By a Cholesky factor; by eigenvalues where rounding leaves none."""

    def invert(self, factor: Array, damping: float, rng: np.random.Generator) -> tuple[Array, Cost]:
        M = _damped(factor, damping)
        try:
            with one_blas_thread():  # SciPy's own threads would take the cores of NumPy's
                triangle = cho_factor(M, lower=True, overwrite_a=True)
                inverse = cho_solve(triangle, np.eye(len(M), dtype=M.dtype), overwrite_b=True)
        except np.linalg.LinAlgError:
            return Eigen().invert(factor, damping, rng)
        return like((inverse + inverse.T) / 2, factor), Cost()


@final
@dataclass(frozen=True, slots=True)
class ThermodynamicInverse(FactorInverse):
    """The mean of x x' over states x of dx = -M x dt + N(0, 2 dt), whose law at rest is N(0, M⁻¹).

    A network is programmed with M in units of its largest entry, starts at x = 0, relaxes for
    `burn`, and is read `samples` times, `time` apart. Between readings each mode of rate a forgets
    all but e^{-a time} of its state; the exact transition of this process is simulated, without a
    step size. The error falls as 1/samples^(1/2): for independent readings entry ij has the
    variance (M⁻¹_ii M⁻¹_jj + M⁻¹_ij²)/samples (Wishart), and more for others. Fewer samples than M
    has rows give a singular estimate. The temperature does not matter, because states are divided
    by its root.

    Thermodynamic K-FAC (arXiv 2502.08603) inverts factors on such a device and quantises what goes
    in and comes out. Of that paper the abstract was at hand: samples, times, and that rounding is
    to the nearest of 2^bits levels up to the largest entry, are the reading taken here.

    Args:
        samples: states read.
        time: analog time between readings, in units of RC.
        burn: analog time before the first, in units of RC.
        bits: of an entry of M with its sign, as it is programmed; None for exact ones.
        read_bits: of an entry of the inverse with its sign, as it is kept; None for exact ones.
        device: whose time and energy are charged.

    Raises:
        DoesNotFit: the device has imperfections of its own, or (in invert) rounding to `bits` left
            a network that does not settle.
    """

    samples: int = 1000
    time: float = 10.0
    burn: float = 100.0
    bits: int | None = None
    read_bits: int | None = None
    device: Device = Device.ideal()

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", checks.count("samples", self.samples))
        for name in ("time", "burn"):
            object.__setattr__(self, name, checks.positive(name, getattr(self, name)))
        for name in ("bits", "read_bits"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, checks.count(name, getattr(self, name)))
        object.__setattr__(self, "device", Device.given(self.device))
        _require_clock_alone(self.device)

    def invert(self, factor: Array, damping: float, rng: np.random.Generator) -> tuple[Array, Cost]:
        M = _damped(factor, damping)
        unit = float(np.abs(M).max())
        covariance = self._covariance(self._programmed(M / unit), rng)
        inverse = _rounded(covariance / unit, self.read_bits)
        return like(inverse, factor), self._charged(len(M))

    def _programmed(self, M: NumpyArray) -> tuple[NumpyArray, NumpyArray]:
        """Rates (n,) and modes (n, n) of the network that holds M."""
        rates, modes = np.linalg.eigh(_rounded(M, self.bits))
        least = len(M) * float(np.finfo(rates.dtype).eps)
        if self.bits is not None and not rates[0] > least:
            raise DoesNotFit(
                f"this device cannot hold the factor: bits = {self.bits} moves its slowest "
                f"relaxation rate to {rates[0]:.3g} of its largest entry, and it must be > 0 to "
                "settle. Take more bits, or a larger damping."
            )
        return np.maximum(rates, least), modes

    def _covariance(
        self, network: tuple[NumpyArray, NumpyArray], rng: np.random.Generator
    ) -> NumpyArray:
        """Mean of x x' over the readings, in the coordinates of the modes until the end."""
        rates, modes = network
        y = normals(rng, (self.samples, len(rates)), modes) @ modes
        kept = np.exp(-rates * self.time)
        y[:1] *= _spread(rates, self.burn)
        y[1:] *= _spread(rates, self.time)
        for before, after in pairwise(y):
            after += kept * before
        covariance = modes @ (y.T @ y / self.samples) @ modes.T
        return (covariance + covariance.T) / 2

    def _charged(self, n: int) -> Cost:
        """M goes in, the network runs, and every state comes out."""
        analog = self.burn + (self.samples - 1) * self.time
        ledger = uploaded(self.device, Ledger(), n * n)
        ledger = timed(self.device, ledger, "settle", analog, n)
        return Cost(analog, read_out(self.device, ledger, self.samples * n))


def _damped(factor: Array, damping: float) -> NumpyArray:
    M = to_numpy(factor).copy()
    M[np.diag_indices_from(M)] += damping
    return M


def _spread(rates: NumpyArray, time: float) -> NumpyArray:
    """Standard deviation of each mode, a time after it was known."""
    return np.sqrt(-np.expm1(-2 * time * rates) / rates)


def _rounded(M: NumpyArray, bits: int | None) -> NumpyArray:
    """Entries as the nearest multiples of 2 max|M|/2^bits."""
    if bits is None:
        return M
    step = float(2 * np.abs(M).max() / 2**bits)
    return step * np.round(M / step)


def _require_clock_alone(device: Device) -> None:
    """Go on only with a device of which nothing but times and prices matters."""
    parts = ("drift", "dressings", "converter", "floor")
    if device.imperfections or any(getattr(device, part) for part in parts):
        raise DoesNotFit(
            "ThermodynamicInverse() simulates no imperfections of a device but rounding: give "
            "bits and read_bits, and a device without them, such as Device.tngd_paper()."
        )
