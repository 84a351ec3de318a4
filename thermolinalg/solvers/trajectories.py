"""Three ways to measure a free energy by runs of a driven device: what to run, how to read it.

Free energies are of A less that of the reference, in units of the temperature: half of the
difference of ln det.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from scipy.special import expit

from thermolinalg.backend import NumpyArray, to_numpy
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.measurement.bennett import bennett
from thermolinalg.measurement.work import Work
from thermolinalg.simulation.dwell import Stop
from thermolinalg.solvers.prethermal import SoftModes
from thermolinalg.solvers.way import Way

NODES = 100
"""Of quadrature over the time of a drive, or over the law of its work."""

READINGS = 8
"""Readings at a stop, a relaxation time apart; to settle takes about as long."""


@final
@dataclass(frozen=True, slots=True)
class Reading:
    """A free energy, its standard error with so many degrees of freedom, and effective runs."""

    value: float
    stderr: float
    dof: int
    effective: float


@dataclass(frozen=True, eq=False)
class Trajectories(ABC):
    """Runs of a device along a way, every one independent of the others.

    `accuracy` is what unfinished rests and quadrature may add to ln det; `soft` are modes that runs
    which start at A find at rest.
    """

    way: Way
    accuracy: float
    soft: SoftModes | None = None

    @property
    @abstractmethod
    def settling(self) -> float:
        """Time of one run, at rest, in RC."""

    @property
    @abstractmethod
    def driving(self) -> float:
        """Time of one run, driven or read, in RC."""

    @property
    @abstractmethod
    def numbers(self) -> int:
        """Numbers that time a run, to be uploaded."""

    @abstractmethod
    def perform(
        self, device: Device, ledger: Ledger, runs: int, rng: np.random.Generator
    ) -> tuple[NumpyArray, Ledger]:
        """What so many runs read: (runs, ...)."""

    @abstractmethod
    def read(self, samples: NumpyArray) -> Reading:
        """The free energy that they tell."""

    @abstractmethod
    def scatter(self, rates: NumpyArray) -> float:
        """Variance of the free energy that N runs tell, times N, for relaxation rates (n,) of A.

        It is that of slow drives, whose work is normal.
        """


@final
class Forward(Trajectories):
    """Driven there: by Jarzynski's equality, corrected for the bias of few works."""

    @property
    def settling(self) -> float:
        return _rest(self, reverse=False)

    @property
    def driving(self) -> float:
        return self.way.duration

    @property
    def numbers(self) -> int:
        return self.way.steps

    def perform(
        self, device: Device, ledger: Ledger, runs: int, rng: np.random.Generator
    ) -> tuple[NumpyArray, Ledger]:
        return _drive(self, device, ledger, runs, rng, reverse=False)

    def read(self, samples: NumpyArray) -> Reading:
        work = Work(1.0)
        found = work.value(work.update(work.init(), samples))
        dof = len(samples) - 1
        return Reading(found.difference - found.bias, found.stderr, dof, found.effective)

    def scatter(self, rates: NumpyArray) -> float:
        return math.expm1(2 * dissipated(self.way, rates))  # of e^{-W}, relative to its mean


@final
class ThereAndBack(Trajectories):
    """Driven there and back: by Bennett's acceptance ratio."""

    @property
    def settling(self) -> float:
        return _rest(self, reverse=False) + _rest(self, reverse=True)

    @property
    def driving(self) -> float:
        return 2 * self.way.duration

    @property
    def numbers(self) -> int:
        return self.way.steps

    def perform(
        self, device: Device, ledger: Ledger, runs: int, rng: np.random.Generator
    ) -> tuple[NumpyArray, Ledger]:
        there, ledger = _drive(self, device, ledger, runs, rng, reverse=False)
        back, ledger = _drive(self, device, ledger, runs, rng, reverse=True)
        return np.stack([there, back], axis=1), ledger

    def read(self, samples: NumpyArray) -> Reading:
        found = bennett(samples[:, 0], samples[:, 1])
        return Reading(found.difference, found.stderr, 2 * len(samples) - 2, found.effective)

    def scatter(self, rates: NumpyArray) -> float:
        """Of f = 1/(1 + e^{W - F}), relative to its mean, in both directions (Bennett 1976)."""
        lost = dissipated(self.way, rates)
        z, weights = np.polynomial.hermite_e.hermegauss(NODES)
        f = expit(-lost - math.sqrt(2 * lost) * z)
        weights = weights / weights.sum()
        return 2 * (float(weights @ f**2) / float(weights @ f) ** 2 - 1)


@final
class Halting(Trajectories):
    """Halted at stops on the way: by thermodynamic integration, with the nodes of Gauss."""

    @property
    def settling(self) -> float:
        return sum(stop.settle for stop in self._stops)

    @property
    def driving(self) -> float:
        return sum(stop.time - stop.settle for stop in self._stops)

    @property
    def numbers(self) -> int:
        return 3 * len(self._stops)

    def perform(
        self, device: Device, ledger: Ledger, runs: int, rng: np.random.Generator
    ) -> tuple[NumpyArray, Ledger]:
        slopes, ledger = device.dwell(ledger, self.way.protocol, self._stops, chains=runs, rng=rng)
        return to_numpy(slopes).astype(np.float64) @ self._weights, ledger

    def read(self, samples: NumpyArray) -> Reading:
        runs = len(samples)
        stderr = float(samples.std(ddof=1)) / math.sqrt(runs)
        return Reading(float(samples.mean()), stderr, runs - 1, float(runs))

    def scatter(self, rates: NumpyArray) -> float:
        """Of the slope ½ Σ (a_k - a) x_k² at stops that share no memory."""
        apart = np.abs(np.subtract.outer(np.arange(READINGS), np.arange(READINGS)))
        total, first = 0.0, self.way.pace.first
        for stop, weight in zip(self._stops, self._weights.tolist(), strict=True):
            a = first + stop.share * (rates - first)
            memory = np.exp(-2 * np.multiply.outer(a * stop.gap, apart)).mean(axis=(1, 2))
            total += weight**2 * 0.5 * float(((rates - first) / a) ** 2 @ memory)
        return total

    @cached_property
    def _nodes(self) -> tuple[NumpyArray, NumpyArray]:
        """Shares of the time in [0, 1], and weights of an integral over it."""
        x, weights = np.polynomial.legendre.leggauss(_node_count(self.way, self.accuracy))
        return (1 + x) / 2, weights / 2

    @cached_property
    def _stops(self) -> tuple[Stop, ...]:
        way, stops = self.way, []
        for u in self._nodes[0].tolist():
            gap = 1 / way.pace.stiffness(u)
            stops.append(Stop(way.pace(u), way.rest(u, self.accuracy), gap, READINGS))
        return tuple(stops)

    @cached_property
    def _weights(self) -> NumpyArray:
        u, weights = self._nodes
        return weights * np.array([self.way.pace.speed(t) for t in u.tolist()])


METHODS: dict[str, type[Trajectories]] = {
    "jarzynski": Forward,
    "bar": ThereAndBack,
    "integration": Halting,
}


def dissipated(way: Way, rates: NumpyArray) -> float:
    """What a slow drive along the way dissipates: half the variance of its work.

    Of m switches, dt apart, Var W = Σ_k Σ (δa_k)²/(2 a_k²) coth(a_k dt).
    """
    u, weights = np.polynomial.legendre.leggauss(NODES)
    total, first = 0.0, way.pace.first
    for t, weight in zip(((1 + u) / 2).tolist(), (weights / 2).tolist(), strict=True):
        a = first + way.pace(t) * (rates - first)
        speed = way.pace.speed(t) * (rates - first)
        total += weight * float(((speed / a) ** 2 / np.tanh(a * way.duration / way.steps)).sum())
    return total / (4 * way.steps)


def _drive(
    plan: Trajectories,
    device: Device,
    ledger: Ledger,
    runs: int,
    rng: np.random.Generator,
    *,
    reverse: bool,
) -> tuple[NumpyArray, Ledger]:
    way, soft = plan.way, plan.soft if reverse else None
    works, ledger = device.drive(
        ledger,
        way.protocol,
        way.duration,
        steps=way.steps,
        chains=runs,
        rest=_rest(plan, reverse=reverse),
        reverse=reverse,
        x0=None if soft is None else soft.start(runs, rng=rng),
        rng=rng,
    )
    return to_numpy(works).astype(np.float64), ledger


def _rest(plan: Trajectories, *, reverse: bool) -> float:
    """Time of one run before it is driven."""
    if reverse and plan.soft is not None:
        return plan.soft.rest(plan.way.shortfall(plan.accuracy))
    return plan.way.rest(float(reverse), plan.accuracy)


def _node_count(way: Way, accuracy: float) -> int:
    """Gauss's rule of m nodes errs by about ρ^{-2m}, where ρ tells how far off a pole is.

    As functions of u, the slopes of the free energy of modes have poles. For the softest it lies at
    r(u) = 0, for r = a^{-1/2} of that mode; for the stiffest, x times as stiff as the reference, at
    r(u) = r(0) √((x - 1)/(x - q)), where the softest is q times as stiff; others lie farther off.
    """
    x, q = max(way.fastest / way.pace.first, 1.0), way.pace.last / way.pace.first
    if q == 1:
        return 1
    pole = math.sqrt((x - 1) / (x - q))
    z = 1 + 2 * (1 - pole) / (q**-0.5 - 1)
    decay = math.log(z + math.sqrt(z * z - 1))
    return max(2, math.ceil(math.log(4 * way.n / accuracy) / (2 * decay)) + 1)
