"""The way from a reference a I to A: what a device holds on it, how slowly, in how many switches.

The way is straight, A(s) = a I + s (A - a I) with a = tr A/n: a device that holds both ends mixes
them. Its pace is the best one for the softest mode, which the slowest relaxation rate of A tells.
With r1 = a^{-1/2} and r2 = a_min^{-1/2}, a slow drive of duration t (friction = temperature = 1)
dissipates L²/t, where

    L² = Σ_k ∫ (da_k/du)²/(4 a_k³) du <= n (r2 - r1) (r2 - 3/4 r1).

A mode that softens is never softer nor faster than the softest, whose share is (r2 - r1)². Of one
that stiffens, to a_k, the share is at most ds/du (a_k/a - 1)/8a for the largest ds/du, that at
u = 0; and the a_k - a that are positive add up to at most n (a - a_min).
"""

import math
from dataclasses import dataclass
from typing import final

from thermolinalg.backend import like, namespace
from thermolinalg.simulation.ramp import Protocol
from thermolinalg.simulation.schedule import InverseRoot
from thermolinalg.theory.process import OU

DISSIPATED = 0.5
"""The most work that a drive may dissipate, by the bound, in units of the temperature."""

RELAXATIONS = 10.0
"""Shortest drive, in relaxation times of the softest mode: the bound is for slow drives."""

SWITCHES = 0.5
"""The most that finite switches add to what the softest mode dissipates, as a share of it."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Way:
    """A programmed way, in units of the device's RC."""

    protocol: Protocol
    pace: InverseRoot
    duration: float
    steps: int
    fastest: float

    @property
    def n(self) -> int:
        """The number of coordinates."""
        return self.protocol.n

    def rest(self, u: float, accuracy: float) -> float:
        """How long to rest at the share u of the time, from zero.

        A variance that falls short by e^{-2at} changes the mean of 2(F2 - F1) by at most 2n times
        that at the reference, where the sum of |a_k - a| is at most 2na; elsewhere by less, for the
        drive itself is slow enough to forget it.
        """
        softest = min(self.pace.stiffness(u), self.pace.first)
        return max(0.0, -math.log(self.shortfall(accuracy))) / (2 * softest)

    def shortfall(self, accuracy: float) -> float:
        """By what share of itself a variance may fall short after a rest."""
        return accuracy / (2 * self.n)


def lay(process: OU) -> Way:
    """The way to the stiffness of an overdamped process."""
    A = process.A
    xp, n = namespace(A), process.n
    reference = float(xp.sum(xp.linalg.diagonal(A))) / n
    pace = InverseRoot(reference, min(process.slowest, reference))
    protocol = Protocol(reference * like(xp.eye(n), A), A, schedule=pace)
    r1, r2 = 1 / math.sqrt(pace.first), 1 / math.sqrt(pace.last)
    length = n * (r2 - r1) * (r2 - 0.75 * r1)
    duration = max(length / DISSIPATED, RELAXATIONS / pace.last)
    # of the softest mode, steps without rest dissipate (r2 - r1)²/(steps r1 r2) beside
    # (r2 - r1)²/duration
    steps = math.ceil(duration / (SWITCHES * r1 * r2))
    return Way(protocol, pace, duration, steps, process.fastest)
