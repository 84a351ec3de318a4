"""Newton systems of an interior point, each settled by a network: H dx + A'dy = r, A dx = t.

The multiplier of Ax = b is taken out by a penalty: with W > 0 diagonal, the correction

    (H + A'WA) dx = r + A'Wt,    dy = W(A dx - t)

is symmetric positive definite, and so a network; it leaves only -dy/W in the second equation. What
it leaves, and what the noise leaves, is the residual of the next correction (the method of
multipliers, and iterative refinement, in one loop); where rows of A almost depend on each other, a
stiffer W makes it quicker. A time average over τ leaves white noise of
variance 2T/τ in the residual whatever the condition (its covariance is (2T/τ) N⁻² in x, so 2T/τ in
Nx), so that each pass wins digits at the same rate to the end, where condition numbers explode.
Unknowns are scaled so that N has a unit diagonal, which is what keeps it in a device's range.
"""

import math
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from thermolinalg.backend import NumpyArray
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.solvers.budget import RELAXATIONS, WINDOWS, Target, burn_in
from thermolinalg.solvers.control import Control
from thermolinalg.solvers.network import as_sides, linear_program
from thermolinalg.solvers.pipeline import run
from thermolinalg.solvers.program import Program
from thermolinalg.streams import Streams

PENALTY, STIFFER, STIFFEST = 1e2, 1e2, 1e6
"""Stiffness of an equality beside H; where rows almost depend on each other it grows, to the last.

Still stiffer, and RIDGE would be seen beside what the penalty leaves soft.
"""

RIDGE = 1e-9
"""Added to the unit diagonal, against directions in which nothing pulls back."""

PASSES = 12
"""Most corrections of one Newton step."""

WORTHWHILE = 0.7
"""A correction that leaves a larger share of the residual than this was the last."""

ROUGH = 0.1
"""Error that a network is asked for; the passes do the rest."""


class OutOfTime(Exception):
    """The next network would take longer than what is left. Caught by the interior point."""


@final
@dataclass(slots=True)
class Bench:
    """The device beside the digital machine, and what it has spent so far on all its networks."""

    device: Device
    streams: Streams
    temperature: float
    confidence: float
    max_time: float  # RC
    time: float = 0.0
    networks: int = 0
    ledger: Ledger = field(default_factory=Ledger)

    def settle(self, N: NumpyArray, drive: NumpyArray) -> NumpyArray:
        """N⁻¹ drive, to the error ROUGH of what a drive of this size could at most make it.

        Softer modes are noisier, in x but not in Nx; to know each of them well takes κ² in time,
        where this takes κ.

        Raises:
            OutOfTime: there is not enough time left.
        """
        target = Target(ROUGH, 0.0, self.confidence)
        program = linear_program(N, drive[None, :], self.temperature, target)
        program = replace(program, name="Newton system", decode=_as_vector)
        target = replace(target, atol=ROUGH * program.scale * program.most)
        left = self.max_time - self.time
        if _least_time(program, target) > left:
            raise OutOfTime
        estimate = run(
            program, target, self.device, self.streams.child(self.networks), Control(max_time=left)
        )
        self.networks += 1
        self.time += estimate.plan.time
        self.ledger = self.ledger + estimate.ledger
        return np.asarray(estimate.value)


def _as_vector(windows: NumpyArray) -> NumpyArray:
    return as_sides(windows, matrix=False)


def _least_time(program: Program, target: Target) -> float:
    """Burn-in, a pilot and an equally long run: less is not worth the beginning."""
    rate = program.readout.correlation_rate(program.process)
    return burn_in(target, rate, program.most) + 2 * WINDOWS * RELAXATIONS / rate


@final
@dataclass(frozen=True, eq=False, slots=True)
class Newton:
    """One Newton matrix, as the network that every right-hand side of it settles on."""

    A: NumpyArray
    W: NumpyArray  # penalties, one for each row of A
    scale: NumpyArray  # N = scale (H + A'WA) scale has a unit diagonal
    N: NumpyArray

    @staticmethod
    def of(H: NumpyArray, A: NumpyArray, penalty: float) -> "Newton":
        """The network of H (n, n) and A (p, n)."""
        stiffness = np.diagonal(H)
        soft = 1 / np.sqrt(np.maximum(stiffness, RIDGE * max(float(stiffness.max()), RIDGE)))
        row = np.sum((A * soft) ** 2, axis=1)
        W = penalty / np.where(row > 0, row, 1.0)
        stiff = H + (A.T * W) @ A
        scale = 1 / np.sqrt(np.maximum(np.diagonal(stiff), RIDGE / soft**2))
        N = scale[:, None] * stiff * scale
        N = (N + N.T) / 2 + RIDGE * np.eye(len(N))
        return Newton(A, W, scale, N)

    def correct(self, r: NumpyArray, t: NumpyArray, bench: Bench) -> tuple[NumpyArray, NumpyArray]:
        """(dx, dy), as the network says."""
        drive = self.scale * (r + self.A.T @ (self.W * t))
        if not drive.any():
            return np.zeros_like(r), -self.W * t
        dx = self.scale * bench.settle(self.N, drive)
        return dx, self.W * (self.A @ dx - t)

    def size(self, r: NumpyArray, t: NumpyArray) -> float:
        """Of a residual, in the network's units."""
        return math.sqrt(float(np.sum((self.scale * r) ** 2) + np.sum(self.W * t**2)))


def solve_newton(
    H: NumpyArray, A: NumpyArray, r: NumpyArray, t: NumpyArray, enough: float, bench: Bench
) -> tuple[NumpyArray, NumpyArray]:
    """(dx, dy) with no entry of the residual above `enough`, or as good as rounding allows.

    Raises:
        OutOfTime: there is not enough time left.
    """
    dx, dy = np.zeros_like(r), np.zeros_like(t)
    penalty = PENALTY
    newton = Newton.of(H, A, penalty)
    size = newton.size(r, t)
    for _ in range(PASSES):
        if max(_largest(r), _largest(t)) <= enough or size == 0:
            break
        ex, ey = newton.correct(r, t, bench)
        r, t = r - H @ ex - A.T @ ey, t - A @ ex
        dx, dy, before, size = dx + ex, dy + ey, size, newton.size(r, t)
        if size > WORTHWHILE * before:
            if not len(t) or penalty >= STIFFEST:
                break
            penalty *= STIFFER
            newton = Newton.of(H, A, penalty)
            size = newton.size(r, t)
    return dx, dy


def _largest(v: NumpyArray) -> float:
    return float(np.max(np.abs(v), initial=0.0))
