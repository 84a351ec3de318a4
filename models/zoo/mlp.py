"""The multilayer perceptron."""

from collections.abc import Sequence
from itertools import pairwise

from models.activation import Elementwise, ReLU
from models.chain import Sequential
from models.dense import Dense
from models.layer import Layer
from models.network import Network
from thermolinalg.errors import InvalidInput


def mlp(widths: Sequence[int], *, activation: Elementwise | None = None) -> Network:
    """A multilayer perceptron: `Dense` layers with an activation (ReLU) after all but the last.

    Args:
        widths: inputs, hidden layers, outputs, such as [64, 32, 10].
        activation: sets the initial weights as well: gain 2^(1/2) before ReLU and GELU (He), 1
            before tanh and the output (LeCun), so that signals neither grow nor fade with depth.

    Raises:
        InvalidInput: fewer than two widths, one that is not a positive integer, or an activation
            that is not an `Elementwise` layer.
    """
    if len(widths) < 2:
        raise InvalidInput(f"widths = {widths!r} must name at least the inputs and the outputs.")
    activation = ReLU() if activation is None else activation
    if not isinstance(activation, Elementwise):
        raise InvalidInput(f"activation = {activation!r} must be a layer such as models.ReLU().")
    *hidden, last = pairwise(widths)
    layers: list[Layer] = []
    for inputs, outputs in hidden:
        layers += [Dense(inputs, outputs, gain=activation.gain), activation]
    return Network(Sequential([*layers, Dense(*last)]))
