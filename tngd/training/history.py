"""The record of a training run: a line a step, and a line an epoch for the validation set."""

from dataclasses import dataclass
from typing import final

import numpy as np

from thermolinalg.backend import NumpyArray
from tngd.training.loop import StepRecord


@final
@dataclass(frozen=True, slots=True)
class EpochRecord:
    """The validation set at the end of an epoch."""

    epoch: int
    step: int
    loss: float
    accuracy: float | None
    seconds: float  # measured wall time of the training steps so far
    device_seconds: float  # modelled, so far


@final
@dataclass(frozen=True, slots=True)
class History:
    """One record a step, and one an epoch if there was a validation set."""

    steps: tuple[StepRecord, ...] = ()
    epochs: tuple[EpochRecord, ...] = ()

    def column(self, name: str) -> NumpyArray:
        """One field of the step records, as an array; None becomes NaN."""
        return np.array([getattr(record, name) for record in self.steps], dtype=float)
