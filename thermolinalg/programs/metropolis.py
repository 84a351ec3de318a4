"""The Metropolis-adjusted Langevin algorithm, over many chains at once, and its preparation.

With U in units of the temperature and C = LL' fixed, a step proposes

    y = x - h/2 C ∇U(x) + sqrt(h) L z,   z ~ N(0, I),

and accepts it with the probability min(1, e^{U(x) - U(y)} q(x|y)/q(y|x)), so that the law at rest
is exact for any h and C (Roberts and Tweedie 1996). Where the slope is steep the drift is cut down
to the length of the noise, after their truncated algorithm: else chains hang in tails that are
lighter than normal.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from tqdm import tqdm

from thermolinalg import checks
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import RecordWarning, ShapeMismatch
from thermolinalg.measurement.chains import Chains
from thermolinalg.measurement.diagnosis import AGREEMENT, Diagnosis, RecordOutcome, diagnose
from thermolinalg.measurement.mixing import split_rhat
from thermolinalg.programs.landscape import Landscape, spread_starts
from thermolinalg.programs.samples import Samples
from thermolinalg.streams import RNG, open_streams
from thermolinalg.theory.gaussian import square_root

WANTED = 0.574
"""The best acceptance where there are many coordinates (Roberts and Rosenthal 1998)."""

CHAINS = 20
LONGEST = 20_000
BURN_IN = 500

SHORTEST = 256
"""Steps of each chain, of the first record."""

STAGES = 4
"""Of the burn-in: after each the kernel is shaped anew."""

COOLING = 4.0
"""By how much a stage is colder than the one before, at most."""

BLOCK = 2**18
"""Random numbers that are drawn at a time."""


class Target(Protocol):
    """The density exp(-energy/temperature), known by energies and slopes."""

    @property
    def energy(self) -> Callable[[NumpyArray], NumpyArray]: ...
    @property
    def gradient(self) -> Callable[[NumpyArray], NumpyArray]: ...
    @property
    def temperature(self) -> float: ...


class Kernel(NamedTuple):
    """How far chains step: h and L."""

    h: float
    L: NumpyArray


class State(NamedTuple):
    """Chains at points (chains, n), with U and its slope there, in units of the temperature."""

    x: NumpyArray
    energy: NumpyArray  # (chains,)
    slope: NumpyArray  # (chains, n)


class Record(NamedTuple):
    """Where chains were after each step, (chains, steps, n), and where they are."""

    points: NumpyArray
    energy: NumpyArray  # (chains, steps)
    acceptance: float
    state: State


def state_at(target: Target, x: NumpyArray) -> State:
    """Chains that begin at these points."""
    T = target.temperature
    with np.errstate(all="ignore"):
        energy, slope = target.energy(x) / T, target.gradient(x) / T
    lost = ~(np.isfinite(energy) & np.isfinite(slope).all(axis=1))
    return State(x, np.where(lost, np.inf, energy), np.where(lost[:, None], 0.0, slope))


def metropolis(
    target: Target, state: State, kernel: Kernel, steps: int, stream: np.random.Generator
) -> Record:
    """Run all chains for so many steps of a fixed kernel, and record them."""
    points = np.empty((steps, *state.x.shape))
    energy, accepted = np.empty(points.shape[:2]), 0.0
    for i, (z, luck) in enumerate(_chance(steps, state.x.shape, stream)):
        state, chances = _step(target, state, kernel, z, luck)
        points[i], energy[i] = state.x, state.energy
        accepted += chances.mean()
    return Record(np.moveaxis(points, 0, 1), energy.T, accepted / steps, state)


def tune(
    target: Target, state: State, kernel: Kernel, steps: int, stream: np.random.Generator
) -> tuple[Record, Kernel]:
    """Run chains while h is led to the best acceptance (Robbins and Monro 1951).

    The points that are recorded are from no one law: they prepare the next kernel.
    """
    points = np.empty((steps, *state.x.shape))
    energy, log_h = np.empty(points.shape[:2]), math.log(kernel.h)
    for i, (z, luck) in enumerate(_chance(steps, state.x.shape, stream)):
        state, chances = _step(target, state, kernel._replace(h=math.exp(log_h)), z, luck)
        points[i], energy[i] = state.x, state.energy
        log_h += (float(chances.mean()) - WANTED) * 2 / math.sqrt(1 + i)
    record = Record(np.moveaxis(points, 0, 1), energy.T, WANTED, state)
    return record, kernel._replace(h=math.exp(log_h))


def shaped(kernel: Kernel, points: NumpyArray) -> Kernel:
    """The kernel whose steps are as wide in each direction as these points (chains, m, n).

    Their covariance is mixed with its diagonal: the less, the more points there are.
    """
    x = points.reshape(-1, points.shape[-1])
    width = x.std(axis=0)
    width = np.where(width > 0, width, kernel.L.diagonal())
    unit = (x - x.mean(axis=0)) / width
    share = x.shape[1] / (x.shape[1] + len(x))
    correlation = (1 - share) * (unit.T @ unit) / len(x)
    np.fill_diagonal(correlation, 1.0)
    return kernel._replace(L=width[:, None] * square_root(correlation))


def sample_landscape(
    landscape: Landscape,
    samples: int,
    /,
    *,
    chains: int = CHAINS,
    burn_in: int = BURN_IN,
    longest: int = LONGEST,
    starts: NumpyArray | None = None,
    rng: RNG = None,
) -> Samples:
    """Draws from exp(-U/T), with what they are worth.

    Chains start wide apart and hot, are cooled down, and settle while their steps are fitted to the
    landscape. Then steps are fixed, and a record is taken, whose law at rest is exact. If its parts
    disagree, or if it is worth fewer independent draws than wanted, it becomes the burn-in of one
    twice as long. What is returned is as many of its states as are wanted, evenly apart.

    Wells that are too deep to be left at this temperature keep chains apart: NOT_SETTLED. A well
    that no chain met in the hot start is not known of.

    Args:
        landscape: what to sample; `require_confining` says whether it can be.
        samples: draws in all, rounded up to as many from each chain.
        chains: that run side by side.
        burn_in: steps of the warm-up at this temperature; each stage of cooling takes a quarter.
        longest: most steps of a record of each chain.
        starts: points (chains, n) to start from, with no hot start; None spreads them.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        InvalidInput: a subclass that says which argument cannot be used, and why.
    """
    samples, chains = checks.count("samples", samples), checks.count("chains", chains, least=2)
    burn_in = checks.count("burn_in", burn_in, least=STAGES)
    each = -(-samples // chains)
    longest = max(each, checks.count("longest", longest, least=SHORTEST))
    streams = open_streams(rng)
    stream = streams.stream("metropolis")
    with tqdm(desc="sampling", unit="step", delay=1, disable=None, leave=False) as progress:
        state, kernel = _warm_up(landscape, starts, chains, burn_in, stream)
        progress.update(burn_in)
        steps = min(longest, max(SHORTEST, each))
        while True:
            record = metropolis(landscape, state, kernel, steps, stream)
            progress.update(steps)
            diagnosis, outcome = judged(record)
            enough = diagnosis.ess.min() >= samples and outcome is RecordOutcome.RELIABLE
            if enough or 2 * steps > longest:
                break
            kernel = shaped(kernel, record.points)
            rest, kernel = tune(landscape, record.state, kernel, SHORTEST // 2, stream)
            state, steps = rest.state, 2 * steps
    apart = steps // each
    draws = record.points[:, steps - 1 - apart * (each - 1) :: apart]
    return Samples(
        draws.copy(), landscape.names, diagnosis, record.acceptance, streams.seed, outcome
    )


def judged(record: Record) -> tuple[Diagnosis, RecordOutcome]:
    """What the points of a record are worth, and how it ended: energies must agree as well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordWarning)  # the outcome tells
        diagnosis = diagnose(record.points)
    energy = record.energy[:, :, None]
    apart = bool((split_rhat(Chains(energy, energy)) > AGREEMENT).any())
    reached = diagnosis.outcome in {RecordOutcome.RELIABLE, RecordOutcome.FEW}
    return diagnosis, RecordOutcome.NOT_SETTLED if apart and reached else diagnosis.outcome


def _warm_up(
    landscape: Landscape,
    starts: NumpyArray | None,
    chains: int,
    steps: int,
    stream: np.random.Generator,
) -> tuple[State, Kernel]:
    """Chains that are hot, then cooled, then at rest, and a kernel that fits them."""
    if starts is None:
        points, hot = spread_starts(landscape, chains, stream)
    else:
        points, hot = _given(starts, chains, landscape.n), landscape.temperature
    kernel = shaped(Kernel(1.0, np.eye(landscape.n)), points[:, None, :])
    for temperature in _stages(hot, landscape.temperature):
        target = landscape.at(temperature)
        record, kernel = tune(target, state_at(target, points), kernel, steps // STAGES, stream)
        kernel, points = shaped(kernel, record.points), record.state.x
    state = state_at(landscape, points)
    record, kernel = tune(landscape, state, kernel, steps // STAGES, stream)
    return record.state, kernel


def _stages(hot: float, T: float) -> list[float]:
    """Temperatures from hot down to T, at which the last ones stay."""
    count = math.ceil(math.log(hot / T) / math.log(COOLING))
    return [*(hot * (T / hot) ** (k / count) for k in range(count)), *[T] * (STAGES - 1)]


def _given(starts: NumpyArray, chains: int, n: int) -> NumpyArray:
    x = np.asarray(checks.real_array("starts", starts), float)
    if x.shape != (chains, n):
        raise ShapeMismatch(f"starts has shape {x.shape}; ({chains}, {n}) is needed.")
    return x


def _step(
    target: Target, state: State, kernel: Kernel, z: NumpyArray, luck: NumpyArray
) -> tuple[State, NumpyArray]:
    """One step of all chains, and with which probability each was taken.

    In coordinates w with x = Lw, where C is the identity: way is y - x there.
    """
    root = math.sqrt(kernel.h)
    way = root * z - _drift(state.slope, kernel)
    there = state_at(target, state.x + way @ kernel.L.T)
    back = (_drift(there.slope, kernel) - way) / root
    gain = state.energy - there.energy + 0.5 * ((z * z).sum(axis=1) - (back * back).sum(axis=1))
    gain = np.where(np.isfinite(there.energy), gain, -np.inf)
    taken = luck < gain  # luck is the logarithm of a uniform variate
    x, slope = (np.where(taken[:, None], a, b) for a, b in zip(there[::2], state[::2], strict=True))
    energy = np.where(taken, there.energy, state.energy)
    return State(x, energy, slope), np.exp(np.minimum(gain, 0.0))


def _drift(slope: NumpyArray, kernel: Kernel) -> NumpyArray:
    """h/2 L'∇U (chains, n), cut down to the length of the noise, sqrt(h n)."""
    drift = 0.5 * kernel.h * (slope @ kernel.L)
    longest = math.sqrt(kernel.h * drift.shape[1])
    length = np.sqrt((drift * drift).sum(axis=1, keepdims=True))
    return drift * (longest / np.maximum(length, longest))


def _chance(
    steps: int, shape: tuple[int, ...], stream: np.random.Generator
) -> Iterator[tuple[NumpyArray, NumpyArray]]:
    """Of each step: standard normals (chains, n), and the logarithms of uniforms (chains,)."""
    together = max(1, BLOCK // math.prod(shape))
    for first in range(0, steps, together):
        count = min(together, steps - first)
        z = stream.standard_normal((count, *shape))
        luck = -stream.standard_exponential((count, shape[0]))
        yield from zip(z, luck, strict=True)
