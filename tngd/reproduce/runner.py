"""Running the cases of an experiment: in parallel, each kept as soon as it is known."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from thermolinalg import checks
from thermolinalg.analysis.task import checksum, digest
from thermolinalg.files import atomic_write
from thermolinalg.threads import one_blas_thread
from tngd.reproduce.contract import Case, Done, Experiment, Numbers
from tngd.reproduce.published import Published

Watcher: TypeAlias = Callable[[Done, int, int], None]
"""Told of each case as it ends: the case, how many have ended, of how many that are known."""


def run_cases(
    published: Published,
    folder: Path,
    *,
    workers: int | None = None,
    watcher: Watcher | None = None,
) -> list[Done]:
    """Run what is not kept in the folder, and return everything in the order of the cases.

    Args:
        published: what to run.
        folder: where each result is kept under a digest of all that it follows from; made if it is
            not there. Called again after an interrupt, what is kept is not done again.
        workers: processes; None takes one for each core. Timed experiments take one.
        watcher: told of each case as it ends.

    Raises:
        OutputError: a result cannot be kept.
    """
    workers = os.cpu_count() or 1 if workers is None else checks.count("workers", workers)
    experiment = published.experiment
    tell, found = watcher or (lambda *_: None), dict[str, Done]()
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        asked = {_key(published, case): case for case in experiment.cases(list(found.values()))}
        new = [(key, case) for key, case in asked.items() if key not in found]
        if not new:
            return [found[key] for key in asked]
        for key, done in _ended(experiment, new, folder, 1 if experiment.timed else workers):
            found[key] = done
            tell(done, len(found), len(asked))
        found = {key: found[key] for key in asked}  # in the order of the cases


def _ended(
    experiment: Experiment, asked: Sequence[tuple[str, Case]], folder: Path, workers: int
) -> Iterator[tuple[str, Done]]:
    """Those that were kept first."""
    todo = []
    for key, case in asked:
        numbers = find_kept(folder / f"{key}.json")
        if numbers is None:
            todo.append((key, case))
        else:
            yield key, Done(case, numbers)
    if workers == 1:
        for key, case in todo:
            yield _run(experiment, key, case, folder)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=workers, return_as="generator_unordered")
    yield from parallel(delayed(_run)(experiment, key, case, folder) for key, case in todo)


def _run(experiment: Experiment, key: str, case: Case, folder: Path) -> tuple[str, Done]:
    """Run a case, and keep what came of it before it is told to anyone."""
    if experiment.timed:
        numbers = experiment.measure(case)
    else:
        with one_blas_thread():  # sums do not depend on how many workers share the cores
            numbers = experiment.measure(case)
    content = json.dumps(numbers)
    kept = {"case": dict(case), "numbers": content, "sum": checksum(content)}
    atomic_write(folder / f"{key}.json", json.dumps(kept, indent=1))
    return key, Done(case, json.loads(content))


def _key(published: Published, case: Case) -> str:
    """A digest of all that the numbers follow from, this package's version among it."""
    version = sys.modules["thermolinalg"].__version__
    experiment = published.experiment
    kind = type(experiment).__qualname__
    return digest((version, kind, experiment.context, json.dumps(case, sort_keys=True)))


def find_kept(path: Path) -> Numbers | None:
    """The numbers in a file; None if there is none that is whole."""
    try:
        kept: dict[str, Any] = json.loads(path.read_bytes())
        if kept["sum"] == checksum(kept["numbers"]):
            numbers: Numbers = json.loads(kept["numbers"])
            return numbers
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    return None
