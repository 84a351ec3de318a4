"""A fair comparison: every contender's rate tuned by the same budget, then several fresh seeds.

Tuning trains TUNING_SEEDS times at each of `trials` rates and keeps the rate whose worst run is
best, by validation accuracy (then loss): a lucky run on the brink of divergence does not decide.
The reported runs start from seeds that tuning never saw, and the test set is looked at once, at the
end of each.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from thermolinalg import checks
from thermolinalg.streams import RNG, open_streams
from tngd.experiments.contender import Contender, require_distinct
from tngd.experiments.trial import Setting, Trial, run_trial

TUNING_SEEDS = 2
"""Runs at each rate that is tried."""

SEEDS = 5
"""Reported runs of each contender, unless told otherwise."""

Watcher: TypeAlias = Callable[[str, Trial, int, int], None]
"""Told of each trial as it ends: phase, trial, how many have ended in this phase, of how many."""


@final
@dataclass(frozen=True, slots=True)
class Tuned:
    """A contender at its chosen rate, with the trials that chose it and the reported ones."""

    contender: Contender
    rate: float
    search: tuple[Trial, ...]
    trials: tuple[Trial, ...]

    @property
    def at_edge(self) -> bool:
        """Is the chosen rate the first or last one tried, so that a better one may lie beyond?"""
        rates = {trial.rate for trial in self.search}
        return len(rates) > 1 and self.rate in {min(rates), max(rates)}


@final
@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` returns."""

    setting: Setting
    results: tuple[Tuned, ...]
    seed: int
    target: float  # validation accuracy whose cost is reported
    workers: int


@final
@dataclass(frozen=True, slots=True)
class _Task:
    contender: Contender
    rate: float
    seed: int


def compare(
    setting: Setting,
    contenders: Sequence[Contender],
    *,
    seeds: int = SEEDS,
    trials: int = 5,
    target: float = 0.95,
    rng: RNG = 0,
    workers: int | None = None,
    watcher: Watcher | None = None,
) -> Comparison:
    """Tune and run every contender.

    Args:
        setting: network, data, batch and epochs, the same for all.
        contenders: who takes part.
        seeds: reported runs of each.
        trials: rates tried for each contender, TUNING_SEEDS times each.
        target: validation accuracy whose cost is reported.
        rng: int, Generator, SeedSequence, or None for fresh entropy.
        workers: processes; None takes one for each core.
        watcher: told of each trial as it ends.

    Raises:
        InvalidInput: a number is out of range, or two contenders have one name.
    """
    contenders = require_distinct(contenders)
    seeds, trials = checks.count("seeds", seeds), checks.count("trials", trials)
    target = checks.probability("target", target)
    workers = os.cpu_count() or 1 if workers is None else checks.count("workers", workers)
    streams = open_streams(rng)
    tell = watcher or (lambda *_: None)

    tuning = [streams.child("tuning", k).seed for k in range(TUNING_SEEDS)]
    search = [_Task(c, rate, s) for c in contenders for rate in c.rates(trials) for s in tuning]
    searched = _run(setting, search, workers, "tuning", tell)
    chosen = {
        c.name: _best_rate([t for t in searched if t.contender == c.name]) for c in contenders
    }
    fresh = [streams.child("run", k).seed for k in range(seeds)]
    final = [_Task(c, chosen[c.name], seed) for c in contenders for seed in fresh]
    reported = _run(setting, final, workers, "running", tell)
    results = tuple(
        Tuned(
            contender=c,
            rate=chosen[c.name],
            search=tuple(t for t in searched if t.contender == c.name),
            trials=tuple(t for t in reported if t.contender == c.name),
        )
        for c in contenders
    )
    return Comparison(setting, results, streams.seed, target, workers)


def _best_rate(trials: list[Trial]) -> float:
    def worst(rate: float) -> tuple[bool, float, float]:
        return min(
            (not trial.diverged, trial.final.accuracy, -trial.final.loss)
            for trial in trials
            if trial.rate == rate
        )

    return max({trial.rate for trial in trials}, key=worst)


def _run(
    setting: Setting, tasks: list[_Task], workers: int, phase: str, tell: Watcher
) -> list[Trial]:
    """Trials in the order of their tasks, whatever the number of workers."""
    ended: dict[int, Trial] = {}
    for index, trial in _in_any_order(setting, tasks, workers):
        ended[index] = trial
        tell(phase, trial, len(ended), len(tasks))
    return [ended[index] for index in range(len(tasks))]


def _in_any_order(
    setting: Setting, tasks: list[_Task], workers: int
) -> Iterator[tuple[int, Trial]]:
    if workers == 1:
        for index, task in enumerate(tasks):
            yield _numbered(setting, index, task)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=workers, return_as="generator_unordered")
    yield from parallel(delayed(_numbered)(setting, i, task) for i, task in enumerate(tasks))


def _numbered(setting: Setting, index: int, task: _Task) -> tuple[int, Trial]:
    contender = task.contender
    made = contender.optimizer(task.rate)
    return index, run_trial(setting, contender.name, made, task.seed)
