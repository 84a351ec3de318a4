"""Vectors for tokens: the first layer of a network that reads text."""

import math
from dataclasses import dataclass
from typing import final

from models import lookup
from models.checks import positive_integer
from models.composite import size_of
from models.gram import Room, Side
from models.layer import Leaf, Named, Shape
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, NumpyArray, namespace, positions
from thermolinalg.errors import DataError, InvalidInput
from thermolinalg.streams import Streams


@final
@dataclass(frozen=True)
class Embedding(Leaf):
    """y_t = row x_t of W, for samples of token numbers of any shape; W_ij ~ N(0, 1/width) at first.

    Args:
        vocabulary: tokens are 0 to vocabulary - 1.
        width: of the vector of each.
        padding: a token whose vector is 0 and stays 0.
    """

    vocabulary: int
    width: int
    padding: int | None = None

    takes_integers = True

    def __post_init__(self) -> None:
        positive_integer("vocabulary", self.vocabulary)
        positive_integer("width", self.width)
        if self.padding is not None and self.padding not in range(self.vocabulary):
            raise InvalidInput(
                f"padding = {self.padding!r} is not a token: those are 0 to {self.vocabulary - 1}."
            )

    def shapes(self) -> dict[str, Shape]:
        return {"W": (self.vocabulary, self.width)}

    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        W = initial_table(streams, self.vocabulary, self.width)
        if self.padding is not None:
            W[self.padding, :] = 0.0
        return {"W": W}

    def output_shape(self, shape: Shape, /) -> Shape:
        return (*shape, self.width)

    def workspace(self, shape: Shape, /) -> int:
        return 2 * size_of(self.output_shape(shape))

    def forward(self, p: Named, x: Array, _setting: Setting = EVALUATION, /) -> tuple[Array, Array]:
        ids = tokens(x, self.vocabulary)
        return self._looked_up(p["W"], ids), ids

    def jvp(self, _p: Named, ids: Array, _dx: None, dp: Named, /) -> tuple[Array | None, None]:
        return (self._looked_up(dp["W"], ids) if dp else None), None

    def backward(self, _p: Named, _ids: Array, _u: Array, /) -> Array:
        raise InvalidInput("token numbers have no cotangent.")

    def backward_jvp(
        self, p: Named, ids: Array, u: Array, _dp: Named, _dx: None, _du: Array, /
    ) -> Array:
        return self.backward(p, ids, u)

    def gradient(self, _p: Named, ids: Array, u: Array, /) -> dict[str, Array]:
        return {"W": lookup.summed(*self._factors(ids, u), self.vocabulary)}

    def gradient_jvp(
        self, p: Named, ids: Array, _u: Array, _dp: Named, _dx: None, du: Array, /
    ) -> dict[str, Array]:
        return self.gradient(p, ids, du)

    def per_sample(self, _p: Named, ids: Array, u: Array, /) -> dict[str, Array]:
        return {"W": lookup.per_sample(*self._factors(ids, u), self.vocabulary)}

    def gram(self, _p: Named, left: Side, right: Side, room: int, /) -> Array:
        rows = self._factors(*left)
        columns = rows if right is left else self._factors(*right)
        return lookup.gram(rows, columns, self.vocabulary, room)

    def gram_room(self, _p: Named, one: Side, /) -> Room:
        return lookup.gram_room(self._factors(*one), self.vocabulary)

    def _looked_up(self, W: Array, ids: Array) -> Array:
        return self._without_padding(ids, rows_of(W, ids))

    def _factors(self, ids: Array, u: Array) -> Side:
        """Tokens (b, T), and what their vectors get, (..., b, T, width)."""
        xp = namespace(u)
        u = self._without_padding(ids, u)
        lead = u.shape[: u.ndim - ids.ndim - 1]
        ids = xp.reshape(ids, (ids.shape[0], -1))
        return ids, xp.reshape(u, (*lead, *ids.shape, self.width))

    def _without_padding(self, ids: Array, y: Array) -> Array:
        if self.padding is None:
            return y
        return y * namespace(y).astype(ids != self.padding, y.dtype)[..., None]


def initial_table(streams: Streams, vocabulary: int, width: int) -> NumpyArray:
    """Vectors of mean square length 1."""
    return streams.stream("W").standard_normal((vocabulary, width)) / math.sqrt(width)


def tokens(x: Array, vocabulary: int) -> Array:
    """Token numbers as the indices of the library.

    Raises:
        DataError: one of them is not in the vocabulary.
    """
    xp = namespace(x)
    least, most = int(xp.min(x)), int(xp.max(x))
    if least < 0 or most >= vocabulary:
        raise DataError(
            f"x holds token {least if least < 0 else most}, but the vocabulary has tokens 0 to "
            f"{vocabulary - 1}. Use the tokenizer that belongs to it."
        )
    return xp.astype(x, positions(1, x).dtype, copy=False)


def rows_of(W: Array, ids: Array) -> Array:
    """The row of W for each token, (*ids.shape, width)."""
    xp = namespace(W)
    rows = xp.take(W, xp.reshape(ids, (-1,)), axis=0)
    return xp.reshape(rows, (*ids.shape, W.shape[1]))
