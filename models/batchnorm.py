"""Batch normalisation."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from models.checks import positive_integer
from models.composite import changed
from models.layer import Layer, Named, Shape
from models.normalization import Normalization, Standard, positive_epsilon
from models.setting import Setting
from models.standardization import Axes, standardised
from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.streams import Streams


@final
@dataclass(frozen=True)
class BatchNorm(Normalization):
    """Mean and variance of each channel are those of the batch in training (Ioffe, Szegedy 2015).

    They are taken over samples and positions, so the samples of a batch interact, and derivatives
    go through the statistics. In evaluation both are the constants `mean` and `var`, which
    `models.calibrated` sets; training does not need them. There are no running averages: a network
    is a function of params and x, without a state that depends on the steps before, and averages
    over the params of former steps would belong to none of them.

    Raises:
        InvalidInput: `channels` is not a positive integer, or `epsilon` not a positive number.
    """

    channels: int
    epsilon: float = 1e-5
    over: ClassVar[Axes] = (-4, -3)

    def __post_init__(self) -> None:
        positive_integer("channels", self.channels)
        positive_epsilon(self.epsilon)

    @property
    def layout(self) -> tuple[int, int]:
        return 1, self.channels

    def constants(self) -> dict[str, Shape]:
        return {"mean": (self.channels,), "var": (self.channels,)}

    def init(self, _streams: Streams, /) -> dict[str, NumpyArray]:
        zeros, ones = np.zeros(self.channels), np.ones(self.channels)
        return {"scale": ones, "shift": zeros, "mean": zeros, "var": ones}

    def couples(self, setting: Setting, /) -> bool:
        return setting.training

    def standard(self, p: Named, x: Array, setting: Setting, /) -> Standard:
        xp = namespace(x)
        if setting.training:
            X, r = standardised(x, self.over, self.epsilon, centred=True)
            over = self.over
        else:
            r = xp.reshape(1.0 / xp.sqrt(p["var"] + float(self.epsilon)), (1, 1, 1, -1))
            X, over = (x - p["mean"]) * r, ()
        return X, xp.broadcast_to(r, (x.shape[0], *r.shape[1:])), over


def statistics(layer: Layer) -> tuple[str, ...]:
    """Names of the constants of batch normalisation, which training does without."""
    found: list[str] = []

    def look(name: str, part: Layer) -> Layer | None:
        if not isinstance(part, BatchNorm):
            return None
        found.extend(f"{name}.{own}".strip(".") for own in part.constants())
        return part

    changed(layer, look)
    return tuple(found)
