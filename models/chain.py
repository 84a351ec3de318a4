"""Layers one after another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, TypeAlias, final

from models.composite import Composite, named_layers, pushed, size_of
from models.layer import Cotangents, Layer, Place, Saved, Shape, Tree, WayBack
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput

Trace: TypeAlias = tuple[Saved, ...]
"""What each layer of a chain saved, or the tangents of it."""


@final
@dataclass(frozen=True)
class Sequential(Composite):
    """x through each layer in turn. Parameter "W" of layer 0 is called "0.W".

    Args:
        layers: a list, whose layers are called "0", "1" and so on, or a dict with names of their
            own.

    Raises:
        InvalidInput: there is none, one is no layer or has no proper name, or one behind the first
            reads token numbers.
    """

    layers: Any  # Sequence[Layer] | Mapping[str, Layer], and then tuple[Layer, ...]
    names: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = named_layers("layers", self.layers)
        object.__setattr__(self, "layers", tuple(parts.values()))
        object.__setattr__(self, "names", tuple(parts))
        for name, layer in list(parts.items())[1:]:
            if layer.takes_integers:
                raise InvalidInput(
                    f"layers has {layer!r} as {name!r}, behind another layer, but token numbers "
                    "come from the batch alone. Put it first."
                )

    @cached_property
    def first(self) -> int:
        """The first layer that trains: a gradient goes back no further."""
        return next((i for i, layer in enumerate(self.layers) if layer.shapes()), len(self.layers))

    @property
    def takes_integers(self) -> bool:  # type: ignore[override]
        return self.layers[0].takes_integers

    def parts(self) -> dict[str, Layer]:
        return dict(zip(self.names, self.layers, strict=True))

    def made_of(self, parts: Mapping[str, Layer], /) -> Self:
        return type(self)(dict(parts))

    def output_shape(self, shape: Shape, /) -> Shape:
        for layer in self.layers:
            shape = layer.output_shape(shape)
        return shape

    def workspace(self, shape: Shape, /) -> int:
        most = 0
        for layer in self.layers:
            most = max(most, layer.workspace(shape))
            shape = layer.output_shape(shape)
        return most + size_of(shape)

    def forward(self, p: Tree, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, Trace]:
        trace = []
        for name, layer in zip(self.names, self.layers, strict=True):
            x, saved = layer.forward(p.get(name, {}), x, setting.child(name))
            trace.append(saved)
        return x, tuple(trace)

    def jvp(
        self, p: Tree, trace: Trace, dx: Array | None, dp: Tree, /
    ) -> tuple[Array | None, Trace]:
        dtrace = []
        for name, layer, saved in zip(self.names, self.layers, trace, strict=True):
            dx, dsaved = pushed(layer, p.get(name, {}), saved, dx, dp.get(name, {}))
            dtrace.append(dsaved)
        return dx, tuple(dtrace)

    def way_back(self, at: Place, us: Cotangents, /, *, to_input: bool) -> WayBack:
        last = 0 if to_input else self.first
        back: Cotangents | None = us
        for i in reversed(range(last, len(self.layers))):
            place, further = at.child(self.names[i], i), to_input or i > last
            back = yield from self.layers[i].way_back(place, back, to_input=further)
        return back
