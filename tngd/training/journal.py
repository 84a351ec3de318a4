"""What is noted while a run goes: every step, the validation set after an epoch, checkpoints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from models.network import Network
from thermolinalg.backend import Array
from tngd.training.checkpoint import Checkpoint, StrPath
from tngd.training.history import EpochRecord, History
from tngd.training.loop import Progress, StepRecord
from tngd.training.problem import Problem


@final
@dataclass(frozen=True, slots=True)
class Occasions:
    """After which steps something is noted.

    Args:
        epoch: steps between looks at the validation set.
        every: steps between checkpoints.
        last: the step after which there is a checkpoint in any case.
    """

    epoch: int
    every: int
    last: int

    def keeps(self, step: int) -> bool:
        """Is there a checkpoint after this step?"""
        return step % self.every == 0 or step == self.last


@final
class Journal:
    """The records of a run, from where it began or goes on."""

    def __init__(
        self, here: Checkpoint, path: StrPath | None, held_out: Problem | None, when: Occasions
    ) -> None:
        self._here, self._path, self._held_out, self._when = here, path, held_out, when
        self._steps = list(here.history.steps)
        self._epochs = list(here.history.epochs)

    @property
    def history(self) -> History:
        """So far."""
        return History(tuple(self._steps), tuple(self._epochs))

    def note(self, record: StepRecord) -> None:
        """Another step."""
        self._steps.append(record)

    def look(self, moment: Progress, fitted: Callable[[Array], Network]) -> None:
        """Evaluate the network that is fitted to the parameters, if an epoch ends here."""
        if self._held_out is not None and moment.record.step % self._when.epoch == 0:
            self._held_out = self._held_out.with_network(fitted(moment.params))
            loss, accuracy = self._held_out.evaluate(moment.params)
            self._epochs.append(self._epoch(moment.record, loss, accuracy))

    def keep(self, moment: Progress, *, stops: bool) -> None:
        """Write a checkpoint, if one is due here or the run stops here."""
        if self._path is not None and (stops or self._when.keeps(moment.record.step)):
            self._here.after(moment, self.history).save(self._path)

    def _epoch(self, record: StepRecord, loss: float, accuracy: float | None) -> EpochRecord:
        return EpochRecord(
            epoch=round(record.epoch),
            step=record.step,
            loss=loss,
            accuracy=accuracy,
            seconds=sum(step.seconds for step in self._steps),
            device_seconds=sum(step.device_seconds for step in self._steps),
        )
