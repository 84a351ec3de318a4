"""What a `Program` will be like to run, from rates alone: its noise, and the answer's norm.

The noise follows from rates; the norm, of an answer that nobody knows yet, does so only in part. So
an outlook is either certain, with the norm at the end of its range that asks for most, or typical,
with the norm that a drive without preferred direction gives: |A⁻¹b|² is |b|² tr(A⁻¹A⁻ᵀ)/n then, on
average.
"""

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from thermolinalg.backend import NumpyArray, namespace, to_numpy
from thermolinalg.measurement.integral import TimeAverage
from thermolinalg.measurement.lagged import LaggedMoment
from thermolinalg.measurement.moment import MomentEntries, MomentTrace, SecondMoment
from thermolinalg.measurement.readout import Readout
from thermolinalg.measurement.sampled import coordinates_read
from thermolinalg.solvers import noise
from thermolinalg.solvers.noise import Noise
from thermolinalg.solvers.program import Program
from thermolinalg.theory.inertial import Inertial
from thermolinalg.theory.operator import Network
from thermolinalg.theory.process import OU

WORST = "whatever the answer is"
LARGE = "whatever the answer is, up to the largest"
APART = "if the two parts of the answer do not cancel"
ISOTROPIC = "if the drive has no preferred direction"
SPREAD = "if the modes have no preferred direction"


@final
@dataclass(frozen=True, eq=False, slots=True)
class Outlook:
    """A noise and the norm of the answer that it goes with, in the units of a `Program`."""

    certain: bool
    assumes: str
    noise: Noise
    norm: float


@final
@dataclass(frozen=True, eq=False, slots=True)
class Known:
    """What a forecast rests on.

    Args:
        bounds: of the rates of the process; None, if all its eigenvalues are to be used.
        ridge: of least squares with no fewer rows than columns, in units of the process: a b
            without preferred direction excites mode k in proportion to rate_k - ridge. None, if
            the drive itself is to be without preferred direction.
    """

    bounds: tuple[float, float] | None = None
    ridge: float | None = None


def outlooks(program: Program, known: Known) -> tuple[Outlook, ...]:
    """The certain outlook first, then the typical one where it differs."""
    readout, process = program.readout, program.process
    if isinstance(process, Network):
        return _of_network(program, process)
    if isinstance(readout, TimeAverage):
        return _of_means(program, process, known)
    if isinstance(process, Inertial):
        c = noise.level(process.network)
        assert c is not None, "inv programs no other noise"
        return _of_products(program, process, c)
    if isinstance(readout, LaggedMoment):
        return _of_lag(process, readout, program.least)
    c = noise.level(process)
    if known.bounds is None and process.modes is not None and c is not None:
        return _of_products(program, process, c)
    return _of_bounded_products(program, process, known)


def step_of(readout: Readout, slowest: float) -> float:
    """The longest time between samples of second moments, or of means that are sampled."""
    return float(1 / (readout.per_relaxation * slowest))  # type: ignore[attr-defined]


def _of_means(program: Program, process: OU | Inertial, known: Known) -> tuple[Outlook, ...]:
    xp = namespace(process.b)
    drive, rows = math.sqrt(float(xp.sum(process.b**2))), int(program.start.shape[0])
    c = 2 * program.temperature
    if known.bounds is not None:
        low, high = known.bounds
        worst = Noise.exact(np.array([rows * c / low**2]), np.array([float(process.n)]))
        both = (Outlook(True, WORST, worst, drive / high),)
        # tr C is c |answer|², on average over directions of the drive, whatever the rates are
        most = program.most * process.slowest / low
        share = Outlook(False, f"{ISOTROPIC}, up to the largest", Noise(c * most**2), most)
        return (*both, share) if drive else both
    weights, each = noise.directions(process, program.decode)
    law = Noise.exact(rows * weights)
    least = program.least
    if isinstance(process, Inertial):
        law = law.scaled(process.friction)
    elif process.modes is None:
        least = drive / float(noise.singular_values(process)[-1])
    certain = Outlook(True, WORST, law, least)
    if not drive:
        return (certain,)
    typical = drive * math.sqrt(float(_excited(process, known) @ each) / c)
    assumes = ISOTROPIC if known.ridge is None else ISOTROPIC.replace("the drive", "b")
    return certain, Outlook(False, assumes, law, typical)


def _excited(process: OU | Inertial, known: Known) -> NumpyArray:
    """The shares (n,) of the drive's square that fall to each mode."""
    n = coordinates_read(process)
    if known.ridge is None:
        return np.full(n, 1 / n)
    share = np.clip(noise.rates_of(process) - known.ridge, 0.0, None)
    return share / share.sum()


def _of_network(program: Program, process: Network) -> tuple[Outlook, ...]:
    """Of a network that is only multiplied: of its rates bounds alone are known."""
    low, high, n = process.slowest, process.fastest, process.n
    c = float(np.max(to_numpy(process.diffusion)))
    sides = program.readout.numbers(process, 1.0) // n
    worst = Noise.exact(np.array([sides * c / low**2]), np.array([float(n)]))
    certain = Outlook(True, WORST, worst, program.least)
    drive = program.least * high
    if not drive:
        return (certain,)
    # tr C is sides c n |answer|²/drive², on average over directions, whatever the rates are
    law = Noise(sides * c * n * (program.most / drive) ** 2)
    return certain, Outlook(False, f"{ISOTROPIC}, up to the largest", law, program.most)


def _of_lag(process: OU, readout: LaggedMoment, least: float) -> tuple[Outlook, ...]:
    """|e^{-M}|² is at least Σ e^{-2 rate} over the real parts of M's eigenvalues (Schur)."""
    xp, lag = namespace(process.A), readout.lag
    eigenvalues = xp.linalg.eigvals(process.A) if process.modes is None else process.modes.rates
    rates = lag * to_numpy(xp.real(eigenvalues) if process.modes is None else eigenvalues)
    slowest = float(xp.min(xp.linalg.eigvalsh(process.A + process.A.T))) / 2
    norm = max(least, math.sqrt(float(np.exp(-2 * rates).sum())))
    each = noise.of_lag(rates, slowest * lag).scaled(lag / readout.per_lag)
    return (Outlook(True, WORST, each, norm),)


def _of_products(program: Program, process: OU | Inertial, c: float) -> tuple[Outlook, ...]:
    """Second moments of a network in noise that is the same everywhere: x ~ N(0, c A⁻¹/2)."""
    rates, readout = noise.rates_of(process), program.readout
    step = step_of(readout, process.slowest)
    f = (
        noise.swinging_pairs(rates, process.friction, c, step)
        if isinstance(process, Inertial)
        else noise.pairs_of(rates, c, step)
    )
    moments = 0.5 * c / rates
    trace, square = float(moments.sum()), float(moments @ moments)
    if isinstance(readout, SecondMoment):
        return (Outlook(True, WORST, noise.of_matrix(f), math.sqrt(square)),)
    if isinstance(readout, MomentTrace):
        return (Outlook(True, WORST, noise.of_trace(f), trace),)
    assert isinstance(readout, MomentEntries)
    on = readout.pairs[:, 0] == readout.pairs[:, 1]
    all_on = np.array_equal(readout.pairs[:, 0], np.arange(len(rates))) and bool(on.all())
    most = float(np.diagonal(f).max())
    certain = Outlook(
        True,
        WORST,
        noise.of_diagonal(f) if all_on else noise.of_entries(readout.pairs, most),
        _least_entries(process, readout.pairs[on, 0], c, trace if all_on else 0.0),
    )
    typical = _of_scattered(moments, f, int(on.sum()), int((~on).sum()))
    law = Noise(min(typical.noise.total, certain.noise.total), certain.noise.largest)
    return certain, replace(typical, noise=law, norm=max(typical.norm, certain.norm))


def _least_entries(process: OU | Inertial, on: NumpyArray, c: float, trace: float) -> float:
    """A lower bound on the norm of entries of c A⁻¹/2: (A⁻¹)_ii >= 1/A_ii; tr²/n of all of them."""
    diagonal = to_numpy(namespace(process.A).linalg.diagonal(process.A))
    each = 0.5 * c * math.sqrt(float((1 / diagonal[on] ** 2).sum()))
    return max(each, trace / math.sqrt(len(diagonal)))


def _of_scattered(moments: NumpyArray, f: NumpyArray, on: int, off: int) -> Outlook:
    """So many entries on the diagonal and off it, on average over all rotations of the modes.

    Of four entries of a random orthogonal U: <U_ik² U_il²> = (1 + 2δ)/(n (n + 2)), and for i != j
    <U_ik² U_jl² + U_ik U_jk U_il U_jl> = 1/((n - 1)(n + 2)), or 2/(n (n + 2)) where k = l.
    """
    n, trace, square = len(moments), float(moments.sum()), float(moments @ moments)
    whole, along = float(f.sum()), float(np.trace(f))
    total = on * 2 * (whole + 2 * along) / (n * (n + 2))
    norm = on * (trace**2 + 2 * square) / (n * (n + 2))
    if off:
        apart = (n - 1) * (n + 2)
        total += off * ((whole - along) / apart + 2 * along / (n * (n + 2)))
        norm += off * (n * square - trace**2) / (n * apart)
    return Outlook(False, SPREAD, Noise(total), math.sqrt(max(norm, 0.0)))


def _of_bounded_products(program: Program, process: OU, known: Known) -> tuple[Outlook, ...]:
    """Second moments in units of their own norm, which is bounded by `least` and `most`.

    Of a part of a covariance, |S| is at most n^{1/2} times that of its diagonal, and the trace of
    none below |S|.
    """
    readout, n = program.readout, process.n
    step = step_of(readout, process.slowest if known.bounds is None else known.bounds[0])
    if known.bounds is None:
        of_all = noise.of_covariance(process, step)
    else:
        memory = float(noise.sampled_once(2 * known.bounds[0], step))
        of_all = Noise((n + 1) * memory, 2 * memory)
    if isinstance(readout, MomentTrace):
        return (Outlook(True, LARGE, Noise(of_all.largest).scaled(program.most**2), program.most),)
    if isinstance(readout, MomentEntries):
        return (_of_bounded_entries(program, process, readout, step, known),)
    decoded = program.decode(namespace(process.A).zeros_like(process.A)[None, ...])
    if decoded.shape[-1] == n:
        return (Outlook(True, LARGE, of_all.scaled(program.most**2), program.most),)
    # The difference of two: each no larger than what its noise and the memory allow.
    xp = namespace(process.D)
    trace = float(xp.sum(xp.linalg.diagonal(process.D))) * noise.squared_memory(process, step) / 2
    law = Noise(of_all.largest, of_all.largest).scaled(2 * trace**2)
    half = Noise((n / 2 + 1) * of_all.largest / 2, of_all.largest).scaled(program.most**2)
    return (
        Outlook(True, WORST, law, program.least),
        Outlook(False, APART, half, program.most),
    )


def _of_bounded_entries(
    program: Program, process: OU, readout: MomentEntries, step: float, known: Known
) -> Outlook:
    low = process.slowest if known.bounds is None else known.bounds[0]
    pairs = readout.pairs
    on = pairs[pairs[:, 0] == pairs[:, 1], 0]
    c = 2 * program.temperature
    law = noise.of_entries(pairs, float(noise.pairs_of(np.array([low]), c, step).item()))
    return Outlook(True, WORST, law, _least_entries(process, on, c, 0.0))
