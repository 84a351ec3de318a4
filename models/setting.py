"""How a network is passed through: in training or not, with which random masks, which positions."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from thermolinalg.backend import Array
from thermolinalg.errors import ShapeMismatch
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
        """The same where only these positions are real, of those that were."""
        return replace(self, mask=mask if self.mask is None else self.mask & mask)

    def mask_of(self, x: Array, /) -> Array | None:
        """`mask`, for a layer that reads the positions of x (b, T, width).

        Raises:
            ShapeMismatch: a layer in front has changed how many there are.
        """
        if self.mask is not None and self.mask.shape[1] != x.shape[1]:
            raise ShapeMismatch(
                f"mask has {self.mask.shape[1]} positions, but a layer that reads it got sequences "
                f"of {x.shape[1]}, because one in front has changed their length. Keep the length, "
                "or leave out the mask."
            )
        return self.mask


EVALUATION = Setting()
"""Nothing random, nothing masked."""
