"""The table of losses that tests run over: each with random targets and its mean by autograd."""

from collections.abc import Callable
from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np

import models

IGNORED = -100


@dataclass(frozen=True)
class Row:
    """A loss, shapes of one sample's outputs, random targets, and the mean loss by autograd.

    `needs_targets`: does the Hessian depend on them?
    """

    name: str
    loss: models.Loss
    shapes: list[tuple[int, ...]]
    targets: Callable
    mean: Callable
    needs_targets: bool = False

    def draw(self, b, shape, spread=1.0, seed=0):
        """Outputs, targets and a tangent."""
        rng = np.random.default_rng([seed, b, *shape])
        z = spread * rng.standard_normal((b, *shape))
        return z, self.targets(rng, z), rng.standard_normal(z.shape)


def labels(rng, z):
    return rng.integers(z.shape[-1], size=z.shape[:-1])


def some_labels(rng, z):
    """About half of them; at least one."""
    y = np.where(rng.random(z.shape[:-1]) < 0.5, IGNORED, labels(rng, z))
    y.flat[0] = 0
    return y


def spans(rng, z):
    """Of which the last sample's end is cut off."""
    y = rng.integers(z.shape[1], size=(len(z), 2))
    if len(y) > 1:
        y[-1, 1] = z.shape[1]
    return y


def log_softmax(z):
    return z - anp.log(anp.sum(anp.exp(z), axis=-1, keepdims=True))


def softmax_mean(smoothing=0.0):
    def mean(z, y):
        c = z.shape[-1]
        rows, y = anp.reshape(log_softmax(z), (-1, c)), y.reshape(-1)
        counted = [
            (1 - smoothing) * rows[k, y[k]] + smoothing * anp.sum(rows[k]) / c
            for k in range(len(y))
            if y[k] != IGNORED
        ]
        return -sum(counted) / len(counted)

    return mean


def span_mean(z, y):
    halves = []
    for k in (0, 1):
        log_p = log_softmax(z[:, :, k])
        counted = [log_p[i, y[i, k]] for i in range(len(y)) if 0 <= y[i, k] < z.shape[1]]
        halves.append(-sum(counted) / len(counted))
    return (halves[0] + halves[1]) / 2


def mean_of(term):
    return lambda z, y: anp.sum(term(z, y)) / len(z)


def huber_term(delta):
    def term(z, y):
        r = anp.abs(z - y)
        return anp.where(r <= delta, r**2 / 2, delta * r - delta**2 / 2)

    return term


def normals(rng, z):
    return rng.standard_normal(z.shape)


def coins(z, y):
    return y * anp.log1p(anp.exp(-z)) + (1 - y) * anp.log1p(anp.exp(z))


FLAT, POSITIONS = [(2,), (5,)], [(3, 2), (2, 4), (2, 2, 3)]
ROWS = [
    Row("softmax", models.SoftmaxCrossEntropy(), FLAT + POSITIONS, labels, softmax_mean()),
    Row("smoothed", models.SoftmaxCrossEntropy(0.2), FLAT + POSITIONS, labels, softmax_mean(0.2)),
    Row(
        "masked",
        models.SoftmaxCrossEntropy(0.1, ignore=IGNORED),
        FLAT + POSITIONS,
        some_labels,
        softmax_mean(0.1),
        needs_targets=True,
    ),
    Row("span", models.SpanExtraction(), [(2, 2), (5, 2)], spans, span_mean, needs_targets=True),
    Row(
        "squared",
        models.SquaredError(),
        FLAT + POSITIONS,
        normals,
        mean_of(lambda z, y: (z - y) ** 2 / 2),
    ),
    Row(
        "huber",
        models.Huber(0.8),
        FLAT + POSITIONS,
        normals,
        mean_of(huber_term(0.8)),
        needs_targets=True,
    ),
    Row(
        "binary",
        models.BinaryCrossEntropy(),
        FLAT + POSITIONS,
        lambda rng, z: rng.random(z.shape),
        mean_of(coins),
    ),
    Row(
        "poisson",
        models.Poisson(),
        FLAT + POSITIONS,
        lambda rng, z: rng.poisson(2.0, z.shape),
        mean_of(lambda z, y: anp.exp(z) - y * z),
    ),
]
