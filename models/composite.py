"""Layers made of layers: what follows from the parts alone.

The parameters of a part lie under its name: "W" of the part "0" is "0.W" outside.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Self, TypeAlias

from models.layer import Layer, Saved, Shape, Tree
from models.setting import Setting
from thermolinalg.backend import Array, NumpyArray
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams

Change: TypeAlias = Callable[[str, Layer], Layer | None]
"""From the name of a layer and the layer: what to put there, or None to look at its parts."""


class Composite(Layer):
    """A layer made of others, its parts."""

    @abstractmethod
    def parts(self) -> dict[str, Layer]:
        """The parts by name, in the order in which their parameters are stored.

        A part called "" gives its parameters without a name in front.
        """

    @abstractmethod
    def made_of(self, parts: Mapping[str, Layer], /) -> Self:
        """The same layer with these parts under these names."""

    def shapes(self) -> dict[str, Shape]:
        return _joined({name: part.shapes() for name, part in self.parts().items()})

    def constants(self) -> dict[str, Shape]:
        return _joined({name: part.constants() for name, part in self.parts().items()})

    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        return _joined(
            {
                name: part.init(streams.child(name) if name else streams)
                for name, part in self.parts().items()
            }
        )

    def couples(self, setting: Setting, /) -> bool:
        return any(part.couples(setting) for part in self.parts().values())


def named_layers(argument: str, layers: Any) -> dict[str, Layer]:
    """Layers by name: a dict as it is, others by their numbers.

    Raises:
        InvalidInput: there is none, or one is no layer or has no proper name.
    """
    try:
        named = dict(layers) if isinstance(layers, Mapping) else dict(enumerate(layers))
    except TypeError:
        named = {}
    if not named or not all(isinstance(layer, Layer) for layer in named.values()):
        raise InvalidInput(
            f"{argument} = {layers!r} must be one or more layers: [Dense(2, 3), ReLU()], say."
        )
    names = [str(name) for name in named]
    if len(set(names)) < len(names) or any(not name or "." in name for name in names):
        raise InvalidInput(
            f"{argument} has the names {names}; a name is not empty, has no full stop and is there "
            "once."
        )
    return dict(zip(names, named.values(), strict=True))


def outline(layer: Layer, name: str = "") -> list[tuple[str, int]]:
    """A line for each layer and those within it, by their names, and how many numbers train there.

    What is made of one plain layer is one line; what is made of more says its own size by theirs.
    """
    parts = layer.parts() if isinstance(layer, Composite) else {}
    while set(parts) == {""} and isinstance(parts[""], Composite):
        parts = parts[""].parts()
    if not parts or set(parts) == {""}:
        return [(f"{name}  {layer!r}", sum(map(math.prod, layer.shapes().values())))]
    lines = [(f"{name}  {_kind(layer)}", 0)] if name or _kind(layer) != "Sequential" else []
    for part, inner in parts.items():
        full = ".".join(filter(None, (name, part)))
        lines += [(text, size if layer.shapes() else 0) for text, size in outline(inner, full)]
    return lines


def _kind(layer: Any) -> str:
    """A layer without the layers in it: "Parallel(join='concat')"."""
    shown = {f.name: getattr(layer, f.name) for f in fields(layer) if f.repr}
    plain = [f"{key}={value!r}" for key, value in shown.items() if isinstance(value, str | int)]
    inner = getattr(layer, "layer", None)
    whole = type(layer).__name__ + (f"({', '.join(plain)})" if plain else "")
    return f"{whole} of {_kind(inner)}" if isinstance(inner, Composite) else whole


def changed(layer: Layer, change: Change, name: str = "") -> Layer:
    """The layer with parts replaced, at any depth."""
    if (found := change(name, layer)) is not None:
        return found
    if not isinstance(layer, Composite):
        return layer
    return layer.made_of(
        {
            own: changed(part, change, f"{name}.{own}".strip("."))
            for own, part in layer.parts().items()
        }
    )


def pushed(
    layer: Layer, p: Tree, saved: Saved, dx: Array | None, dp: Tree
) -> tuple[Array | None, Saved]:
    """The layer's jvp, unless nothing moves."""
    return (None, None) if dx is None and not dp else layer.jvp(p, saved, dx, dp)


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """{"0.W": a} as {"0": {"W": a}}."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *path, own = name.split(".")
        here = tree
        for part in path:
            here = here.setdefault(part, {})
        here[own] = value
    return tree


def size_of(shape: Shape) -> int:
    """Numbers in a sample of this shape."""
    return math.prod(shape)


def added(a: Array | None, b: Array | None) -> Array | None:
    """a + b, where None is nothing."""
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _joined(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        (f"{name}.{own}" if name else own): value
        for name, part in parts.items()
        for own, value in part.items()
    }
