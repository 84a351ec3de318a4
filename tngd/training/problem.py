"""What is trained on what: a network, its loss, and the rows it learns from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Self, final

import numpy as np

from models.calibration import calibrated
from models.checks import as_array, instance
from models.losses.contract import Loss, Tally
from models.losses.softmax import SoftmaxCrossEntropy, hits
from models.network import Network
from thermolinalg.backend import Array, like, namespace, zeros
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import Streams
from tngd.objective import Objective

NETWORK = "Take models.mlp([64, 10]), say, or wrap a layer: models.Network(layer)."
LOSS = "Pass an instance with its parentheses, such as models.SoftmaxCrossEntropy()."

ROWS_AT_ONCE = 2048
"""Rows passed through the network at once, which bounds the memory of an evaluation."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Problem:
    """Minimise the mean loss of a network over rows x (n, ...) with targets y (n, ...)."""

    network: Network
    loss: Loss
    x: Array
    y: Array

    def __post_init__(self) -> None:
        for name, kind, say in (("network", Network, NETWORK), ("loss", Loss, LOSS)):
            instance(name, getattr(self, name), kind, say)
        for name in ("x", "y"):
            if not hasattr(rows := getattr(self, name), "shape"):  # a list, say
                object.__setattr__(self, name, as_array(rows))
        if not self.x.shape or not self.y.shape or len(self.x) != len(self.y) or not len(self.x):
            raise ShapeMismatch(
                f"x has shape {tuple(self.x.shape)} and y {tuple(self.y.shape)}: their first axes "
                "must agree and hold at least one row."
            )
        if len(self.x.shape) == 1:
            raise ShapeMismatch(
                f"x has shape {tuple(self.x.shape)}, but each row must be an array of features. If "
                "each row is one number, pass x[:, None]."
            )
        self._try_one_row()

    def _try_one_row(self) -> None:
        """What does not fit is said here, with the user's names, and not in the first step."""
        row, target = self.x[:1], self.y[:1]
        try:
            params, training = zeros((self.network.size,), self.reference), self._by_batch
            output = self.network.apply(params, row, training=training, rng=0)
        except ShapeMismatch as error:
            raise ShapeMismatch(
                f"the network cannot read rows of x, which have shape {tuple(row.shape[1:])}: "
                f"{error} Reshape x, or make the network for such rows."
            ) from error
        try:
            self.loss.value(output, target)
        except InvalidInput as error:
            raise type(error)(
                f"{type(self.loss).__name__} cannot compare outputs of shape "
                f"{tuple(output.shape[1:])} with targets y of shape {tuple(self.y.shape)}: {error}"
            ) from error

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.x.shape[0])

    def init(self, rng: np.random.Generator) -> Array:
        """Random initial parameters (p,), in the library of the rows."""
        return like(self.network.init(rng, dtype=np.float64), self.reference)

    def objective(
        self, params: Array, rows: Array, noise: Streams | None = None, epoch: int = 0
    ) -> Objective:
        """The mean loss over some rows, at some parameters; with noise, as in training."""
        x, y = self.x[rows], self.y[rows]
        return Objective(self.network, self.loss, params, x, y, noise, rows, epoch)

    def calibrated(self, params: Array, rng: np.random.Generator) -> Network:
        """The network as it is evaluated at some parameters.

        Batch normalisation gets the statistics of rows drawn from all, `ROWS_AT_ONCE` of them or as
        many as there are. A network without is the same at all parameters.
        """
        if not self._by_batch:
            return self.network
        rows = rng.permutation(self.size)[:ROWS_AT_ONCE]
        return calibrated(self.network, params, self.x[rows])

    def with_network(self, network: Network) -> Self:
        """The same rows for another network."""
        return self if network is self.network else replace(self, network=network)

    def evaluate(self, params: Array) -> tuple[float, float | None]:
        """Mean loss and, for a classification loss, accuracy over all rows."""
        parts = [self._tallies(params, first) for first in range(0, self.size, ROWS_AT_ONCE)]
        losses, right = zip(*parts, strict=True)
        return _whole(losses).mean, _whole(right).mean if self.classifies else None

    def accuracy(self, output: Array, y: Array) -> float | None:
        """Fraction of labels that outputs of the network get right; None without class labels."""
        return self._hits(output, y).mean if self.classifies else None

    def _tallies(self, params: Array, first: int) -> tuple[Tally, Tally]:
        """Of the loss, and of what is right, over the rows of one pass."""
        rows = slice(first, first + ROWS_AT_ONCE)
        output, y = self.network.apply(params, self.x[rows]), self.y[rows]
        return self.loss.tally(output, y), self._hits(output, y)

    @property
    def _by_batch(self) -> bool:
        """Is there batch normalisation, whose statistics evaluation needs and training does not?"""
        return bool(self.network.statistics)

    @property
    def reference(self) -> Array:
        """Library, device and dtype of parameters: those of the constants, or float32 beside x."""
        nothing = self.x[:0]
        single = namespace(nothing).astype(nothing, namespace(nothing).float32)
        return next(iter(self.network.constants.values()), single)

    def _hits(self, output: Array, y: Array) -> Tally:
        if not isinstance(self.loss, SoftmaxCrossEntropy):
            return Tally((), ())
        return hits(output, y, ignore=self.loss.ignore)

    @property
    def classifies(self) -> bool:
        """Are the targets class labels?"""
        return isinstance(self.loss, SoftmaxCrossEntropy)


def _whole(parts: Iterable[Tally]) -> Tally:
    """The tally of all rows, from those of its passes."""
    return reduce(add, parts)
