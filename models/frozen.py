"""Layers that do not train."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, final

from models.composite import Composite, pushed
from models.layer import Cotangents, Layer, Place, Saved, Shape, Tree, WayBack
from models.products import arrived
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array
from thermolinalg.errors import InvalidInput


@final
@dataclass(frozen=True)
class Frozen(Composite):
    """The same function, of which nothing trains: its parameters are constants.

    They cost no gradient, no tangent and no place among the parameters that train. In training the
    layer does what it does without this: dropout drops, and batch normalisation uses the batch, not
    its own constants. So the Jacobian is, in training too, that of before with fewer columns.

    Raises:
        InvalidInput: `layer` is not a layer.
    """

    layer: Layer

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Layer):
            raise InvalidInput(f"layer = {self.layer!r} must be a layer, such as Dense(2, 3).")

    def parts(self) -> dict[str, Layer]:
        return {"": self.layer}

    def made_of(self, parts: Mapping[str, Layer], /) -> Self:
        return type(self)(parts[""])

    @property
    def takes_integers(self) -> bool:  # type: ignore[override]
        return self.layer.takes_integers

    def shapes(self) -> dict[str, Shape]:
        return {}

    def constants(self) -> dict[str, Shape]:
        return {**self.layer.shapes(), **self.layer.constants()}

    def output_shape(self, shape: Shape, /) -> Shape:
        return self.layer.output_shape(shape)

    def workspace(self, shape: Shape, /) -> int:
        return self.layer.workspace(shape)

    def forward(self, p: Tree, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, Saved]:
        return self.layer.forward(p, x, setting)

    def jvp(
        self, p: Tree, saved: Saved, dx: Array | None, _dp: Tree, /
    ) -> tuple[Array | None, Saved]:
        return pushed(self.layer, p, saved, dx, {})

    def way_back(self, at: Place, us: Cotangents, /, *, to_input: bool) -> WayBack:
        return arrived(self.layer.way_back(at, us, to_input=True)) if to_input else None
        yield  # makes this a generator, as every way back is
