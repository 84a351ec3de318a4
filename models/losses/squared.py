"""Squared error: -log likelihood of targets with Gaussian noise of variance 1."""

from dataclasses import dataclass
from typing import final

import numpy as np

from models.losses.separable import Separable
from thermolinalg.backend import Array, namespace, normals


@final
@dataclass(frozen=True)
class SquaredError(Separable):
    """L = |z - y|² / 2 over all outputs of a sample. Hessian and Fisher are the identity."""

    def term(self, z: Array, y: Array, /) -> Array:
        r = z - y
        return 0.5 * (r * r)

    def slope(self, z: Array, y: Array, /) -> Array:
        return z - y

    def curvature(self, z: Array, _y: Array | None, /) -> Array:
        return namespace(z).ones_like(z)

    def information(self, z: Array, /) -> Array:
        return namespace(z).ones_like(z)

    def score(self, z: Array, rng: np.random.Generator, /) -> Array:
        return normals(rng, tuple(z.shape), z)
