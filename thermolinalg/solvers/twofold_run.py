"""A run with two answers where it stands: it can stop, go on, and be refined, as a `Run` can."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Literal, final

from tqdm import tqdm

from thermolinalg.backend import Array, namespace
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput
from thermolinalg.measurement.centered import CenteredMoments
from thermolinalg.measurement.snapshot import Snapshot
from thermolinalg.solvers.budget import PILOTS, WINDOWS, Plan, Target, growth, shortest, slack
from thermolinalg.solvers.control import Control, limits
from thermolinalg.solvers.crew import Crew
from thermolinalg.solvers.estimate import Estimate, History, Outcome, judged
from thermolinalg.solvers.run import PARTS, ROUNDING
from thermolinalg.solvers.twofold import Sight, Twofold
from thermolinalg.streams import Streams
from thermolinalg.theory.process import OU

MEMORY = 1e-3
"""Correlation of a draw with the one before it, at most."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class TwofoldRun:
    """What is run, for |mean - truth| <= rtol spread and |cov - truth| <= rtol |truth|.

    Times are in RC, of one chain. Steps leave the run as it was and give a new one.
    """

    program: Twofold
    goal: Target
    crew: Crew
    seed: int
    limit: float  # most time of one chain
    draws: int  # states to take at the end
    phase: Literal["settle", "pilot", "measure", "draw", "done"]
    length: float  # of the burn-in, or of the windows, that come next
    center: Array
    burned: float = 0.0
    piloted: float = 0.0
    pilots: int = 0
    pilot: Sight | None = None
    stages: tuple[tuple[float, Sight], ...] = ()  # when each began
    parts: tuple[Array, ...] = ()
    taken: Array | None = None
    expected: tuple[float, float] = (0.0, 0.0)  # errors that the confidence allows
    short: bool = False

    @staticmethod
    def begin(
        program: Twofold,
        goal: Target,
        draws: int,
        device: Device,
        streams: Streams,
        control: Control,
    ) -> "TwofoldRun":
        """A run that is programmed, and has not begun.

        Raises:
            InvalidInput: the time or the samples allowed are too few to measure anything.
        """
        asked, program = program.process, program.designed(device)
        chains = control.chains
        K, each, settle = WINDOWS // chains, math.ceil(draws / chains), program.burn_in(goal)
        least = settle + 2 * K * shortest(program.rate, K) + each * _apart(program)
        limit = control.allowed(0.5 / program.rate, chains * least) / chains
        assert isinstance(asked, OU)
        start = namespace(asked.b).zeros_like(asked.b)
        crew = Crew.program(device, asked, [start] * chains, control.n_jobs, streams)
        return TwofoldRun(
            program, goal, crew, streams.seed, limit, draws, "settle", settle, start[0, :]
        )

    @property
    def chains(self) -> int:
        """Runs side by side."""
        return len(self.crew.chains)

    @property
    def windows(self) -> int:
        """How many windows each chain is read for in a stage."""
        return WINDOWS // self.chains

    @property
    def _each(self) -> int:
        """States of each chain to take."""
        return math.ceil(self.draws / self.chains)

    @property
    def elapsed(self) -> float:
        """How long each chain has run, but for its draws."""
        read = sum(sight.time for _, sight in self.stages) + self._taken * self.length
        return self.burned + self.piloted + read / self.chains

    @property
    def time(self) -> float:
        """How long all chains have run."""
        drawn = 0.0 if self.taken is None else self._each * _apart(self.program)
        return self.chains * (self.elapsed + drawn)

    @property
    def _taken(self) -> int:
        return sum(part.shape[0] for part in self.parts)

    def carry_on(self, callback: Callable[["TwofoldRun"], Any] | None = None) -> "TwofoldRun":
        """The run when it is done, or when the callback says that it is enough."""
        run = self
        with tqdm(desc=self.program.name, total=1.0, delay=1, disable=None, leave=False) as bar:
            while run.phase != "done":
                run = run._advance()
                bar.n = 1.0 if run.phase in {"draw", "done"} else run._taken / WINDOWS
                bar.set_postfix_str(run.phase)
                if callback and run.pilot is not None and callback(run):
                    break
        return run

    def _advance(self) -> "TwofoldRun":
        if self.phase == "settle":
            return self._settle()
        if self.phase == "pilot":
            return self._explore()
        return self._measure() if self.phase == "measure" else self._draw()

    def _settle(self) -> "TwofoldRun":
        crew = self.crew.settle(self.length)
        run = replace(self, crew=crew, burned=self.burned + self.length)
        if run.stages:
            return run._planned()
        return replace(run, phase="pilot", length=shortest(run.program.rate, run.windows))

    def _read(self, count: int) -> tuple[Array, Crew]:
        """Windows (count chains, n + 1, n) of centered moments in the order of time."""
        values, crew = self.crew.measure(CenteredMoments(self.center), self.length, count)
        xp = namespace(values[0])
        together = xp.stack(values, axis=1) if len(values) > 1 else values[0]
        return xp.reshape(together, (-1, *values[0].shape[1:])), crew

    def _sight(self, values: Array) -> Sight:
        return Sight.of(self.program, values, self.center, self.length, self.windows == 1)

    def _explore(self) -> "TwofoldRun":
        K, window = self.windows, self.length
        values, crew = self._read(K)
        begun = perf_counter()
        pilot = self._sight(values)
        run = replace(
            self,
            crew=crew.worked(begun),
            piloted=self.piloted + K * window,
            pilots=self.pilots + 1,
            pilot=pilot._replace(windows=None),
            center=pilot.center,
        )
        longer = growth(pilot.cov, self.goal)
        out_of_time = 2 * K * longer * window > run._left
        if longer == 1.0 or out_of_time or run.pilots == PILOTS:
            return run._planned()
        return replace(run, length=window * longer)

    @property
    def _left(self) -> float:
        """Time of a chain before its draws."""
        to_draw = 0.0 if self.taken is not None else self._each * _apart(self.program)
        return self.limit - self.elapsed - to_draw

    def _planned(self) -> "TwofoldRun":
        """The same with windows as long as the target needs, counting what is read already."""
        known, have = self.sight, self._answer
        excess = known.excess(self.goal, self.program.least)
        short = slack(self.program.rate, known.time / WINDOWS, self.windows)
        total = known.time * excess**2 * (short if excess > 1 else 1.0)
        done = have.time if have else 0.0
        reaches = known.reaches(self.goal.confidence)
        if have and total <= done:
            run = replace(self, phase="draw", length=0.0, expected=reaches, short=False)
            return run._skipped()
        needed = max((total - done) / WINDOWS, shortest(self.program.rate, self.windows))
        window = min(needed, self._left / self.windows)
        shrink = math.sqrt(short * known.time / (done + WINDOWS * window))
        expected = reaches[0] * shrink, reaches[1] * shrink
        return replace(
            self, phase="measure", length=window, expected=expected, short=window < needed
        )

    def _measure(self) -> "TwofoldRun":
        values, crew = self._read(self.windows // min(self.windows, PARTS))
        begun = perf_counter()
        run = replace(self, crew=crew, parts=(*self.parts, values))
        if run._taken < WINDOWS:
            return run
        run = replace(run._closed(), phase="draw")._skipped()
        return replace(run, crew=crew.worked(begun))

    def _closed(self) -> "TwofoldRun":
        """The same with the stage that is under way ended where it stands."""
        if not self.parts:
            return self
        values = namespace(self.parts[0]).concat(list(self.parts))
        since = self.elapsed - self._taken * self.length / self.chains
        return replace(self, stages=(*self.stages, (since, self._sight(values))), parts=())

    def _skipped(self) -> "TwofoldRun":
        """Done, if there is nothing to draw."""
        return self if self.draws and self.taken is None else replace(self, phase="done")

    def _draw(self) -> "TwofoldRun":
        values, crew = self.crew.measure(Snapshot(), _apart(self.program), self._each)
        xp = namespace(values[0])
        together = xp.concat([x[:, 0, :] for x in values], axis=0)
        taken = self.program.mean(together[: self.draws, :])
        return replace(self, crew=crew, taken=taken, phase="done")

    @property
    def _counted(self) -> list[Sight]:
        settled = self.program.burn_in(self.goal) * ROUNDING
        return [sight for since, sight in self.stages if since >= settled]

    @property
    def _answer(self) -> Sight | None:
        return Sight.joined(self._counted, self.program, self.windows)

    @property
    def sight(self) -> Sight:
        """The best that is known."""
        run = self._closed()
        known = run._answer or (run.stages[-1][1] if run.stages else run.pilot)
        assert known is not None, "nothing has been read"
        return known

    def again(
        self,
        goal: Target,
        max_time: float | None = None,
        max_samples: float | None = None,
        n_jobs: int | None = None,
    ) -> "TwofoldRun":
        """The run that goes on to another target, or to the same one if it has not got there.

        Raises:
            InvalidInput: the time or the samples allowed are too few to measure anything more.
        """
        run = self if n_jobs is None else replace(self, crew=self.crew.with_jobs(n_jobs))
        control = limits(max_time, max_samples)
        interval = 0.5 / self.program.rate
        if goal == self.goal and self.phase != "done":
            if control is None:
                return run
            return replace(run, limit=run.elapsed + control.allowed(interval, 0.0) / run.chains)
        run = replace(run._closed(), goal=goal)
        settle = max(run.program.burn_in(goal) - run.elapsed, 0.0)
        least = settle + run.windows * shortest(run.program.rate, run.windows)
        further = (control or Control()).allowed(interval, run.chains * least) / run.chains
        run = replace(run, limit=run.elapsed + further)
        if settle > 0:
            return replace(run, phase="settle", length=settle)
        return run if run.phase == "pilot" and not run.stages else run._planned()

    def estimates(self) -> tuple[Estimate, Estimate]:
        """Mean and covariance, as far as they are known."""
        sight = self.sight
        goals = Target(0.0, self.goal.rtol * sight.spread[0], self.goal.confidence), self.goal
        planned = self.phase == "measure" or bool(self.stages)
        expected = self.expected if planned else sight.reaches(self.goal.confidence)
        made = []
        for k, reading in enumerate((sight.mean, sight.cov)):
            outcome = judged(reading, goals[k], 0.0, spent=self.short, device=self.crew.device)
            if reading.settled and self.phase not in {"draw", "done"}:
                outcome = Outcome.STOPPED
            made.append(
                Estimate(
                    problem=f"{self.program.name}, {('mean', 'covariance')[k]}",
                    value=reading.mean,
                    stderr=reading.stderr,
                    ess=self.program.rate * reading.time / 2,
                    dof=reading.dof,
                    outcome=outcome,
                    plan=self._plan(goals[k], expected[k]),
                    ledger=self.crew.ledger,
                    seed=self.seed,
                    baseline=self.program.baselines[k],
                    run=Part(self, k),
                )
            )
        return made[0], made[1]

    def history(self, part: int) -> History:
        """The mean (0) or the covariance (1) after each window that counts.

        A covariance is about the mean of its stretch, which is known at its end alone.

        Raises:
            InvalidInput: the windows were too large to keep, or none of the answer is read.
        """
        counted = self._closed()._counted
        return History.of([(s.windows and s.windows[part], s.time) for s in counted])

    def _plan(self, target: Target, expected: float) -> Plan:
        ahead = WINDOWS * self.length if self.phase == "measure" else 0.0
        return Plan(
            target=target,
            temperature=1.0,
            slowest=self.program.rate,
            fastest=self.program.process.fastest,
            burn_in=self.chains * self.burned,
            pilot=self.chains * self.piloted,
            averaging=sum(sight.time for sight in self._counted) + ahead,
            windows=WINDOWS * (len(self._counted) + (self.phase == "measure")),
            expected_error=expected,
        )


@final
@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """One of the two answers of a run, as the run that an `Estimate` stands on."""

    whole: TwofoldRun
    part: int

    @property
    def device(self) -> Device:
        """What runs it."""
        return self.whole.crew.device

    @property
    def time(self) -> float:
        """How long all chains have run."""
        return self.whole.time

    def history(self) -> History:
        """The answer after each window that counts."""
        return self.whole.history(self.part)

    def refined(self, *_: Any) -> Estimate:
        """Never: what one answer is refined to would be no target of the other.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput(
            "mean and covariance come from one run and go on together: call refine(...) of the "
            "posterior itself."
        )


def _apart(program: Twofold) -> float:
    """Time after which a state is as good as independent."""
    return -math.log(MEMORY) / program.rate
