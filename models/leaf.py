"""Two kinds of leaf: layers whose weights multiply, and layers without any."""

from abc import abstractmethod
from typing import final

from models import outer
from models.gram import Room, Side, no_gram, rows_of
from models.layer import Leaf, Named, Saved, Shape
from models.outer import Outer
from thermolinalg.backend import Array, NumpyArray
from thermolinalg.streams import Streams


class OuterLeaf(Leaf):
    """A layer whose weights multiply: its gradients are sums of outer products (`models.outer`).

    One says which, and gets gradients, per-sample gradients, Gram matrices, their tangents, their
    squares and Kronecker factors.
    """

    @abstractmethod
    def outers(self, p: Named, saved: Saved, u: Array, /) -> list[Outer]:
        """The factors, for each weight matrix."""

    @abstractmethod
    def outers_jvp(
        self, p: Named, saved: Saved, u: Array, dp: Named, dsaved: Saved, du: Array, /
    ) -> list[tuple[Array | None, Array]]:
        """Tangents of x and e of each; None for an x that does not move."""

    @abstractmethod
    def assembled(self, parts: list[tuple[Array, Array]], /) -> dict[str, Array]:
        """The gradient by parameter names, from what each weight matrix and its bias get.

        Axes in front of (inputs, outputs) and (outputs,) are to be kept, and each number comes to a
        place of its own: what is done to each alike may as well be done before.
        """

    @final
    def gradient(self, p: Named, saved: Saved, u: Array, /) -> dict[str, Array]:
        return self.assembled([outer.summed(o.x, o.e) for o in self.outers(p, saved, u)])

    @final
    def per_sample(self, p: Named, saved: Saved, u: Array, /) -> dict[str, Array]:
        return self.assembled([outer.per_sample(o.x, o.e) for o in self.outers(p, saved, u)])

    @final
    def gram(self, p: Named, left: Side, right: Side, room: int, /) -> Array:
        lefts = self.outers(p, *left)
        rights = lefts if right is left else self.outers(p, *right)
        if len(lefts) > 1:
            room -= rows_of(left) * rows_of(right)  # for the sum of those before
        total = None
        for a, b in zip(lefts, rights, strict=True):
            K = outer.gram(a, b, room)
            if total is None:
                total = K
            else:
                total += K  # in place: nothing else in a training step is as large
        return total

    @final
    def gram_room(self, p: Named, one: Side, /) -> Room:
        rooms = [outer.gram_room(o) for o in self.outers(p, *one)]

        def room(m: int, q: int) -> int:
            return max(own(q) for own in rooms) + ((m * q) ** 2 if len(rooms) > 1 else 0)

        return room

    @final
    def squares(self, p: Named, saved: Saved, u: Array, room: int, /) -> dict[str, Array]:
        return self.assembled([outer.squares(o, room) for o in self.outers(p, saved, u)])

    @final
    def gradient_jvp(
        self, p: Named, saved: Saved, u: Array, dp: Named, dsaved: Saved, du: Array, /
    ) -> dict[str, Array]:
        parts = []
        moved = self.outers_jvp(p, saved, u, dp, dsaved, du)
        for o, (dx, de) in zip(self.outers(p, saved, u), moved, strict=True):
            W, c = outer.summed(o.x, de)
            if dx is not None:
                W = W + outer.summed(dx, o.e)[0]
            parts.append((W, c))
        return self.assembled(parts)


class Parameterless(Leaf):
    """A layer with nothing to train: what is left to write is how it acts on x."""

    def shapes(self) -> dict[str, Shape]:
        return {}

    def init(self, _streams: Streams, /) -> dict[str, NumpyArray]:
        return {}

    def gradient(self, _p: Named, _saved: Saved, _u: Array, /) -> dict[str, Array]:
        return {}

    def per_sample(self, _p: Named, _saved: Saved, _u: Array, /) -> dict[str, Array]:
        return {}

    def gram(self, _p: Named, left: Side, right: Side, _room: int, /) -> Array:
        return no_gram(left, right)

    def gram_room(self, _p: Named, _one: Side, /) -> Room:
        return lambda _m, _q: 0

    def gradient_jvp(
        self, _p: Named, _saved: Saved, _u: Array, _dp: Named, _dsaved: Saved, _du: Array, /
    ) -> dict[str, Array]:
        return {}
