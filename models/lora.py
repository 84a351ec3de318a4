"""Low-rank adaptation: a fully connected layer held fixed, and a small correction that trains."""

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

import numpy as np

from models.checks import positive_integer
from models.composite import added, size_of
from models.dense import Dense, along_last, as_sequences
from models.dropout import drawn_mask, droppable, masked
from models.layer import Named, Shape
from models.leaf import OuterLeaf
from models.outer import Outer
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, NumpyArray
from thermolinalg.errors import InvalidInput
from thermolinalg.streams import Streams

Inside: TypeAlias = tuple[Array, Array | None, Array]
"""What LoRA saves: x, the mask m of dropout (None for 1), and h = (m o x) A."""

Moved: TypeAlias = tuple[Array | None, Array | None]
"""The tangents of x and h."""


@final
@dataclass(frozen=True)
class LoRA(OuterLeaf):
    """y = x W + c + (alpha / rank) (m o x) A B, of which A and B train (Hu et al. 2021).

    W and c are constants, the weights of `dense`; m is a mask of dropout, 1 in evaluation. B starts
    at 0, so that the layer starts as `dense`, and A as in the code of the paper's authors (and in
    peft): uniform between -inputs^(-1/2) and inputs^(-1/2).

    Args:
        dense: what is adapted.
        rank: inner size of A (inputs, rank) and B (rank, outputs).
        alpha: size of the correction; the learning rate need not follow a change of the rank.
        dropout: part of the entries of x that the correction does not see in training.

    Raises:
        InvalidInput: one of them cannot be what it is named for.
    """

    dense: Dense
    rank: int = 2
    alpha: float = field(default=32.0, kw_only=True)
    dropout: float = field(default=0.1, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.dense, Dense):
            raise InvalidInput(
                f"dense = {self.dense!r} must be a Dense layer, such as Dense(4, 3)."
            )
        positive_integer("rank", self.rank)
        if not 0 < self.alpha < math.inf:
            raise InvalidInput(f"alpha = {self.alpha!r} must be a positive number.")
        droppable(self.dropout)

    @property
    def scale(self) -> float:
        """What A B is multiplied by."""
        return float(self.alpha / self.rank)

    def shapes(self) -> dict[str, Shape]:
        return {"A": (self.dense.inputs, self.rank), "B": (self.rank, self.dense.outputs)}

    def constants(self) -> dict[str, Shape]:
        return self.dense.shapes()

    def factors(self, streams: Streams, /) -> dict[str, NumpyArray]:
        """A and B to start from."""
        bound = 1.0 / math.sqrt(self.dense.inputs)
        A = streams.stream("A").uniform(-bound, bound, (self.dense.inputs, self.rank))
        return {"A": A, "B": np.zeros((self.rank, self.dense.outputs))}

    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        return self.factors(streams) | self.dense.init(streams)

    def output_shape(self, shape: Shape, /) -> Shape:
        return self.dense.output_shape(shape)

    def workspace(self, shape: Shape, /) -> int:
        inner = 2 * self.rank * size_of(shape[:-1])
        return 2 * size_of(shape) + size_of(self.output_shape(shape)) + inner

    def forward(self, p: Named, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, Inside]:
        mask = drawn_mask(setting, self.dropout, x)
        h = along_last(masked(x, mask), p["A"])
        y, _ = self.dense.forward(p, x)
        y += along_last(h * self.scale, p["B"])
        return y, (x, mask, h)

    def jvp(
        self, p: Named, saved: Inside, dx: Array | None, dp: Named, /
    ) -> tuple[Array | None, Moved]:
        x, mask, h = saved
        dy, dh = None, None
        if dx is not None:
            dy = along_last(dx, p["W"])
            dh = along_last(masked(dx, mask), p["A"])
        if dp:
            dh = added(dh, along_last(masked(x, mask), dp["A"]))
            dy = added(dy, along_last(h * self.scale, dp["B"]))
        return added(dy, None if dh is None else along_last(dh * self.scale, p["B"])), (dx, dh)

    def backward(self, p: Named, saved: Inside, u: Array, /) -> Array:
        _, mask, _ = saved
        back = masked(along_last(self._inner(p, u), p["A"].T), mask)
        back += along_last(u, p["W"].T)
        return back

    def backward_jvp(
        self, p: Named, saved: Inside, u: Array, dp: Named, _dsaved: Moved, du: Array, /
    ) -> Array:
        _, mask, _ = saved
        moved = self.backward(p, saved, du)
        if dp:
            moved += masked(along_last(self._inner(dp, u), p["A"].T), mask)
            moved += masked(along_last(self._inner(p, u), dp["A"].T), mask)
        return moved

    def outers(self, p: Named, saved: Inside, u: Array, /) -> list[Outer]:
        x, mask, h = saved
        first = self._outer(masked(x, mask), self._inner(p, u))
        return [first, self._outer(h * self.scale, u)]

    def outers_jvp(
        self, p: Named, saved: Inside, u: Array, dp: Named, dsaved: Moved | None, du: Array, /
    ) -> list[tuple[Array | None, Array]]:
        (x, mask, _), (dx, dh) = saved, dsaved or (None, None)
        de = self._inner(p, du)
        if dp:
            de += self._inner(dp, u)
        seen = None if dx is None else as_sequences(masked(dx, mask), x.ndim)
        inner = None if dh is None else as_sequences(dh * self.scale, x.ndim)
        return [(seen, as_sequences(de, x.ndim)), (inner, as_sequences(du, x.ndim))]

    def assembled(self, parts: list[tuple[Array, Array]], /) -> dict[str, Array]:
        (A, _), (B, _) = parts
        return {"A": A, "B": B}

    def merged(self, p: Named, /) -> Array:
        """W + (alpha / rank) A B: the weights of the plain layer that does the same."""
        return p["W"] + (p["A"] @ p["B"]) * self.scale

    def _inner(self, p: Any, u: Array) -> Array:
        """The cotangent of h."""
        return along_last(u, p["B"].T) * self.scale

    def _outer(self, x: Array, e: Array) -> Outer:
        return Outer(as_sequences(x, x.ndim), as_sequences(e, x.ndim), bias=False)
