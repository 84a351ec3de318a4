"""Inverse-free fast natural gradient descent: sample weights of one epoch, used in all later ones.

For one layer with the gradients u_n of its parameters in the loss of sample n, U = [u_1 ... u_M],
and the empirical Fisher matrix F = UU'/M,

    (F + damping I)⁻¹ g  =  Σ_n a_n u_n / M        (U'U/M + damping I) a = 1

by the identity of Sherman, Morrison and Woodbury: a natural gradient is a gradient with weighted
samples. The weights a are M times the coefficients c of the paper. So they are about 1/damping in
a batch of any size, and may be used in one of another size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, final, get_args

import numpy as np

from models.blocks import FREE
from models.layer import Visit
from thermolinalg import checks
from thermolinalg.backend import Array, NumpyArray, like, namespace, to_numpy
from thermolinalg.errors import InvalidInput
from tngd.linsolve.woodbury import damped_solve
from tngd.objective import Objective
from tngd.optimizers.contract import Direction, Found, Memory, Optimizer, Point
from tngd.optimizers.rules import Rate
from tngd.optimizers.transforms import Momentum

Reading = Literal["sample", "position", "mean", "scalar"]


@final
@dataclass(frozen=True, eq=False, slots=True)
class Weights:
    """What is known of the sample weights, as sums under keys, and where in an epoch one is.

    Args:
        first: the epoch in which they were first learnt.
        epoch: of the last batch.
        batch: its number in that epoch, from 0.
        size: of the first batch they were learnt from.
        sums: of the weights of each layer under each key (layers, keys).
        counts: how many weights each sum has (keys,).
    """

    first: int
    epoch: int
    batch: int
    size: int
    sums: NumpyArray
    counts: NumpyArray

    def learnt(self, keys: NumpyArray, weights: NumpyArray) -> "Weights":
        """With those (layers, b) of another batch; keys below 0 are left out."""
        kept = keys >= 0
        keys, weights = keys[kept], weights[:, kept]
        length = max(len(self.counts), int(keys.max(initial=-1)) + 1)
        sums = np.zeros((len(weights), length), weights.dtype)
        sums[:, : len(self.counts)] = self.sums
        np.add.at(sums.T, keys, weights.T)
        counts = np.bincount(keys, minlength=length)
        counts[: len(self.counts)] += self.counts
        return replace(self, sums=sums, counts=counts)

    def recalled(self, keys: NumpyArray) -> NumpyArray:
        """Means under the keys (layers, b); for keys never seen, the mean of all of the layer."""
        seen = (keys >= 0) & (keys < len(self.counts))
        keys = np.where(seen, keys, 0)
        counts = self.counts[keys]
        everywhere = self.sums.sum(axis=1, keepdims=True) / self.counts.sum()
        means = self.sums[:, keys] / np.maximum(counts, 1)
        return np.where(seen & (counts > 0), means, everywhere).astype(self.sums.dtype)


@final
@dataclass(frozen=True, slots=True)
class FastNaturalGradient(Direction):
    """Weighted sums of the gradients of samples, layer by layer (Ou et al. 2024, arXiv 2403.03473).

    In the first epoch it is the natural gradient with the exact blocks of the empirical Fisher
    matrix: each step forms the Gram matrix (b, b) of every layer and solves for the weights. Later
    steps reuse them: the cotangents of each layer get them as factors of their rows, and nothing is
    inverted. Beside the gradient itself, that is one walk back.

    The paper's text was read in part, and does not say how weights are shared. There are four
    readings, of which "scalar" is the control: one epoch of natural gradients, and then a learning
    rate for each layer.

        "sample"      each row of the training set keeps its own
        "position"    row i of batch t in the epoch has that of row i of batch t then, whatever row
                      shuffling puts there
        "mean"        row i of every batch has the mean over the batches then
        "scalar"      all rows have the mean over all of them then

    What has no weight has the mean of the layer: rows never seen, or positions that the smaller
    last batch or a smaller batch size left out. What was seen twice has the mean of both. Weights
    from a run that joined in the middle of an epoch are of its other part.

    An `Objective` made by hand is in epoch 0: without saying otherwise, all its steps learn, and
    batches count up.

    Args:
        damping: added to every eigenvalue of the Fisher matrix; much larger than them all, it
            leaves the gradient over itself.
        reading: "sample", "position", "mean" or "scalar".
        refresh: learn anew every so many epochs; None for never.
    """

    damping: float = 1.0
    reading: Reading = "position"
    refresh: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "damping", checks.positive("damping", self.damping))
        if self.reading not in get_args(Reading):
            raise InvalidInput(
                f'reading = {self.reading!r} must be "sample", "position", "mean" or "scalar".'
            )
        if self.refresh is not None:
            checks.count("refresh", self.refresh)

    @property
    def asks_gradient(self) -> bool:
        return False

    def find(self, at: Point, memory: Memory, rng: np.random.Generator) -> Found:
        """The direction for the objective's own gradient.

        Raises:
            InvalidInput: a transform changed the gradient, or the reading is "sample" and the
                objective does not say which rows it has.
            CoupledSamples: samples interact, so that none has a gradient of its own.
        """
        del rng
        objective = at.objective
        _require_own(at)
        layers = visits(objective)
        known = self._arrived(memory, objective)
        keys = self._keys(objective, known)
        if self._learns(known):
            weights = np.stack([solved(layer, self.damping) for layer in layers])
            known = known.learnt(keys, weights)
        else:
            weights = known.recalled(keys)
        direction = weighted(objective, layers, weights)
        return Found(direction, known, damping=self.damping)

    def _arrived(self, memory: Weights | None, objective: Objective) -> Weights:
        """What is known at this batch; nothing yet where an epoch of learning begins."""
        epoch, size = objective.epoch, objective.samples
        if memory is not None and memory.epoch == epoch:
            return replace(memory, batch=memory.batch + 1)
        first = epoch if memory is None else memory.first
        nothing = Weights(first, epoch, 0, size, np.zeros((1, 0)), np.zeros(0, int))
        if memory is None or self._learns(nothing):
            return nothing
        return replace(memory, epoch=epoch, batch=0)

    def _learns(self, known: Weights) -> bool:
        since = known.epoch - known.first
        return since % self.refresh == 0 if self.refresh else since == 0

    def _keys(self, objective: Objective, known: Weights) -> NumpyArray:
        """Under what the weights of this batch are kept (b,); -1 for nothing."""
        place = np.arange(objective.samples)
        if self.reading == "sample":
            return _rows(objective)
        if self.reading == "position":
            return np.where(place < known.size, known.batch * known.size + place, -1)
        return place if self.reading == "mean" else 0 * place


def FNGD(
    rate: float = 0.1,
    *,
    damping: float = 1.0,
    momentum: float = 0.0,
    reading: Reading = "position",
    refresh: int | None = None,
) -> Optimizer:
    """Inverse-free fast natural gradient descent (Ou, Zhu, Huang and Liu 2024).

    The paper's text was read in part; `FastNaturalGradient` says which readings there are. Rate and
    damping are not the paper's, whose values were not found.

    Args:
        rate: learning rate. Steps grow like rate/damping: tune the two together.
        damping: added to every eigenvalue of the Fisher matrix of each layer.
        momentum: fraction of the last direction that is kept, from 0 to below 1.
        reading: whose weight of the first epoch a row has later: "sample", "position", "mean" or
            "scalar".
        refresh: learn the weights anew every so many epochs; None for never.
    """
    after = (Momentum(momentum),) if momentum else ()
    direction = FastNaturalGradient(damping, reading, refresh)
    return Optimizer("fngd", direction, Rate(rate), after=after)


def visits(objective: Objective) -> list[Visit]:
    """Each layer, with the cotangents (1, b, ...) of its output in the losses of the samples.

    Raises:
        CoupledSamples: samples interact.
    """
    u = objective.loss.gradient(objective.output, objective.y)
    return objective.linearization.visits(u[..., None])


def solved(layer: Visit, damping: float) -> NumpyArray:
    """a (b,) with (U'U/b + damping I) a = 1."""
    side = (layer.at.saved, layer.us[0])
    gram = to_numpy(layer.leaf.gram(layer.at.p, side, side, FREE))
    b = len(gram)
    return damped_solve(gram / b, damping, np.ones(b, gram.dtype))


def weighted(objective: Objective, layers: Sequence[Visit], weights: NumpyArray) -> Array:
    """Σ_n a_n u_n / b in each layer (p,), for weights (layers, b)."""
    parts = {}
    for layer, own in zip(layers, weights, strict=True):
        u = layer.us[0][0, ...]  # (b, ...)
        factor = like(own / len(own), u)
        u = u * namespace(u).reshape(factor, (-1, *(1,) * (u.ndim - 1)))
        for name, part in layer.leaf.gradient(layer.at.p, layer.at.saved, u).items():
            parts[layer.at.name + name] = part
    return objective.network.layout.flatten(parts)


def _rows(objective: Objective) -> NumpyArray:
    if objective.rows is None:
        raise InvalidInput(
            'reading = "sample" needs to know which rows of the training set a batch holds, but '
            "objective.rows is None. Train with tngd.fit, pass Objective(..., rows=numbers), or "
            'take reading="position".'
        )
    return to_numpy(objective.rows).astype(int)


def _require_own(at: Point) -> None:
    if at.transformed is not None:
        raise InvalidInput(
            "gradient was changed by a transform before the direction, but FNGD weighs the "
            "gradients of the samples themselves. Put the transform into `after`."
        )
