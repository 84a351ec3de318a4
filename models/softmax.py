"""Probabilities from scores."""

from dataclasses import dataclass
from typing import final

from models.composite import size_of
from models.layer import Named, Shape
from models.leaf import Parameterless
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, namespace
from thermolinalg.errors import ShapeMismatch


@final
@dataclass(frozen=True)
class Softmax(Parameterless):
    """y_i = exp(x_i) / sum_j exp(x_j) along the last axis.

    Its Jacobian diag(y) - y y' is symmetric. A classifier needs no such layer: the loss
    `SoftmaxCrossEntropy` takes the scores.
    """

    def output_shape(self, shape: Shape, /) -> Shape:
        if not shape:
            raise ShapeMismatch("Softmax() needs samples with at least one axis, but got scalars.")
        return shape

    def workspace(self, shape: Shape, /) -> int:
        return 3 * size_of(shape) + size_of(shape[:-1])

    def forward(
        self, _p: Named, x: Array, _setting: Setting = EVALUATION, /
    ) -> tuple[Array, Array]:
        xp = namespace(x)
        y = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
        y /= xp.sum(y, axis=-1, keepdims=True)
        return y, y

    def jvp(
        self, _p: Named, y: Array, dx: Array | None, _dp: Named, /
    ) -> tuple[Array | None, Array | None]:
        dy = None if dx is None else y * centred(y, dx)
        return dy, dy

    def backward(self, _p: Named, y: Array, u: Array, /) -> Array:
        return y * centred(y, u)

    def backward_jvp(
        self, p: Named, y: Array, u: Array, _dp: Named, dy: Array | None, du: Array, /
    ) -> Array:
        back = self.backward(p, y, du)
        if dy is None:
            return back
        moved = namespace(u).sum(dy * u, axis=-1, keepdims=True)
        return back + dy * centred(y, u) - y * moved


def centred(y: Array, v: Array) -> Array:
    """v less its mean under the probabilities y."""
    return v - namespace(v).sum(y * v, axis=-1, keepdims=True)
