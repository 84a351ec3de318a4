"""fit: train a network on rows of data, with validation, callbacks and a history."""

import contextlib
import os
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from models.losses import Loss
from models.network import Network
from thermolinalg import checks
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import RNG, Streams, open_streams
from tngd.data.loader import epoch_length
from tngd.optimizers.contract import Optimizer, State
from tngd.optimizers.registry import list_optimizers
from tngd.training.callbacks import Callback, watched
from tngd.training.checkpoint import Checkpoint, StrPath, load_checkpoint
from tngd.training.divergence import EXPLODED, checked_limit, until_divergence
from tngd.training.fingerprint import Fingerprint, fingerprint
from tngd.training.history import History
from tngd.training.journal import Journal, Occasions
from tngd.training.loop import steps
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
    checkpoint: StrPath | None = None,
    every: int | None = None,
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
        checkpoint: a file that the run is kept in. If it is there and of this run, the run goes on
            from it, bit for bit as if it had not been broken off, its history included; with more
            epochs than before it goes on further. Callbacks see the steps that are left.
        every: steps between checkpoints, by default an epoch. The last step is kept, and one at
            which a callback stops the run; one in which it diverges is not.
        rng: int, Generator, SeedSequence, or None for fresh entropy, or for the seed of
            the checkpoint.

    Raises:
        InvalidInput: an argument cannot be used; the message says why and what to do. A run that
            diverges is no error: `ending` then is DIVERGED, `reason` says at which step the loss
            or the parameters stopped being numbers or the loss exploded, and `params` are the last
            of before. So is a checkpoint of another run; the message says what differs.
        DataError: the checkpoint is damaged, or the file is none.
        OutputError: the checkpoint cannot be written.
    """
    _require_optimizer(optimizer)
    _require_callbacks(callbacks)
    problem, held_out = Problem(network, loss, *_pair("data", data)), None
    if validation is not None:
        held_out = Problem(network, loss, *_pair("validation", validation))
    batch, epochs = checks.count("batch", batch), checks.count("epochs", epochs)
    explode = checked_limit(explode)
    an_epoch = epoch_length(problem.size, batch)
    when = Occasions(an_epoch, _interval(every, checkpoint, an_epoch), an_epoch * epochs)
    about = partial(_about, problem, held_out, optimizer, batch, params)
    here, streams = _begun(problem, params, rng, checkpoint, about)
    _require_ahead(here, when)
    run = steps(
        problem,
        optimizer,
        here.params,
        batch=batch,
        epochs=epochs,
        streams=streams,
        state=here.state,
        good=here.good,
        done=here.done,
    )
    moments = until_divergence(run, good=here.good, first=here.first, explode=explode)
    journal = Journal(here, checkpoint, held_out, when)
    reached, ending, reason = here.params, Ending.FINISHED, None

    def fitted(params: Array) -> Network:
        return problem.calibrated(params, streams.stream("calibration"))

    with contextlib.ExitStack() as stack:
        stack.enter_context(np.errstate(all="ignore"))  # divergence is reported by the ending
        watching = list(callbacks)
        if progress:
            watching.append(stack.enter_context(watched(optimizer.name, when.last, here.done)))
        for moment, reason in moments:
            journal.note(moment.record)
            if reason is not None:
                reached, ending = moment.good, Ending.DIVERGED
                break
            reached = moment.params
            journal.look(moment, fitted)
            asked = [callback(moment) for callback in watching]  # each sees every step
            journal.keep(moment, stops=any(asked))
            if any(asked):
                ending = Ending.STOPPED
                break
        trained = fitted(reached)
    history, seed = journal.history, streams.seed
    return TrainingResult(optimizer.name, reached, history, ending, seed, trained, reason)


def _about(
    problem: Problem,
    held_out: Problem | None,
    optimizer: Optimizer,
    batch: int,
    params: Array | None,
) -> Fingerprint:
    """Everything that the steps and records of a run follow from, but its seed and its length."""
    return fingerprint(
        optimizer=optimizer,
        batch=batch,
        network=problem.network,
        loss=problem.loss,
        params=params,
        data=(problem.x, problem.y),
        validation=None if held_out is None else (held_out.x, held_out.y),
    )


def _begun(
    problem: Problem,
    params: Array | None,
    rng: RNG,
    path: StrPath | None,
    about: Callable[[], Fingerprint],
) -> tuple[Checkpoint, Streams]:
    """Where the run goes on, or its very beginning, which is kept at once: may the file be written?

    The checkpoint's own seed is taken where none is given.
    """
    if path is not None and os.path.lexists(path):
        kept = load_checkpoint(path, problem.reference if params is None else params)
        streams = Streams(kept.seed) if rng is None else open_streams(rng)
        kept.require(path, about(), streams.seed)
        return kept, streams
    streams = open_streams(rng)
    start = problem.init(streams.stream("init")) if params is None else params
    run = () if path is None else about()
    here = Checkpoint(start, start, State(), History(), streams.seed, run)
    if path is not None:
        here.save(path)
    return here, streams


def _interval(every: int | None, path: object, an_epoch: int) -> int:
    """Steps between checkpoints."""
    if path is not None and not isinstance(path, str | os.PathLike):
        raise InvalidInput(f"checkpoint = {path!r} is no path, such as 'run.checkpoint'.")
    if every is None:
        return an_epoch
    if path is None:
        raise InvalidInput(f"every = {every!r} has no effect without checkpoint='file'.")
    return checks.count("every", every)


def _require_ahead(here: Checkpoint, when: Occasions) -> None:
    if here.done > when.last:
        raise InvalidInput(
            f"epochs = {when.last // when.epoch} are {when.last} steps, and the checkpoint is "
            f"{here.done} steps on. Ask for {-(-here.done // when.epoch)} epochs or more, or name "
            "another file."
        )


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
