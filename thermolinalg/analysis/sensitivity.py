"""How the answer of a device depends on each of its numbers: one knob is turned at a time."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np

from thermolinalg import checks
from thermolinalg.analysis.linear_study import LinearStudy
from thermolinalg.analysis.problem import Problem
from thermolinalg.analysis.study import Study
from thermolinalg.analysis.task import Result, Task, find_kept, question_of, run_kept
from thermolinalg.backend import NumpyArray
from thermolinalg.device.knobs import KNOBS
from thermolinalg.device.machine import Device
from thermolinalg.errors import InvalidInput, OutputError
from thermolinalg.streams import RNG, Streams, open_streams


@final
@dataclass(frozen=True, slots=True)
class Point:
    """One knob at one value, asked with one seed; knob and value are None as it came.

    `seed` says which of the seeds, from 0. `numbers` is empty where the device cannot hold the
    problem, and `refusal` says why.
    """

    knob: str | None
    value: float | None
    seed: int
    numbers: Mapping[str, float]
    refusal: str | None = None


AS_IT_CAME = (None, None)
"""Knob and value of the device itself."""

Watcher: TypeAlias = Callable[[Point, int, int], None]
"""Told of each point as it ends: the point, how many have ended, of how many."""


class Level(NamedTuple):
    """Median and range of a number over the seeds; NaN where all of them are `missing`."""

    median: float
    low: float
    high: float
    missing: int


class Curve(NamedTuple):
    """Median and range of a number over the seeds, at each value (k,) of a knob."""

    values: NumpyArray
    median: NumpyArray
    low: NumpyArray
    high: NumpyArray
    missing: NumpyArray


@final
@dataclass(frozen=True, eq=False, slots=True)
class Sensitivity:
    """What `sensitivity` returns. Printing it gives a table, `plot_sensitivity` draws it."""

    study: str
    metric: str
    device: Device
    knobs: Mapping[str, str]  # those that were turned, and what each says
    points: tuple[Point, ...]
    seeds: int
    seed: int

    def curve(self, knob: str, number: str | None = None) -> Curve:
        """A number, by default the study's metric, against a knob.

        Raises:
            InvalidInput: the knob was not turned, or there is no such number.
        """
        if knob not in self.knobs:
            raise InvalidInput(
                f"{knob!r} was not turned in this study. It has: {', '.join(self.knobs)}."
            )
        values = list(dict.fromkeys(p.value for p in self.points if p.knob == knob))
        levels = [self._level(knob, value, number) for value in values]
        return Curve(np.asarray(values, float), *(np.asarray(x) for x in zip(*levels, strict=True)))

    def reference(self, number: str | None = None) -> Level:
        """The same number of the device as it came."""
        return self._level(*AS_IT_CAME, number)

    def refusals(self, knob: str) -> dict[float, str]:
        """Values at which the device could not hold the problem, and why."""
        return {p.value: p.refusal for p in self.points if p.knob == knob and p.refusal}  # type: ignore[misc]

    def _level(self, knob: str | None, value: float | None, number: str | None) -> Level:
        name = number or self.metric
        known = {key for point in self.points for key in point.numbers}
        if known and name not in known:
            raise InvalidInput(f"{name!r} was not measured. There are: {', '.join(sorted(known))}.")
        here = [p for p in self.points if (p.knob, p.value) == (knob, value)]
        found = [p.numbers[name] for p in here if name in p.numbers]
        missing = len(here) - len(found)
        if not found:
            return Level(np.nan, np.nan, np.nan, missing)
        return Level(float(np.median(found)), min(found), max(found), missing)

    def __str__(self) -> str:
        title = f"{self.study}: {self.metric}, median of {self.seeds} seeds (lowest ... highest)"
        return "\n".join([title, _row("as it came", self.reference()), *self._rows()])

    def _rows(self) -> Iterator[str]:
        for knob, says in self.knobs.items():
            yield f"{knob}: {says}"
            values, *columns = self.curve(knob)
            for value, *level in zip(values, *columns, strict=True):
                yield _row(f"{value:g}", Level(*level))


def sensitivity(
    study: Study | Problem,
    device: Device | None = None,
    sweep: Mapping[str, Sequence[float]] | None = None,
    *,
    seeds: int = 3,
    rng: RNG = 0,
    folder: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    watcher: Watcher | None = None,
) -> Sensitivity:
    """Turn one knob of a device at a time, the others being left as they are.

    The device itself is the reference. Each seed is another chip too, and is the same at all values
    of all knobs, so that a curve shows what the knob does and not what chance does.

    With a folder each result is kept there as soon as it is known, under a digest of all that it
    follows from. Called again after an interrupt, what is kept is not done again, and all is the
    same to the last bit; of another study, device or seed nothing is taken.

    Args:
        study: what is asked; a `Problem` is asked by `LinearStudy`.
        device: what is varied; an ideal one by default.
        sweep: values by name of the knob: the study's own, and those of `Device.vary`.
        seeds: how often each is asked.
        rng: int, Generator, SeedSequence, or None for fresh entropy, with which nothing that is
            kept is found again.
        folder: where results are kept; made if it is not there.
        workers: processes; None takes one for each core.
        watcher: told of each point as it ends, those that were kept first.

    Raises:
        InvalidInput: there is no such knob, or a value does not go there.
        OutputError: a result cannot be kept.
    """
    study = LinearStudy(study) if isinstance(study, Problem) else study
    if not hasattr(study, "knobs") or not hasattr(study, "measure"):
        raise InvalidInput(
            f"study is of type {type(study).__name__}, and a Problem or a Study is needed: "
            'Problem("solve", (A, b)), say.'
        )
    device, turned = Device.given(device), _checked(study, sweep)
    streams, seeds = open_streams(rng), checks.count("seeds", seeds)
    workers = os.cpu_count() or 1 if workers is None else checks.count("workers", workers)
    asked = [AS_IT_CAME, *((knob, value) for knob in turned for value in turned[knob])]
    places = [(knob, value, k) for knob, value in asked for k in range(seeds)]
    tasks = [_task(study, device, streams, *place) for place in places]

    ended: dict[int, Point] = {}
    for index, result in _results(study, tasks, _made(folder), workers):
        ended[index] = Point(*places[index], result.numbers, result.refusal)
        if watcher is not None:
            watcher(ended[index], len(ended), len(tasks))
    points = tuple(ended[index] for index in range(len(tasks)))
    says = {knob: _known(study)[knob] for knob in turned}
    return Sensitivity(study.name, study.metric, device, says, points, seeds, streams.seed)


def _known(study: Study) -> dict[str, str]:
    """What every knob says; the study's own come first."""
    return {**study.knobs, **{k: v.says for k, v in KNOBS.items() if k not in study.knobs}}


def _checked(study: Study, sweep: Any) -> dict[str, list[float]]:
    known = _known(study)
    if not isinstance(sweep, Mapping) or not sweep:
        raise InvalidInput(
            'sweep must say what to vary, such as {"bits": [6, 8, 10]}. '
            f"There are: {', '.join(known)}."
        )
    unknown = [repr(knob) for knob in sweep if knob not in known]
    if unknown:
        raise InvalidInput(
            f"{', '.join(unknown)} in sweep is no knob of this study or of a device. "
            f"There are: {', '.join(known)}."
        )
    return {knob: _values(knob, values) for knob, values in sweep.items()}


def _values(knob: str, values: Any) -> list[float]:
    """Plain numbers, each once."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise InvalidInput(f"sweep[{knob!r}] = {values!r} must be a list of numbers.")
    whole = [x if isinstance(x, bool) or not hasattr(x, "__index__") else int(x) for x in values]
    plain = [x if type(x) is int else checks.real_number(f"sweep[{knob!r}]", x) for x in whole]
    if not plain:
        raise InvalidInput(f"sweep[{knob!r}] is empty: give at least one value.")
    return list(dict.fromkeys(plain))


def _task(
    study: Study, device: Device, streams: Streams, knob: str | None, value: Any, k: int
) -> Task:
    seeds = streams.child("sensitivity", k)
    specimen = device.vary("chip", seeds.child("chip").seed)
    if knob is None:
        return Task(specimen, seeds.seed)
    if knob in study.knobs:
        return Task(specimen, seeds.seed, ((knob, value),))
    return Task(specimen.vary(knob, value), seeds.seed)


def _made(folder: str | os.PathLike[str] | None) -> Path | None:
    if folder is None:
        return None
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} is no folder and cannot be made one: {error}.") from error
    return Path(folder)


def _results(
    study: Study, tasks: list[Task], folder: Path | None, workers: int
) -> Iterator[tuple[int, Result]]:
    """Results as they come, with the task's number; tasks that are the same are done once."""
    same: dict[str, list[int]] = {}
    question = question_of(study)
    for index, task in enumerate(tasks):
        same.setdefault(task.key(question), []).append(index)
    paths = {key: None if folder is None else folder / f"{key}.json" for key in same}
    kept = {key: None if path is None else find_kept(path) for key, path in paths.items()}
    for key, result in kept.items():
        if result is not None:
            yield from ((index, result) for index in same[key])
    todo = [(key, tasks[same[key][0]], paths[key]) for key in same if kept[key] is None]
    for key, result in _in_any_order(study, todo, workers):
        yield from ((index, result) for index in same[key])


def _in_any_order(
    study: Study, todo: list[tuple[str, Task, Path | None]], workers: int
) -> Iterator[tuple[str, Result]]:
    if workers == 1 or len(todo) == 1:
        for key, task, path in todo:
            yield _named(key, task, study, path)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=workers, return_as="generator_unordered")
    yield from parallel(delayed(_named)(key, task, study, path) for key, task, path in todo)


def _named(key: str, task: Task, study: Study, path: Path | None) -> tuple[str, Result]:
    return key, run_kept(task, study, path)


def _row(label: str, level: Level) -> str:
    if level.missing and np.isnan(level.median):
        return f"  {label:>10}  refused by all"
    refused = f"   {level.missing} refused" if level.missing else ""
    return f"  {label:>10}  {level.median:10.4g}  ({level.low:.4g} ... {level.high:.4g}){refused}"
