"""fit: train a network on rows of data, with validation, callbacks and a history."""

import contextlib
from collections.abc import Sequence

import numpy as np

from models.losses import Loss
from models.network import Network
from thermolinalg import checks
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import RNG, open_streams
from tngd.data.loader import epoch_length
from tngd.optimizers.contract import Optimizer
from tngd.optimizers.registry import list_optimizers
from tngd.training.callbacks import Callback, watched
from tngd.training.divergence import EXPLODED, checked_limit, until_divergence
from tngd.training.history import EpochRecord, History
from tngd.training.loop import Progress, StepRecord, steps
from tngd.training.problem import Problem
from tngd.training.result import Ending, TrainingResult


def fit(
    network: Network,
    loss: Loss,
    data: tuple[Array, Array],
    /,
    *,
    optimizer: Optimizer,
    batch: int = 64,
    epochs: int = 10,
    validation: tuple[Array, Array] | None = None,
    params: Array | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    explode: float | None = EXPLODED,
    rng: RNG = None,
) -> TrainingResult:
    """Train a network.

    Batch normalisation uses the batch in training. Before every evaluation and at the end its
    constants are calibrated on rows of `data`, 2048 of them or as many as there are, drawn once;
    `result.network` has them. Optimizers that need a Gram matrix refuse such networks: take `SGD`,
    `Adam`, or `NGD` with `CG()`.

    Args:
        network: from `models`, such as `models.mlp([64, 32, 10])`.
        loss: such as `models.SoftmaxCrossEntropy()`.
        data: rows and targets (x, y) to train on.
        optimizer: such as `tngd.TNGD(rate=0.1)`, or one by name from `tngd.optimizer`.
        batch: rows in a batch.
        epochs: passes over the rows.
        validation: rows and targets evaluated after every epoch.
        params: where to start; None initialises the network at random.
        callbacks: functions, each called after every step with its `Progress`: the parameters,
            the optimizer's state and a `StepRecord` with the loss. One that returns True stops
            the run, once all have seen the step. A step in which the run diverges ends it without
            a call.
        progress: show a bar on a terminal, or write lines to the log "tngd" elsewhere.
        explode: the run has diverged once the loss of a batch is above this many times that of
            the first batch, or this where that one is below 1. By default 2^23: a network whose
            loss is so large cannot tell a change as large as the first loss from the rounding of
            float32. None for no limit.
        rng: int, Generator, SeedSequence, or None for fresh entropy.

    Raises:
        InvalidInput: an argument cannot be used; the message says why and what to do. A run that
            diverges is no error: `ending` then is DIVERGED, `reason` says at which step the loss
            or the parameters stopped being numbers or the loss exploded, and `params` are the last
            of before.
    """
    _require_optimizer(optimizer)
    _require_callbacks(callbacks)
    problem = Problem(network, loss, *_pair("data", data))
    held_out = None
    if validation is not None:
        held_out = Problem(network, loss, *_pair("validation", validation))
    batch, epochs = checks.count("batch", batch), checks.count("epochs", epochs)
    streams = open_streams(rng)
    start = problem.init(streams.stream("init")) if params is None else params
    an_epoch = epoch_length(problem.size, batch)
    run = steps(problem, optimizer, start, batch=batch, epochs=epochs, streams=streams)
    explode = checked_limit(explode)

    trained: list[StepRecord] = []
    evaluated: list[EpochRecord] = []
    reached, ending, reason = start, Ending.FINISHED, None

    def fitted(params: Array) -> Network:
        return problem.calibrated(params, streams.stream("calibration"))

    with contextlib.ExitStack() as stack:
        stack.enter_context(np.errstate(all="ignore"))  # divergence is reported by the ending
        watching = list(callbacks)
        if progress:
            watching.append(stack.enter_context(watched(optimizer.name, an_epoch * epochs)))
        for moment, reason in until_divergence(run, good=start, explode=explode):
            trained.append(moment.record)
            if reason is not None:
                reached, ending = moment.good, Ending.DIVERGED
                break
            reached = moment.params
            if held_out is not None and moment.record.step % an_epoch == 0:
                held_out = held_out.with_network(fitted(moment.params))
                evaluated.append(_evaluate(held_out, moment, trained))
            asked = [callback(moment) for callback in watching]  # each sees every step
            if any(asked):
                ending = Ending.STOPPED
                break
        trained_network = fitted(reached)
    history = History(tuple(trained), tuple(evaluated))
    seed = streams.seed
    return TrainingResult(optimizer.name, reached, history, ending, seed, trained_network, reason)


def _require_optimizer(optimizer: object) -> None:
    if isinstance(optimizer, Optimizer):
        return
    known = isinstance(optimizer, str) and optimizer in list_optimizers()
    advice = f'tngd.optimizer("{optimizer}")' if known else 'tngd.TNGD() or tngd.optimizer("tngd")'
    raise InvalidInput(f"optimizer = {optimizer!r} is not an Optimizer. Pass {advice}.")


def _require_callbacks(callbacks: object) -> None:
    if callable(callbacks):
        raise InvalidInput("callbacks is one function; pass a list of them: callbacks=[function].")
    if not isinstance(callbacks, Sequence) or not all(callable(each) for each in callbacks):
        raise InvalidInput(f"callbacks = {callbacks!r} is not a list of functions.")


def _pair(name: str, rows: tuple[Array, Array]) -> tuple[Array, Array]:
    try:
        x, y = rows
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} must be rows and targets: pass the pair (x, y).") from error
    return x, y


def _evaluate(problem: Problem, moment: Progress, trained: list[StepRecord]) -> EpochRecord:
    loss, accuracy = problem.evaluate(moment.params)
    return EpochRecord(
        epoch=round(moment.record.epoch),
        step=moment.record.step,
        loss=loss,
        accuracy=accuracy,
        seconds=sum(record.seconds for record in trained),
        device_seconds=sum(record.device_seconds for record in trained),
    )
