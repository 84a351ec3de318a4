"""The contract of a layer: its own derivatives, written by hand, forward and backward.

    forward         y = f(p, x)                            saved: what the other verbs need of it
    jvp             dy = f_p dp + f_x dx                   dsaved: how `saved` moves
    backward        cotangent of x:  f_x' u                u: cotangent of y
    gradient        cotangent of p:  f_p' u                summed over the samples
    per_sample      the same, one for each sample
    gram            inner products of the per-sample gradients, which need not be formed
    backward_jvp    tangent of `backward` along dp, dx, du (the R-operator of Pearlmutter 1994)
    gradient_jvp    tangent of `gradient`, likewise

`backward` and `gradient` are two verbs, so that a chain never computes the cotangent of its input
and a Gram matrix never costs a parameter gradient.

Samples lie along the first axis of x and y, and do not interact. Wherever a cotangent u is taken it
may carry more axes in front, (..., b, *y.shape[1:]): many cotangents of one sample go back at once,
by broadcasting. A tangent dx or dsaved may be None, "does not move", which makes the first layer
cheap.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeAlias

from models.outer import no_gram
from thermolinalg.backend import Array, NumpyArray
from thermolinalg.streams import Streams

Shape: TypeAlias = tuple[int, ...]

Named: TypeAlias = Mapping[str, Array]
"""Arrays by parameter name: parameters, their tangents or their cotangents."""

Saved: TypeAlias = Any
"""What a layer keeps from `forward`, or the tangent of it; nobody else looks inside."""


class Layer(ABC):
    """A differentiable function of parameters p and a batch x, sample by sample."""

    @abstractmethod
    def shapes(self) -> dict[str, Shape]:
        """Names and shapes of the parameters, in the order in which they are stored."""

    @abstractmethod
    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        """Random initial parameters."""

    @abstractmethod
    def output_shape(self, shape: Shape, /) -> Shape:
        """Shape of one sample of y, given that of one sample of x.

        Raises:
            ShapeMismatch: the layer does not take such samples.
        """

    @abstractmethod
    def forward(self, p: Named, x: Array, /) -> tuple[Array, Saved]:
        """(y, saved)."""

    @abstractmethod
    def jvp(self, p: Named, saved: Saved, dx: Array | None, dp: Named, /) -> tuple[Array, Saved]:
        """(dy, dsaved)."""

    @abstractmethod
    def backward(self, p: Named, saved: Saved, u: Array, /) -> Array:
        """Cotangent of x."""

    @abstractmethod
    def gradient(self, p: Named, saved: Saved, u: Array, /) -> dict[str, Array]:
        """Cotangent of each parameter, (..., *shape)."""

    @abstractmethod
    def per_sample(self, p: Named, saved: Saved, u: Array, /) -> dict[str, Array]:
        """Cotangent of each parameter from each sample, (..., b, *shape)."""

    @abstractmethod
    def gram(self, p: Named, saved: Saved, u: Array, /) -> Array:
        """Inner products of per-sample gradients; u (r, b, ...) gives (b r, b r), sample-major.

        The result is the caller's to overwrite.
        """

    @abstractmethod
    def backward_jvp(
        self, p: Named, saved: Saved, u: Array, dp: Named, dsaved: Saved, du: Array, /
    ) -> Array:
        """Tangent of `backward(p, saved, u)`."""

    @abstractmethod
    def gradient_jvp(
        self, p: Named, saved: Saved, u: Array, dp: Named, dsaved: Saved, du: Array, /
    ) -> dict[str, Array]:
        """Tangent of `gradient(p, saved, u)`."""


class Parameterless(Layer):
    """A layer with nothing to train: what is left to write is how it acts on x."""

    def shapes(self) -> dict[str, Shape]:
        return {}

    def init(self, _streams: Streams, /) -> dict[str, NumpyArray]:
        return {}

    def gradient(self, _p: Named, _saved: Saved, _u: Array, /) -> dict[str, Array]:
        return {}

    def per_sample(self, _p: Named, _saved: Saved, _u: Array, /) -> dict[str, Array]:
        return {}

    def gram(self, _p: Named, _saved: Saved, u: Array, /) -> Array:
        return no_gram(u)

    def gradient_jvp(
        self, _p: Named, _saved: Saved, _u: Array, _dp: Named, _dsaved: Saved, _du: Array, /
    ) -> dict[str, Array]:
        return {}
