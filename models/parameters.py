"""All parameters of a network as one flat array, of which layers see named views."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import final

from models.layer import Named, Shape
from thermolinalg.backend import Array, namespace


@final
@dataclass(frozen=True)
class Layout:
    """Where each named parameter lies in the flat array, in the order of `shapes`."""

    shapes: dict[str, Shape]

    @cached_property
    def size(self) -> int:
        """Number of parameters."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def places(self) -> Iterator[tuple[str, slice]]:
        """Each name with the part of the flat array that holds it."""
        start = 0
        for name, shape in self.shapes.items():
            stop = start + math.prod(shape)
            yield name, slice(start, stop)
            start = stop

    def views(self, flat: Array) -> dict[str, Array]:
        """The named parts of a flat array (size,). They share its memory."""
        xp = namespace(flat)
        return {name: xp.reshape(flat[place], self.shapes[name]) for name, place in self.places()}

    def flatten(self, parts: Named) -> Array:
        """The flat array (..., size) of named parts (..., *shape)."""
        xp = namespace(*parts.values())
        rows = [_flat(parts[name], shape) for name, shape in self.shapes.items()]
        return xp.concat(rows, axis=-1)


def _flat(part: Array, shape: Shape) -> Array:
    lead = part.shape[: part.ndim - len(shape)]
    return namespace(part).reshape(part, (*lead, math.prod(shape)))
