"""One fine-tuning run: steps, and after each epoch how well held-out questions are answered."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from models.losses.span import SpanExtraction
from models.network import Network
from thermolinalg.backend import NumpyArray
from thermolinalg.streams import Streams
from tngd.data.loader import epoch_length
from tngd.optimizers.contract import Optimizer
from tngd.reproduce.contract import Numbers
from tngd.reproduce.fig5_questions import Row, arrays, scores
from tngd.training.divergence import until_divergence
from tngd.training.loop import StepRecord, steps
from tngd.training.problem import Problem

BLOCK = 5
"""Steps to a point of the curve that is kept."""

LOSS = SpanExtraction()


@final
@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """A run, before it is run.

    Args:
        network: with what trains.
        params: where it starts.
        train: rows to learn from.
        validation: rows that tuning judges by.
        test: rows of the report; empty in tuning.
        batch: rows in a batch.
        epochs: passes over the rows.
        streams: orders the rows, and draws dropout.
    """

    network: Network
    params: NumpyArray
    train: Sequence[Row]
    validation: Sequence[Row]
    test: Sequence[Row]
    batch: int
    epochs: int
    streams: Streams

    def measure(self, optimizer: Optimizer) -> Numbers:
        """Run it. Losses at the end are without dropout; a run that diverged has none.

        `validation` is what tuning wants as large as can be: the validation loss, less than 0.
        """
        every = epoch_length(len(self.train), self.batch)
        x, y = arrays(self.train)
        problem = Problem(self.network, LOSS, x, y)
        moments = steps(
            problem, optimizer, self.params, batch=self.batch, epochs=self.epochs,
            streams=self.streams,
        )  # fmt: skip
        records: list[StepRecord] = []
        params, diverged = self.params, False
        epochs = [[0, math.inf, *self._tested(params), 0.0, 0.0]]
        with np.errstate(all="ignore"):  # divergence is data: it is counted, not warned of
            for moment, reason in until_divergence(moments, good=params):
                records.append(moment.record)
                diverged = reason is not None
                params = moment.good if diverged else moment.params
                if len(records) % every == 0:
                    epochs.append(_epoch(records, every, self._tested(params)))
        train, validation = (self._loss(params, rows) for rows in (self.train, self.validation))
        return {**_summary(records), "diverged": diverged, "epochs": epochs,
                "train_loss": math.inf if diverged else train,
                "validation": -validation, "validation_loss": validation,
                "test_loss": epochs[-1][2], "exact": epochs[-1][3],
                "f1": epochs[-1][4]}  # fmt: skip

    def _tested(self, params: NumpyArray) -> tuple[float, float, float]:
        """Loss, exact matches and F1 of the test rows; none in tuning, which must not see them."""
        if not self.test:
            return math.inf, 0.0, 0.0
        logits = self._logits(params, self.test)
        found = scores(logits, self.test)
        loss = LOSS.value(logits, arrays(self.test)[1])
        return round(loss, 5), round(found.exact_match, 3), round(found.f1, 3)

    def _loss(self, params: NumpyArray, rows: Sequence[Row]) -> float:
        return LOSS.value(self._logits(params, rows), arrays(rows)[1])

    def _logits(self, params: NumpyArray, rows: Sequence[Row]) -> NumpyArray:
        x, _ = arrays(rows)
        parts = [x[k : k + self.batch] for k in range(0, len(x), self.batch)]
        return np.concatenate([self.network.apply(params, part) for part in parts])


def _epoch(records: Sequence[StepRecord], every: int, tested: Sequence[float]) -> list[float]:
    """Its number; mean training loss; loss, exact matches and F1 of the test; seconds so far."""
    loss = float(np.mean([record.loss for record in records[-every:]]))
    seconds = sum(record.seconds for record in records)
    device = sum(record.device_seconds for record in records)
    return [len(records) // every, round(loss, 5), *tested, round(seconds, 3), device]


def _summary(records: Sequence[StepRecord]) -> Numbers:
    losses = [r.loss if math.isfinite(r.loss) else math.inf for r in records]
    blocks = [losses[k : k + BLOCK] for k in range(0, len(losses), BLOCK)]
    return {
        "steps": len(records),
        "losses": [round(float(np.mean(block)), 5) for block in blocks],
        "step_seconds": float(np.median([record.seconds for record in records])),
        "seconds": sum(record.seconds for record in records),
        "device_seconds": sum(record.device_seconds for record in records),
    }
