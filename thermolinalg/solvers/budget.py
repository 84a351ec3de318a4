"""How long to run for a wanted error: bounds first, then a pilot run, then Stein's second stage.

Let e be the error of the average over a run of time T. For a linear process e is Gaussian with
covariance C/T, so |e|² is a generalised chi-square. A pilot run of K windows measures tr C and the
effective number of directions ν = (tr C)²/tr C² (Satterthwaite). Then

    |e|² <= F tr Ĉ/T   with probability `confidence`,   F the quantile of F(ν, ν(K-1)),

exactly where ν directions carry equal noise, because the pilot is independent of the run that
follows (Stein 1945, in ν dimensions); T is chosen to make the right side the wanted error.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from thermolinalg import checks
from thermolinalg.errors import InvalidInput
from thermolinalg.solvers.reading import Reading

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

    def relative(self, most: float) -> float:
        """The relative error that is allowed for any answer of at most this norm."""
        return self.rtol + self.atol / most


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


def growth(pilot: Reading, target: Target) -> float:
    """How much longer the next pilot must be to know the answer's norm; 1 if this one does.

    A norm that is mostly noise would plan for an error relative to the noise.
    """
    if target.rtol == 0:
        return 1.0
    doubt, norm = pilot.reach(KNOWN_WITH), pilot.norm
    known = max(KNOWN_TO, 2 * target.rtol) * norm
    if doubt <= known or doubt <= target.atol:
        return 1.0
    return min(MOST_GROWTH, 1.2 * (doubt / known) ** 2) if known > 0 else MOST_GROWTH


def burn_in(target: Target, rate: float, norm_bound: float) -> float:
    """Time after which the start is forgotten to a fraction BIAS of the wanted error.

    From x = 0 the relative bias is at most e^{-rate t}; `norm_bound` is an upper bound on |answer|.
    """
    if norm_bound == 0:
        return 0.0
    return max(0.0, -math.log(BIAS * target.relative(norm_bound))) / rate


def correction(rate: float, window: float) -> float:
    """Factor on the variance between windows that makes up for their correlation.

    Of K window means of an exponentially correlated signal, the spread falls short of K times the
    variance of their mean by 1 - 1/(rate window); for faster parts of the signal by less.
    """
    return 1.0 / (1.0 - 1.0 / (rate * window))


def shortest(rate: float, K: int) -> float:
    """The shortest of K windows; of a single one, no memory of the one before must fade."""
    return (RELAXATIONS if K > 1 else 1.0) / rate


def slack(rate: float, window: float, K: int) -> float:
    """By how much a single window of few correlation times understates the noise of a long one.

    The variance of an average over u = rate * window goes with (u - 1 + e^{-u})/u², which is below
    its tail 1/u; and in faster modes less so.
    """
    u = rate * window
    return 1.0 if K > 1 else 1 / (1 + math.expm1(-u) / u)


def joined(readings: Sequence[Reading], rate: float, K: int) -> Reading | None:
    """What stretches of a run say that follow each other, of K windows of each copy; None of none.

    Of a single window of each copy the next is no independent one. The noise of all of them
    together is more than that of each, by as much as `slack` says of one no longer.
    """
    if not readings:
        return None
    time = sum(reading.time for reading in readings)
    whole = slack(rate, time / WINDOWS, K)
    each = [r.scaled(slack(rate, r.time / WINDOWS, K) / whole) for r in readings]
    return sum(each[1:], start=each[0])
