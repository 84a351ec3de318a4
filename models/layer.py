"""The contract of a layer: its own derivatives, written by hand, forward and backward.

Every layer, also one made of others (`models.composite`), has four verbs:

    forward         y = f(p, x)                            saved: what the other verbs need of it
    jvp             dy = f_p dp + f_x dx                   dsaved: how `saved` moves
    way_back        cotangent of x:  f_x' u                u: cotangent of y; on the way, each layer
                                                           that trains is visited
    workspace       how much memory the way back takes

A `Leaf` is not made of others. Its way back is written as

    backward        cotangent of x:  f_x' u
    gradient        cotangent of p:  f_p' u                summed over the samples
    per_sample      the same, one for each sample
    gram            inner products of the per-sample gradients, which need not be formed
    squares         their squares, summed: the diagonal of what gram is the other product of
    backward_jvp    tangent of `backward` along dp, dx, du (the R-operator of Pearlmutter 1994)
    gradient_jvp    tangent of `gradient`, likewise

Every product with the Jacobian of a network is what is done at the visits of one walk back
(`models.products`); whatever needs per-layer inputs and cotangents is one more thing to do there.

Samples lie along the first axis of x and y, features along the last, and samples do not interact,
but for layers that say so (`couples`). Wherever a cotangent u is taken it may carry more axes in
front, (..., b, *y.shape[1:]): many cotangents of one sample go back at once, by broadcasting.
A tangent dx or dsaved may be None and dp empty, "does not move". `saved` is nested tuples of arrays
whose first axis is that of the samples, or of what does not depend on the sample and is no array.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

from models.gram import Room, Side, least_room, pieces, sample_major, tiled
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.streams import Streams

Shape: TypeAlias = tuple[int, ...]

Named: TypeAlias = Mapping[str, Array]
"""Arrays by parameter name: parameters, their tangents or their cotangents."""

Tree: TypeAlias = Mapping[str, Any]
"""The same for a layer made of others: {child: {name: array}}."""

Saved: TypeAlias = Any
"""What a layer keeps from `forward`, or the tangent of it; nobody else looks inside."""

Cotangents: TypeAlias = tuple[Array, ...]
"""(u,), or (u, du) in second order. What acts on a cotangent linearly acts on each alike."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """A layer's parameters and what it saved; in second order also how both move.

    Args:
        p: parameters, trained or not.
        saved: from `forward`.
        moving: is this second order?
        dp: tangent of the parameters that train; empty for "do not move".
        dsaved: from `jvp`; None for "does not move".
        name: of the layer in the network, with a full stop behind; "" for the network itself.
    """

    p: Tree
    saved: Saved
    moving: bool = False
    dp: Tree = field(default_factory=dict)
    dsaved: Saved = None
    name: str = ""

    def child(self, name: str, index: int) -> "Place":
        """That of the child of this name, which saved entry `index` of a tuple."""
        dsaved = None if self.dsaved is None else self.dsaved[index]
        return Place(
            self.p.get(name, {}),
            self.saved[index],
            self.moving,
            self.dp.get(name, {}),
            dsaved,
            f"{self.name}{name}.",
        )


@final
@dataclass(frozen=True, eq=False, slots=True)
class Visit:
    """A leaf with parameters that train, and the cotangents of its output.

    The output is that of `leaf.jvp` at this place: what is saved here says which.
    """

    leaf: "Leaf"
    at: Place
    us: Cotangents


WayBack: TypeAlias = Generator[Visit, None, Cotangents | None]
"""Visits from the last layer to the first; at the end the cotangents of x, if asked for."""


class Layer(ABC):
    """A differentiable function of parameters p and a batch x, sample by sample."""

    takes_integers: bool = False
    """Is x an array of integers, such as token numbers? Then it has no tangent or cotangent."""

    @abstractmethod
    def shapes(self) -> dict[str, Shape]:
        """Names and shapes of the parameters that train, in the order in which they are stored."""

    def constants(self) -> dict[str, Shape]:
        """Names and shapes of those that do not: frozen weights, statistics of data."""
        return {}

    @abstractmethod
    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        """Random initial values of all parameters, trained or not."""

    @abstractmethod
    def output_shape(self, shape: Shape, /) -> Shape:
        """Shape of one sample of y, given that of one sample of x.

        Raises:
            ShapeMismatch: the layer does not take such samples.
        """

    def couples(self, _setting: Setting, /) -> bool:
        """Do samples of a batch interact, so that no gradient is that of one sample?"""
        return False

    @abstractmethod
    def workspace(self, shape: Shape, /) -> int:
        """Numbers for each sample and cotangent that the way back has at hand at most.

        Its input and its result are among them. `shape` is that of one sample of x.
        """

    @abstractmethod
    def forward(self, p: Tree, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, Saved]:
        """(y, saved)."""

    @abstractmethod
    def jvp(
        self, p: Tree, saved: Saved, dx: Array | None, dp: Tree, /
    ) -> tuple[Array | None, Saved]:
        """(dy, dsaved); (None, None) where nothing moves."""

    @abstractmethod
    def way_back(self, at: Place, us: Cotangents, /, *, to_input: bool) -> WayBack:
        """Visit every leaf that trains, and return the cotangents of x if `to_input`."""


class Leaf(Layer):
    """A layer that is not made of others: what it writes by hand."""

    @abstractmethod
    def backward(self, p: Named, saved: Saved, u: Array, /) -> Array:
        """Cotangent of x."""

    @abstractmethod
    def backward_jvp(
        self, p: Named, saved: Saved, u: Array, dp: Named, dsaved: Saved, du: Array, /
    ) -> Array:
        """Tangent of `backward(p, saved, u)`."""

    @abstractmethod
    def gradient(self, p: Named, saved: Saved, u: Array, /) -> dict[str, Array]:
        """Cotangent of each parameter, (..., *shape)."""

    @abstractmethod
    def gradient_jvp(
        self, p: Named, saved: Saved, u: Array, dp: Named, dsaved: Saved, du: Array, /
    ) -> dict[str, Array]:
        """Tangent of `gradient(p, saved, u)`."""

    @abstractmethod
    def per_sample(self, p: Named, saved: Saved, u: Array, /) -> dict[str, Array]:
        """Cotangent of each parameter from each sample, (..., b, *shape)."""

    def gram(self, p: Named, left: Side, right: Side, room: int, /) -> Array:
        """Inner products of per-sample gradients, (b r, b' r'), both sides sample-major.

        A side is (saved, u) with u (r, b, ...). The result is the caller's to overwrite. This one
        forms the gradients, which suits layers of few parameters.

        Raises:
            MemoryLimit: `room`, a count of numbers, is too small for one pair of samples.
        """

        def rows(side: Side) -> Array:
            xp = namespace(side[1])
            each = self.per_sample(p, *side).values()
            r, b = side[1].shape[:2]
            return sample_major(xp.concat([xp.reshape(g, (r, b, -1)) for g in each], axis=-1))

        def tile(a: Side, b: Side) -> Array:
            S = rows(a)
            return S @ (S if a is b else rows(b)).T

        return tiled(left, right, tile, self._gram_need, room)

    def gram_room(self, _p: Named, _one: Side, /) -> Room:
        """The least room that `gram` does with; `one` is a sample with a cotangent."""
        return lambda _, q: least_room(self._gram_need, q)

    def _gram_need(self, rows: int, columns: int) -> int:
        return 3 * (rows + columns) * sum(math.prod(shape) for shape in self.shapes().values())

    def squares(self, p: Named, saved: Saved, u: Array, room: int, /) -> dict[str, Array]:
        """Squares of the per-sample gradients, summed over samples and cotangents u (r, b, ...).

        This one forms the gradients, as many at a time as `room`, a count of numbers, holds; one at
        least.
        """
        size = sum(math.prod(shape) for shape in self.shapes().values())
        total: dict[str, Array] = {}
        for some, columns in pieces((saved, u), room // (2 * size)):
            for name, g in self.per_sample(p, some, columns).items():
                found = namespace(g).sum(g * g, axis=(0, 1))
                total[name] = total[name] + found if name in total else found
        return total

    @final
    def way_back(self, at: Place, us: Cotangents, /, *, to_input: bool) -> WayBack:
        if self.shapes():
            yield Visit(self, at, us)
        if not to_input:
            return None
        back = self.backward(at.p, at.saved, us[0])
        if not at.moving:
            return (back,)
        if not at.dp and at.dsaved is None:
            return back, self.backward(at.p, at.saved, us[1])
        return back, self.backward_jvp(at.p, at.saved, us[0], at.dp, at.dsaved, us[1])
