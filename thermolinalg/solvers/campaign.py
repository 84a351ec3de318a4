"""Runs that are independent of each other, as many as ln det takes: a pilot first, then the rest.

The error of an answer from N runs is s/√N of Student's law; a pilot measures s, and Stein's second
stage (1945) says how many fresh runs meet the wanted error with the wanted confidence. A campaign
can stop between batches of runs and go on, also for a smaller error: the runs so far count then.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any, Literal, final

import numpy as np
from scipy.special import stdtrit
from tqdm import tqdm

from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like
from thermolinalg.device.ledger import Ledger
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.parallel import parallel, workers
from thermolinalg.solvers.baseline import Digital
from thermolinalg.solvers.budget import BIAS, KNOWN_TO, KNOWN_WITH, MOST_GROWTH, Plan, Target
from thermolinalg.solvers.control import Control, limits
from thermolinalg.solvers.estimate import Callback, Estimate, History, Outcome
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

PARTS = 4
"""Parts in which runs of the answer are made: between them a callback is asked."""

POINTS = 32
"""Answers in a history."""

HEADROOM = 3.0
"""By how much finer a target may become before rests are too short for it."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """What is measured, ln det A = offset + 2 (free energy), by which runs, on what."""

    name: str
    runs: Trajectories
    offset: float
    rounding: float  # what it may add to ln det
    unit: float  # an error of ln det that is small for any A of this size
    slowest: float  # relaxation rate of A, per RC
    device: Device
    reference: Array  # in whose library and dtype the answer is
    baseline: Callable[[Any], Digital]

    @property
    def cost(self) -> float:
        """Time of a run, in RC."""
        return self.runs.settling + self.runs.driving

    def perform(self, runs: int, streams: Streams, batch: int) -> tuple[NumpyArray, Ledger]:
        """What so many runs read, and their cost; each batch has a stream of its own."""
        return self.runs.perform(self.device, Ledger(), runs, streams.stream("runs", batch))

    def read(self, samples: NumpyArray) -> Reading:
        """The ln det that they tell."""
        found = self.runs.read(samples)
        stderr = math.hypot(2 * found.stderr, self.rounding)
        return Reading(self.offset + 2 * found.value, stderr, found.dof, found.effective)


@final
@dataclass(frozen=True, eq=False, slots=True)
class Campaign:
    """Runs that answer a question, for which error, and how many are made. It never changes."""

    question: Question
    target: Target
    streams: Streams
    limit: float  # most runs
    ledger: Ledger
    n_jobs: int
    phase: Literal["pilot", "measure", "done"] = "pilot"
    count: int = PILOT  # of runs that come next
    batches: int = 0
    piloted: int = 0
    pilot: Reading | None = None
    scouts: int = 0  # runs that the pilot was read from
    samples: NumpyArray | None = None  # of the answer
    planned: int = 0  # runs of the answer
    expected: float = 0.0
    short: bool = False  # of what the target needs, for lack of time

    @staticmethod
    def begin(
        question: Question,
        target: Target,
        streams: Streams,
        ledger: Ledger,
        max_time: float,
        max_samples: float,
        n_jobs: int,
    ) -> "Campaign":
        """A campaign of which nothing is done.

        Raises:
            InvalidInput: the time or the runs allowed are too few for a pilot and an answer.
        """
        limit = _affordable(question, max_time, max_samples, PILOT + FEWEST)
        return Campaign(question, target, streams, limit, ledger, workers(n_jobs))

    @property
    def device(self) -> Device:
        """What runs it."""
        return self.question.device

    @property
    def made(self) -> int:
        """Runs that are made."""
        return self.piloted + self.answered

    @property
    def answered(self) -> int:
        """Runs that carry the answer."""
        return 0 if self.samples is None else len(self.samples)

    @property
    def time(self) -> float:
        """Analog time of all runs, in RC."""
        return self.made * self.question.cost

    def carry_on(self, callback: Callback | None = None) -> Estimate:
        """Go on until it is done, or the callback says that it is enough."""
        checks.callback(callback)
        campaign, name = self, self.question.name
        with tqdm(desc=name, unit="run", delay=1, disable=None, leave=False) as progress:
            while campaign.phase != "done":
                campaign = campaign._explore() if campaign.phase == "pilot" else campaign._measure()
                progress.total = campaign.piloted + campaign.planned or None
                progress.update(campaign.made - progress.n)
                if callback and callback(campaign.estimate()):
                    break
        return campaign.estimate()

    def _perform(self) -> tuple[NumpyArray, "Campaign"]:
        """The next runs: what they read, and the campaign that has paid for them."""
        size = max(1, BATCH // self.question.runs.way.n)
        counts = [min(size, self.count - start) for start in range(0, self.count, size)]
        tasks = [
            partial(self.question.perform, runs, self.streams, self.batches + k)
            for k, runs in enumerate(counts)
        ]
        parts, ledger = [], self.ledger
        for part, costs in parallel(tasks, self.n_jobs):
            parts.append(part)
            ledger = ledger + costs
        after = replace(self, batches=self.batches + len(counts), ledger=ledger)
        return np.concatenate(parts), after

    def _explore(self) -> "Campaign":
        samples, campaign = self._perform()
        begun = perf_counter()
        pilot, piloted = self.question.read(samples), self.piloted + self.count
        ledger = campaign.ledger.add("digital", perf_counter() - begun, "measured")
        campaign = replace(campaign, pilot=pilot, scouts=self.count, piloted=piloted, ledger=ledger)
        growth = _growth(pilot, campaign)
        longer = math.ceil(growth * self.count)
        if growth == 1 or piloted + longer + FEWEST > self.limit:
            return campaign._planned(pilot, self.count)
        return replace(campaign, count=longer)

    def _planned(self, known: Reading, runs: int) -> "Campaign":
        """The same with as many runs as the target needs, counting those that are made."""
        reach = _reach(known, self.target.confidence)
        wanted = self.target.wanted(_least(known)) * (1 - BIAS)
        needed = max(FEWEST, runs * (reach / wanted) ** 2) if wanted else math.inf
        most = self.answered + int(self.limit) - self.made if self.limit < math.inf else math.inf
        planned = math.ceil(min(needed, most))
        expected = reach * math.sqrt(runs / max(planned, self.answered))
        if planned <= self.answered:
            return replace(self, phase="done", expected=expected, short=planned < needed)
        count, short = math.ceil((planned - self.answered) / PARTS), planned < needed
        return replace(
            self, phase="measure", planned=planned, count=count, expected=expected, short=short
        )

    def _measure(self) -> "Campaign":
        new, campaign = self._perform()
        samples = new if self.samples is None else np.concatenate([self.samples, new])
        left = self.planned - len(samples)
        phase: Literal["measure", "done"] = "measure" if left else "done"
        return replace(campaign, samples=samples, count=min(self.count, left), phase=phase)

    def refined(
        self,
        target: Target,
        max_time: float | None,
        max_samples: float | None,
        n_jobs: int | None,
        callback: Callback | None,
    ) -> Estimate:
        """What it says when it has gone on to another target."""
        return self.again(target, max_time, max_samples, n_jobs).carry_on(callback)

    def again(
        self,
        target: Target,
        max_time: float | None = None,
        max_samples: float | None = None,
        n_jobs: int | None = None,
    ) -> "Campaign":
        """The campaign that goes on to another target, or to the same one if it was stopped.

        Raises:
            InvalidInput: the time or the runs allowed are too few to go on.
        """
        campaign = self if n_jobs is None else replace(self, n_jobs=workers(n_jobs))
        same, control = (
            target == self.target and self.phase != "done",
            limits(max_time, max_samples),
        )
        if same and control is None:
            return campaign
        control = control or Control()
        further = _affordable(self.question, control.max_time, control.max_samples, 1)
        campaign = replace(campaign, target=target, limit=self.made + further)
        return campaign._rested() if same or self.pilot is None else campaign._rested()._resumed()

    def _resumed(self) -> "Campaign":
        """Planned; or with a longer pilot first, where noise hides what the error is relative to.

        Raises:
            InvalidInput: ln det A is so near zero that noise always hides it.
        """
        known, runs = self._reading, self._readers
        growth = _growth(known, self)
        longer = math.ceil(growth * runs)
        if growth == 1 or self.made + longer + FEWEST > self.limit:
            return self._planned(known, runs)
        return replace(self, phase="pilot", count=longer)

    def _rested(self) -> "Campaign":
        """The same with rests that are long enough; runs with shorter ones do not count."""
        runs = self.question.runs
        if runs.accuracy <= BIAS * self.target.wanted(self.question.unit):
            return self
        longer = replace(runs, accuracy=rest_accuracy(self.target, self.question.unit))
        return replace(
            self,
            question=replace(self.question, runs=longer),
            pilot=self._reading,
            scouts=self._readers,
            piloted=self.made,
            samples=None,
        )

    @property
    def _reading(self) -> Reading:
        if self.samples is not None and self.answered >= FEWEST:
            return self.question.read(self.samples)
        assert self.pilot is not None, "no runs are made"
        return self.pilot

    @property
    def _readers(self) -> int:
        """How many runs that is read from."""
        return self.answered if self.answered >= FEWEST else self.scouts

    def estimate(self) -> Estimate:
        """The answer so far; before there is one, the pilot's."""
        reading, question = self._reading, self.question
        return Estimate(
            problem=question.name,
            value=like(np.asarray(reading.value), question.reference),
            stderr=like(np.asarray(reading.stderr), question.reference),
            ess=reading.effective,
            dof=reading.dof,
            outcome=self._outcome(reading),
            plan=self._plan(reading),
            ledger=self.ledger,
            seed=self.streams.seed,
            baseline=question.baseline,
            run=self,
        )

    def _outcome(self, reading: Reading) -> Outcome:
        if self.samples is not None and not _settled(self.question, self.samples):
            return Outcome.NOT_SETTLED
        if self.phase != "done":
            return Outcome.STOPPED
        if self.short:
            return Outcome.BUDGET_SPENT
        met = reading.stderr <= self.target.wanted(abs(reading.value))
        return Outcome.CONVERGED if met else Outcome.MISSED

    def _plan(self, reading: Reading) -> Plan:
        runs, way = self.question.runs, self.question.runs.way
        answer = self.planned
        reach = self.expected if answer else _reach(reading, self.target.confidence)
        return Plan(
            target=self.target,
            temperature=1.0,
            slowest=self.question.slowest,
            fastest=way.fastest,
            burn_in=(self.piloted + answer) * runs.settling,
            pilot=self.piloted * runs.driving,
            averaging=answer * runs.driving,
            windows=answer,
            expected_error=reach,
        )

    def history(self) -> History:
        """The answer from the first runs, from more of them, ..., from all.

        Raises:
            InvalidInput: it was stopped before there were enough.
        """
        if self.samples is None or self.answered < FEWEST:
            raise InvalidInput("the runs were stopped before they gave an answer.")
        counts = np.unique(np.geomspace(FEWEST // 2, self.answered, POINTS).astype(int))
        values = [self.question.read(self.samples[:k]).value for k in counts.tolist()]
        return History(counts * self.question.runs.driving, np.asarray(values))


def rest_accuracy(target: Target, unit: float) -> float:
    """What unfinished rests may add to ln det."""
    return BIAS / HEADROOM * target.wanted(unit)


def _affordable(question: Question, max_time: float, max_samples: float, least: int) -> float:
    """How many runs are allowed.

    Raises:
        InvalidInput: fewer than are needed.
    """
    max_time = checks.limit("max_time", max_time)
    max_samples = checks.limit("max_samples", max_samples)
    if max_time < least * question.cost:
        raise InvalidInput(
            f"max_time = {max_time:.3g} RC is too short to measure anything: {least} runs (a pilot "
            f"and an answer, if it has not begun) take {least * question.cost:.3g} RC here. Give "
            "at least that."
        )
    if max_samples < least:
        raise InvalidInput(
            f"max_samples = {max_samples:.3g} runs are too few to measure anything: {least} (a "
            "pilot and an answer, if it has not begun) are needed."
        )
    return min(max_time / question.cost, max_samples)


def _reach(reading: Reading, confidence: float) -> float:
    """The error that is exceeded with 1 - confidence only."""
    return reading.stderr * float(stdtrit(reading.dof, 0.5 + confidence / 2))


def _least(pilot: Reading) -> float:
    """|ln det| is hardly smaller than this."""
    return max(abs(pilot.value) - 2 * pilot.stderr, 0.0)


def _growth(pilot: Reading, campaign: Campaign) -> float:
    """How many times more runs it takes to know what a relative error is relative to."""
    target, norm, unit = campaign.target, abs(pilot.value), campaign.question.unit
    doubt = _reach(pilot, KNOWN_WITH)
    known = max(KNOWN_TO, min(2 * target.rtol, SIGN)) * norm
    if target.rtol == 0 or doubt <= max(known, target.atol):
        return 1.0
    if doubt <= KNOWN_TO * unit:
        raise InvalidInput(
            f"ln det A is {pilot.value:.2g} ± {pilot.stderr:.1g}, next to zero, and noise never "
            "averages out to a relative error of that. Give atol > 0."
        )
    hidden = max(known, KNOWN_TO * unit)
    return min(MOST_GROWTH, 1.2 * (doubt / hidden) ** 2)


def _settled(question: Question, samples: NumpyArray) -> bool:
    """Do the first and the second half of the runs agree within their error bars?"""
    half = len(samples) // 2
    first, last = question.read(samples[:half]), question.read(samples[half:])
    limit = -float(stdtrit(first.dof + last.dof, FALSE_ALARM / 2))
    return abs(first.value - last.value) <= limit * math.hypot(first.stderr, last.stderr)
