"""Shared weights: tokens are read and predicted by the same table (Press and Wolf 2017)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self, TypeAlias, final

import numpy as np

from models import lookup, outer
from models.checks import positive_integer
from models.composite import Composite, pushed, size_of
from models.dense import along_last, as_sequences
from models.embedding import initial_table, rows_of, tokens
from models.gram import Room, Side, least_room, sample_major, tiled
from models.layer import Cotangents, Layer, Leaf, Named, Place, Saved, Shape, Tree, Visit, WayBack
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import Streams

Uses: TypeAlias = tuple[Array, Array]
"""Tokens (b, ...) whose rows are looked up, and h (b, ..., width) that all rows multiply."""


@final
@dataclass(frozen=True)
class TiedEmbedding(Composite):
    """z = h W' + c with h = body(W_x), for tokens x: logits of tokens from the vectors of tokens.

    W and c come first among the parameters; those of the body have "body." in front of their names.
    Starts from W_ij ~ N(0, 1/width) and c = 0.

    Args:
        vocabulary: tokens are 0 to vocabulary - 1.
        width: of the vector of each.
        body: a layer of sequences (T, width), whose output has the same last axis.
        bias: is there a c?
    """

    vocabulary: int
    width: int
    body: Layer
    bias: bool = False

    takes_integers = True

    def __post_init__(self) -> None:
        positive_integer("vocabulary", self.vocabulary)
        positive_integer("width", self.width)
        if not isinstance(self.body, Layer) or self.body.takes_integers:
            raise InvalidInput(f"body = {self.body!r} must be a layer of floating-point samples.")

    @cached_property
    def table(self) -> "Table":
        """What is shared."""
        return Table(self.vocabulary, self.width, self.bias)

    def parts(self) -> dict[str, Layer]:
        return {"": self.table, "body": self.body}

    def made_of(self, parts: Mapping[str, Layer], /) -> Self:
        return type(self)(self.vocabulary, self.width, parts["body"], self.bias)

    def output_shape(self, shape: Shape, /) -> Shape:
        found = self.body.output_shape((*shape, self.width))
        if not found or found[-1] != self.width:
            raise ShapeMismatch(
                f"the body turns samples of shape {(*shape, self.width)} into {found}, but the "
                f"table multiplies vectors of width {self.width}. Change the body."
            )
        return (*found[:-1], self.vocabulary)

    def workspace(self, shape: Shape, /) -> int:
        ends = size_of((*shape, self.width)) + size_of(self.output_shape(shape))
        return 2 * ends + self.body.workspace((*shape, self.width))

    def forward(self, p: Tree, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, Saved]:
        y, ids = self.table.forward(p, x)
        h, saved = self.body.forward(p.get("body", {}), y, setting.child("body"))
        return self.table.logits(p, h), (ids, saved, h)

    def jvp(
        self, p: Tree, saved: Saved, _dx: Array | None, dp: Tree, /
    ) -> tuple[Array | None, Saved]:
        if not dp:
            return None, None
        ids, inside, h = saved
        dy, _ = self.table.jvp(p, ids, None, dp)
        dh, dinside = pushed(self.body, p.get("body", {}), inside, dy, dp.get("body", {}))
        return self.table.logits(p, dh, bias=False) + self.table.logits(dp, h), (None, dinside, dh)

    def way_back(
        self,
        at: Place,
        us: Cotangents,
        /,
        *,
        to_input: bool,  # noqa: ARG002 (tokens have no cotangent)
    ) -> WayBack:
        ids, _, h = at.saved
        hs = [along_last(u, at.p["W"]) for u in us]
        if at.moving and at.dp:
            hs[1] += along_last(us[0], at.dp["W"])
        es = yield from self.body.way_back(at.child("body", 1), tuple(hs), to_input=True)
        dsaved = None if at.dsaved is None else (None, at.dsaved[2])
        here = Place(at.p, (ids, h), at.moving, at.dp, dsaved, at.name)
        yield Visit(self.table, here, tuple(map(self.table.both, es or (), us, (h, h))))
        return None


@final
@dataclass(frozen=True)
class Table(Leaf):
    """A table whose rows are looked up and multiplied: the gradients are those of both uses.

    For them `saved` is both `Uses`, and a cotangent is that of the vectors and that of the logits,
    flat and next to each other: `both`.
    """

    vocabulary: int
    width: int
    bias: bool
    takes_integers = True

    def shapes(self) -> dict[str, Shape]:
        W: dict[str, Shape] = {"W": (self.vocabulary, self.width)}
        return W | {"c": (self.vocabulary,)} if self.bias else W

    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        W = initial_table(streams, self.vocabulary, self.width)
        return {"W": W, "c": np.zeros(self.vocabulary)} if self.bias else {"W": W}

    def output_shape(self, shape: Shape, /) -> Shape:
        return (*shape, self.width)

    def workspace(self, shape: Shape, /) -> int:
        return 2 * size_of(self.output_shape(shape))

    def forward(self, p: Named, x: Array, _setting: Setting = EVALUATION, /) -> tuple[Array, Array]:
        ids = tokens(x, self.vocabulary)
        return rows_of(p["W"], ids), ids

    def logits(self, p: Named, h: Array, /, *, bias: bool = True) -> Array:
        """h W' + c."""
        z = along_last(h, p["W"].T)
        if self.bias and bias:
            z += p["c"]
        return z

    def jvp(
        self, _p: Named, saved: Array | Uses, _dx: None, dp: Named, /
    ) -> tuple[Array | None, None]:
        if not dp:
            return None, None
        if not isinstance(saved, tuple):
            return rows_of(dp["W"], saved), None
        ids, h = saved
        return self.both(rows_of(dp["W"], ids), self.logits(dp, h), h), None

    def backward(self, _p: Named, _ids: Array, _u: Array, /) -> Array:
        raise InvalidInput("token numbers have no cotangent.")

    def backward_jvp(
        self, p: Named, ids: Array, u: Array, _dp: Named, _dx: None, _du: Array, /
    ) -> Array:
        return self.backward(p, ids, u)

    def both(self, e: Array, z: Array, h: Array) -> Array:
        """Cotangents of vectors and logits, (..., b, *), each flat and next to each other."""
        xp = namespace(e)
        lead = z.shape[: z.ndim - h.ndim + 1]
        return xp.concat([xp.reshape(e, (*lead, -1)), xp.reshape(z, (*lead, -1))], axis=-1)

    def _apart(self, saved: Uses, u: Array) -> tuple[Array, Array, Array, Array]:
        """ids (b, T), e (..., b, T, width), h (b, T', width) and z (..., b, T', vocabulary)."""
        ids, h = saved
        xp = namespace(u)
        ids, h = xp.reshape(ids, (ids.shape[0], -1)), as_sequences(h, h.ndim)
        split = ids.shape[1] * self.width
        e = xp.reshape(u[..., :split], (*u.shape[:-1], ids.shape[1], self.width))
        z = xp.reshape(u[..., split:], (*u.shape[:-1], h.shape[1], self.vocabulary))
        return ids, e, h, z

    def gradient(self, _p: Named, saved: Uses, u: Array, /) -> dict[str, Array]:
        ids, e, h, z = self._apart(saved, u)
        W, c = outer.summed(h, z)
        W = namespace(u).matrix_transpose(W) + lookup.summed(ids, e, self.vocabulary)
        return self._named(W, c)

    def gradient_jvp(
        self, p: Named, saved: Uses, u: Array, _dp: Named, dsaved: Saved, du: Array, /
    ) -> dict[str, Array]:
        moved = self.gradient(p, saved, du)
        if dsaved is not None:
            _, _, dh, z = self._apart((saved[0], dsaved[1]), u)
            moved["W"] += outer.summed(dh, z)[0].T
        return moved

    def per_sample(self, _p: Named, saved: Uses, u: Array, /) -> dict[str, Array]:
        z = self._apart(saved, u)[3]
        every = slice(0, self.width)
        return self._named(self._columns((saved, u), every), namespace(u).sum(z, axis=-2))

    def gram(self, _p: Named, left: Side, right: Side, room: int, /) -> Array:
        """Of the gradients themselves, some columns at a time: the uses of one table mix."""
        shape = (self.vocabulary, self.width)
        K = lookup.formed(left, right, self._columns, shape, room)
        if self.bias:
            (r, b), (r2, b2) = left[1].shape[:2], right[1].shape[:2]
            room -= r * b * r2 * b2  # for what is added to
            K += tiled(left, right, self._bias_gram, self._bias_need, room)
        return K

    def gram_room(self, _p: Named, one: Side, /) -> Room:
        table = lookup.formed_room(one, (self.vocabulary, self.width))

        def room(m: int, q: int) -> int:
            return max(table(q), least_room(self._bias_need, q) + (m * q) ** 2)

        return room if self.bias else lambda _, q: table(q)

    def _bias_need(self, rows: int, columns: int) -> int:
        return 2 * (rows + columns) * self.vocabulary

    def _columns(self, side: Side, some: slice) -> Array:
        """These columns of the gradients in W of each sample, (..., b, vocabulary, some)."""
        ids, e, h, z = self._apart(*side)
        G = namespace(z).matrix_transpose(z) @ h[..., some]
        G += lookup.per_sample(ids, e[..., some], self.vocabulary)
        return G

    def _bias_gram(self, left: Side, right: Side) -> Array:
        sides = [self._apart(*side)[3] for side in (left, right)]
        c, c2 = (sample_major(namespace(z).sum(z, axis=-2)) for z in sides)
        return c @ c2.T

    def _named(self, W: Array, c: Array) -> dict[str, Array]:
        return {"W": W, "c": c} if self.bias else {"W": W}
