"""Layers side by side, and beside the identity."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, Literal, Self, final

from models.composite import Composite, added, named_layers, pushed, size_of
from models.layer import Cotangents, Layer, Place, Saved, Shape, Tree, WayBack
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, namespace, zeros
from thermolinalg.errors import InvalidInput, ShapeMismatch

Join = Literal["sum", "concat"]

_JOINED = {
    "sum": "cannot be added",
    "concat": "cannot be put next to each other along the last axis",
}


@final
@dataclass(frozen=True)
class Parallel(Composite):
    """The same x through each branch; the outputs added, or concatenated along the last axis.

    Args:
        branches: a list of layers, or a dict with names of their own.
        join: "sum" or "concat".

    Raises:
        InvalidInput: there is no branch, one is no layer or has no proper name, only some read
            token numbers, or `join` is something else.
    """

    branches: Any  # Sequence[Layer] | Mapping[str, Layer], and then tuple[Layer, ...]
    join: Join = "sum"
    names: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = named_layers("branches", self.branches)
        object.__setattr__(self, "branches", tuple(parts.values()))
        object.__setattr__(self, "names", tuple(parts))
        if self.join not in ("sum", "concat"):
            raise InvalidInput(f'join = {self.join!r} must be "sum" or "concat".')
        if len({branch.takes_integers for branch in self.branches}) > 1:
            raise InvalidInput(
                f"branches = {self.branches!r} get the same x, but only some of them read token "
                "numbers. Put an Embedding in front of the others."
            )

    @property
    def takes_integers(self) -> bool:  # type: ignore[override]
        return self.branches[0].takes_integers

    def parts(self) -> dict[str, Layer]:
        return dict(zip(self.names, self.branches, strict=True))

    def made_of(self, parts: Mapping[str, Layer], /) -> Self:
        return type(self)(dict(parts), self.join)

    def output_shape(self, shape: Shape, /) -> Shape:
        shapes = [branch.output_shape(shape) for branch in self.branches]
        alike = {found if self.join == "sum" else found[:-1] for found in shapes}
        if len(alike) > 1 or not all(shapes):
            raise ShapeMismatch(
                f"the branches turn samples of shape {shape} into {', '.join(map(str, shapes))}, "
                f"which {_JOINED[self.join]}. Change a branch."
            )
        if self.join == "sum":
            return shapes[0]
        return (*shapes[0][:-1], sum(found[-1] for found in shapes))

    def workspace(self, shape: Shape, /) -> int:
        ends = size_of(self.output_shape(shape)) + 2 * size_of(shape)
        return ends + max(branch.workspace(shape) for branch in self.branches)

    def forward(self, p: Tree, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, Saved]:
        ran = [
            branch.forward(p.get(name, {}), x, setting.child(name))
            for name, branch in self.parts().items()
        ]
        outputs = [y for y, _ in ran]
        widths = tuple(y.shape[-1] for y in outputs)
        return self._joined(outputs), (*(saved for _, saved in ran), widths)

    def jvp(
        self, p: Tree, saved: Saved, dx: Array | None, dp: Tree, /
    ) -> tuple[Array | None, Saved]:
        ran = [
            pushed(branch, p.get(name, {}), saved[i], dx, dp.get(name, {}))
            for i, (name, branch) in enumerate(self.parts().items())
        ]
        moved = [dy for dy, _ in ran]
        dsaved = tuple(tangent for _, tangent in ran)
        if self.join == "sum":
            return reduce(added, moved), dsaved
        one = next(dy for dy in moved if dy is not None)
        filled = [
            zeros((*one.shape[:-1], width), one) if dy is None else dy
            for dy, width in zip(moved, saved[-1], strict=True)
        ]
        return self._joined(filled), dsaved

    def way_back(self, at: Place, us: Cotangents, /, *, to_input: bool) -> WayBack:
        total: Cotangents | None = None
        stop = sum(at.saved[-1])
        for i in reversed(range(len(self.branches))):
            branch, start = self.branches[i], stop - at.saved[-1][i]
            if to_input or branch.shapes():
                own = us if self.join == "sum" else tuple(u[..., start:stop] for u in us)
                back = yield from branch.way_back(
                    at.child(self.names[i], i), own, to_input=to_input
                )
                total = back if total is None else tuple(map(add, total, back))
            stop = start
        return total

    def _joined(self, outputs: list[Array]) -> Array:
        if self.join == "sum":
            return reduce(add, outputs)
        return namespace(*outputs).concat(outputs, axis=-1)


@final
@dataclass(frozen=True)
class Residual(Composite):
    """y = x + f(x) (He et al. 2016). The parameters are those of f, under its own names.

    Raises:
        InvalidInput: `layer` is not a layer, or takes integers, which cannot be added to.
    """

    layer: Layer

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Layer) or self.layer.takes_integers:
            raise InvalidInput(f"layer = {self.layer!r} must be a layer of floating-point samples.")

    def parts(self) -> dict[str, Layer]:
        return {"": self.layer}

    def made_of(self, parts: Mapping[str, Layer], /) -> Self:
        return type(self)(parts[""])

    def output_shape(self, shape: Shape, /) -> Shape:
        if (found := self.layer.output_shape(shape)) != shape:
            raise ShapeMismatch(
                f"Residual adds x to f(x), but f turns samples of shape {shape} into {found}. "
                "Change f, or put a second branch beside it: Parallel([f, Dense(...)])."
            )
        return shape

    def workspace(self, shape: Shape, /) -> int:
        return 2 * size_of(shape) + self.layer.workspace(shape)

    def forward(self, p: Tree, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, Saved]:
        y, saved = self.layer.forward(p, x, setting)
        return x + y, saved

    def jvp(
        self, p: Tree, saved: Saved, dx: Array | None, dp: Tree, /
    ) -> tuple[Array | None, Saved]:
        dy, dsaved = self.layer.jvp(p, saved, dx, dp)
        return added(dx, dy), dsaved

    def way_back(self, at: Place, us: Cotangents, /, *, to_input: bool) -> WayBack:
        back = yield from self.layer.way_back(at, us, to_input=to_input)
        return None if back is None else tuple(map(add, us, back))
