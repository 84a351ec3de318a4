"""Signals brought to mean 0 and variance 1, then scaled and shifted channel by channel.

The norms differ only in what a mean is taken over: the features of a position (`LayerNorm`,
`RMSNorm`), a group of channels at all positions of a sample (`GroupNorm`), or one channel at all
positions of all samples (`models.batchnorm`).
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeAlias, final

import numpy as np

from models.checks import positive_integer
from models.composite import added, size_of
from models.layer import Leaf, Named, Shape
from models.setting import EVALUATION, Setting
from models.standardization import Axes, pulled, pulled_jvp, standardised
from thermolinalg.backend import Array, NumpyArray, namespace
from thermolinalg.errors import InvalidInput, ShapeMismatch
from thermolinalg.streams import Streams

Standard: TypeAlias = tuple[Array, Array, Axes]
"""What a norm saves: x̂ in the shape of x, r, and the axes that means were taken over; none where
mean and variance were constants."""

Moved: TypeAlias = tuple[Array, Array] | None
"""The tangents of x̂ and r."""


class Normalization(Leaf):
    """y = scale o x̂ + shift with x̂ = (x - mean) r and r = (variance + epsilon)^(-1/2).

    Samples are (*positions, channels), with any number of axes of positions. A subclass says what
    means are taken over: which axes of x laid out as (b, positions, groups, channels of a group).
    """

    epsilon: float
    over: ClassVar[Axes]
    centred: ClassVar[bool] = True
    """Is the mean taken off, and a shift added?"""

    @property
    @abstractmethod
    def layout(self) -> tuple[int, int]:
        """The number of groups, and of channels in each."""

    @property
    def width(self) -> int:
        """The number of channels."""
        return math.prod(self.layout)

    def shapes(self) -> dict[str, Shape]:
        scale: dict[str, Shape] = {"scale": (self.width,)}
        return scale | {"shift": (self.width,)} if self.centred else scale

    def init(self, _streams: Streams, /) -> dict[str, NumpyArray]:
        scale = {"scale": np.ones(self.width)}
        return scale | {"shift": np.zeros(self.width)} if self.centred else scale

    def output_shape(self, shape: Shape, /) -> Shape:
        if not shape or shape[-1] != self.width:
            raise ShapeMismatch(
                f"{self!r} takes samples whose last axis has length {self.width}, but got samples "
                f"of shape {shape}. Reshape the input or change the layer."
            )
        return shape

    def workspace(self, shape: Shape, /) -> int:
        lengths = {-3: size_of(shape[:-1]), -2: self.layout[0], -1: self.layout[1]}
        means = math.prod(n for axis, n in lengths.items() if axis not in self.over)
        return 4 * (size_of(shape) + means)

    def standard(self, _p: Named, x: Array, _setting: Setting, /) -> Standard:
        """x̂ and r for x laid out, and the axes that means are taken over."""
        X, r = standardised(x, self.over, self.epsilon, centred=self.centred)
        return X, r, self.over

    def forward(
        self, p: Named, x: Array, setting: Setting = EVALUATION, /
    ) -> tuple[Array, Standard]:
        X, r, over = self.standard(p, self._laid_out(x, x.ndim), setting)
        X = namespace(x).reshape(X, x.shape)
        y = X * p["scale"]
        if self.centred:
            y += p["shift"]
        return y, (X, r, over)

    def jvp(
        self, p: Named, saved: Standard, dx: Array | None, dp: Named, /
    ) -> tuple[Array | None, Moved]:
        X, r, _ = saved
        dy, moved = None, None
        if dx is not None:
            dX, along = self._pulled(saved, dx)
            dy, moved = dX * p["scale"], (dX, -r * r * along)
        if dp:
            dy = added(dy, X * dp["scale"])
            if self.centred:
                dy += dp["shift"]
        return dy, moved

    def backward(self, p: Named, saved: Standard, u: Array, /) -> Array:
        back, _ = self._pulled(saved, u * p["scale"])
        return back

    def backward_jvp(
        self, p: Named, saved: Standard, u: Array, dp: Named, moved: Moved, du: Array, /
    ) -> Array:
        dv = du * p["scale"]
        if dp:
            dv += u * dp["scale"]
        back, _ = self._pulled(saved, dv)
        if moved is None or not saved[2]:
            return back
        X, r, over = saved
        (dX, dr), v, ndim = moved, u * p["scale"], X.ndim
        X, v, dX = (self._laid_out(a, ndim) for a in (X, v, dX))
        tangent = pulled_jvp(X, r, over, v, dX, dr, centred=self.centred)
        return back + namespace(u).reshape(tangent, u.shape)

    def gradient(self, _p: Named, saved: Standard, u: Array, /) -> dict[str, Array]:
        X, _, _ = saved
        return self._named(u * X, u, tuple(range(-X.ndim, -1)))

    def per_sample(self, _p: Named, saved: Standard, u: Array, /) -> dict[str, Array]:
        X, _, _ = saved
        return self._named(u * X, u, tuple(range(1 - X.ndim, -1)))

    def gradient_jvp(
        self, _p: Named, saved: Standard, u: Array, _dp: Named, moved: Moved, du: Array, /
    ) -> dict[str, Array]:
        X, _, _ = saved
        scale = du * X if moved is None else du * X + u * moved[0]
        return self._named(scale, du, tuple(range(-X.ndim, -1)))

    def _named(self, scale: Array, shift: Array, over: Axes) -> dict[str, Array]:
        """The gradients that sum up to these over some axes; sums over none are terms."""
        xp = namespace(scale)
        terms = {"scale": scale, "shift": shift} if self.centred else {"scale": scale}
        return {name: xp.sum(a, axis=over) if over else a for name, a in terms.items()}

    def _pulled(self, saved: Standard, v: Array) -> tuple[Array, Array]:
        """T v, and mean(x̂ v)."""
        X, r, over = saved
        X, V = self._laid_out(X, X.ndim), self._laid_out(v, X.ndim)
        back, along = pulled(X, r, over, V, centred=self.centred)
        return namespace(v).reshape(back, v.shape), along

    def _laid_out(self, a: Array, ndim: int) -> Array:
        """(..., b, positions, groups, channels of a group), for (..., b, *positions, channels)."""
        lead = a.ndim - ndim + 1
        positions = math.prod(a.shape[lead:-1])
        return namespace(a).reshape(a, (*a.shape[:lead], positions, *self.layout))


@final
@dataclass(frozen=True)
class LayerNorm(Normalization):
    """Mean and variance are those of the features of one position (Ba et al. 2016).

    Raises:
        InvalidInput: `features` is not a positive integer, or `epsilon` not a positive number.
    """

    features: int
    epsilon: float = 1e-5
    over: ClassVar[Axes] = (-1,)

    def __post_init__(self) -> None:
        positive_integer("features", self.features)
        positive_epsilon(self.epsilon)

    @property
    def layout(self) -> tuple[int, int]:
        return 1, self.features


@final
@dataclass(frozen=True)
class RMSNorm(Normalization):
    """y = scale o x / (mean(x²) + epsilon)^(1/2) at each position (Zhang and Sennrich 2019).

    Raises:
        InvalidInput: `features` is not a positive integer, or `epsilon` not a positive number.
    """

    features: int
    epsilon: float = 1e-5
    over: ClassVar[Axes] = (-1,)
    centred: ClassVar[bool] = False

    def __post_init__(self) -> None:
        positive_integer("features", self.features)
        positive_epsilon(self.epsilon)

    @property
    def layout(self) -> tuple[int, int]:
        return 1, self.features


@final
@dataclass(frozen=True)
class GroupNorm(Normalization):
    """Mean and variance are those of a group of channels over a sample (Wu and He 2018).

    They are taken over all positions, those of padding too. One group for all channels, or as many
    groups as channels (instance normalisation), are both allowed.

    Raises:
        InvalidInput: `channels` is not a multiple of `groups`, one of them not a positive integer,
            or `epsilon` not a positive number.
    """

    groups: int
    channels: int
    epsilon: float = 1e-5
    over: ClassVar[Axes] = (-3, -1)

    def __post_init__(self) -> None:
        positive_integer("groups", self.groups)
        positive_integer("channels", self.channels)
        positive_epsilon(self.epsilon)
        if self.channels % self.groups:
            raise InvalidInput(
                f"channels = {self.channels} cannot be split into groups = {self.groups} equal "
                "groups. Change one, so that it divides the other."
            )

    @property
    def layout(self) -> tuple[int, int]:
        return self.groups, self.channels // self.groups


def positive_epsilon(epsilon: float) -> None:
    """Refuse what does not keep r finite.

    Raises:
        InvalidInput: `epsilon` is not a positive number.
    """
    if not 0 < epsilon < math.inf:
        raise InvalidInput(
            f"epsilon = {epsilon!r} must be a positive number: it keeps constant signals finite."
        )
