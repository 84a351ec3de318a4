"""Cross-entropy of classes, and how often the likeliest class is right."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from models.losses import categorical
from models.losses.categorical import Weights
from models.losses.checks import integers, matching, needed, outputs
from models.losses.contract import Loss, Tally
from thermolinalg.backend import Array, namespace
from thermolinalg.checks import real_number
from thermolinalg.errors import InvalidInput, ShapeMismatch


@final
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """L = log Σ_k e^{z_k} - z_y, for logits z (b, ..., c) and integer labels y (b, ...) below c.

    With p = softmax(z): gradient p - onehot(y), Hessian H = diag(p) - p p', which is also the
    Fisher information of the labels.

    Axes between are positions, such as those of words: each has a label of its own, and the
    value is the mean over the N labelled positions of the batch. So L_i is a sum over the positions
    of sample i with weight b/N, and its Hessian has a block for each. With t positions, roots are
    (b, ..., c, t (c - 1)): mind the size. A batch without any label has value and gradient 0.

    Args:
        label_smoothing: ε, for the targets (1 - ε) onehot(y) + ε/c (Szegedy et al. 2016). They move
            the gradient only: the model of labels is p still, and Hessian and Fisher are its.
        ignore: label of positions that do not count, such as -100. Then all verbs need y.
    """

    label_smoothing: float = 0.0
    ignore: int | None = None

    def __post_init__(self) -> None:
        smoothing = real_number("label_smoothing", self.label_smoothing)
        if not 0.0 <= smoothing <= 1.0:
            raise InvalidInput(f"label_smoothing = {smoothing} must be between 0 and 1.")
        object.__setattr__(self, "label_smoothing", smoothing)
        _require_label(self.ignore)

    def value(self, z: Array, y: Array, /) -> float:
        return self.tally(z, y).mean

    def tally(self, z: Array, y: Array, /) -> Tally:
        """Each labelled position is one term."""
        z, y, counts = _labelled(z, y, self.ignore)
        losses = categorical.cross_entropies(z, y, self.label_smoothing)
        xp = namespace(z)
        total = float(xp.sum(xp.where(counts, losses, xp.zeros_like(losses))))
        return Tally((total,), (_number(counts),))

    def gradient(self, z: Array, y: Array, /) -> Array:
        z, y, counts = _labelled(z, y, self.ignore)
        return categorical.gradient(z, y, self._weights(z, counts), self.label_smoothing)

    def hessian(self, z: Array, v: Array, y: Array | None = None, /) -> Array:
        z, w = self._weighted(z, y)
        return categorical.hessian(z, matching(z, v), w)

    def hessian_root(self, z: Array, y: Array | None = None, /) -> Array:
        z, w = self._weighted(z, y)
        R = categorical.root(z, w)
        if z.ndim == 2:
            return R
        b, c = z.shape[0], z.shape[-1]
        xp = namespace(z)
        R = categorical.placed(xp.reshape(R, (b, -1, c, c - 1)))
        return xp.reshape(R, (*z.shape, -1))

    def root_coordinates(self, z: Array, y: Array, /) -> Array:
        z, y, counts = _labelled(z, y, self.ignore)
        s = categorical.coordinates(z, y, self._weights(z, counts), self.label_smoothing)
        return namespace(z).reshape(s, (z.shape[0], -1))

    def sampled_gradient(
        self, z: Array, rng: np.random.Generator, y: Array | None = None, /
    ) -> Array:
        """√w (p - onehot(label)) for labels drawn from p, w the weight of the position."""
        z, w = self._weighted(z, y)
        return categorical.sampled(z, w, rng)

    def _weighted(self, z: Array, y: Array | None) -> tuple[Array, Weights]:
        """Logits, and the weight of each position."""
        if self.ignore is None:
            z = _logits(z)
            return z, self._weights(z, None)
        y = needed(y, f"positions with label {self.ignore} do not count")
        z, _, counts = _labelled(z, y, self.ignore)
        return z, self._weights(z, counts)

    def _weights(self, z: Array, counts: Array | None) -> Weights:
        """b/N, and 0 where no label counts."""
        b = z.shape[0]
        if self.ignore is None or counts is None:
            return b / math.prod(z.shape[:-1])
        w = b / max(_number(counts), 1)
        return w * namespace(z).astype(counts, z.dtype)[..., None]


def accuracy(z: Array, y: Array, /, *, ignore: int | None = None) -> float:
    """Fraction of labelled positions whose largest output is the labelled one; 0 if there are none.

    Args:
        z: outputs (b, ..., c).
        y: integer labels (b, ...).
        ignore: label of positions that do not count.
    """
    return hits(z, y, ignore=ignore).mean


def hits(z: Array, y: Array, /, *, ignore: int | None = None) -> Tally:
    """What `accuracy` is the mean of: a term for each labelled position, 1 where it is right."""
    z, y, counts = _labelled(z, y, ignore)
    right = (namespace(z).argmax(z, axis=-1) == y) & counts
    return Tally((float(_number(right)),), (_number(counts),))


def _labelled(z: Array, y: Array, ignore: int | None) -> tuple[Array, Array, Array]:
    """Logits; labels, 0 where none counts; and whether one counts."""
    z = _logits(z)
    c = z.shape[-1]
    meaning = "one integer label for each " + ("sample" if z.ndim == 2 else "position")
    y = integers(y, z, tuple(z.shape[:-1]), meaning)
    xp = namespace(y)
    counts = xp.ones_like(y, dtype=xp.bool) if ignore is None else y != ignore
    y = y if ignore is None else xp.where(counts, y, xp.zeros_like(y))
    low, high = int(xp.min(y)), int(xp.max(y))
    if low < 0 or high >= c:
        raise InvalidInput(
            f"y has labels from {low} to {high}, but the {c} outputs in z stand for the labels 0 "
            f"to {c - 1}. Renumber the labels, widen the network's last layer, or name the label "
            "of what does not count: ignore=-100, say."
        )
    return z, y, counts


def _logits(z: Array) -> Array:
    z = outputs(z)
    if z.shape[-1] < 2:
        raise ShapeMismatch(
            "z has one column, but a softmax over one class is always 1. Use two outputs, one for "
            "each class."
        )
    return z


def _number(true: Array) -> int:
    xp = namespace(true)
    return int(xp.sum(xp.astype(true, xp.int64)))


def _require_label(ignore: int | None) -> None:
    if isinstance(ignore, bool) or not isinstance(ignore, int | np.integer | None):
        raise InvalidInput(f"ignore = {ignore!r} must be an integer label, such as -100, or None.")
