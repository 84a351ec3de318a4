"""Training as a generator of steps: whoever iterates it decides when to look and when to stop."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from thermolinalg.backend import Array, keep_freed_memory, namespace
from thermolinalg.streams import Streams
from tngd.data.loader import batches, epoch_length
from tngd.linsolve.contract import Cost
from tngd.optimizers.contract import Move, Optimizer, State
from tngd.training.problem import Problem


@final
@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one step was: measured on its own batch, before the parameters moved.

    Args:
        step: number of the step, from 1.
        epoch: epochs of data seen, this step included.
        loss: mean loss over the batch.
        accuracy: fraction of the batch classified rightly; None for a loss without class labels.
        damping: that the optimizer used; 0 for one that has none.
        analog_time: that a device would relax, in units of RC; 0 without a device.
        device_seconds: modelled time of a device: upload, relaxation, read-out; 0 without one.
        seconds: measured wall time, here.
        joules: modelled energy of a device; None where it states no prices, and without one.
    """

    step: int
    epoch: float
    loss: float
    accuracy: float | None
    damping: float
    analog_time: float
    device_seconds: float
    seconds: float
    joules: float | None = None


@final
@dataclass(frozen=True, eq=False, slots=True)
class Progress:
    """Where a run is: everything needed to go on from here, and the record of the last step.

    Args:
        params: the parameters after the step (p,).
        state: what the optimizer carries to the next step.
        record: what the step was.
        good: the last parameters at which the loss was seen to be a number.
    """

    params: Array
    state: State
    record: StepRecord
    good: Array

    @property
    def finite(self) -> bool:
        """Are the last loss and the new parameters numbers?"""
        xp = namespace(self.params)
        return math.isfinite(self.record.loss) and bool(xp.all(xp.isfinite(self.params)))


def steps(
    problem: Problem,
    optimizer: Optimizer,
    params: Array,
    *,
    batch: int,
    epochs: int,
    streams: Streams,
    state: State | None = None,
    good: Array | None = None,
    done: int = 0,
) -> Iterator[Progress]:
    """Train, one step at a time.

    The batches and the noise of step k depend on the streams and on k only. Hence a run that goes
    on from `Progress.params`, `.state` and `.good` after `done` steps repeats the unbroken run bit
    for bit.
    From where the loss is no number, no step is taken: the parameters stay.

    Args:
        problem: what to minimise.
        optimizer: how.
        params: where to start (p,).
        batch: rows in a batch.
        epochs: passes over the rows, counted from step 0.
        streams: named randomness: "shuffle" orders the rows, "noise" drives the device, "dropout"
            draws masks.
        state: the optimizer's, if the run goes on.
        good: `Progress.good`, if the run goes on; by default where it starts.
        done: steps already taken.
    """
    keep_freed_memory()  # every step fills arrays as large as the network anew
    state, good = state or State(), params if good is None else good
    an_epoch = epoch_length(problem.size, batch)
    order = batches(problem.size, batch, streams=streams, epochs=epochs, done=done)
    for step, rows in enumerate(order, start=done + 1):
        started = time.perf_counter()
        noise, epoch = streams.child("dropout", step), (step - 1) // an_epoch
        objective = problem.objective(params, rows, noise, epoch)
        if math.isfinite(objective.value):
            good = params
            move = optimizer.step(objective, state, streams.stream("noise", step))
        else:
            move = Move(params, state, 0.0, Cost())
        params, state = move.params, move.state
        seconds = time.perf_counter() - started
        record = StepRecord(
            step=step,
            epoch=step / an_epoch,
            loss=objective.value,
            accuracy=problem.accuracy(objective.output, objective.y),
            damping=move.damping,
            analog_time=move.cost.analog_time,
            device_seconds=move.cost.device_seconds,
            seconds=seconds,
            joules=move.cost.joules,
        )
        yield Progress(params, state, record, good)
