"""The recurrent cell: a state that every position of a sequence updates in turn (Elman 1990)."""

import math
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np

from models.activation import Elementwise, Tanh
from models.checks import positive_integer
from models.composite import added
from models.dense import along_last
from models.layer import Named, Shape
from models.leaf import OuterLeaf
from models.outer import Outer
from models.setting import EVALUATION, Setting
from thermolinalg.backend import Array, NumpyArray, namespace, zeros
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import Streams

States: TypeAlias = tuple[Array, Array, Array, Array, Array | None]
"""What the cell saves: x, h before each position, a, f'(a) and the mask (b, T, 1)."""

Moves: TypeAlias = tuple[Array | None, Array, Array]
"""Tangents of x, of h before each position and of a."""


@final
@dataclass(frozen=True)
class Recurrent(OuterLeaf):
    """h_t = f(a_t) with a_t = x_t W + h_{t-1} U + c, for sequences (T, inputs); h_{-1} = 0.

    The same W, U and c at all positions. y is all h_t (T, width), or the last of them (width,).
    Where `setting.mask` says that a position is not real, the state passes it unchanged.

    Starts from c = 0, W_ij ~ N(0, 1/inputs) and U orthogonal, so that states neither fade nor grow
    before f bends them (Saxe et al. 2014).

    Args:
        inputs: width of x_t.
        width: of the state.
        activation: f; tanh by default.
        last: give the last state alone.
    """

    inputs: int
    width: int
    activation: Elementwise = Tanh()
    last: bool = False

    def __post_init__(self) -> None:
        positive_integer("inputs", self.inputs)
        positive_integer("width", self.width)
        if not isinstance(self.activation, Elementwise):
            raise InvalidInput(
                f"activation = {self.activation!r} must be a layer such as models.Tanh()."
            )

    def shapes(self) -> dict[str, Shape]:
        return {
            "W": (self.inputs, self.width),
            "U": (self.width, self.width),
            "c": (self.width,),
        }

    def init(self, streams: Streams, /) -> dict[str, NumpyArray]:
        W = streams.stream("W").standard_normal((self.inputs, self.width))
        Q, R = np.linalg.qr(streams.stream("U").standard_normal((self.width, self.width)))
        return {
            "W": W / math.sqrt(self.inputs),
            "U": Q * np.sign(np.diag(R)),  # makes the law that of Haar, the uniform one
            "c": np.zeros(self.width),
        }

    def output_shape(self, shape: Shape, /) -> Shape:
        if len(shape) != 2 or shape[1] != self.inputs:
            raise ShapeMismatch(
                f"{self!r} takes samples (T, {self.inputs}), but got samples of shape {shape}."
            )
        return (self.width,) if self.last else (shape[0], self.width)

    def workspace(self, shape: Shape, /) -> int:
        T, inputs = shape
        return T * (inputs + 3 * self.width) + 5 * self.width

    def forward(self, p: Named, x: Array, setting: Setting = EVALUATION, /) -> tuple[Array, States]:
        xp = namespace(x)
        mask = setting.mask_of(x)
        m = None if mask is None else xp.astype(mask, x.dtype)[..., None]
        driven = along_last(x, p["W"]) + p["c"]
        h = zeros((x.shape[0], self.width), x)
        befores, arguments, slopes = [], [], []
        for t in range(x.shape[1]):
            a = driven[:, t, :] + h @ p["U"]
            value, slope = self.activation.value_and_slope(a)
            befores.append(h)
            arguments.append(a)
            slopes.append(slope)
            h = _kept(m, t, value, h)
        before, a, slope = (xp.stack(each, axis=1) for each in (befores, arguments, slopes))
        y = h if self.last else xp.concat([before[:, 1:, :], h[:, None, :]], axis=1)
        return y, (x, before, a, slope, m)

    def jvp(
        self, p: Named, saved: States, dx: Array | None, dp: Named, /
    ) -> tuple[Array | None, Moves | None]:
        if dx is None and not dp:
            return None, None
        x, before, _, slope, m = saved
        xp = namespace(x)
        driven: Array = None if dx is None else along_last(dx, p["W"])
        if dp:
            own = along_last(x, dp["W"]) + along_last(before, dp["U"]) + dp["c"]
            driven = added(driven, own)
        dh = zeros((x.shape[0], self.width), x)
        befores, arguments = [], []
        for t in range(x.shape[1]):
            da = driven[:, t, :] + dh @ p["U"]
            befores.append(dh)
            arguments.append(da)
            dh = _kept(m, t, slope[:, t, :] * da, dh)
        dbefore, da = (xp.stack(each, axis=1) for each in (befores, arguments))
        dy = dh if self.last else xp.concat([dbefore[:, 1:, :], dh[:, None, :]], axis=1)
        return dy, (dx, dbefore, da)

    def backward(self, p: Named, saved: States, u: Array, /) -> Array:
        return along_last(self._errors(p, saved, u), p["W"].T)

    def backward_jvp(
        self, p: Named, saved: States, u: Array, dp: Named, dsaved: Moves | None, du: Array, /
    ) -> Array:
        e, de = self._errors_jvp(p, saved, u, dp, dsaved, du)
        back = along_last(de, p["W"].T)
        return back + along_last(e, dp["W"].T) if dp else back

    def outers(self, p: Named, saved: States, u: Array, /) -> list[Outer]:
        x, before = saved[:2]
        return [Outer(namespace(x).concat([x, before], axis=-1), self._errors(p, saved, u))]

    def outers_jvp(
        self, p: Named, saved: States, u: Array, dp: Named, dsaved: Moves | None, du: Array, /
    ) -> list[tuple[Array | None, Array]]:
        _, de = self._errors_jvp(p, saved, u, dp, dsaved, du)
        if dsaved is None:
            return [(None, de)]
        dx, dbefore, _ = dsaved
        xp = namespace(u)
        dx = xp.zeros_like(saved[0]) if dx is None else dx
        return [(xp.concat([dx, dbefore], axis=-1), de)]

    def assembled(self, parts: list[tuple[Array, Array]], /) -> dict[str, Array]:
        [(both, c)] = parts
        return {"W": both[..., : self.inputs, :], "U": both[..., self.inputs :, :], "c": c}

    def _errors(self, p: Named, saved: States, u: Array) -> Array:
        """e_t (..., b, T, width), the cotangent of a_t: back through time."""
        _, _, _, slope, m = saved
        back, g = p["U"].T, None
        errors = []
        for t in reversed(range(slope.shape[1])):
            g = added(g, self._given(u, t, slope.shape[1]))
            e = _masked(m, t, g * slope[:, t, :])
            errors.append(e)
            g = _carried(m, t, e @ back, g)
        return namespace(u).stack(errors[::-1], axis=-2)

    def _errors_jvp(
        self, p: Named, saved: States, u: Array, dp: Named, dsaved: Moves | None, du: Array
    ) -> tuple[Array, Array]:
        """e_t and its tangent."""
        _, _, a, slope, m = saved
        bend = None if dsaved is None else self.activation.curvature(a) * dsaved[2]
        length, back = slope.shape[1], p["U"].T
        g = dg = None
        errors, moves = [], []
        for t in reversed(range(length)):
            g, dg = added(g, self._given(u, t, length)), added(dg, self._given(du, t, length))
            e, de = g * slope[:, t, :], dg * slope[:, t, :]
            if bend is not None:
                de = de + g * bend[:, t, :]
            e, de = _masked(m, t, e), _masked(m, t, de)
            errors.append(e)
            moves.append(de)
            carried = de @ back + e @ dp["U"].T if dp else de @ back
            g, dg = _carried(m, t, e @ back, g), _carried(m, t, carried, dg)
        xp = namespace(u)
        return xp.stack(errors[::-1], axis=-2), xp.stack(moves[::-1], axis=-2)

    def _given(self, u: Array, t: int, length: int) -> Array | None:
        """What h_t gets from the output itself."""
        if not self.last:
            return u[..., t, :]
        return u if t == length - 1 else None


def _kept(m: Array | None, t: int, new: Array, old: Array) -> Array:
    """The new state where position t is real."""
    return new if m is None else m[:, t, :] * new + (1.0 - m[:, t, :]) * old


def _masked(m: Array | None, t: int, e: Array) -> Array:
    return e if m is None else e * m[:, t, :]


def _carried(m: Array | None, t: int, through: Array, g: Array) -> Array:
    """What the state before position t gets: through the cell, and past it."""
    return through if m is None else through + (1.0 - m[:, t, :]) * g
