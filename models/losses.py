"""Losses: a number for each sample, with its gradient and Hessian in the network's outputs.

The value is the mean over the batch. Gradient and Hessian are those of each sample's own loss,
without the 1/b: the gradient of the mean loss in the parameters is `lin.vjp(gradient) / b`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from models.checks import as_array, conforming, library, real, shaped
from thermolinalg.backend import Array, floating, like, namespace
from thermolinalg.errors import InvalidInput, ShapeMismatch


class Loss(ABC):
    """L_i(z_i, y_i) for outputs z (b, c) and targets y. The Hessian does not depend on y."""

    @abstractmethod
    def value(self, z: Array, y: Array, /) -> float:
        """Mean of L_i over the batch."""

    @abstractmethod
    def gradient(self, z: Array, y: Array, /) -> Array:
        """Rows dL_i/dz_i, (b, c)."""

    @abstractmethod
    def hessian(self, z: Array, v: Array, y: Array | None = None, /) -> Array:
        """Rows H_i v_i with H_i = d²L_i/dz_i², (b, c)."""

    @abstractmethod
    def hessian_root(self, z: Array, y: Array | None = None, /) -> Array:
        """R (b, c, r) with R_i R_i' = H_i."""


@final
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """L = log sum_k e^{z_k} - z_y, for integer labels y (b,) from 0 to c - 1.

    With p = softmax(z): gradient p - onehot(y), Hessian H = diag(p) - p p', which is also the
    Fisher information of the labels.
    """

    def value(self, z: Array, y: Array, /) -> float:
        z, onehot = _classified(z, y)
        xp = namespace(z)
        z = z - xp.max(z, axis=1, keepdims=True)
        log_normaliser = xp.log(xp.sum(xp.exp(z), axis=1))
        chosen = xp.sum(xp.where(onehot, z, xp.zeros_like(z)), axis=1)
        return float(xp.mean(log_normaliser - chosen))

    def gradient(self, z: Array, y: Array, /) -> Array:
        z, onehot = _classified(z, y)
        return softmax(z) - namespace(z).astype(onehot, z.dtype)

    def hessian(self, z: Array, v: Array, _y: Array | None = None, /) -> Array:
        z = _logits(z)
        p = softmax(z)
        pv = p * _matching(z, v)
        return pv - p * namespace(z).sum(pv, axis=1, keepdims=True)

    def hessian_root(self, z: Array, _y: Array | None = None, /) -> Array:
        """R (b, c, c - 1): one column less than B = diag(s) - p s', s = sqrt(p), with B B' = H.

        H = diag(s) (I - s s') diag(s), and the columns but the first of the Householder reflection
        Q = I - w w' / w_0, w = s + e_0, which takes s to -e_0, span the complement of s. Hence
        R = diag(s) Q[:, 1:], that is

            R_0j = -s_0 s_j        R_ij = s_i δ_ij - p_i s_j / (1 + s_0)

        with no division by what may be small, so probabilities that underflow do no harm.
        """
        z = _logits(z)
        xp = namespace(z)
        p = softmax(z)
        s = xp.sqrt(p)
        first, rest = s[:, :1], s[:, 1:]
        w = xp.concat([first, p[:, 1:] / (1.0 + first)], axis=1)
        corner = like(np.eye(z.shape[1])[:, 1:], z)
        return (corner - w[:, :, None]) * rest[:, None, :]


@final
@dataclass(frozen=True)
class SquaredError(Loss):
    """L = |z - y|² / 2, for targets y (b, c): the Hessian is the identity."""

    def value(self, z: Array, y: Array, /) -> float:
        residual = self.gradient(z, y)
        xp = namespace(residual)
        return 0.5 * float(xp.mean(xp.sum(residual * residual, axis=1)))

    def gradient(self, z: Array, y: Array, /) -> Array:
        z = _outputs(z)
        meaning = "one target for each output; labels must be one-hot first"
        return z - conforming("y", floating(y), tuple(z.shape), meaning, reference=z)

    def hessian(self, z: Array, v: Array, _y: Array | None = None, /) -> Array:
        return _matching(_outputs(z), v)

    def hessian_root(self, z: Array, _y: Array | None = None, /) -> Array:
        z = _outputs(z)
        b, c = z.shape
        return like(np.tile(np.eye(c), (b, 1, 1)), z)


def softmax(z: Array, /) -> Array:
    """Rows e^{z_k} / sum_l e^{z_l}, without overflow."""
    xp = namespace(z)
    e = xp.exp(z - xp.max(z, axis=1, keepdims=True))
    return e / xp.sum(e, axis=1, keepdims=True)


def accuracy(z: Array, y: Array, /) -> float:
    """Fraction of samples whose largest output is the labelled one.

    Args:
        z: outputs (b, c).
        y: integer labels (b,).
    """
    z = _outputs(z)
    xp = namespace(z)
    right = xp.argmax(z, axis=1) == _labels(z, y)
    return float(xp.mean(xp.astype(right, z.dtype)))


def _classified(z: Array, y: Array) -> tuple[Array, Array]:
    """Logits, and whether each is that of the label."""
    z = _logits(z)
    y = _labels(z, y)
    return z, y[:, None] == like(np.arange(z.shape[1]), y)[None, :]


def _logits(z: Array) -> Array:
    z = _outputs(z)
    if z.shape[1] < 2:
        raise ShapeMismatch(
            "z has one column, but a softmax over one class is always 1. Use two outputs, one for "
            "each class."
        )
    return z


def _labels(z: Array, y: Array) -> Array:
    """Labels (b,) as int64, of the same library as z."""
    y = as_array(y)
    xp = library("y", y, z)
    b, c = z.shape
    shaped("y", y, (b,), "one integer label for each sample")
    if not xp.isdtype(y.dtype, "integral"):
        raise InvalidInput(f"y has dtype {y.dtype}, but labels are integers. Convert it to int64.")
    y = xp.astype(y, xp.int64)
    low, high = int(xp.min(y)), int(xp.max(y))
    if low < 0 or high >= c:
        raise InvalidInput(
            f"y has labels from {low} to {high}, but the {c} outputs in z stand for the labels 0 "
            f"to {c - 1}. Renumber the labels, or widen the network's last layer."
        )
    return y


def _outputs(z: Array) -> Array:
    """z (b, c), with at least one sample."""
    z = real("z", z)
    shaped("z", z, (None, None), "one row for each sample, one column for each output")
    if z.shape[0] == 0:
        raise ShapeMismatch(f"z has shape {tuple(z.shape)}: a batch needs at least one sample.")
    return z


def _matching(z: Array, v: Array) -> Array:
    meaning = "a row for each sample, a column for each output"
    return conforming("v", v, tuple(z.shape), meaning, reference=z)
