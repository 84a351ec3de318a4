"""What a record of states is worth, from the record alone: error bars, memory and agreement."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import final

import numpy as np
from scipy.special import ndtri

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, to_numpy
from thermolinalg.measurement.chains import SHORTEST, Chains, read_chains
from thermolinalg.measurement.effective import measured_size
from thermolinalg.measurement.mixing import split_rhat
from thermolinalg.measurement.stuck import warn_of_short, warn_of_stuck

AGREEMENT = 1.01
"""R̂ above which chains do not agree yet, by Vehtari et al. (2021)."""

ENOUGH = 50
"""Effective samples for each half-chain, from which on both are known well enough (ibid.)."""

ROWS = 10


class RecordOutcome(Enum):
    """What may be read off a record. Not an error: every outcome comes with a Diagnosis."""

    RELIABLE = "the chains agree, and are long enough for their error bars"
    FEW = "the chains are worth few samples: error bars are rough, run longer"
    NOT_SETTLED = "parts of the record disagree: lengthen the burn-in, or run longer"
    STUCK = "a coordinate does not move in some chain: its samples say nothing"
    TOO_SHORT = "fewer than four samples in a chain: nothing can be said"


@final
@dataclass(frozen=True, eq=False, slots=True)
class Diagnosis:
    """What `diagnose` returns, for each coordinate. Printing shows the worst ones.

    `ess` is the number of independent samples with the same error of the mean, `stderr` that error,
    and `autocorrelation_time` the integral of the autocorrelation over all lags, + and -, in units
    of dt: `tla.autocorrelation_time` of the process. `rhat` tends to 1 as chains come to agree.
    Coordinates in which a chain is stuck have ess 0, infinite memory and an unknown error (NaN).
    """

    mean: Array  # (n,)
    stderr: Array  # (n,)
    ess: Array  # (n,)
    autocorrelation_time: Array  # (n,)
    rhat: Array  # (n,)
    chains: int
    samples: int  # of each chain
    dt: float
    outcome: RecordOutcome

    def of(self, coordinates: Sequence[int]) -> "Diagnosis":
        """That of some coordinates alone; how the whole record ended stays."""
        columns = {
            name: getattr(self, name)[list(coordinates)]
            for name in ("mean", "stderr", "ess", "autocorrelation_time", "rhat")
        }
        return replace(self, **columns)

    def interval(self, confidence: float = 0.95) -> tuple[Array, Array]:
        """Lower and upper ends of the interval that covers each mean with this probability."""
        reach = float(ndtri(0.5 + checks.probability("confidence", confidence) / 2))
        return self.mean - reach * self.stderr, self.mean + reach * self.stderr

    def __repr__(self) -> str:
        ess, agreement = to_numpy(self.ess), to_numpy(self.rhat)
        return (
            f"Diagnosis({self.chains} chains of {self.samples} samples, n={len(ess)}, "
            f"{self.outcome.name}, least ess {ess.min():.3g}, largest rhat {agreement.max():.4g})"
        )

    def __str__(self) -> str:
        parts = (self.mean, self.stderr, self.ess, self.autocorrelation_time, self.rhat)
        columns = [to_numpy(part).astype(float) for part in parts]
        n = len(columns[0])
        worst = np.argsort(columns[2], kind="stable")[:ROWS]
        title = f"{self.chains} chains of {self.samples} samples, {self.dt:g} apart: "
        names = ("mean", "stderr", "ess", "time", "rhat")
        head = f"{'coordinate':>12}" + "".join(f"{name:>12}" for name in names)
        formats = ("12.5g", "12.2g", "12.4g", "12.4g", "12.4f")
        rows = [
            f"{i:>12}"
            + "".join(f"{x[i]:>{form}}" for x, form in zip(columns, formats, strict=True))
            for i in worst.tolist()
        ]
        rest = [f"  and {n - ROWS} coordinates with a larger ess"] if n > ROWS else []
        return "\n".join([f"{title}{self.outcome.name}, {self.outcome.value}", head, *rows, *rest])


def diagnose(states: Array, /, *, dt: float = 1.0) -> Diagnosis:
    """What a record of samples in a row is worth.

    The effective size is that of `effective_sample_size`, R̂ that of `rhat`: both compare halves of
    chains, so that one chain is enough. Start at rest, or leave out the burn-in.

    Args:
        states: (chains, samples, n) such as `Trajectory.states`; (samples, n) or (samples,) of one
            chain.
        dt: the time between samples.

    Raises:
        NotFinite: a state is NaN or infinite.
        InvalidInput: the states have another shape, or dt is not positive.

    Warns:
        StuckRecord: half of a chain does not move, or by no more than rounding.
        ShortRecord: chains have fewer than four samples.
    """
    dt, chains = checks.positive("dt", dt), read_chains(states)
    mean = chains.mean
    if chains.samples < SHORTEST:
        warn_of_short(chains.samples, SHORTEST)
        unknown = np.full(chains.n, np.nan)
        return _report(chains, dt, RecordOutcome.TOO_SHORT, mean, *[unknown] * 4)
    stuck = chains.stuck
    warn_of_stuck(stuck)
    size, agreement = measured_size(chains), split_rhat(chains)
    ess = np.where(stuck, np.nan, size.effective)
    stderr, time = chains.unit * np.sqrt(size.variance / ess), dt * chains.total / ess
    columns = mean, stderr, size.effective, np.where(stuck, np.inf, time), agreement
    return _report(chains, dt, _outcome(chains, size.effective, agreement), *columns)


def _report(chains: Chains, dt: float, outcome: RecordOutcome, *columns: NumpyArray) -> Diagnosis:
    mean, stderr, ess, time, agreement = map(chains.like, columns)
    count = chains.states.shape[0]
    return Diagnosis(mean, stderr, ess, time, agreement, count, chains.samples, dt, outcome)


def _outcome(chains: Chains, ess: NumpyArray, agreement: NumpyArray) -> RecordOutcome:
    if (ess == 0).any():
        return RecordOutcome.STUCK
    if not (agreement <= AGREEMENT).all():  # nor is what is unknown
        return RecordOutcome.NOT_SETTLED
    few = ess.min() < 2 * ENOUGH * chains.states.shape[0]
    return RecordOutcome.FEW if few else RecordOutcome.RELIABLE
