"""One training run inside a comparison, with the validation set looked at along the way."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from models.losses import Loss
from models.network import Network
from thermolinalg import checks
from thermolinalg.streams import Streams
from tngd.data.dataset import Dataset
from tngd.data.loader import epoch_length
from tngd.optimizers.contract import Optimizer
from tngd.training.divergence import until_divergence
from tngd.training.loop import steps
from tngd.training.problem import Problem

LOOKS = 4
"""Times an epoch at which the validation set is looked at, unless told otherwise."""


@final
@dataclass(frozen=True, slots=True)
class Setting:
    """What every trial of a comparison has in common."""

    network: Network
    loss: Loss
    dataset: Dataset
    batch: int
    epochs: int
    looks: int = LOOKS  # times an epoch at which the validation set is looked at

    def __post_init__(self) -> None:
        checks.count("looks", self.looks)
        checks.count("batch", self.batch)
        checks.count("epochs", self.epochs)


@final
@dataclass(frozen=True, slots=True)
class Look:
    """The validation set at some step, and what getting there took."""

    step: int
    loss: float
    accuracy: float
    seconds: float  # measured, training steps alone
    device_seconds: float  # modelled


@final
@dataclass(frozen=True, slots=True)
class Trial:
    """How one run went. A run that diverged keeps its last good parameters' scores."""

    contender: str
    rate: float
    seed: int
    diverged: bool
    losses: tuple[float, ...]  # training loss, a number a step
    seconds: tuple[float, ...]  # measured wall time, a number a step
    looks: tuple[Look, ...]
    test_loss: float
    test_accuracy: float
    train_loss: float  # over all training rows, at the end
    device_seconds: float  # modelled, whole run
    reason: str | None = None  # why it diverged

    @property
    def final(self) -> Look:
        """The last look at the validation set."""
        return self.looks[-1]

    def reach(self, accuracy: float) -> Look | None:
        """The first look at which the validation accuracy was reached."""
        return next((look for look in self.looks if look.accuracy >= accuracy), None)


def run_trial(setting: Setting, name: str, optimizer: Optimizer, seed: int) -> Trial:
    """Train once. The same seed gives every contender the same start and the same batches."""
    data, streams = setting.dataset, Streams(seed)
    training, held_out, test = (
        Problem(setting.network, setting.loss, *part)
        for part in (data.train, data.validation, data.test)
    )
    params = setting.network.init(streams.stream("init"))
    every = max(1, epoch_length(training.size, setting.batch) // setting.looks)
    moments = steps(
        training,
        optimizer,
        params,
        batch=setting.batch,
        epochs=setting.epochs,
        streams=streams,
    )
    losses: list[float] = []
    seconds: list[float] = []

    def ready(part: Problem, params: np.ndarray) -> Problem:
        return part.with_network(training.calibrated(params, streams.stream("calibration")))

    device, reason = 0.0, None
    looks = [_look(ready(held_out, params), params, 0, 0.0, 0.0)]
    with np.errstate(all="ignore"):  # divergence is data: it is counted, not warned of
        for moment, reason in until_divergence(moments, good=params):
            losses.append(moment.record.loss)
            seconds.append(moment.record.seconds)
            device += moment.record.device_seconds
            if reason is not None:
                params = moment.good
                break
            params = moment.params
            if moment.record.step % every == 0:
                here = ready(held_out, params)
                looks.append(_look(here, params, len(losses), sum(seconds), device))
        if looks[-1].step < len(losses):
            here = ready(held_out, params)
            looks.append(_look(here, params, len(losses), sum(seconds), device))
        test_loss, test_accuracy = ready(test, params).evaluate(params)
        train_loss, _ = ready(training, params).evaluate(params)
    return Trial(
        contender=name,
        rate=optimizer.rate,
        seed=seed,
        diverged=reason is not None,
        losses=tuple(losses),
        seconds=tuple(seconds),
        looks=tuple(looks),
        test_loss=test_loss,
        test_accuracy=test_accuracy or 0.0,
        train_loss=train_loss,
        device_seconds=device,
        reason=reason,
    )


def _look(
    held_out: Problem, params: np.ndarray, step: int, seconds: float, device_seconds: float
) -> Look:
    loss, accuracy = held_out.evaluate(params)
    return Look(
        step, loss if math.isfinite(loss) else math.inf, accuracy or 0.0, seconds, device_seconds
    )
