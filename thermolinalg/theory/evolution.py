"""How a process moves: the exact law of x(t) given x(0). Integrating the physics, solving nothing.

A⁻¹ and the equilibrium are never formed, so the simulation and the solvers may use this file.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.linalg

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, namespace, to_numpy
from thermolinalg.errors import ShapeMismatch
from thermolinalg.theory.gaussian import Gaussian
from thermolinalg.theory.modes import Modes
from thermolinalg.theory.process import OU, linear, single


@final
@dataclass(frozen=True, eq=False, slots=True)
class Transition:
    """The law x(t) | x(0) ~ N(E x(0) + shift, C)."""

    E: Array  # (n, n)
    shift: Array  # (n,), or (k, n) for k drives
    C: Array  # (n, n)

    def __repr__(self) -> str:
        kept, widest = np.linalg.norm(to_numpy(self.E)), np.diag(to_numpy(self.C)).max()
        drives = f"{self.shift.shape[0]} drives, " if self.shift.ndim == 2 else ""
        return (
            f"Transition(n={self.E.shape[0]}, {drives}|E| = {kept:.3g}, largest variance "
            f"{widest:.3g})"
        )


def transition(process: OU, t: float) -> Transition:
    """The exact transition of the process over a time t >= 0.

    E = e^{-At}, shift = ∫₀ᵗ e^{-As} b ds, C = ∫₀ᵗ e^{-As} D e^{-A's} ds: by modes under detailed
    balance, else by Van Loan's block exponential of a short step, doubled up to t.

    To rounding it is the law of a process whose A differs in the last digit. Slow modes feel that
    most: their share loses as many digits as ‖A‖t has, or ‖A‖/slowest once they have relaxed.

    Raises:
        InvalidInput: t is negative or not finite, or the process is no OU.
    """
    t = checks.positive("t", t, zero=True)
    process = linear(process)
    if process.modes is not None:
        return _by_modes(process.modes, process.b, t)
    A, b, D = (to_numpy(x).astype(float) for x in (process.A, process.b, process.D))
    exact = propagate(A, b, D, t)
    E, shift, C = (like(x, process.A) for x in (exact.E, exact.shift, exact.C))
    return Transition(E, shift, C)


def evolve(process: OU, start: Array | Gaussian, t: float) -> Gaussian:
    """The law of x(t), for a process that starts in a point (n,) or in a law.

    Raises:
        InvalidInput: t is negative or not finite, the start has another size than the process, or
            the process is no OU.
    """
    step = transition(single(process), t)
    noise = Gaussian.computed(step.shift, step.C)
    if isinstance(start, Gaussian):
        if start.n != process.n:
            raise ShapeMismatch(f"start has {start.n} coordinates, the process {process.n}.")
        start = Gaussian(like(start.mean, process.A), like(start.cov, process.A))
        return start.push_forward(step.E) + noise
    x = like(checks.vector("start", start, process.n), process.A)
    return Gaussian.computed(step.E @ x + step.shift, step.C)


def propagate(A: NumpyArray, b: NumpyArray, D: NumpyArray, t: float) -> Transition:
    """The transition over t for any square A (stable or not), as NumPy arrays of float64.

    The step is halved until ‖A‖t <= 1, where Van Loan (1978) is accurate, and then doubled back.
    Doubling only ever adds covariances, so no digits cancel, neither for short nor for long t.
    """
    if b.ndim == 2 and len(b) > len(A):  # more drives than directions: unit drives serve them all
        unit = propagate(A, np.eye(len(A)), D, t)
        return Transition(unit.E, b @ unit.shift, unit.C)
    # In units (powers of 2) that make A small: every doubling loses a bit.
    A, (unit, _) = scipy.linalg.matrix_balance(A, permute=False, separate=True)
    b, D = b / unit, D / unit[:, None] / unit
    doublings = max(0, math.ceil(math.log2(max(float(np.linalg.norm(A, 1)) * t, 1.0))))
    step = _van_loan(A, b, D, t / 2**doublings)
    for _ in range(doublings):
        step = _doubled(step)
    E, C = unit[:, None] * step.E / unit, unit[:, None] * step.C * unit
    return Transition(E, unit * step.shift, C)


def _van_loan(A: NumpyArray, b: NumpyArray, D: NumpyArray, t: float) -> Transition:
    n, drives = len(A), np.atleast_2d(b)
    k = len(drives)
    # D and b enter linearly: scaled to A's size, they do not make expm halve the step further.
    size = np.linalg.norm(A, 1) or 1.0
    d, f = (np.linalg.norm(M, 1) / size or 1.0 for M in (D, drives.T))
    block = np.zeros((2 * n + k, 2 * n + k))
    block[:n, :n], block[:n, n : 2 * n], block[:n, 2 * n :] = -A, D / d, drives.T / f
    block[n : 2 * n, n : 2 * n] = A.T
    flow = scipy.linalg.expm(block * t)
    E = flow[:n, :n]
    C = d * flow[:n, n : 2 * n] @ E.T
    return Transition(E, f * flow[:n, 2 * n :].T.reshape(b.shape), (C + C.T) / 2)


def _doubled(step: Transition) -> Transition:
    E, shift, C = step.E, step.shift, step.C
    C = C + E @ C @ E.T
    return Transition(E @ E, shift @ E.T + shift, (C + C.T) / 2)


def _by_modes(modes: Modes, b: Array, t: float) -> Transition:
    decay, response, variance = mode_transition(modes.rates, t)
    B, W = modes.basis, modes.dual
    return Transition((B * decay) @ W, (response * (b @ W.T)) @ B.T, (B * variance) @ B.T)


def mode_transition(rates: Array, t: float) -> tuple[Array, Array, Array]:
    """For dy = -(a y - f) dt + N(0, dt): e^{-at}, (1 - e^{-at})/a and (1 - e^{-2at})/(2a)."""
    xp = namespace(rates)
    decay = xp.exp(-rates * t)
    return decay, -xp.expm1(-rates * t) / rates, -xp.expm1(-2 * rates * t) / (2 * rates)
