"""Convolutional networks for images."""

from collections.abc import Sequence

from models.activation import Elementwise, ReLU
from models.adaptive import AdaptiveAveragePool2D
from models.branches import Parallel, Residual
from models.chain import Sequential
from models.checks import positive_integer
from models.convolution import Conv2D
from models.dense import Dense
from models.layer import Layer, Shape
from models.network import Network
from models.normalization import GroupNorm
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


def resnet(
    image: Shape = (32, 32, 3),
    classes: int = 10,
    *,
    widths: Sequence[int] = (16, 32, 64),
    blocks: int = 1,
    groups: int = 8,
) -> Network:
    """A small residual network (He et al. 2016) with group normalisation (Wu and He 2018).

    A convolution, stages of residual blocks that halve the image from the second on, the mean of
    each channel, and a dense layer. No sample depends on another, as with batch normalisation, so
    every per-sample gradient and Gram matrix is there.

    Args:
        image: (height, width, channels); the batch may also be flat, (b, height width channels).
        classes: outputs.
        widths: channels of each stage.
        blocks: in each stage.
        groups: of the normalisation; divides all widths.

    Raises:
        InvalidInput: a size is not a positive integer, `groups` does not divide a width, or there
            is no stage.
    """
    image = image_shape(image)
    positive_integer("blocks", blocks)
    if not widths:
        raise InvalidInput(f"widths = {widths!r} must name the channels of at least one stage.")
    layers: dict[str, Layer] = {
        "image": Reshape(image),
        "stem": _convolved(image[-1], widths[0], groups, kernel=3),
        "activation": ReLU(),
    }
    inputs = widths[0]
    for stage, outputs in enumerate(widths):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers[f"block{stage}-{block}"] = _block(inputs, outputs, groups, stride)
            inputs = outputs
    layers["mean"] = AdaptiveAveragePool2D(1)
    layers["flat"] = Flatten()
    layers["dense"] = Dense(inputs, classes)
    return Network(Sequential(layers))


def _block(inputs: int, outputs: int, groups: int, stride: int) -> Layer:
    """ReLU(f(x) + x), or with a projection beside f where the shape changes."""
    f = Sequential(
        {
            "first": _convolved(inputs, outputs, groups, kernel=3, stride=stride),
            "activation": ReLU(),
            "second": _convolved(outputs, outputs, groups, kernel=3),
        }
    )
    if stride == 1 and inputs == outputs:
        return Sequential({"residual": Residual(f), "activation": ReLU()})
    projection = _convolved(inputs, outputs, groups, kernel=1, stride=stride)
    beside = Parallel({"f": f, "projection": projection})
    return Sequential({"residual": beside, "activation": ReLU()})


def _convolved(
    inputs: int, outputs: int, groups: int, *, kernel: int, stride: int = 1
) -> Sequential:
    """A convolution that keeps the size but for its stride, normalised."""
    conv = Conv2D(
        inputs,
        outputs,
        kernel,
        stride=stride,
        padding=kernel // 2,
        bias=False,
        gain=ReLU.gain,
    )
    return Sequential({"conv": conv, "norm": GroupNorm(groups, outputs)})


def image_shape(image: Shape) -> Shape:
    """The same as a tuple.

    Raises:
        InvalidInput: it is not (height, width, channels).
    """
    if len(image) != 3:
        raise InvalidInput(f"image = {image!r} must be (height, width, channels).")
    return tuple(image)
