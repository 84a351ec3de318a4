"""What a training run leaves: parameters, a history, why it ended."""

import io
import json
from dataclasses import asdict, dataclass
from enum import Enum
from os import PathLike
from typing import IO, Any, final
from zipfile import BadZipFile

import numpy as np

from models.network import Network
from thermolinalg.backend import Array, to_numpy
from thermolinalg.errors import DataError
from thermolinalg.files import atomic_write
from tngd.plots import plot_history
from tngd.training.history import EpochRecord, History
from tngd.training.loop import StepRecord


class Ending(Enum):
    """How a run ended."""

    FINISHED = "every epoch was run"
    STOPPED = "a callback asked to stop"
    DIVERGED = "the run diverged, as `reason` says; the parameters are the last good ones"


@final
@dataclass(frozen=True, eq=False, slots=True)
class TrainingResult:
    """What `fit` returns. The same call with `rng=seed` repeats it.

    `network.apply(params, x)` predicts: the network that was trained, its batch normalisation
    calibrated at these parameters. A result that was read from a file has none:
    `models.save_parameters` keeps constants and parameters together.

    Where a run diverged, `reason` says at which step and in which way, such as "the loss of step 12
    was nan".
    """

    optimizer: str
    params: Array
    history: History
    ending: Ending
    seed: int
    network: Network | None = None
    reason: str | None = None

    def plot(self, axes: Any = None) -> Any:
        """Loss against the step, on given or new matplotlib axes, which are returned."""
        return plot_history(self.history, self.optimizer, axes)

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything to one .npz file; `load_result` reads it back.

        Raises:
            OutputError: the file cannot be written; one that was there is untouched.
        """
        about = {"optimizer": self.optimizer, "ending": self.ending.name, "seed": self.seed,
                 "reason": self.reason}  # fmt: skip
        history = json.dumps(asdict(self.history))

        def write(file: IO[bytes]) -> None:
            np.savez(file, params=to_numpy(self.params), about=json.dumps(about), history=history)

        atomic_write(path, write)

    def __repr__(self) -> str:
        last = self.history.steps[-1] if self.history.steps else None
        words = f", loss {last.loss:.4f}" if last else ""
        if self.history.epochs and self.history.epochs[-1].accuracy is not None:
            words += f", validation accuracy {self.history.epochs[-1].accuracy:.4f}"
        steps = len(self.history.steps)
        why = f": {self.reason}" if self.reason else ""
        return f"TrainingResult({self.optimizer}, {self.ending.name}, {steps} steps{words}{why})"


def load_result(path: str | PathLike[str]) -> TrainingResult:
    """Read what `TrainingResult.save` wrote.

    Raises:
        DataError: the file is not there, or holds something else.
    """
    try:
        with open(path, "rb") as file, np.load(io.BytesIO(file.read()), allow_pickle=False) as kept:
            about, history = json.loads(str(kept["about"])), json.loads(str(kept["history"]))
            return TrainingResult(
                optimizer=about["optimizer"],
                params=kept["params"],
                history=History(
                    tuple(StepRecord(**record) for record in history["steps"]),
                    tuple(EpochRecord(**record) for record in history["epochs"]),
                ),
                ending=Ending[about["ending"]],
                seed=about["seed"],
                reason=about.get("reason"),
            )
    except (BadZipFile, RuntimeError, OSError, KeyError, TypeError, ValueError, EOFError) as error:
        raise DataError(f"{path} holds no saved training result ({error}).") from error
