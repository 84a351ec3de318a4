"""Runs that are independent of each other, as many as ln det takes: a pilot first, then the rest.

The error of an answer from N runs is s/√N of Student's law; a pilot measures s, and Stein's second
stage (1945) says how many fresh runs meet the wanted error with the wanted confidence.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import stdtrit
from tqdm import tqdm

from thermolinalg.backend import NumpyArray
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.solvers.budget import BIAS, KNOWN_TO, KNOWN_WITH, MOST_GROWTH, Target
from thermolinalg.solvers.estimate import Outcome
from thermolinalg.solvers.reading import FALSE_ALARM
from thermolinalg.solvers.trajectories import Reading, Trajectories
from thermolinalg.streams import Streams

PILOT = 128
"""Runs of a first pilot."""

FEWEST = 64
"""Fewest runs that give an answer: the error bar then has the law of Student."""

SIGN = 0.5
"""Relative error, at most, to which a pilot must know ln det A, so that it is not next to zero."""

BATCH = 2**16
"""Numbers that move at once: they fit into a cache."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Campaign:
    """What is to be measured, ln det A = offset + 2 (free energy), how well, and on what."""

    runs: Trajectories
    offset: float
    rounding: float  # what it may add to ln det
    target: Target
    unit: float  # an error of ln det that is small for any A of this size
    device: Device
    max_time: float

    @property
    def cost(self) -> float:
        """Time of a run, in RC."""
        return self.runs.settling + self.runs.driving

    def perform(
        self, count: int, name: str, ledger: Ledger, streams: Streams
    ) -> tuple[NumpyArray, Ledger]:
        """What so many runs read."""
        size = max(1, BATCH // self.runs.way.n)
        rng, parts = streams.stream(name), []
        for start in tqdm(range(0, count, size), name, delay=1, disable=None, leave=False):
            part, ledger = self.runs.perform(self.device, ledger, min(size, count - start), rng)
            parts.append(part)
        return np.concatenate(parts), ledger

    def read(self, samples: NumpyArray) -> Reading:
        """The ln det that they tell."""
        found = self.runs.read(samples)
        stderr = math.hypot(2 * found.stderr, self.rounding)
        return Reading(self.offset + 2 * found.value, stderr, found.dof, found.effective)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Result:
    """What a campaign found: ln det, from how many runs, after how many of pilots."""

    reading: Reading
    outcome: Outcome
    piloted: int
    runs: int
    expected_error: float
    ledger: Ledger


def carry_out(campaign: Campaign, ledger: Ledger, streams: Streams) -> Result:
    """Pilots until the scatter is known, then as many runs as the target needs.

    Raises:
        InvalidInput: max_time is too short for a pilot and an answer; or only a relative error is
            wanted of a ln det that is near zero.
    """
    affordable = campaign.max_time / campaign.cost
    _require_time(campaign, affordable)
    count, piloted = PILOT, 0
    while True:
        samples, ledger = campaign.perform(count, f"pilot {piloted}", ledger, streams)
        pilot, piloted = campaign.read(samples), piloted + count
        growth = _growth(pilot, campaign)
        if growth == 1 or piloted + math.ceil(growth * count) + FEWEST > affordable:
            break
        count = math.ceil(growth * count)
    reach = _reach(pilot, campaign.target.confidence)
    wanted = campaign.target.wanted(_least(pilot)) * (1 - BIAS)
    needed = max(FEWEST, count * (reach / wanted) ** 2) if wanted else math.inf
    runs = math.ceil(needed) if needed <= affordable - piloted else int(affordable) - piloted
    samples, ledger = campaign.perform(runs, "measuring", ledger, streams)
    reading = campaign.read(samples)
    met = reading.stderr <= campaign.target.wanted(abs(reading.value))
    if not _settled(campaign, samples):
        outcome = Outcome.NOT_SETTLED
    elif runs < needed:
        outcome = Outcome.BUDGET_SPENT
    else:
        outcome = Outcome.CONVERGED if met else Outcome.MISSED
    return Result(
        reading=reading,
        outcome=outcome,
        piloted=piloted,
        runs=runs,
        expected_error=reach * math.sqrt(count / runs),
        ledger=ledger,
    )


def _require_time(campaign: Campaign, affordable: float) -> None:
    if not affordable >= PILOT + FEWEST:  # also refuses NaN
        raise InvalidInput(
            f"max_time = {campaign.max_time:.3g} RC is too short to measure anything: a pilot of "
            f"{PILOT} runs and an answer from {FEWEST} take "
            f"{(PILOT + FEWEST) * campaign.cost:.3g} RC here. Give at least that."
        )


def _reach(reading: Reading, confidence: float) -> float:
    """The error that is exceeded with 1 - confidence only."""
    return reading.stderr * float(stdtrit(reading.dof, 0.5 + confidence / 2))


def _least(pilot: Reading) -> float:
    """|ln det| is hardly smaller than this."""
    return max(abs(pilot.value) - 2 * pilot.stderr, 0.0)


def _growth(pilot: Reading, campaign: Campaign) -> float:
    """How many times more runs it takes to know what a relative error is relative to."""
    target, norm = campaign.target, abs(pilot.value)
    doubt = _reach(pilot, KNOWN_WITH)
    known = max(KNOWN_TO, min(2 * target.rtol, SIGN)) * norm
    if target.rtol == 0 or doubt <= max(known, target.atol):
        return 1.0
    if doubt <= KNOWN_TO * campaign.unit:
        raise InvalidInput(
            f"ln det A is {pilot.value:.2g} ± {pilot.stderr:.1g}, next to zero, and noise never "
            "averages out to a relative error of that. Give atol > 0."
        )
    hidden = max(known, KNOWN_TO * campaign.unit)
    return min(MOST_GROWTH, 1.2 * (doubt / hidden) ** 2)


def _settled(campaign: Campaign, samples: NumpyArray) -> bool:
    """Do the first and the second half of the runs agree within their error bars?"""
    half = len(samples) // 2
    first, last = campaign.read(samples[:half]), campaign.read(samples[half:])
    limit = -float(stdtrit(first.dof + last.dof, FALSE_ALARM / 2))
    return abs(first.value - last.value) <= limit * math.hypot(first.stderr, last.stderr)
