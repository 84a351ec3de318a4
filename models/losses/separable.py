"""Losses that are a sum over outputs, each compared with a target of its own."""

from abc import abstractmethod
from typing import final

import numpy as np

from models.checks import conforming
from models.losses.checks import matching, outputs
from models.losses.contract import Loss
from thermolinalg.backend import Array, floating, like, namespace
from thermolinalg.errors import InvalidInput


class Separable(Loss):
    """L_i = Σ_k l(z_ik, y_ik) over all outputs of a sample, for z (b, ...) and y of its shape.

    The Hessian is diagonal, and with n outputs a root is (b, ..., n). A subclass is l with its two
    derivatives, the Fisher information of one target, and how one is drawn.
    """

    @abstractmethod
    def term(self, z: Array, y: Array, /) -> Array:
        """l(z, y), entry by entry."""

    @abstractmethod
    def slope(self, z: Array, y: Array, /) -> Array:
        """dl/dz."""

    @abstractmethod
    def curvature(self, z: Array, y: Array | None, /) -> Array:
        """d²l/dz²."""

    @abstractmethod
    def information(self, z: Array, /) -> Array:
        """Mean of (dl/dz)² over targets drawn at z."""

    @abstractmethod
    def score(self, z: Array, rng: np.random.Generator, /) -> Array:
        """dl/dz at targets drawn at z."""

    def wrong(self, _y: Array, /) -> str:
        """What is wrong with the targets; "" if nothing is."""
        return ""

    @final
    def value(self, z: Array, y: Array, /) -> float:
        z, y = self._compared(z, y)
        return float(namespace(z).sum(self.term(z, y))) / int(z.shape[0])

    @final
    def gradient(self, z: Array, y: Array, /) -> Array:
        return self.slope(*self._compared(z, y))

    @final
    def hessian(self, z: Array, v: Array, y: Array | None = None, /) -> Array:
        z, y = self._compared(z, y)
        return self.curvature(z, y) * matching(z, v)

    @final
    def hessian_root(self, z: Array, y: Array | None = None, /) -> Array:
        return _diagonal_root(self.curvature(*self._compared(z, y)))

    @final
    def fisher_root(self, z: Array, _y: Array | None = None, /) -> Array:
        return _diagonal_root(self.information(outputs(z)))

    @final
    def sampled_gradient(
        self, z: Array, rng: np.random.Generator, _y: Array | None = None, /
    ) -> Array:
        return self.score(outputs(z), rng)

    def _compared(self, z: Array, y: Array | None) -> tuple[Array, Array]:
        """Outputs and targets; without targets None, as it may be that none are needed."""
        z = outputs(z)
        if y is None:
            return z, None
        meaning = "one target for each output; labels must be one-hot first"
        y = conforming("y", floating(y), tuple(z.shape), meaning, reference=z)
        if fault := self.wrong(y):
            raise InvalidInput(f"y {fault}")
        return z, y


def _diagonal_root(h: Array) -> Array:
    """√diag(h_i) of each sample: h (b, ...) of n entries gives (b, ..., n)."""
    xp = namespace(h)
    b, *shape = h.shape
    s = xp.sqrt(xp.reshape(h, (b, -1, 1)))
    return xp.reshape(s * like(np.eye(s.shape[1]), h), (b, *shape, s.shape[1]))
