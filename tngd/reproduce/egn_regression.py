"""Exact Gauss-Newton descent on small tables of real data."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, final

import numpy as np

import models
from models.losses import Loss
from models.network import Network
from thermolinalg.backend import NumpyArray
from thermolinalg.errors import DataError, InvalidInput
from thermolinalg.streams import Streams
from tngd.data.dataset import split
from tngd.data.digits import load_digits
from tngd.data.loader import epoch_length
from tngd.objective import Objective
from tngd.reproduce.contest import Contest
from tngd.reproduce.contract import Case, Numbers
from tngd.reproduce.entry import Entry
from tngd.training.divergence import until_divergence
from tngd.training.loop import steps
from tngd.training.problem import Problem

HIDDEN = (32, 16)
"""Widths of the perceptron's hidden layers."""


@final
@dataclass(frozen=True)
class EGNRegression(Contest):
    """Tables divided anew by each seed: 60 % to train on, 20 % to judge by, 20 % to test.

    A run is judged and tested with the parameters of the epoch that the validation set likes best,
    whoever the optimizer is, for small tables are soon learnt by heart.
    """

    length: ClassVar[str] = "epochs"
    quantity: ClassVar[str] = "test error"

    def run(self, place: str, entry: Entry, case: Case) -> Numbers:
        table, streams = read_table(place), Streams(case["seed"])
        net = table.network
        training, validation, test = (
            Problem(net, table.loss, *part) for part in table.divided(streams.child("split").seed)
        )
        best = params = net.init(streams.stream("init"))
        least, good_epoch, seconds, taken = validation.evaluate(params)[0], 0, 0.0, 0
        each = epoch_length(training.size, self.batch)
        moments = steps(training, entry.make(case["knobs"]), params, batch=self.batch,
                        epochs=case["epochs"], streams=streams)  # fmt: skip
        diverged = False
        with np.errstate(all="ignore"):  # divergence is data
            for moment, reason in until_divergence(moments, good=params):
                seconds, taken = seconds + moment.record.seconds, taken + 1
                diverged = reason is not None
                if diverged:
                    break
                if taken % each == 0:
                    loss = validation.evaluate(moment.params)[0]
                    if loss < least:
                        least, best, good_epoch = loss, moment.params, taken // each
        return {
            "judged": float(least),
            "score": table.error(best, test),
            "epoch": good_epoch,
            "steps": taken,
            "seconds": seconds,
            "diverged": diverged,
        }


@final
@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows x (n, d) with labels y (n,), or with numbers y (n, 1) where there are no classes."""

    x: NumpyArray
    y: NumpyArray
    classes: int = 0

    @property
    def loss(self) -> Loss:
        """Softmax cross-entropy of classes, squares of numbers."""
        return models.SoftmaxCrossEntropy() if self.classes else models.SquaredError()

    @property
    def network(self) -> Network:
        """A perceptron."""
        return models.mlp([self.x.shape[1], *HIDDEN, self.classes or 1])

    def divided(self, seed: int) -> list[tuple[NumpyArray, NumpyArray]]:
        """Three parts; means and deviations that they are brought to 0 and 1 by are the first's."""
        labels = self.y if self.classes else np.zeros(len(self.y), int)
        rows = [part.x for part in split(np.arange(len(labels)), labels, [0.6, 0.2], rng=seed)]
        x = _standard(self.x, rows[0])
        y = self.y if self.classes else _standard(self.y, rows[0])
        return [(x[part], y[part]) for part in rows]

    def error(self, params: NumpyArray, part: Problem) -> float:
        """The share of wrong labels; of numbers the root mean square, in training deviations."""
        output = Objective(part.network, part.loss, params, part.x, part.y).output
        if self.classes:
            return float(np.mean(np.argmax(output, axis=1) != part.y))
        return math.sqrt(float(np.mean((output - part.y) ** 2)))


def _standard(values: NumpyArray, rows: NumpyArray) -> NumpyArray:
    mean, deviation = values[rows].mean(axis=0), values[rows].std(axis=0)
    flat = np.where(deviation > 0, deviation, 1.0)  # a pixel that is always dark
    standard: NumpyArray = ((values - mean) / flat).astype(np.float32)
    return standard


def diabetes() -> Table:
    """442 patients of 10 numbers each, and how far the disease went in a year."""
    found = _sklearn("load_diabetes")
    return Table(found.data, found.target[:, None])


def breast_cancer() -> Table:
    """569 tumours of 30 numbers each, benign or malignant."""
    found = _sklearn("load_breast_cancer")
    return Table(found.data, found.target.astype(np.int64), 2)


def digits() -> Table:
    """The 1,797 digits that come with the package."""
    found = load_digits()
    parts = (found.train, found.validation, found.test)
    return Table(np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts]), 10)


def _sklearn(name: str) -> Any:
    try:
        return getattr(import_module("sklearn.datasets"), name)()
    except ImportError as error:
        raise DataError(
            f"{name} comes with scikit-learn, which is not installed: "
            'pip install "thermolinalg[sklearn]".'
        ) from error


TABLES: dict[str, Callable[[], Table]] = {
    "diabetes": diabetes,
    "breast-cancer": breast_cancer,
    "digits": digits,
}


@cache
def read_table(name: str) -> Table:
    """The table of this name, read once in each process."""
    if name not in TABLES:
        raise InvalidInput(f"place {name!r} is no table. There are: {', '.join(TABLES)}.")
    return TABLES[name]()
