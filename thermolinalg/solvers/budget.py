"""How long to run for a wanted error: bounds first, then a pilot run, then Stein's second stage.

Let e be the error of the average over a run of time T. For a linear process e is Gaussian with
covariance C/T, so |e|² is a generalised chi-square. A pilot run of K windows measures tr C and the
effective number of directions ν = (tr C)²/tr C² (Satterthwaite). Then

    |e|² <= F tr Ĉ/T   with probability `confidence`,   F the quantile of F(ν, ν(K-1)),

exactly where ν directions carry equal noise, because the pilot is independent of the run that
follows (Stein 1945, in ν dimensions); T is chosen to make the right side the wanted error.
"""

import math
from dataclasses import dataclass
from typing import final

from scipy.special import fdtri  # scipy.stats would take 0.7 s to import

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import InvalidInput

WINDOWS = 32
"""Windows in a run: the error bar then has 31 degrees of freedom."""

RELAXATIONS = 20.0
"""Shortest window, in correlation times: neighbours then share under 1/20 of their variance."""

KNOWN_TO, KNOWN_WITH = 0.1, 0.99
"""Relative error to which a pilot must know the answer's norm, and with what probability."""

MOST_GROWTH = 16.0
"""Most by which a pilot is longer than the one before, for where noise hides the answer."""

PILOTS = 24
"""Most pilots; growing, they reach as far as the condition of a solvable problem can ask."""

BIAS = 0.02
"""Share of the wanted error that an unfinished burn-in may use up."""


@final
@dataclass(frozen=True, slots=True)
class Target:
    """P(|answer - truth| <= atol + rtol |truth|) >= confidence, in the 2-norm."""

    rtol: float
    atol: float
    confidence: float

    @staticmethod
    def checked(rtol: float, atol: float, confidence: float) -> "Target":
        """The target that a caller asked for.

        Raises:
            InvalidInput: a number is out of range, or both tolerances are zero.
        """
        rtol = checks.positive("rtol", rtol, zero=True)
        atol = checks.positive("atol", atol, zero=True)
        if rtol + atol == 0:
            raise InvalidInput("rtol and atol are both 0; noise never averages out to no error.")
        return Target(rtol, atol, checks.probability("confidence", confidence))

    def wanted(self, norm: float) -> float:
        """The error that is allowed for an answer of this norm."""
        return self.atol + self.rtol * norm


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """What a solver set out to do; times in units of the device's RC."""

    target: Target
    temperature: float
    slowest: float  # bounds on the relaxation rates of the programmed process
    fastest: float
    burn_in: float
    pilot: float  # of the run that measured how noisy the answer is
    averaging: float  # of the run that gave the answer
    windows: int
    expected_error: float  # 2-norm error that the wanted confidence allows, in the answer's units

    @property
    def time(self) -> float:
        """Burn-in, pilot and averaging together."""
        return self.burn_in + self.pilot + self.averaging


@final
@dataclass(frozen=True, slots=True)
class Pilot:
    """What a pilot run says: the answer's norm, its error, and in how many directions."""

    norm: float
    error: float  # root-mean-square 2-norm error of the pilot's mean
    directions: float

    def reach(self, confidence: float) -> float:
        """The error of a run as long as the pilot that is exceeded with 1 - confidence only."""
        spare = self.directions * (WINDOWS - 1)
        return self.error * math.sqrt(float(fdtri(self.directions, spare, confidence)))

    def growth(self, target: Target) -> float:
        """How much longer the next pilot must be to know the answer's norm; 1 if this one does.

        A norm that is mostly noise would plan for an error relative to the noise.
        """
        doubt = self.reach(KNOWN_WITH)
        known = max(KNOWN_TO, 2 * target.rtol) * self.norm
        if doubt <= known or doubt <= target.atol:
            return 1.0
        return min(MOST_GROWTH, 1.2 * (doubt / known) ** 2) if known > 0 else MOST_GROWTH


def burn_in(target: Target, rate: float, norm_bound: float) -> float:
    """Time after which the start is forgotten to a fraction BIAS of the wanted error.

    From x = 0 the relative bias is at most e^{-rate t}; `norm_bound` is an upper bound on |answer|.
    """
    if norm_bound == 0:
        return 0.0
    wanted = target.rtol + target.atol / norm_bound
    return max(0.0, math.log(1 / (BIAS * wanted))) / rate


def correction(rate: float, window: float) -> float:
    """Factor on the variance between windows that makes up for their correlation.

    Of K window means of an exponentially correlated signal, the spread falls short of K times the
    variance of their mean by 1 - 1/(rate window); for faster parts of the signal by less.
    """
    return 1.0 / (1.0 - 1.0 / (rate * window))


def summarise(values: Array, factor: float) -> tuple[Array, Array]:
    """Mean of window values (K, ...), and the standard error of that mean."""
    xp = namespace(values)
    mean = xp.mean(values, axis=0)
    variance = xp.sum((values - mean) ** 2, axis=0) / (values.shape[0] - 1)
    return mean, xp.sqrt(variance * (factor / values.shape[0]))


def read_pilot(values: Array, factor: float) -> Pilot:
    """What the pilot's window values (K, ...) say."""
    xp = namespace(values)
    K = values.shape[0]
    mean, stderr = summarise(values, factor)
    error = float(xp.sum(stderr**2))
    deviations = xp.reshape(values - mean, (K, -1))
    products = deviations @ deviations.T
    trace, square = float(xp.sum(xp.linalg.diagonal(products))), float(xp.sum(products**2))
    # Unbiased for tr C², from a sample covariance of K - 1 degrees of freedom.
    unbiased = (square - trace**2 / (K - 1)) / ((K - 2) * (K + 1) / (K - 1) ** 2)
    size = float(math.prod(values.shape[1:]))
    directions = min(max(trace**2 / unbiased, 1.0), size) if unbiased > 0 else size
    norm = math.sqrt(max(float(xp.sum(mean**2)) - error, 0.0))
    return Pilot(norm, math.sqrt(error), directions)
