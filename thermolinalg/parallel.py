"""Independent tasks side by side, by whatever backend joblib is set to."""

from collections.abc import Callable, Sequence
from typing import Any

from thermolinalg.errors import InvalidInput


def workers(n_jobs: int) -> int:
    """The number of workers that a caller asked for.

    Raises:
        InvalidInput: it is no number of workers.
    """
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs == 0:
        raise InvalidInput(
            f"n_jobs = {n_jobs!r} must be a number of workers, or -1 for one a core."
        )
    return n_jobs


def parallel(tasks: Sequence[Callable[[], Any]], n_jobs: int) -> list[Any]:
    """What the tasks return, in their order."""
    if n_jobs == 1 or len(tasks) == 1:
        return [task() for task in tasks]
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=n_jobs)(delayed(task)() for task in tasks))
