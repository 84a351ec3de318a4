"""A run where it stands: burn-in, pilots, then windows of the answer; it can stop and go on.

    settle -> pilot, longer until the norm is known -> measure, in parts -> done

Each step gives a new `Run` and leaves the old one as it was, so that any of them can be kept, saved
and gone on from, with the same answer as if nothing had come between. A finished run goes on for a
smaller error: what it read is then the pilot and a part of the answer. That is Stein's two-stage
sampling (1945) as he stated it, with all windows in the mean: how long to go on is told by their
spread, which is independent of their mean.
"""

import math
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Literal, final

from tqdm import tqdm

from thermolinalg import checks
from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device
from thermolinalg.solvers.budget import (
    BIAS,
    PILOTS,
    WINDOWS,
    Plan,
    Target,
    correction,
    growth,
    joined,
    shortest,
    slack,
)
from thermolinalg.solvers.control import Control, limits
from thermolinalg.solvers.crew import Crew
from thermolinalg.solvers.estimate import KEPT, Callback, Estimate, History, Outcome, judged
from thermolinalg.solvers.program import Program
from thermolinalg.solvers.reading import Reading
from thermolinalg.streams import Streams

PARTS = 4
"""Parts in which windows of the answer are read: between them a callback is asked."""

ROUNDING = 1 - 1e-9
"""Of sums of times that are compared."""

HIDDEN = 4.0
"""Error bars below which a norm is not known well enough to go on to an error relative to it."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """A stretch of the answer: what it says, when it began, and its windows while they are few."""

    reading: Reading
    since: float  # time that a copy had run before
    windows: Array | None


@final
@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """What is run, for which error, and how far it has come. Times are in RC, of one copy."""

    program: Program
    target: Target
    crew: Crew
    seed: int
    limit: float  # most time of one copy
    phase: Literal["settle", "pilot", "measure", "done"]
    length: float  # of the burn-in, or of the windows, that come next
    burned: float = 0.0
    piloted: float = 0.0
    pilots: int = 0
    pilot: Reading | None = None
    stages: tuple[Stage, ...] = ()
    parts: tuple[Array, ...] = ()  # windows of the stage that is under way
    expected: float = 0.0  # error of the answer that the confidence allows, over scale
    short: bool = False  # of what the target needs, for lack of time

    @staticmethod
    def begin(
        program: Program,
        target: Target,
        device: Device,
        streams: Streams,
        control: Control,
        seed: int | None = None,
    ) -> "Run":
        """A run that is programmed, and has not begun.

        Raises:
            InvalidInput: the time or the samples allowed are too few to measure anything.
        """
        asked, program = program, program.designed(device)
        copies = max(control.chains, program.replicas)  # runs whose noise is independent
        K = program.windows(control.chains)
        settle = program.burn_in(_scaled(target, program))
        least = settle + 2 * K * shortest(program.rate, K)
        limit = control.allowed(program.interval, copies * least) / copies
        starts = program.starts(control.chains, streams)
        crew = Crew.program(
            device,
            asked.process,
            starts,
            control.n_jobs,
            streams,
            unit=asked.unit,
            drives=asked.drives,
        )
        seed = streams.seed if seed is None else seed
        return Run(program, target, crew, seed, limit, "settle", settle)

    @property
    def device(self) -> Device:
        """What runs it."""
        return self.crew.device

    @property
    def copies(self) -> int:
        """Runs side by side whose noise is independent."""
        return max(len(self.crew.chains), self.program.replicas)

    @property
    def windows(self) -> int:
        """How many windows each copy is read for in a stage."""
        return self.program.windows(len(self.crew.chains))

    @property
    def goal(self) -> Target:
        """The target in the device's units."""
        return _scaled(self.target, self.program)

    @property
    def elapsed(self) -> float:
        """How long each copy has run."""
        read = sum(stage.reading.time for stage in self.stages) + self._taken * self.length
        return self.burned + self.piloted + read / self.copies

    @property
    def time(self) -> float:
        """How long all copies have run, one after the other."""
        return self.copies * self.elapsed

    @property
    def progress(self) -> float:
        """The share of the answer's windows that is read."""
        return 1.0 if self.phase == "done" else self._taken / WINDOWS

    @property
    def _shortest(self) -> float:
        return shortest(self.program.rate, self.windows)

    @property
    def _taken(self) -> int:
        return sum(part.shape[0] for part in self.parts)

    def advance(self) -> "Run":
        """The run after its next step."""
        if self.phase == "settle":
            return self._settle()
        return self._explore() if self.phase == "pilot" else self._measure()

    def carry_on(self, callback: Callback | None = None) -> Estimate:
        """Go on until the run is done, or the callback says that it is enough."""
        checks.callback(callback)
        run, name = self, self.program.name
        with tqdm(desc=name, total=1.0, delay=1, disable=None, leave=False) as progress:
            while run.phase != "done":
                run = run.advance()
                progress.n = run.progress
                progress.set_postfix_str(run.phase)
                if callback and run.pilot is not None and callback(run.estimate()):
                    break
        return run.estimate()

    def _settle(self) -> "Run":
        crew = self.crew.settle(self.length)
        run = replace(self, crew=crew, burned=self.burned + self.length)
        if run.stages:
            return run._resumed()
        return replace(run, phase="pilot", length=run._shortest)

    def _explore(self) -> "Run":
        K, window = self.windows, self.length
        values, crew = self.crew.measure(self.program.readout, window, K)
        begun = perf_counter()
        pilot = self._judged(self.program.read(values, K))
        run = replace(
            self,
            crew=crew.worked(begun),
            piloted=self.piloted + K * window,
            pilots=self.pilots + 1,
            pilot=pilot,
        )
        assert run.pilot is not None
        longer = growth(run.pilot, run.goal)
        out_of_time = 2 * K * longer * window > run.limit - run.elapsed
        if longer == 1.0 or out_of_time or run.pilots == PILOTS:
            return run._planned()
        return replace(run, length=window * longer)

    def _planned(self) -> "Run":
        """The same with windows as long as the target needs, counting what is read already."""
        have = self._answer
        known = self._known
        reach = known.reach(self.target.confidence)
        total, short = self._total, slack(self.program.rate, known.time / WINDOWS, self.windows)
        done = have.time if have else 0.0
        if have and total <= done:
            expected = reach * math.sqrt(known.time / done)
            return replace(self, phase="done", length=0.0, expected=expected, short=False)
        needed = max((total - done) / WINDOWS, self._shortest)
        window = min(needed, (self.limit - self.elapsed) / self.windows)
        expected = reach * math.sqrt(short * known.time / (done + WINDOWS * window))
        return replace(
            self, phase="measure", length=window, expected=expected, short=window < needed
        )

    @property
    def _total(self) -> float:
        """How long the answer must be read, of all copies together."""
        known = self._known
        wanted, reach = self._wanted(known), known.reach(self.target.confidence)
        short = slack(self.program.rate, known.time / WINDOWS, self.windows)
        return known.time * (reach / wanted) ** 2 * (short if reach > wanted else 1.0)

    def _wanted(self, known: Reading) -> float:
        """The error that is allowed, less what an unfinished burn-in may use up."""
        norm = max(known.norm - 2 * known.error, self.program.least)
        return self.goal.wanted(norm) * (1 - BIAS)

    def _measure(self) -> "Run":
        count = self.windows // min(self.windows, PARTS)
        values, crew = self.crew.measure(self.program.readout, self.length, count)
        begun = perf_counter()
        run = replace(self, parts=(*self.parts, self.program.read(values, count)))
        if run._taken == WINDOWS:
            run = replace(run._closed(), phase="done")
        return replace(run, crew=crew.worked(begun))

    def _closed(self) -> "Run":
        """The same with the stage that is under way ended where it stands."""
        if not self.parts:
            return self
        windows = _joined(self.parts)
        since = self.elapsed - self._taken * self.length / self.copies
        kept = windows if math.prod(windows.shape) <= KEPT else None
        stage = Stage(self._judged(windows), since, kept)
        return replace(self, stages=(*self.stages, stage), parts=())

    def _judged(self, windows: Array) -> Reading:
        """What windows of the present length say; a single one of each copy has no neighbours."""
        factor = correction(self.program.rate, self.length) if self.windows > 1 else 1.0
        judge = Reading.of_sides if self.program.one_noise else Reading.of
        return judge(windows, self.length, factor)

    @property
    def _answer(self) -> Reading | None:
        """What all stages say that began late enough for the target."""
        return joined([s.reading for s in self._counted], self.program.rate, self.windows)

    @property
    def _counted(self) -> list[Stage]:
        settled = self.program.burn_in(self.goal)
        return [s for s in self.stages if s.since >= settled * ROUNDING]

    @property
    def _known(self) -> Reading:
        """The best that is known: the answer so far, else the last that was read before it.

        A pilot that is longer was run since.
        """
        known = self._answer or (self.stages[-1].reading if self.stages else self.pilot)
        assert known is not None, "nothing has been read"
        return self.pilot if self.pilot and self.pilot.time > known.time else known

    def refined(
        self,
        target: Target,
        max_time: float | None,
        max_samples: float | None,
        n_jobs: int | None,
        callback: Callback | None,
    ) -> Estimate:
        """What the run says when it has gone on to another target."""
        return self.again(target, max_time, max_samples, n_jobs).carry_on(callback)

    def again(
        self,
        target: Target,
        max_time: float | None = None,
        max_samples: float | None = None,
        n_jobs: int | None = None,
    ) -> "Run":
        """The run that goes on to another target, or to the same one if it has not got there.

        Raises:
            InvalidInput: the time or the samples allowed are too few to measure anything more.
        """
        run = self if n_jobs is None else replace(self, crew=self.crew.with_jobs(n_jobs))
        control = limits(max_time, max_samples)
        if target == self.target and self.phase != "done":
            return replace(run, limit=run._further(control, 0.0)) if control else run
        run = replace(run._closed(), target=target)
        least = run.program.burn_in(run.goal) - run.elapsed
        settle, least = max(least, 0.0), max(least, 0.0)
        if not run._is_enough():
            least += run.windows * run._shortest
        run = replace(run, limit=run._further(control or Control(), run.copies * least))
        if settle > 0:
            return replace(run, phase="settle", length=settle)
        return run if run.phase == "pilot" and not run.stages else run._resumed()

    def _resumed(self) -> "Run":
        """Planned; or with a longer pilot first, where noise hides what the error is relative to.

        An earlier target may have asked for less than the norm, and to plan by the norm that two
        error bars leave would then take any time.
        """
        known = self._known
        longer, window = growth(known, self.goal), known.time / WINDOWS
        out_of_time = 2 * self.windows * longer * window > self.limit - self.elapsed
        if longer == 1.0 or known.norm > HIDDEN * known.error or out_of_time:
            return self._planned()
        return replace(self, phase="pilot", length=longer * window, pilots=0)

    def _is_enough(self) -> bool:
        have = self._answer
        return have is not None and self._total <= have.time

    def _further(self, control: Control, least: float) -> float:
        return self.elapsed + control.allowed(self.program.interval, least) / self.copies

    def estimate(self) -> Estimate:
        """The answer so far, from all windows that may count; before there are any, the pilot's."""
        run = self._closed()
        reading = run._answer or run._known
        scale = self.program.scale
        return Estimate(
            problem=self.program.name,
            value=scale * self.program.arrange(reading.mean),
            stderr=scale * self.program.arrange(reading.stderr),
            ess=self.program.rate * reading.time / 2 if reading.error > 0 else 0.0,
            dof=reading.dof,
            outcome=self._outcome(reading),
            plan=self._plan(),
            ledger=self.crew.ledger,
            seed=self.seed,
            baseline=partial(
                self.program.baseline, products=self.time * self.program.process.fastest
            ),
            run=self,
        )

    def _outcome(self, reading: Reading) -> Outcome:
        if self.phase != "done" and reading.settled:
            return Outcome.STOPPED
        return judged(reading, self.goal, self.program.least, spent=self.short, device=self.device)

    def _plan(self) -> Plan:
        """What was set out to do; before that is known, what the pilot has done."""
        stages = len(self._counted) + (self.phase == "measure")
        ahead = WINDOWS * self.length if self.phase == "measure" else 0.0
        process = self.program.process
        reach = self.expected if stages else self._known.reach(self.target.confidence)
        return Plan(
            target=self.target,
            temperature=self.program.temperature,
            slowest=process.slowest,
            fastest=process.fastest,
            burn_in=self.copies * self.burned,
            pilot=self.copies * self.piloted,
            averaging=sum(stage.reading.time for stage in self._counted) + ahead,
            windows=WINDOWS * stages,
            expected_error=self.program.scale * reach,
        )

    def history(self) -> History:
        """The answer after each window that counts.

        Raises:
            InvalidInput: the windows were too large to keep.
        """
        stages = [(stage.windows, stage.reading.time) for stage in self._closed()._counted]
        times, values = History.of(stages, self.program.scale)
        return History(times, self.program.arrange(values))


def _scaled(target: Target, program: Program) -> Target:
    return replace(target, atol=target.atol / program.scale)


def _joined(parts: tuple[Array, ...]) -> Array:
    return parts[0] if len(parts) == 1 else namespace(parts[0]).concat(list(parts))
