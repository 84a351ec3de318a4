"""A network: one layer, most often a chain of them, over one flat array of parameters."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
import numpy.typing as npt

from models.chain import Sequential
from models.checks import as_array, conforming, finite, real, shaped
from models.layer import Layer
from models.linearization import Linearization
from models.parameters import Layout
from thermolinalg.backend import Array, NumpyArray
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import RNG, open_streams


@final
@dataclass(frozen=True, repr=False)
class Network:
    """A function of (params, x): params one flat array, x a batch, the output (b, c).

    The dtype and the array library are those of params.
    """

    layer: Layer

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Layer):
            raise InvalidInput(
                f"layer = {self.layer!r} is not a Layer. Put several in one: Sequential([...])."
            )
        if not self.size:
            raise InvalidInput(f"layer = {self.layer!r} has no parameters, so nothing can train.")

    def __repr__(self) -> str:
        """One line for each layer, with its number of parameters."""
        layers = self.layer.layers if isinstance(self.layer, Sequential) else (self.layer,)
        names = [f"  {i}  {layer!r}" for i, layer in enumerate(layers)]
        counts = [str(Layout(layer.shapes()).size or "") for layer in layers]
        width, digits = max(map(len, names)), max(map(len, counts))
        rows = [f"{n:<{width}}  {k:>{digits}}" for n, k in zip(names, counts, strict=True)]
        return "\n".join([f"Network, {self.size} parameters", *map(str.rstrip, rows)])

    @cached_property
    def layout(self) -> Layout:
        """Where each named parameter lies in the flat array."""
        return Layout(self.layer.shapes())

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.layout.size

    def init(self, rng: RNG = None, *, dtype: npt.DTypeLike = np.float32) -> NumpyArray:
        """Random initial parameters, each layer from a random stream of its own.

        Raises:
            InvalidInput: `rng` cannot seed a stream, or `dtype` is not a real floating NumPy dtype.
        """
        dtype = _real_dtype(dtype)
        parts = self.layer.init(open_streams(rng).child("init"))
        return self.layout.flatten(parts).astype(dtype)

    def parameters(self, params: Array, /) -> dict[str, Array]:
        """The parameters of each layer by name, as views: "0.W" is W of layer 0."""
        return self.layout.views(self._checked_params(params))

    def apply(self, params: Array, x: Array, /) -> Array:
        """The outputs (b, c) for a batch x."""
        output, _ = self.layer.forward(*self._checked(params, x))
        return output

    def linearize(self, params: Array, x: Array, /) -> Linearization:
        """The outputs and the Jacobian in the parameters, as an operator, for a batch x.

        The operator reads params and x, so leave both as they are while it is in use.
        """
        p, x = self._checked(params, x)
        output, saved = self.layer.forward(p, x)
        return Linearization(self.layer, self.layout, p, saved, output)

    def _checked_params(self, params: Array) -> Array:
        params = real("params", params)
        shaped("params", params, (self.size,), "one number for each parameter of the network")
        return params

    def _checked(self, params: Array, x: Array) -> tuple[dict[str, Array], Array]:
        """Named parameters, and the batch in their dtype."""
        params, x = self._checked_params(params), as_array(x)
        shape, meaning = (None,) * max(2, x.ndim), "samples along the first axis; x[None] makes one"
        x = conforming("x", x, shape, meaning, reference=params)
        if x.shape[0] == 0:
            raise ShapeMismatch(f"x has shape {tuple(x.shape)}: a batch needs at least one sample.")
        finite("x", x)
        output = self.layer.output_shape(tuple(x.shape[1:]))
        if len(output) != 1:
            raise ShapeMismatch(
                f"The network turns each sample into an array of shape {output}, but a loss needs "
                "a vector. End it with a layer that gives one."
            )
        return self.layout.views(params), x


def _real_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.kind != "f":
        raise InvalidInput(
            f"dtype = {dtype!r} is not a real floating NumPy dtype. Use numpy.float32 or "
            "numpy.float64, and move the array to another library afterwards."
        )
    return found
