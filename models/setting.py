"""How a network is passed through: in training or not, with which random masks, which positions."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from thermolinalg.backend import Array
from thermolinalg.streams import Streams


@final
@dataclass(frozen=True, eq=False, slots=True)
class Setting:
    """What a forward pass depends on beside parameters and batch.

    Args:
        training: layers that behave differently in training (dropout, batch normalisation) do so.
        streams: where dropout draws its masks; each layer draws from a stream of its own.
        mask: (b, T), True where a position of a sequence is real and not padding; None for all.
        path: names of the layers that lead to this one, which name its random streams.
    """

    training: bool = False
    streams: Streams | None = None
    mask: Array | None = None
    path: tuple[str, ...] = ()

    def child(self, name: str, /) -> "Setting":
        """The setting of the part of this name: its random streams are its own."""
        if self.streams is None:
            return self
        return replace(self, path=(*self.path, name))

    def stream(self, name: str, /) -> np.random.Generator | None:
        """The random stream of this name of the layer; None where nothing is random."""
        return self.streams.stream(*self.path, name) if self.streams and self.training else None

    def with_mask(self, mask: Array, /) -> "Setting":
        """The same with these positions for real."""
        return replace(self, mask=mask)


EVALUATION = Setting()
"""Nothing random, nothing masked."""
