"""The threads that draw noise and turn it into kicks, and how many BLAS may use beside them."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

THREADS = min(8, os.cpu_count() or 1)
"""Threads of the pool. Noise is all that a long run of a small system costs."""


@cache
def pool() -> ThreadPoolExecutor:
    """The threads themselves, started when they are first needed."""
    return ThreadPoolExecutor(THREADS, "thermolinalg")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # threads do not survive a fork


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


_lock = threading.Lock()
_users = 0
_limit = ExitStack()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS works in the thread that calls it, so that it does not spin where the pool works.

    The number is one for the whole process: the first to ask sets it, the last to leave restores
    it, so that runs side by side do not undo each other.
    """
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            _limit.enter_context(_controller().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limit.close()
