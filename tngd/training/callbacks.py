"""What may watch a training run: a bar on a terminal, plain lines in a log, early stopping.

A callback is called with each `Progress`, and with the validation record at the end of an epoch;
it returns True to stop the run.
"""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias, final

from tqdm import tqdm

from tngd.training.loop import Progress, StepRecord

Callback: TypeAlias = Callable[[Progress], bool | None]

log = logging.getLogger("tngd")


@final
class Bar:
    """A progress bar on a terminal."""

    def __init__(self, name: str, total: int, done: int = 0) -> None:
        self._bar = tqdm(total=total, initial=done, desc=name, file=sys.stderr, leave=False)

    def __call__(self, progress: Progress) -> None:
        self._bar.set_postfix_str(_words(progress.record), refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Take the bar off the screen."""
        self._bar.close()


@final
class Lines:
    """A line in the log "tngd", at most one every few seconds and one at the end."""

    def __init__(self, name: str, total: int, *, every: float = 5.0) -> None:
        self._name, self._total, self._every = name, total, every
        self._next = time.monotonic() + every

    def __call__(self, progress: Progress) -> None:
        step, now = progress.record.step, time.monotonic()
        if now >= self._next or step == self._total:
            self._next = now + self._every
            log.info(
                "%s: step %d of %d, %s", self._name, step, self._total, _words(progress.record)
            )

    def close(self) -> None:
        """The lines stay."""


@contextlib.contextmanager
def watched(name: str, total: int, done: int = 0) -> Iterator[Callback]:
    """A bar where a person looks, else lines in the log, for as long as the run takes."""
    watcher = Bar(name, total, done) if sys.stderr.isatty() else Lines(name, total)
    try:
        yield watcher
    finally:
        watcher.close()


def _words(record: StepRecord) -> str:
    accuracy = "" if record.accuracy is None else f", accuracy {record.accuracy:.3f}"
    return f"loss {record.loss:.4f}{accuracy}"
