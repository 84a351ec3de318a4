"""Convolutional networks for images."""

from models.activation import Elementwise, ReLU
from models.chain import Sequential
from models.convolution import Conv2D
from models.dense import Dense
from models.layer import Shape
from models.network import Network
from models.pooling import MaxPool2D
from models.reshape import Flatten, Reshape
from thermolinalg.errors import InvalidInput


def lenet(
    image: Shape = (28, 28, 1),
    classes: int = 10,
    *,
    filters: int = 8,
    kernel: int = 5,
    hidden: int = 64,
    activation: Elementwise | None = None,
) -> Network:
    """One convolution, pooling of 2 x 2, and two dense layers, after LeCun et al. (1998).

    This is the network of the TNGD paper (Donatella et al. 2024), which does not state its sizes:
    those here are ours. Pooling stands before the activation, which is the same function for a
    fourth of the work wherever the activation grows, as ReLU and tanh do.

    Args:
        image: (height, width, channels); the batch may also be flat, (b, height width channels).
        classes: outputs.
        filters: outputs of the convolution.
        kernel: its height and width.
        hidden: outputs of the first dense layer.
        activation: a ReLU by default.

    Raises:
        InvalidInput: a size is not a positive integer, or the activation no `Elementwise` layer.
        ShapeMismatch: the image is too small.
    """
    activation = ReLU() if activation is None else activation
    if not isinstance(activation, Elementwise):
        raise InvalidInput(f"activation = {activation!r} must be a layer such as models.ReLU().")
    image = image_shape(image)
    seen = [
        Reshape(image),
        Conv2D(image[-1], filters, kernel, gain=activation.gain),
        MaxPool2D(2),
        activation,
        Flatten(),
    ]
    [features] = Sequential(seen).output_shape(image)
    dense = [Dense(features, hidden, gain=activation.gain), activation, Dense(hidden, classes)]
    return Network(Sequential([*seen, *dense]))


def image_shape(image: Shape) -> Shape:
    """The same as a tuple.

    Raises:
        InvalidInput: it is not (height, width, channels).
    """
    if len(image) != 3:
        raise InvalidInput(f"image = {image!r} must be (height, width, channels).")
    return tuple(image)
