"""Threads: one pool for work that can be cut into independent parts, and BLAS held to one of them.

A product wakes the threads of OpenBLAS, and for a tenth of a second after it they wait for the next
one in a loop that takes a core from whoever else has work to do. Where products take turns with
other work, they are better cut up and shared over the pool, with BLAS on one thread in each part.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

CORES = min(16, os.cpu_count() or 1)
"""Into how many parts to cut work that is the same for every part."""

THREADS = 2 * CORES
"""Threads of the pool: where some of BLAS wait in a loop, a core shares its time evenly."""

Result = TypeVar("Result")


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, "thermolinalg")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork


def share(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """Run the tasks side by side; their results, in order. No task may share out work itself."""
    if len(tasks) == 1 or CORES == 1:
        return [task() for task in tasks]
    others = [_pool().submit(task) for task in tasks[1:]]
    return [tasks[0](), *(other.result() for other in others)]


def cut(size: int, parts: int) -> list[slice]:
    """[0, size) in so many slices of about equal length, none of them empty."""
    parts = max(1, min(parts, size))
    ends = [size * k // parts for k in range(parts + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


class _Rein:
    """Holds BLAS while anyone wants it held: limits set by two threads must not outlive both."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._limit: Any = None

    def take(self) -> None:
        with self._lock:
            if self._holders == 0:
                self._limit = _blas().limit(limits=1)
            self._holders += 1

    def release(self) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                self._limit.restore_original_limits()


_rein = _Rein()


@cache
def _blas() -> ThreadpoolController:
    """The BLAS libraries that are loaded: those of NumPy and SciPy. To find them takes a while."""
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS uses one thread until the block ends, for everyone in this process."""
    _rein.take()
    try:
        yield
    finally:
        _rein.release()
