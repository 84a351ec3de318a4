"""Extraction of a span: where in a sequence it begins, and where it ends."""

from dataclasses import dataclass
from typing import final

import numpy as np

from models.losses import categorical
from models.losses.checks import integers, matching, outputs
from models.losses.contract import Loss, Tally
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import ShapeMismatch


@final
@dataclass(frozen=True)
class SpanExtraction(Loss):
    """Mean of two cross-entropies over the T positions: of the first, and of the last of a span.

    Outputs z are (b, T, 2), targets y (b, 2) integer positions, both ends included. An end outside
    0 ... T - 1, such as one that was cut off, does not count: each of the two is a mean over the
    samples where it does, and 0 if there are none. Without y, Hessian and Fisher are those of a
    batch where every end counts. Both are the same, and roots are (b, T, 2, 2 (T - 1)).

    A position where no span may be, such as padding, has z = -inf.
    """

    def value(self, z: Array, y: Array, /) -> float:
        return self.tally(z, y).mean

    def tally(self, z: Array, y: Array, /) -> Tally:
        """First and last positions, each with those that count."""
        z, y, counts = _ends(z, y)
        losses = categorical.cross_entropies(z, y)
        xp = namespace(z)
        sums = xp.sum(xp.where(counts, losses, xp.zeros_like(losses)), axis=0)
        n = xp.sum(xp.astype(counts, xp.int64), axis=0)
        return Tally((float(sums[0]), float(sums[1])), (int(n[0]), int(n[1])))

    def gradient(self, z: Array, y: Array, /) -> Array:
        z, y, counts = _ends(z, y)
        return _swapped(categorical.gradient(z, y, _weights(z, counts)))

    def hessian(self, z: Array, v: Array, y: Array | None = None, /) -> Array:
        v = _swapped(matching(outputs(z), v))
        z, w = _weighted(z, y)
        return _swapped(categorical.hessian(z, v, w))

    def hessian_root(self, z: Array, y: Array | None = None, /) -> Array:
        R = categorical.placed(categorical.root(*_weighted(z, y)))
        return namespace(R).permute_dims(R, (0, 2, 1, 3))

    def sampled_gradient(
        self, z: Array, rng: np.random.Generator, y: Array | None = None, /
    ) -> Array:
        """√w (p - onehot(position)) for first and last positions drawn from their p."""
        z, w = _weighted(z, y)
        return _swapped(categorical.sampled(z, w, rng))


def _ends(z: Array, y: Array) -> tuple[Array, Array, Array]:
    """Logits (b, 2, T); positions (b, 2), 0 where none counts; and whether one counts."""
    z = _logits(z)
    y = integers(y, z, tuple(z.shape[:2]), "the first and the last position of each span")
    xp = namespace(y)
    counts = (y >= 0) & (y < z.shape[2])
    return z, xp.where(counts, y, xp.zeros_like(y)), counts


def _weighted(z: Array, y: Array | None) -> tuple[Array, categorical.Weights]:
    """Logits (b, 2, T) and weights; without y every end counts."""
    if y is None:
        return _logits(z), 0.5
    z, _, counts = _ends(z, y)
    return z, _weights(z, counts)


def _weights(z: Array, counts: Array) -> Array:
    """b / (2 N) for each of the two, N the number of samples where it counts; 0 where not."""
    xp = namespace(z)
    w = xp.astype(counts, z.dtype)
    n = xp.sum(w, axis=0)
    return (0.5 * z.shape[0] * w / xp.where(n > 0, n, xp.ones_like(n)))[..., None]


def _logits(z: Array) -> Array:
    z = outputs(z)
    if z.ndim != 3 or z.shape[1] < 2 or z.shape[2] != 2:
        raise ShapeMismatch(
            f"z has shape {tuple(z.shape)}, but must have shape (b, T, 2) with T of 2 or more: for "
            "each position a number to begin there and one to end there."
        )
    return _swapped(z)


def _swapped(z: Array) -> Array:
    return namespace(z).permute_dims(z, (0, 2, 1))
