"""Layers one after another."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, final

from models.layer import Layer, Named, Saved, Shape
from models.outer import no_gram
from thermolinalg.backend import Array, NumpyArray
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams

Trace: TypeAlias = tuple[Saved, ...]
"""What each layer of a chain saved, or the tangents of it."""


@final
@dataclass(frozen=True)
class Sequential(Layer):
    """x through each layer in turn. Parameter "W" of layer 0 is called "0.W"."""

    layers: Sequence[Layer]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers or not all(isinstance(layer, Layer) for layer in self.layers):
            raise InvalidInput(
                f"layers = {self.layers!r} must be one or more layers: [Dense(2, 3), ReLU()], say."
            )

    @cached_property
    def first(self) -> int:
        """The first layer with parameters: a gradient goes back no further."""
        return next((i for i, layer in enumerate(self.layers) if layer.shapes()), 0)

    def shapes(self) -> dict[str, Shape]:
        return _joined((i, layer.shapes()) for i, layer in enumerate(self.layers))

    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        return _joined((i, layer.init(streams.child(i))) for i, layer in enumerate(self.layers))

    def output_shape(self, shape: Shape, /) -> Shape:
        for layer in self.layers:
            shape = layer.output_shape(shape)
        return shape

    def forward(self, p: Named, x: Array, /) -> tuple[Array, Trace]:
        trace = []
        for layer, part in zip(self.layers, self._split(p), strict=True):
            x, saved = layer.forward(part, x)
            trace.append(saved)
        return x, tuple(trace)

    def jvp(self, p: Named, trace: Trace, dx: Array | None, dp: Named, /) -> tuple[Array, Trace]:
        dtrace = []
        parts, dparts = self._split(p), self._split(dp)
        for layer, part, saved, dpart in zip(self.layers, parts, trace, dparts, strict=True):
            dx, dsaved = layer.jvp(part, saved, dx, dpart)
            dtrace.append(dsaved)
        return dx, tuple(dtrace)

    def backward(self, p: Named, trace: Trace, u: Array, /) -> Array:
        parts = self._split(p)
        for i, u_i in self._way_back(parts, trace, u, stop=0):
            u = self.layers[i].backward(parts[i], trace[i], u_i)
        return u

    def gradient(self, p: Named, trace: Trace, u: Array, /) -> dict[str, Array]:
        parts = self._split(p)
        way_back = self._way_back(parts, trace, u, stop=self.first)
        return _joined((i, self.layers[i].gradient(parts[i], trace[i], u)) for i, u in way_back)

    def per_sample(self, p: Named, trace: Trace, u: Array, /) -> dict[str, Array]:
        parts = self._split(p)
        way_back = self._way_back(parts, trace, u, stop=self.first)
        return _joined((i, self.layers[i].per_sample(parts[i], trace[i], u)) for i, u in way_back)

    def gram(self, p: Named, trace: Trace, u: Array, /) -> Array:
        parts, total = self._split(p), None
        for i, u_i in self._way_back(parts, trace, u, stop=self.first):
            if not parts[i]:
                continue
            gram = self.layers[i].gram(parts[i], trace[i], u_i)
            if total is None:
                total = gram
            else:
                total += gram  # in place: nothing else in a training step is as large
        return no_gram(u) if total is None else total

    def backward_jvp(
        self, p: Named, trace: Trace, u: Array, dp: Named, dtrace: Trace, du: Array, /
    ) -> Array:
        parts, dparts = self._split(p), self._split(dp)
        for i, u_i in self._way_back(parts, trace, u, stop=0):
            layer = self.layers[i]
            du = layer.backward_jvp(parts[i], trace[i], u_i, dparts[i], dtrace[i], du)
        return du

    def gradient_jvp(
        self, p: Named, trace: Trace, u: Array, dp: Named, dtrace: Trace, du: Array, /
    ) -> dict[str, Array]:
        parts, dparts, tangents = self._split(p), self._split(dp), []
        for i, u_i in self._way_back(parts, trace, u, stop=self.first):
            layer, here = self.layers[i], (parts[i], trace[i], u_i, dparts[i], dtrace[i], du)
            tangents.append((i, layer.gradient_jvp(*here)))
            if i > self.first:
                du = layer.backward_jvp(*here)
        return _joined(tangents)

    def _way_back(
        self, parts: list[dict[str, Array]], trace: Trace, u: Array, *, stop: int
    ) -> Iterator[tuple[int, Array]]:
        """The cotangent of each layer's output, from the last layer to number `stop`."""
        for i in reversed(range(stop, len(self.layers))):
            yield i, u
            if i > stop:
                u = self.layers[i].backward(parts[i], trace[i], u)

    def _split(self, p: Named) -> list[dict[str, Array]]:
        """The parameters of each layer, under its own names for them."""
        parts: list[dict[str, Array]] = [{} for _ in self.layers]
        for name, value in p.items():
            index, _, own = name.partition(".")
            parts[int(index)][own] = value
        return parts


def _joined(parts: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[str, Any]:
    return {f"{i}.{name}": value for i, part in parts for name, value in part.items()}
